// Evaluations of a job: one is chosen or made, and shown.

import { get, messageOf, pages, post, requestId } from '../core/api';
import { activeDatasets } from '../core/datasets';
import { field, fill, h, setFieldError } from '../core/dom';
import { id, number, owner, percent, thousands, time } from '../core/format';
import { setQuery, type Route } from '../core/router';
import { mine, readable } from '../core/session';
import type { Store } from '../core/store';
import type { Dataset, Evaluation, Job } from '../core/types';
import { bars } from '../widgets/bars';
import { Heatmap } from '../widgets/heatmap';
import { Gallery } from './gallery';

const POLL_MS = 300;
const HIDDEN = 'The dataset is hidden: nobody sees its rows.';

interface EvaluationPage { evaluations: Evaluation[]; nextPageToken?: string }

async function listed(job: Job): Promise<Evaluation[]> {
  const found: Evaluation[] = [];
  await pages<EvaluationPage>(`${job.name}/evaluations`, (page) => found.push(...page.evaluations));
  return found.reverse();
}

async function settled(name: string): Promise<Evaluation> {
  for (;;) {
    const found = await get<Evaluation>(name);
    if (found.state !== 'RUNNING') return found;
    await new Promise((resolve) => window.setTimeout(resolve, POLL_MS));
  }
}

/** Why the rows behind an evaluation are not shown; '' where they are. */
async function hidingOf(evaluation: Evaluation): Promise<string> {
  if (evaluation.limited) return HIDDEN;
  const dataset = await get<Dataset>(evaluation.dataset).catch(() => null);
  if (!dataset) return 'The dataset was deleted, and its rows with it.';
  if (dataset.visibility === 'HIDDEN') return HIDDEN;
  return readable(dataset) ? '' : `The rows of this dataset are ${owner(evaluation.dataset)}’s alone.`;
}

function figures(evaluation: Evaluation): HTMLElement {
  const figure = (name: string, value: string, note = '') => h('div', {}, h('dt', {}, name), h('dd', {}, value), h('dd', { class: 'muted small-text' }, note));
  const { regression } = evaluation;
  return h('dl', { class: 'figures' },
    evaluation.accuracy !== undefined && figure('Accuracy', percent(evaluation.accuracy),
      evaluation.limited ? 'on a hidden dataset' : `${thousands(Number(evaluation.rowCount) - Number(evaluation.misclassifiedCount))} of ${thousands(evaluation.rowCount)} rows`),
    !evaluation.limited && figure('Cost', number(evaluation.cost, 6), `mean ${number(evaluation.meanCost, 4)}`),
    regression && figure('R²', number(regression.rSquared, 4)),
    regression && !evaluation.limited && figure('Mean absolute error', number(regression.meanAbsoluteError, 4)),
    regression && !evaluation.limited && figure('Root mean squared error', number(regression.rootMeanSquaredError, 4)),
    figure('Weights', `epoch ${evaluation.epoch ?? '–'}`, time(evaluation.createTime)));
}

function scorecards(evaluation: Evaluation): HTMLElement {
  const { success, failure } = evaluation.scorecard!;
  const most = Math.max(1, ...success.map((count, i) => Number(count) + Number(failure[i])));
  const scores = bars(success.map((count, i) => ({
    label: String(i), share: Number(count) / most, tone: 'good',
    text: `${thousands(count)} right, ${thousands(failure[i])} wrong`,
  })), 'Rows of each class classified rightly');
  const metrics = h('div', { class: 'table-frame', tabindex: 0, role: 'region', 'aria-label': 'Metrics of each class' }, h('table', {},
    h('thead', {}, h('tr', {}, ...['Class', 'Precision', 'Recall', 'F1'].map((name) => h('th', { scope: 'col', class: 'right' }, name)))),
    h('tbody', {}, ...evaluation.classMetrics.map((each) => h('tr', {},
      ...[String(each.classIndex), each.precision.toFixed(4), each.recall.toFixed(4), each.f1.toFixed(4)].map((cell) => h('td', { class: 'right' }, cell)))))));
  return h('div', { class: 'columns' },
    h('section', { class: 'card' }, h('h2', {}, 'Scorecards'), scores),
    h('section', { class: 'card' }, h('h2', {}, 'Precision and recall'), metrics));
}

/** `hiding` says why the images behind the matrix are not shown. */
function result(job: Job, evaluation: Evaluation, hiding: string): Node[] {
  if (evaluation.state === 'FAILED') return [h('p', { class: 'bad' }, evaluation.error?.message ?? 'It failed.')];
  const matrix = evaluation.confusionMatrix;
  if (!matrix) return [figures(evaluation), h('p', { class: 'muted' }, evaluation.limited ? hiding : '')];
  const gallery = hiding ? null : new Gallery(job, evaluation);
  const heatmap = new Heatmap(matrix.size, matrix.counts.map(Number), gallery && ((cell) => void gallery.showCell(cell)));
  void gallery?.showAll();
  return [
    figures(evaluation),
    h('div', { class: 'columns matrix-and-images' },
      h('section', { class: 'card' }, h('h2', {}, 'Confusion matrix'), heatmap.element),
      h('section', { class: 'card' }, gallery ? gallery.element : h('p', { class: 'muted' }, hiding))),
    evaluation.scorecard ? scorecards(evaluation) : null,
  ].filter((each): each is HTMLElement => each !== null);
}

class Maker {
  readonly element = h('form', { class: 'inline-form' });
  private readonly dataset = h('select', {});
  private readonly epoch = h('select', {}, h('option', { value: '' }, 'the last epoch kept'));
  private readonly button = h('button', { class: 'primary' }, 'Evaluate');

  constructor(private readonly job: Job, private readonly done: (name: string) => void) {
    this.epoch.append(...[...job.checkpointEpochs].reverse().map((kept) => h('option', { value: kept }, `epoch ${kept}`)));
    this.element.append(field('Evaluate on', this.dataset), field('Weights of', this.epoch), this.button);
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.make();
    });
    void this.fill().catch((error) => setFieldError(this.dataset, messageOf(error)));
  }

  private async fill(): Promise<void> {
    const inputs = this.job.networkSpec.inputCount;
    const fitting = (await activeDatasets()).filter((dataset) => dataset.featureCount === inputs || dataset.featureCount === 0);
    this.dataset.append(...fitting.map((dataset) => h('option', { value: dataset.name }, `${id(dataset.name)} (${thousands(dataset.rowCount)} rows${dataset.visibility === 'HIDDEN' ? ', hidden' : ''})`)));
    if (this.job.spec.validationDataset) this.dataset.value = this.job.spec.validationDataset;
  }

  private async make(): Promise<void> {
    this.button.disabled = true;
    setFieldError(this.dataset, '');
    try {
      const evaluation = { dataset: this.dataset.value, epoch: this.epoch.value ? Number(this.epoch.value) : undefined };
      const made = await post<Evaluation>(`${this.job.name}/evaluations`, evaluation, { request_id: requestId() });
      await settled(made.name);
      if (this.element.isConnected) this.done(made.name);
    } catch (error) {
      setFieldError(this.dataset, messageOf(error));
    } finally {
      this.button.disabled = false;
    }
  }
}

export function evaluationTab(_store: Store, job: Job, route: Route): { element: HTMLElement } {
  const chooser = h('select', {});
  const choice = field('Evaluation shown', chooser);
  const shown = h('div', { class: 'stack', 'aria-live': 'polite' });
  const show = async (name: string) => {
    setQuery({ show: id(name) });
    fill(shown, h('p', { class: 'muted' }, 'Evaluating …'));
    const evaluation = await settled(name);
    fill(shown, ...result(job, evaluation, await hidingOf(evaluation)));
  };
  const load = async (wanted: string) => {
    const evaluations = await listed(job);
    choice.hidden = evaluations.length === 0;
    chooser.replaceChildren(...evaluations.map((each) => h('option', { value: each.name },
      `${id(each.dataset)}, epoch ${each.epoch ?? '–'}${each.accuracy === undefined ? '' : `, ${percent(each.accuracy)}`} (${id(each.name)})`)));
    const chosen = evaluations.find((each) => id(each.name) === wanted) ?? evaluations[0];
    if (!chosen) {
      fill(shown, h('div', { class: 'empty' }, h('h2', {}, 'Not evaluated yet'),
        h('p', { class: 'muted' }, job.checkpointEpochs.length > 0 ? 'Choose a dataset that the network has not seen.' : 'There are no weights yet: they are written within seconds of the first epoch.')));
      return;
    }
    chooser.value = chosen.name;
    await show(chosen.name);
  };
  const tell = (error: unknown) => fill(shown, h('p', { class: 'bad' }, messageOf(error)));
  chooser.addEventListener('change', () => void show(chooser.value).catch(tell));
  void load(route.query.get('show') ?? '').catch(tell);
  return {
    element: h('div', { class: 'stack' },
      h('div', { class: 'evaluation-bar' }, choice,
        mine(job.name) && new Maker(job, (name) => void load(id(name)).catch(tell)).element), shown),
  };
}
