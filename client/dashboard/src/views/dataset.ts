// One dataset: what it is, how its labels are spread, what its rows look like.

import { get, messageOf, remove } from '../core/api';
import { preview, type Preview } from '../core/datasets';
import { fill, h } from '../core/dom';
import { bytes, id, number, owner, percent, thousands, time, words } from '../core/format';
import { go, href, type Route } from '../core/router';
import { mine, readable } from '../core/session';
import type { Dataset, Row } from '../core/types';
import { bars } from '../widgets/bars';
import { attempt, confirmed } from '../widgets/dialog';
import { pixelImage } from '../widgets/image';
import { stateBadge } from '../widgets/job_parts';
import { scatter } from '../widgets/scatter';
import type { App, View } from './view';

const VISIBILITY: Record<string, string> = {
  CLASS: 'the class may use it', HIDDEN: 'hidden: to be evaluated on only',
};
const POLL_MS = 500;
const IMAGES = 60;
const POINTS = 100;
const TABLE_ROWS = 20;
const COLUMNS = 8;

function properties(dataset: Dataset): HTMLElement {
  const image = dataset.imageShape;
  const lines: [string, string][] = [
    ['Rows', thousands(dataset.rowCount)],
    ['Features', thousands(dataset.featureCount) + (image ? ` (${image.height} × ${image.width} image)` : '')],
    ['Task', words(dataset.task)],
    dataset.task === 'REGRESSION' ? ['Targets', thousands(dataset.targetCount)] : ['Classes', thousands(dataset.classCount)],
    ['Stored as', words(dataset.featureType)],
    ['Scaling', words(dataset.autoInputScaling).replace('divide by', '÷')],
    ['Size', Number(dataset.sizeBytes) > 0 ? bytes(dataset.sizeBytes) : ''],
    ['Source', !dataset.generator && !dataset.upload ? '' : dataset.generator ? `generated: ${words(dataset.generator.kind)}, seed ${dataset.generator.seed}` : 'uploaded'],
    ['Created', time(dataset.createTime)],
    ['Digest', dataset.digest.slice(0, 16)],
    ['Visibility', VISIBILITY[dataset.visibility]],
  ];
  return h('dl', { class: 'properties' }, ...lines.filter(([, value]) => value).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

function histogram(dataset: Dataset): HTMLElement | null {
  if (dataset.labelHistogram.length === 0) return null;
  const counts = dataset.labelHistogram.map(Number);
  const most = Math.max(1, ...counts);
  const total = Math.max(1, Number(dataset.rowCount));
  return h('section', { class: 'card' }, h('h2', {}, 'Labels'), bars(counts.map((count, i) => ({
    label: String(i), share: count / most, tone: 'accent', text: `${thousands(count)}  ${percent(count / total)}`,
  })), 'Rows of each label'));
}

function images(page: Preview): HTMLElement {
  return h('ul', { class: 'digits' }, ...page.rows.map((row) => h('li', { class: 'digit' },
    pixelImage(row.features, page.imageShape!, `row ${row.row}, label ${row.label ?? row.targets.join(' ')}`),
    h('span', {}, row.label === undefined ? '' : String(row.label)))));
}

function valueTable(rows: Row[]): HTMLElement {
  const shown = rows.slice(0, TABLE_ROWS);
  const width = Math.min(COLUMNS, shown[0]?.features.length ?? 0);
  const cell = (text: string) => h('td', { class: 'right' }, text);
  return h('div', { class: 'table-frame', tabindex: 0, role: 'region', 'aria-label': 'Rows' }, h('table', {},
    h('thead', {}, h('tr', {}, h('th', { scope: 'col', class: 'right' }, 'row'), ...Array.from({ length: width }, (_, i) => h('th', { scope: 'col', class: 'right' }, `x${i}`)),
      h('th', { scope: 'col', class: 'right' }, shown.some((row) => row.label !== undefined) ? 'label' : 'target'))),
    h('tbody', {}, ...shown.map((row) => h('tr', {}, cell(row.row), ...row.features.slice(0, width).map((value) => cell(number(value, 4))),
      cell(row.label === undefined ? row.targets.map((value) => number(value, 4)).join(', ') : String(row.label)))))));
}

class Rows {
  readonly element = h('section', { class: 'card' });
  private start = 0;
  private readonly body = h('div', {});
  private readonly pager = h('div', { class: 'actions pager' });
  private readonly step: number;

  constructor(private readonly dataset: Dataset) {
    this.step = dataset.imageShape ? IMAGES : POINTS;
    this.element.append(h('h2', {}, 'Rows'), this.body, this.pager);
    void this.show();
  }

  private async show(): Promise<void> {
    const total = Number(this.dataset.rowCount);
    const count = Math.min(this.step, total - this.start);
    try {
      const page = await preview(this.dataset.name, this.start, count);
      fill(this.body, ...this.content(page));
    } catch (error) {
      fill(this.body, h('p', { class: 'muted' }, messageOf(error)));
      return;
    }
    const turn = (text: string, to: number) => h('button', { type: 'button', class: 'small', onclick: () => { this.start = to; void this.show(); } }, text);
    fill(this.pager, h('span', { class: 'muted' }, `${thousands(this.start)} to ${thousands(this.start + count - 1)} of ${thousands(total)} rows, counted from 0${this.dataset.imageShape || count <= TABLE_ROWS ? '' : `; the table has the first ${TABLE_ROWS}`}`),
      this.start > 0 && turn('Back', Math.max(0, this.start - this.step)), this.start + count < total && turn('Next', this.start + this.step));
  }

  private content(page: Preview): Element[] {
    if (page.imageShape) return [images(page)];
    if (this.dataset.featureCount === 2) return [scatter(page.rows), valueTable(page.rows)];
    return [valueTable(page.rows)];
  }
}

/** Why there is no preview. */
function hiding(dataset: Dataset): string {
  if (dataset.visibility !== 'HIDDEN') return `There is no preview: its rows are ${owner(dataset.name)}’s alone.`;
  const most = dataset.hiddenPolicy?.evaluationsPerDay ?? 0;
  return `There is no preview: the dataset is hidden. Everybody in the class may evaluate on it${most > 0 ? `, ${most} times a day` : ''}; nobody, its owner included, sees its rows.`;
}

function content(dataset: Dataset): (HTMLElement | null)[] {
  if (dataset.state === 'FAILED') return [h('div', { class: 'empty' }, h('h2', {}, 'It could not be read'), h('p', { class: 'bad' }, dataset.error?.message ?? ''),
    mine(dataset.name) && h('p', { class: 'muted' }, 'The next upload of this name ', h('a', { href: href('datasets') }, 'under Datasets'), ' takes its place.'))];
  if (dataset.state !== 'ACTIVE') {
    const text = dataset.state === 'UPLOADING' ? 'It waits for the rest of its upload.' : 'A worker reads it …';
    return [h('p', { class: 'muted' }, text)];
  }
  return [
    h('div', { class: 'columns' }, h('section', { class: 'card' }, h('h2', {}, 'About'), properties(dataset)), histogram(dataset)),
    readable(dataset) ? new Rows(dataset).element : h('section', { class: 'card' }, h('h2', {}, 'Rows'), h('p', { class: 'muted' }, hiding(dataset))),
  ];
}

export function datasetView(_app: App, route: Route): View {
  const name = route.path.slice(0, 4).join('/');
  const body = h('div', { class: 'stack' }, h('p', { class: 'muted' }, 'Loading …'));
  const badge = h('span', {});
  let timer = 0;
  const drop = async () => {
    if (!(await confirmed(`Delete ${id(name)}?`, 'Jobs that ended keep their results.', 'Delete'))) return;
    await remove(name);
    go('datasets');
  };
  const remover = h('button', { type: 'button', class: 'danger', hidden: true, onclick: () => void attempt(drop) }, 'Delete');
  const load = async () => {
    try {
      const dataset = await get<Dataset>(name);
      fill(badge, stateBadge(dataset.state));
      remover.hidden = !mine(name);
      fill(body, ...content(dataset));
      if (dataset.state === 'INGESTING' || dataset.state === 'UPLOADING') timer = window.setTimeout(() => void load(), POLL_MS);
    } catch (error) {
      fill(body, h('p', { class: 'bad' }, messageOf(error)));
    }
  };
  void load();
  return {
    title: id(name),
    element: h('section', {},
      h('p', { class: 'crumbs' }, h('a', { href: href('datasets') }, 'Datasets'), ` / ${owner(name)}`),
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, id(name)), badge),
        h('div', { class: 'actions' }, remover)), body),
    dispose: () => window.clearTimeout(timer),
  };
}
