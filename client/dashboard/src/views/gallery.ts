// The rows behind an evaluation: what was classified wrongly, or one cell of the
// matrix, as images with the output vector of the one that is chosen.

import { messageOf, pages, post } from '../core/api';
import { preview, shapeOf } from '../core/datasets';
import { fill, h, setText } from '../core/dom';
import { number, thousands } from '../core/format';
import { mine } from '../core/session';
import type { Evaluation, Job, Misclassified, Prediction, Row } from '../core/types';
import { outputBars } from '../widgets/bars';
import type { Cell } from '../widgets/heatmap';
import { pixelImage } from '../widgets/image';

const A_PAGE = 24;
const AT_ONCE = 6;
const SCAN_ROWS = 100;

interface MisclassifiedPage { rows: Misclassified[]; nextPageToken?: string }

export class Gallery {
  readonly element = h('div', { class: 'gallery' });
  private readonly title = h('h2', {}, 'Misclassified');
  private readonly grid = h('div', { class: 'digits' });
  private readonly detail = h('div', { class: 'digit-detail', 'aria-live': 'polite' });
  private readonly pager = h('div', { class: 'actions' });
  private wrong: Promise<Misclassified[]> | null = null;
  private asked = 0;

  /** Of a dataset whose rows the caller may read. */
  constructor(private readonly job: Job, private readonly evaluation: Evaluation) {
    this.element.append(this.title, this.grid, this.pager, this.detail);
  }

  async showAll(): Promise<void> {
    await this.run('Misclassified', async () => this.misclassified());
  }

  async showCell({ truth, predicted }: Cell): Promise<void> {
    if (truth === predicted) {
      await this.run(`${truth}, classified rightly`, () => this.rightly(truth), this.rightCount(truth));
    } else {
      await this.run(`${truth} taken for ${predicted}`, async () =>
        (await this.misclassified()).filter((row) => row.label === truth && row.predicted === predicted));
    }
  }

  private misclassified(): Promise<Misclassified[]> {
    this.wrong ??= (async () => {
      const found: Misclassified[] = [];
      await pages<MisclassifiedPage>(`${this.evaluation.name}/misclassified`, (page) => found.push(...page.rows));
      return found;
    })();
    return this.wrong;
  }

  /** The first rows of a class that are not among the misclassified ones. */
  private async rightly(label: number): Promise<Misclassified[]> {
    const most = Math.min(A_PAGE, this.rightCount(label));
    const wrong = new Set((await this.misclassified()).map((row) => row.row));
    const found: Misclassified[] = [];
    const rows = Number(this.evaluation.rowCount);
    for (let start = 0; start < rows && found.length < most; start += SCAN_ROWS) {
      const page = await preview(this.evaluation.dataset, start, SCAN_ROWS);
      for (const row of page.rows) {
        if (row.label === label && !wrong.has(row.row)) found.push({ row: row.row, label, predicted: label });
      }
    }
    return found.slice(0, A_PAGE);
  }

  private rightCount(label: number): number {
    const { size, counts } = this.evaluation.confusionMatrix!;
    return Number(counts[label * (size + 1)]);
  }

  /** What was asked for last is what is shown. */
  private async run(title: string, find: () => Promise<Misclassified[]>, total?: number): Promise<void> {
    this.asked += 1;
    const asked = this.asked;
    setText(this.title, title);
    fill(this.grid, h('p', { class: 'muted' }, 'Loading …'));
    fill(this.pager);
    fill(this.detail);
    try {
      const rows = await find();
      if (asked === this.asked) await this.page(rows, 0, asked, total ?? rows.length);
    } catch (error) {
      if (asked === this.asked) fill(this.grid, h('p', { class: 'bad' }, messageOf(error)));
    }
  }

  /** `rows` are the first of `total`. */
  private async page(rows: Misclassified[], start: number, asked: number, total: number): Promise<void> {
    const shown = rows.slice(start, start + A_PAGE);
    if (shown.length === 0) {
      fill(this.grid, h('p', { class: 'muted' }, 'None.'));
      return;
    }
    const images = await this.images(shown);
    if (asked !== this.asked) return;
    const buttons = shown.map((row, i) => this.tile(row, images[i]));
    fill(this.grid, ...buttons);
    const turn = (text: string, to: number) => h('button', { type: 'button', class: 'small', onclick: () => void this.page(rows, to, asked, total) }, text);
    fill(this.pager,
      h('span', { class: 'muted' }, rows.length < total ? `the first ${rows.length} of ${thousands(total)}`
        : `${thousands(start + 1)} to ${thousands(start + shown.length)} of ${thousands(total)}`),
      start > 0 && turn('Back', start - A_PAGE), start + A_PAGE < rows.length && turn('Next', start + A_PAGE));
    buttons.forEach((button, i) => button.addEventListener('click', () => void this.choose(shown[i], images[i], button, buttons)));
    await this.choose(shown[0], images[0], buttons[0], buttons);
  }

  /** A few requests at a time. */
  private async images(rows: Misclassified[]): Promise<Row[]> {
    const found: Row[] = new Array(rows.length);
    let next = 0;
    const work = async () => {
      while (next < rows.length) {
        const i = next;
        next += 1;
        found[i] = (await preview(this.evaluation.dataset, Number(rows[i].row), 1)).rows[0];
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return found;
  }

  private picture(row: Row): HTMLElement {
    const shape = shapeOf(row.features.length);
    if (shape) return pixelImage(row.features, shape, `row ${row.row}`);
    return h('span', { class: 'values' }, row.features.slice(0, 6).map((value) => number(value, 3)).join(', '));
  }

  private tile(row: Misclassified, image: Row): HTMLButtonElement {
    const right = row.label === row.predicted;
    return h('button', { type: 'button', class: 'digit', 'aria-pressed': false, 'aria-label': `Row ${row.row}: ${right ? `${row.label}, classified rightly` : `${row.label} taken for ${row.predicted}`}` },
      this.picture(image), h('span', {}, right ? String(row.label) : `${row.label} → ${row.predicted}`));
  }

  private async choose(row: Misclassified, image: Row, button: HTMLElement, all: HTMLElement[]): Promise<void> {
    all.forEach((each) => each.setAttribute('aria-pressed', String(each === button)));
    const about = h('div', {}, this.picture(image), h('p', { class: 'muted' }, `row ${thousands(row.row)}`, h('br'), `label ${row.label}`, h('br'), `predicted ${row.predicted}`));
    if (!mine(this.job.name)) {
      fill(this.detail, about);
      return;
    }
    const body = { epoch: this.evaluation.epoch, datasetRows: { dataset: this.evaluation.dataset, rows: [row.row] } };
    try {
      const answer = await post<{ predictions: Prediction[] }>(`${this.job.name}:predict`, body);
      fill(this.detail, about, outputBars(answer.predictions[0].outputs, row.predicted, row.label));
    } catch (error) {
      fill(this.detail, h('p', { class: 'bad' }, messageOf(error)));
    }
  }
}
