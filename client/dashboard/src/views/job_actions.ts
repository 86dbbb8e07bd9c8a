// Pause, resume, cancel, fork, delete.

import { post, remove, requestId } from '../core/api';
import { field, h } from '../core/dom';
import { clearErrors, showErrors, type Controls } from '../core/form';
import { id } from '../core/format';
import { go } from '../core/router';
import { mine, staff } from '../core/session';
import { hasEnded, type Store } from '../core/store';
import type { Job } from '../core/types';
import { attempt, confirmed, notify, openDialog } from '../widgets/dialog';

type Action = [name: string, allowed: (job: Job) => boolean, run: () => Promise<void>, tone?: string];

/** What staff may do to a job of somebody else's. */
const HALTS = ['Pause', 'Resume', 'Cancel'];

export class JobActions {
  readonly element = h('div', { class: 'actions', role: 'group', 'aria-label': 'Actions' });
  private readonly actions: Action[];
  private readonly buttons: HTMLButtonElement[];

  constructor(private readonly store: Store, private readonly name: string) {
    this.actions = [
      ['Pause', (job) => job.state === 'RUNNING', () => this.ask('pause')],
      ['Resume', (job) => job.state === 'PAUSED', () => this.ask('resume')],
      ['Fork', (job) => job.checkpointEpochs.length > 0, () => this.fork()],
      ['Cancel', (job) => !hasEnded(job) && job.state !== 'CANCELLING', () => this.cancel(), 'danger'],
      ['Delete', hasEnded, () => this.delete(), 'danger'],
    ];
    this.buttons = this.actions.map(([text, , run, tone]) => h('button',
      { type: 'button', class: tone, hidden: true, onclick: () => void attempt(run) }, text));
    this.element.append(...this.buttons);
  }

  update(job: Job): void {
    const own = mine(job.name);
    this.actions.forEach(([name, allowed], i) => {
      const may = own || (staff() && HALTS.includes(name));
      this.buttons[i].hidden = !may || !allowed(job);
    });
  }

  private async ask(verb: string): Promise<void> {
    this.store.put(await post<Job>(`${this.name}:${verb}`, { requestId: requestId() }));
  }

  private async cancel(): Promise<void> {
    const text = 'Its worker writes the weights it has and stops. A cancelled job can be forked, not resumed.';
    if (await confirmed(`Cancel ${id(this.name)}?`, text, 'Cancel the job')) await this.ask('cancel');
  }

  private async delete(): Promise<void> {
    const text = 'Its events, weights and evaluations go with it. There is no way back.';
    if (!(await confirmed(`Delete ${id(this.name)}?`, text, 'Delete'))) return;
    await remove(this.name);
    this.store.forget(this.name);
    go('jobs');
  }

  private async fork(): Promise<void> {
    // What it keeps changes with its epochs, and the page hears of those first.
    const job = await this.store.refresh(this.name);
    if (job) openDialog(`Fork ${id(this.name)}`, (close) => [forkForm(this.store, job, close)]);
  }
}

function forkForm(store: Store, job: Job, close: () => void): HTMLElement {
  const numeric = (value: number | undefined, step: string) => h('input', { type: 'number', step, value: value ?? '', inputmode: 'decimal' });
  const epoch = h('select', {}, ...[...job.checkpointEpochs].reverse().map((kept) => h('option', { value: kept }, `epoch ${kept}`)));
  const jobId = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  const epochs = numeric((job.spec.epochs ?? 0) + 10, '1');
  const rate = numeric(job.spec.learningRate, 'any');
  const batch = numeric(job.spec.batchSize, '1');
  const controls: Controls = {
    epoch, job_id: jobId, 'spec.epochs': epochs, 'spec.learning_rate': rate, 'spec.batch_size': batch,
  };
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const submit = async () => {
    const body = {
      epoch: Number(epoch.value), jobId: jobId.value.trim(), requestId: requestId(),
      spec: { epochs: Number(epochs.value), learningRate: Number(rate.value), batchSize: Number(batch.value) },
      updateMask: 'epochs,learningRate,batchSize',
    };
    const made = await post<Job>(`${job.name}:fork`, body);
    store.put(made);
    close();
    notify(`${id(made.name)} goes on from epoch ${body.epoch}`);
    go(made.name, { with: job.name });
  };
  const form = h('form', { novalidate: true },
    h('p', { class: 'muted' }, 'A new job that goes on from kept weights, with something changed.'),
    h('div', { class: 'grid-2' }, field('Goes on from', epoch), field('Name', jobId, 'Empty: the server chooses one.'),
      field('Epochs in all', epochs), field('Learning rate', rate), field('Batch size', batch)),
    problem, h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Fork')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearErrors(controls, problem);
    submit().catch((error) => showErrors(controls, problem, error));
  });
  return form;
}
