// Asks a job's network: about a digit that is drawn, or a row of a dataset.

import { get, messageOf, post } from '../core/api';
import { preview, shapeOf, readableDatasets } from '../core/datasets';
import { field, fill, h } from '../core/dom';
import { id, number, owner, thousands } from '../core/format';
import { mine } from '../core/session';
import type { Store } from '../core/store';
import type { Dataset, Job, Prediction, Row } from '../core/types';
import { outputBars } from '../widgets/bars';
import { DrawPad } from '../widgets/draw_pad';
import { pixelImage } from '../widgets/image';

/** Asks one after another: what came while one was under way is asked last. */
class Asker {
  private busy = false;
  private next: (() => Promise<void>) | null = null;

  async ask(work: () => Promise<void>): Promise<void> {
    this.next = work;
    if (this.busy) return;
    this.busy = true;
    while (this.next) {
      const now: () => Promise<void> = this.next;
      this.next = null;
      await now();
    }
    this.busy = false;
  }
}

/** What a regression says of each target, beside what it is. */
function estimates({ outputs, targets = [] }: Prediction): HTMLElement {
  const line = (name: string, value: number) => h('div', {}, h('dt', {}, name), h('dd', {}, number(value)));
  return h('dl', { class: 'properties' }, ...outputs.flatMap((output, i) => {
    const which = outputs.length > 1 ? ` ${i}` : '';
    const known = targets[i] === undefined ? [] : [line(`Target${which}`, targets[i]), line(`Difference${which}`, output - targets[i])];
    return [line(`Output${which}`, output), ...known];
  }));
}

function verdict(prediction: Prediction, picture: Node | null): Node[] {
  if (prediction.classIndex === undefined) return [h('div', {}, picture), estimates(prediction)];
  const known = prediction.label !== undefined;
  const right = prediction.label === prediction.classIndex;
  const note = known ? (right ? 'right' : `wrong: it is ${prediction.label}`) : '';
  return [
    h('div', { class: 'verdict' }, picture, h('p', { class: 'verdict-class' }, String(prediction.classIndex)), h('p', { class: right ? 'muted' : 'bad' }, note)),
    outputBars(prediction.outputs, prediction.classIndex, prediction.label),
  ];
}

async function predict(job: Job, body: object): Promise<Prediction> {
  return (await post<{ predictions: Prediction[] }>(`${job.name}:predict`, body)).predictions[0];
}

/** Bytes are 0 to 255, all else 0 to 1: as the training set was. */
async function inkOf(job: Job): Promise<number> {
  const dataset = await get<Dataset>(job.spec.dataset).catch(() => null);
  return dataset?.featureType === 'FLOAT32' && dataset.autoInputScaling !== 'DIVIDE_BY_255' ? 1 : 255;
}

function drawCard(job: Job): HTMLElement | null {
  const shape = shapeOf(job.networkSpec.inputCount);
  if (!shape) return null;
  const hint = h('p', { class: 'muted' }, 'Draw a digit: what the network sees and says appears here.');
  const answer = h('div', { class: 'answer', 'aria-live': 'polite' }, hint);
  const asker = new Asker();
  const scale = inkOf(job);
  const pad = new DrawPad(() => void asker.ask(async () => {
    const ink = pad.read(shape);
    if (!ink) {
      fill(answer, hint);
      return;
    }
    const full = await scale;
    const features = Array.from(ink, (value) => (full === 255 ? Math.round(value * 255) : value));
    try {
      const prediction = await predict(job, { rows: { rows: [{ features }] } });
      fill(answer, ...verdict(prediction, pixelImage(features, shape, 'What the network sees')));
    } catch (error) {
      fill(answer, h('p', { class: 'bad' }, messageOf(error)));
    }
  }));
  return h('section', { class: 'card' }, h('h2', {}, 'Draw a digit'),
    h('div', { class: 'draw' },
      h('div', {}, h('div', { class: 'pad-frame' }, pad.element), h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => pad.clear() }, 'Clear'))),
      answer));
}

function rowPicture(row: Row): HTMLElement {
  const shape = shapeOf(row.features.length);
  if (shape) return pixelImage(row.features, shape, `row ${row.row}`);
  return h('p', { class: 'values' }, row.features.slice(0, 12).map((value) => number(value, 4)).join(', '));
}

function rowCard(job: Job): HTMLElement {
  const dataset = h('select', {});
  const row = h('input', { type: 'number', min: 0, step: 1, value: 0 });
  const answer = h('div', { class: 'answer', 'aria-live': 'polite' });
  const asker = new Asker();
  const ask = () => asker.ask(async () => {
    if (!dataset.value) return;
    try {
      const [prediction, shown] = await Promise.all([
        predict(job, { datasetRows: { dataset: dataset.value, rows: [row.value || '0'] } }),
        preview(dataset.value, Number(row.value), 1),
      ]);
      fill(answer, ...verdict(prediction, rowPicture(shown.rows[0])));
    } catch (error) {
      fill(answer, h('p', { class: 'bad' }, messageOf(error)));
    }
  });
  const fillChoices = async () => {
    const fitting = (await readableDatasets()).filter((each) => each.featureCount === job.networkSpec.inputCount);
    dataset.append(...fitting.map((each) => h('option', { value: each.name }, `${id(each.name)} (${thousands(each.rowCount)} rows)`)));
    dataset.value = job.spec.validationDataset || job.spec.dataset;
    await ask();
  };
  dataset.addEventListener('change', () => void ask());
  row.addEventListener('input', () => void ask());
  void fillChoices().catch((error) => fill(answer, h('p', { class: 'bad' }, messageOf(error))));
  return h('section', { class: 'card' }, h('h2', {}, 'A row of a dataset'),
    h('div', { class: 'inline-form' }, field('Dataset', dataset), field('Row', row)), answer);
}

export function drawTab(_store: Store, job: Job): { element: HTMLElement } {
  if (!mine(job.name)) {
    return { element: h('div', { class: 'empty' }, h('h2', {}, 'Not yours to ask'), h('p', { class: 'muted' }, `Predictions of this job are ${owner(job.name)}’s alone.`)) };
  }
  if (job.checkpointEpochs.length === 0) {
    return { element: h('div', { class: 'empty' }, h('h2', {}, 'No weights yet'),
      h('p', { class: 'muted' }, 'They are written within seconds of the first epoch. Come back then.')) };
  }
  return { element: h('div', { class: 'columns' }, drawCard(job), rowCard(job)) };
}
