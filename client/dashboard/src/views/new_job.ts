// A new job: a form that the server checks as it is filled in, with what the job
// would cost beside it before anything is made.

import { messageOf, post, requestId } from '../core/api';
import { readableDatasets } from '../core/datasets';
import { fill, h } from '../core/dom';
import { bytes, duration, id, thousands } from '../core/format';
import { blamed, clearErrors, showErrors } from '../core/form';
import { go, href, type Route } from '../core/router';
import type { Store } from '../core/store';
import type { Dataset, Estimate, Job } from '../core/types';
import { notify } from '../widgets/dialog';
import { JobForm, type Instead } from './job_form';
import { NetworkForm } from './network_form';
import { PRESETS, type Preset, type PresetData } from './presets';
import type { App, View } from './view';

const CHECK_MS = 250;
const POLL_MS = 300;

function estimate(found: Estimate, rows: string): HTMLElement {
  const figure = (name: string, value: string, note = '') => h('div', {}, h('dt', {}, name), h('dd', {}, value), h('dd', { class: 'muted small-text' }, note));
  return h('div', {}, h('dl', { class: 'figures' },
    figure('Time in all', duration(found.totalSeconds), `${duration(found.secondsPerEpoch)} an epoch of ${thousands(rows)} rows`),
    figure('Parameters', thousands(found.parameterCount)),
    figure('Memory', bytes(found.memoryBytes), 'beside the dataset')),
    h('p', { class: 'hint' }, found.measured ? 'From epochs that were measured on this server.' : 'From a stated speed: nothing like it was measured here yet.'));
}

function generate({ id: datasetId, kind, rows, seed, noise }: PresetData): Promise<Dataset> {
  const source = { generator: { kind, rowCount: String(rows), seed: String(seed), noise } };
  return post<Dataset>('users/me/datasets', source, { dataset_id: datasetId, request_id: requestId() });
}

/** Makes what a preset is trained on; `refill` shows it once it is there. */
function noData(preset: Preset, refill: () => Promise<void>): HTMLElement {
  const button = h('button', { type: 'button' }, preset.offer);
  const problem = h('p', { class: 'field-error', role: 'alert' });
  button.addEventListener('click', () => {
    button.disabled = true;
    Promise.all(preset.data.map(generate))
      .then(refill).catch((error) => { problem.textContent = messageOf(error); button.disabled = false; });
  });
  return h('div', { class: 'notice-box' }, h('p', {}, 'There is no dataset yet that this can be trained on. ', h('a', { href: href('datasets') }, 'Upload one'), ', or:'), button, problem);
}

class NewJob {
  readonly element: HTMLFormElement;
  private readonly cost = h('div', { class: 'estimate', 'aria-live': 'polite' });
  private readonly problem = h('p', { class: 'field-error', role: 'alert' });
  private readonly button = h('button', { class: 'primary', disabled: true }, 'Start training');
  private readonly lacking = h('div', {});
  private readonly presets = h('div', { class: 'presets', role: 'group', 'aria-label': 'Presets' }, ...PRESETS.map((preset) =>
    h('button', { type: 'button', class: 'preset', onclick: () => this.take(preset) }, h('b', {}, preset.name), h('span', { class: 'muted small-text' }, preset.about))));
  private readonly network = new NetworkForm(() => this.checkSoon());
  private readonly form = new JobForm(() => this.checkSoon());
  private preset = PRESETS[0];
  private timer = 0;
  private asked = 0;

  constructor(private readonly store: Store) {
    this.form.controls['job.spec.network'] = this.network.select;
    this.element = h('form', { novalidate: true, class: 'new-job' },
      h('div', { class: 'form-main stack' },
        h('section', { class: 'card' }, h('h2', {}, 'Begin with'), this.presets),
        h('section', { class: 'card' }, h('h2', {}, 'Network'), this.network.element),
        h('section', { class: 'card' }, h('h2', {}, 'Data'), this.lacking, this.form.data),
        h('section', { class: 'card' }, h('h2', {}, 'Training'), this.form.training)),
      h('section', { class: 'card form-side' }, h('h2', {}, 'What it costs'), this.cost, this.form.naming, this.problem,
        h('div', { class: 'actions' }, this.button)));
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit();
    });
    void this.begin().catch((error) => { this.problem.textContent = messageOf(error); });
  }

  dispose(): void {
    window.clearTimeout(this.timer);
  }

  private async begin(): Promise<void> {
    await Promise.all([this.network.load(), this.readDatasets()]);
    this.take(PRESETS[0]);
  }

  private take(preset: Preset): void {
    this.preset = preset;
    [...this.presets.children].forEach((button, i) => button.setAttribute('aria-pressed', String(PRESETS[i] === preset)));
    this.network.propose(preset.network);
    this.form.take(preset);
    this.tellLacking();
    this.checkSoon();
  }

  // Data.

  private async readDatasets(): Promise<void> {
    this.form.offer(await readableDatasets());
  }

  private tellLacking(): void {
    fill(this.lacking, this.form.lacks(this.preset) && noData(this.preset, () => this.untilThere()));
  }

  /** Until what the preset is trained on can be chosen. */
  private async untilThere(): Promise<void> {
    const { data } = this.preset;
    for (let tries = 0; tries < 100 && !this.form.has(data); tries += 1) {
      await new Promise((resolve) => window.setTimeout(resolve, POLL_MS));
      await this.readDatasets();
    }
    if (!this.form.has(data)) throw new Error('It is not there yet: see Datasets.');
    this.form.fit(this.preset);
    this.tellLacking();
    this.checkSoon();
  }

  // What the server says of it.

  private send(dry: boolean, instead: Instead = new Map()): Promise<Job> {
    return post<Job>('users/me/jobs', { spec: this.form.spec(this.network.value, instead) },
      { job_id: this.form.jobId(instead), request_id: dry ? undefined : requestId(), validate_only: dry || undefined });
  }

  private checkSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.check(), CHECK_MS);
  }

  private async check(): Promise<void> {
    this.asked += 1;
    const mine = this.asked;
    if (!this.network.value) return this.wait('What the job costs is shown here once its network is made.');
    if (!this.form.dataset.value) return this.wait('What the job costs is shown here once there is a dataset.');
    try {
      const job = await this.send(true);
      if (mine !== this.asked) return;
      clearErrors(this.form.controls, this.problem);
      fill(this.cost, estimate(job.estimate!, job.rowCount));
      this.button.disabled = false;
    } catch (error) {
      const errors = mine === this.asked ? await this.errorsAfter(error) : [];
      if (mine !== this.asked) return;
      this.wait('The server would refuse this job: see the form.');
      showErrors(this.form.controls, this.problem, ...errors);
    }
  }

  private wait(text: string): void {
    this.button.disabled = true;
    fill(this.cost, h('p', { class: 'muted' }, text));
  }

  /** The server names the first thing that is wrong. To know the others, too, it is
   * asked again with a sound value in that one's place. */
  private async errorsAfter(first: unknown): Promise<unknown[]> {
    const { controls } = this.form;
    const errors = [first];
    const instead = new Map<HTMLElement, string>();
    for (;;) {
      const found = blamed(controls, errors[errors.length - 1]).filter((control) => !instead.has(control));
      if (found.length === 0) return errors;
      for (const control of found) instead.set(control, this.form.soundValue(control));
      try {
        await this.send(true, instead);
        return errors;
      } catch (error) {
        if (blamed(controls, error).some((control) => instead.has(control))) return errors;
        errors.push(error);
      }
    }
  }

  private async submit(): Promise<void> {
    this.button.disabled = true;
    try {
      const made = await this.send(false);
      this.store.put(made);
      notify(`${id(made.name)} is queued`);
      go(made.name);
    } catch (error) {
      showErrors(this.form.controls, this.problem, error);
      this.button.disabled = false;
    }
  }
}

export function newJobView({ store }: App, _route: Route): View {
  const made = new NewJob(store);
  return {
    title: 'New job',
    element: h('section', {}, h('div', { class: 'page-head' }, h('h1', {}, 'New job')), made.element),
    dispose: () => made.dispose(),
  };
}
