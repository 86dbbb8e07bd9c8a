// The training of a job: figures, curves (of others beside it, too),
// hyperparameters, events.

import { get } from '../core/api';
import { h, refill, setText } from '../core/dom';
import { bulbTime, duration, fixed, id, number, owner, percent, thousands, wattHours } from '../core/format';
import { setQuery, type Route } from '../core/router';
import { hasEnded, type Store } from '../core/store';
import { onTheme, seriesColor } from '../core/theme';
import type { Dataset, Epoch, Job } from '../core/types';
import { CurveChart, type Curve } from '../widgets/curves';
import { Progress } from '../widgets/job_parts';
import { segments } from '../widgets/segments';
import type { Tab } from './job';
import { EventList } from './job_events';
import { specTable } from './job_spec';

const MOST_COMPARED = 8;

/** `rows` are those of the validation set, 0 where they are not known. */
type Pick = (epoch: Epoch, rows: number) => number | undefined;

/** Whether answers are right or wrong: not in a regression, whose epochs have no accuracy. */
function graded({ lastEpoch }: Job): boolean {
  return lastEpoch === undefined || lastEpoch.trainAccuracy !== undefined;
}

/** Jobs of several users may have the same id; curves need names of their own. */
function labelOf(name: string, among: string[]): string {
  return among.some((other) => owner(other) !== owner(name)) ? `${owner(name)}/${id(name)}` : id(name);
}

class Figures {
  readonly element = h('dl', { class: 'figures' });
  private readonly values = new Map<string, [HTMLElement, HTMLElement]>();

  set(name: string, value: string, note = ''): void {
    let place = this.values.get(name);
    if (!place) {
      place = [h('dd', {}), h('dd', { class: 'muted small-text' })];
      this.values.set(name, place);
      this.element.append(h('div', {}, h('dt', {}, name), ...place));
    }
    setText(place[0], value);
    setText(place[1], note);
  }

  private drop(name: string): void {
    this.values.get(name)?.[0].parentElement?.remove();
    this.values.delete(name);
  }

  update(job: Job): void {
    const epoch = job.lastEpoch;
    this.set('Cost', number(epoch?.cost), epoch ? `mean ${number(epoch.meanCost, 4)}` : '');
    if (graded(job)) this.set('Accuracy', percent(epoch?.trainAccuracy), 'on the training set');
    else this.drop('Accuracy');
    if (job.spec.validationDataset && !graded(job)) {
      this.set('Validation', number(epoch?.validationCost), 'cost on the validation set');
    } else if (job.spec.validationDataset) {
      this.set('Validation', percent(epoch?.validationAccuracy), epoch?.validationCost === undefined ? '' : `cost ${number(epoch.validationCost, 5)}`);
    }
    this.set('An epoch', epoch ? duration(epoch.seconds) : '–', epoch ? `${thousands(epoch.samplesPerSecond)} samples a second` : '');
    const known = job.energySource !== 'ENERGY_SOURCE_UNSPECIFIED';
    this.set('Energy', known ? wattHours(job.energyJoules) : '–',
      known ? `${job.energySource.toLowerCase()}; a 28 W bulb for ${bulbTime(job.energyJoules)}` : '');
  }
}

class Comparison {
  readonly element: HTMLElement;
  private readonly list = h('div', { class: 'picks' });
  readonly names: string[];

  constructor(private readonly store: Store, private readonly own: string, chosen: string[], private readonly onChange: () => void) {
    this.names = chosen.filter((name) => name && name !== own).slice(0, MOST_COMPARED - 1);
    this.element = h('details', { class: 'compare', open: this.names.length > 0 }, h('summary', {}, 'Compare with other jobs'), this.list);
    this.element.addEventListener('toggle', () => this.update());
    this.update();
  }

  update(): void {
    const others = this.store.sorted().filter((job) => job.name !== this.own && (job.epochsCompleted > 0 || this.names.includes(job.name)));
    const shown = others.slice(0, 40);
    if (this.list.children.length === shown.length && this.list.dataset.for === shown.map((job) => job.name).join()) return;
    this.list.dataset.for = shown.map((job) => job.name).join();
    this.list.replaceChildren(...shown.map((job) => this.choice(job)));
    if (shown.length === 0) this.list.append(h('p', { class: 'muted' }, 'There is no other job with epochs yet.'));
  }

  private choice(job: Job): HTMLElement {
    const box = h('input', { type: 'checkbox', checked: this.names.includes(job.name) });
    box.addEventListener('change', () => {
      const at = this.names.indexOf(job.name);
      if (box.checked && at < 0 && this.names.length < MOST_COMPARED - 1) this.names.push(job.name);
      else if (at >= 0) this.names.splice(at, 1);
      box.checked = this.names.includes(job.name);
      this.onChange();
    });
    return h('label', {}, box, ` ${labelOf(job.name, [...this.store.jobs.keys()])} `, h('span', { class: 'muted' }, `${id(job.spec.network)}, rate ${number(job.spec.learningRate, 3)}`));
  }
}

// Every epoch draws the whole of the curves again, which takes the longer the more epochs
// there are: after each time the page is its user's for four times as long.
const DRAWING_RESTS = 4;

class TrainingTab {
  readonly element: HTMLElement;
  private readonly name: string;
  private readonly figures = new Figures();
  private readonly progress: Progress;
  private readonly cost = new CurveChart({ title: 'Cost', format: (value) => number(value, 5), axis: fixed, empty: 'The curve begins with the first epoch.' });
  private readonly accuracy = new CurveChart({ title: 'Accuracy', format: percent, axis: (value, digits) => `${(value * 100).toFixed(Math.max(0, digits - 2))} %`, empty: 'There is no accuracy yet.' });
  private readonly events: EventList;
  private readonly spec = h('div', {});
  private readonly comparison: Comparison;
  private readonly validationRows = new Map<string, number>();
  private readonly ends: (() => void)[];
  private mean: boolean;
  private marked = 0;
  // When it was drawn last, how long that took, and the timer for what came since.
  private drawnAt = 0;
  private took = 0;
  private due = 0;

  constructor(private readonly store: Store, job: Job, route: Route) {
    this.name = job.name;
    this.progress = new Progress(id(job.name));
    this.events = new EventList(store, job.name);
    this.mean = Boolean(job.spec.validationDataset);
    this.comparison = new Comparison(store, job.name, (route.query.get('with') ?? '').split(','), () => this.compared());
    this.element = this.layout();
    this.ends = [store.subscribe((changed) => this.changed(changed)), onTheme(() => this.draw())];
    this.load();
    this.update();
    this.draw();
  }

  dispose(): void {
    for (const end of this.ends) end();
    window.clearTimeout(this.due);
    this.cost.dispose();
    this.accuracy.dispose();
  }

  private layout(): HTMLElement {
    return h('div', { class: 'stack' },
      this.progress.element, this.figures.element,
      h('div', { class: 'toolbar' },
        segments('Scale', ['Linear', 'Logarithmic'], 0, (i) => this.cost.setLogarithmic(i === 1)),
        segments('Cost', ['Sum', 'Mean'], this.mean ? 1 : 0, (i) => { this.mean = i === 1; this.draw(); })),
      h('div', { class: 'charts' }, this.cost.element, this.accuracy.element),
      this.comparison.element,
      h('div', { class: 'columns' },
        h('section', { class: 'card' }, h('h2', {}, 'Hyperparameters'), this.spec),
        h('section', { class: 'card' }, h('h2', {}, 'Events'), this.events.element)));
  }

  private get names(): string[] {
    return [this.name, ...this.comparison.names];
  }

  private changed(changed: ReadonlySet<string>): void {
    // Those beside it may have become known.
    if (changed.has('jobs')) this.load();
    if (changed.has(this.name)) this.update();
    if (this.names.some((each) => changed.has(each))) this.drawSoon();
  }

  private compared(): void {
    setQuery({ with: this.comparison.names.join(',') });
    this.load();
    this.draw();
  }

  private load(): void {
    for (const each of this.names) {
      void this.store.loadHistory(each).catch(() => undefined);
      void this.countRows(this.store.jobs.get(each)?.spec.validationDataset);
    }
  }

  private async countRows(dataset: string | undefined): Promise<void> {
    if (!dataset || this.validationRows.has(dataset)) return;
    this.validationRows.set(dataset, 0);
    const found = await get<Dataset>(dataset).catch(() => null); // it may be deleted
    if (!found) return;
    this.validationRows.set(dataset, Number(found.rowCount));
    this.draw();
  }

  private update(): void {
    const job = this.store.jobs.get(this.name);
    if (!job) return;
    this.figures.update(job);
    this.accuracy.element.hidden = !graded(job);
    if (hasEnded(job)) for (const chart of [this.cost, this.accuracy]) chart.setEmpty('No epoch was completed.');
    this.progress.update(job);
    refill(this.spec, specTable(job));
    this.comparison.update();
    this.events.update();
  }

  /** At once, where drawing takes little of the time since the last one. */
  private drawSoon(): void {
    if (this.due) return;
    const wait = this.drawnAt + DRAWING_RESTS * this.took - performance.now();
    if (wait <= 0) this.draw();
    else this.due = window.setTimeout(() => this.draw(), wait);
  }

  private draw(): void {
    window.clearTimeout(this.due);
    this.due = 0;
    const begin = performance.now();
    this.drawCurves();
    this.drawnAt = performance.now();
    this.took = this.drawnAt - begin;
  }

  private drawCurves(): void {
    // Sums over sets of different sizes do not go on one scale: with them, the
    // training set's alone are drawn.
    this.cost.setCurves(this.curves((epoch) => (this.mean ? epoch.meanCost : epoch.cost),
      (epoch, rows) => (this.mean && rows && epoch.validationCost !== undefined ? epoch.validationCost / rows : undefined)));
    this.accuracy.setCurves(this.curves((epoch) => epoch.trainAccuracy, (epoch) => epoch.validationAccuracy)
      .filter((curve) => curve.values.some((value) => value !== undefined)));
    this.markDrawn();
  }

  private curves(training: Pick, validation: Pick): Curve[] {
    const { names } = this;
    return names.flatMap((each, i) => {
      const { epochs } = this.store.history(each);
      const color = seriesColor(i);
      const label = names.length > 1 ? labelOf(each, names) : 'training';
      const found: Curve[] = [{ label, color, values: Array.from(epochs, (epoch) => epoch && training(epoch, 0)) }];
      const rows = this.validationRows.get(this.store.jobs.get(each)?.spec.validationDataset ?? '') ?? 0;
      const values = Array.from(epochs, (epoch) => epoch && validation(epoch, rows));
      if (values.some((value) => value !== undefined)) {
        found.push({ label: names.length > 1 ? `${label}, validation` : 'validation', color: names.length > 1 ? color : seriesColor(1), dashed: true, values });
      }
      return found;
    });
  }

  /** When the newest point was drawn, for whoever measures: see tests/e2e. */
  private markDrawn(): void {
    const history = this.store.history(this.name);
    if (history.epochs.length <= this.marked) return;
    this.marked = history.epochs.length;
    performance.clearMarks('epoch drawn');
    performance.mark('epoch drawn', { detail: { epoch: this.marked, committed: history.lastEpochTime } });
  }
}

export function trainingTab(store: Store, job: Job, route: Route): Tab {
  const tab = new TrainingTab(store, job, route);
  return { element: tab.element, dispose: () => tab.dispose() };
}
