// A new job: a form that the server checks as it is filled in, with what the job
// would cost beside it before anything is made.

import { messageOf, post, requestId } from '../core/api';
import { readableDatasets } from '../core/datasets';
import { fill, h } from '../core/dom';
import { bytes, duration, id, thousands } from '../core/format';
import { blamed, clearErrors, showErrors } from '../core/form';
import { go, href, type Route } from '../core/router';
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

export function newJobView({ store }: App, _route: Route): View {
  const cost = h('div', { class: 'estimate', 'aria-live': 'polite' });
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const button = h('button', { class: 'primary', disabled: true }, 'Start training');
  const lacking = h('div', {});
  let timer = 0;
  let asked = 0;
  let current = PRESETS[0];

  const checkSoon = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void check(), CHECK_MS);
  };
  const network = new NetworkForm(checkSoon);
  const form = new JobForm(checkSoon);

  const wait = (text: string) => {
    button.disabled = true;
    fill(cost, h('p', { class: 'muted' }, text));
  };
  const send = (dry: boolean, instead: Instead = new Map()) => post<Job>('users/me/jobs', { spec: form.spec(network.value, instead) },
    { job_id: form.jobId(instead), request_id: dry ? undefined : requestId(), validate_only: dry || undefined });
  /** The server names the first thing that is wrong. To know the others, too, it is
   * asked again with a sound value in that one's place. */
  const errorsAfter = async (first: unknown): Promise<unknown[]> => {
    const errors = [first];
    const instead = new Map<HTMLElement, string>();
    for (;;) {
      const found = blamed(form.controls, errors[errors.length - 1]).filter((control) => !instead.has(control));
      if (found.length === 0) return errors;
      for (const control of found) instead.set(control, form.soundValue(control));
      try {
        await send(true, instead);
        return errors;
      } catch (error) {
        if (blamed(form.controls, error).some((control) => instead.has(control))) return errors;
        errors.push(error);
      }
    }
  };
  const check = async () => {
    asked += 1;
    const mine = asked;
    if (!network.value) return wait('What the job costs is shown here once its network is made.');
    if (!form.dataset.value) return wait('What the job costs is shown here once there is a dataset.');
    try {
      const job = await send(true);
      if (mine !== asked) return;
      clearErrors(form.controls, problem);
      fill(cost, estimate(job.estimate!, job.rowCount));
      button.disabled = false;
    } catch (error) {
      if (mine !== asked) return;
      const errors = await errorsAfter(error);
      if (mine !== asked) return;
      wait('The server would refuse this job: see the form.');
      showErrors(form.controls, problem, ...errors);
    }
  };
  const take = (preset: Preset) => {
    [...presets.children].forEach((button, i) => button.setAttribute('aria-pressed', String(PRESETS[i] === preset)));
    current = preset;
    network.propose(preset.network);
    form.take(preset);
    tellLacking();
    checkSoon();
  };
  const fillDatasets = async () => {
    form.offer(await readableDatasets());
  };
  const tellLacking = () => fill(lacking, form.lacks(current) && noData(current, untilThere));
  const untilThere = async () => {
    const wanted = current;
    const there = () => form.has(wanted.data);
    for (let tries = 0; tries < 100 && !there(); tries += 1) {
      await new Promise((resolve) => window.setTimeout(resolve, POLL_MS));
      await fillDatasets();
    }
    if (!there()) throw new Error('It is not there yet: see Datasets.');
    form.fit(current);
    tellLacking();
    checkSoon();
  };
  const submit = async () => {
    button.disabled = true;
    try {
      const made = await send(false);
      store.put(made);
      notify(`${id(made.name)} is queued`);
      go(made.name);
    } catch (error) {
      showErrors(form.controls, problem, error);
      button.disabled = false;
    }
  };

  form.controls['job.spec.network'] = network.select;
  const presets = h('div', { class: 'presets', role: 'group', 'aria-label': 'Presets' }, ...PRESETS.map((preset) =>
    h('button', { type: 'button', class: 'preset', onclick: () => take(preset) }, h('b', {}, preset.name), h('span', { class: 'muted small-text' }, preset.about))));
  const element = h('form', { novalidate: true, class: 'new-job' },
    h('div', { class: 'form-main stack' },
      h('section', { class: 'card' }, h('h2', {}, 'Begin with'), presets),
      h('section', { class: 'card' }, h('h2', {}, 'Network'), network.element),
      h('section', { class: 'card' }, h('h2', {}, 'Data'), lacking, form.data),
      h('section', { class: 'card' }, h('h2', {}, 'Training'), form.training)),
    h('section', { class: 'card form-side' }, h('h2', {}, 'What it costs'), cost, form.naming, problem, h('div', { class: 'actions' }, button)));
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  void (async () => {
    await Promise.all([network.load(), fillDatasets()]);
    take(PRESETS[0]);
  })().catch((error) => { problem.textContent = messageOf(error); });
  return {
    title: 'New job',
    element: h('section', {}, h('div', { class: 'page-head' }, h('h1', {}, 'New job')), element),
    dispose: () => window.clearTimeout(timer),
  };
}
