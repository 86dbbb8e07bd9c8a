// A job's hyperparameters, in the command line's words.

import { h } from '../core/dom';
import { architecture, id, number, thousands, time, words } from '../core/format';
import { href } from '../core/router';
import type { Job } from '../core/types';

type Line = [string, Node | string] | null;

/** adam beta1 0.9 beta2 0.999 */
function choice(chosen: Record<string, unknown> | undefined): string {
  const kind = Object.entries(chosen ?? {}).find(([, value]) => typeof value === 'object');
  if (!kind) return '';
  const details = Object.entries(kind[1] as object).filter(([, value]) => value !== false);
  return [kind[0], ...details.map(([name, value]) => `${name.replace(/([A-Z])/g, ' $1').toLowerCase()} ${value}`)].join(', ');
}

function schedule(job: Job): string {
  const warmup = Number(job.spec.schedule?.warmupEpochs ?? 0);
  const kind = choice(job.spec.schedule);
  return warmup > 0 ? `${kind}, ${number(warmup)} epochs of warm-up` : kind;
}

function initializer(job: Job): string {
  const uniform = job.networkSpec?.initializer?.uniform as { low: number; high: number } | undefined;
  return uniform ? `uniform from ${uniform.low} to ${uniform.high}` : choice(job.networkSpec?.initializer);
}

const link = (name: string) => h('a', { href: href(name) }, id(name));
const line = (label: string, value: number | undefined): Line => (value ? [label, number(value)] : null);

function lines(job: Job): Line[] {
  const { spec, networkSpec: network } = job;
  const stop = spec.earlyStopping;
  return [
    job.forkedFrom ? ['Forked from', h('span', {}, link(job.forkedFrom.job), ` at epoch ${job.forkedFrom.epoch}`)] : null,
    job.verifies ? ['Repeats', link(job.verifies)] : null,
    ['Network', `${id(spec.network)}  ${architecture(network)}`],
    ['Activations', (network?.layers ?? []).map((layer) => words(layer.activation)).join(', ')],
    ['Loss', words(network?.loss)],
    ['First weights', initializer(job) + (network?.bias === false ? ', no biases' : '')],
    ['Dataset', h('span', {}, link(spec.dataset), `  ${thousands(job.rowCount)} rows`)],
    spec.validationDataset ? ['Validation', link(spec.validationDataset)] : null,
    ['Epochs', thousands(spec.epochs ?? 0)],
    ['Learning rate', number(spec.learningRate)],
    ['Batch size', thousands(spec.batchSize ?? 1)],
    ['Optimizer', choice(spec.optimizer)],
    ['Schedule', schedule(job)],
    line('L1', spec.l1), line('L2', spec.l2), line('Dropout', spec.dropout),
    stop ? ['Early stopping', `patience ${stop.patience}, min delta ${number(stop.minDelta)}`] : null,
    spec.gradientReduction === 'SUM' ? ['Gradients', 'summed'] : null,
    ['Precision', words(spec.precision)],
    ['Seed', spec.seed ?? '0'],
    (spec.threads ?? 1) > 1 ? ['Threads', `up to ${spec.threads}`] : null,
    spec.rng === 'NUMPY' ? ['Random numbers', 'NumPy'] : null,
    ['Input scaling', words(spec.inputScaling).replace('divide by', '÷')],
    job.checkpointEpochs.length > 0 ? ['Checkpoints', epochsKept(job.checkpointEpochs)] : null,
    job.kernelVariant ? ['Kernels', job.kernelVariant] : null,
    ['Created', time(job.createTime)],
    job.startTime ? ['Started', time(job.startTime)] : null,
    job.endTime ? ['Ended', time(job.endTime)] : null,
    job.weightsDigest ? ['Weights digest', h('code', { class: 'digest', title: job.weightsDigest }, job.weightsDigest.slice(0, 16))] : null,
  ];
}

/** epoch 1, epochs 1 to 12, or epochs 3, 5, 9 */
function epochsKept(epochs: number[]): string {
  const whole = epochs.length > 2 && epochs[epochs.length - 1] - epochs[0] === epochs.length - 1;
  if (epochs.length === 1) return `epoch ${epochs[0]}`;
  return `epochs ${whole ? `${epochs[0]} to ${epochs[epochs.length - 1]}` : epochs.join(', ')}`;
}

export function specTable(job: Job): HTMLElement {
  const found = lines(job).filter((each): each is [string, Node | string] => each !== null && each[1] !== '');
  return h('dl', { class: 'properties' }, ...found.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))));
}
