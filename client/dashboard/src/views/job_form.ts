// The controls of a job's spec.

import { field, h } from '../core/dom';
import { id, thousands, words } from '../core/format';
import type { Controls } from '../core/form';
import { mine } from '../core/session';
import type { Dataset, JobSpec } from '../core/types';
import { PRESETS, type Preset, type PresetData } from './presets';

const option = (value: string, text = words(value)) => h('option', { value }, text);
const choice = (...values: string[]) => h('select', {}, ...values.map((value) => option(value)));
const numeric = (value: number | string, step: number | 'any' = 'any') => h('input', { type: 'number', step, value, inputmode: 'decimal' });

type Input = HTMLInputElement | HTMLSelectElement;

/** Values in place of those that are filled in, by control. */
export type Instead = ReadonlyMap<HTMLElement, string>;

export class JobForm {
  readonly dataset = h('select', {});
  readonly data: HTMLElement;
  readonly training: HTMLElement;
  readonly naming: HTMLElement;
  readonly controls: Controls;
  private datasets: Dataset[] = [];
  private readonly sound = new Map<HTMLElement, string>();
  private readonly validation = h('select', {}, option('', 'none'));
  private readonly name = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  private readonly epochs = numeric(50, 1);
  private readonly rate = numeric(0.3);
  private readonly batch = numeric(1, 1);
  private readonly optimizer = choice('sgd', 'momentum', 'adam', 'adamw');
  private readonly schedule = choice('constant', 'step', 'cosine');
  private readonly warmup = numeric('');
  private readonly precision = choice('F32', 'F64');
  private readonly reduction = choice('MEAN', 'SUM');
  private readonly scaling = choice('AUTO', 'NONE', 'DIVIDE_BY_255', 'STANDARD');
  private readonly l1 = numeric('');
  private readonly l2 = numeric('');
  private readonly dropout = numeric('');
  private readonly patience = numeric('', 1);
  private readonly rng = choice('PHILOX', 'NUMPY');
  private readonly seed = numeric('', 1);
  private readonly threads = numeric('', 1);
  private readonly keep = h('select', {}, option('0', 'the last two and the best'), option('-1', 'all'), option('5', 'the last five'));

  constructor(onChange: () => void) {
    this.data = h('div', { class: 'grid-2' }, field('Training set', this.dataset), field('Validation set', this.validation, 'Cost and accuracy on it are told with each epoch.'));
    this.training = h('div', {},
      h('div', { class: 'grid-2 narrow' }, field('Epochs', this.epochs), field('Learning rate', this.rate),
        field('Batch size', this.batch, '1: one sample at a time, as in the notebook.'), field('Optimizer', this.optimizer)),
      h('details', {}, h('summary', {}, 'More'), h('div', { class: 'grid-2' },
        field('Schedule', this.schedule), field('Epochs of warm-up', this.warmup), field('L1', this.l1), field('L2', this.l2),
        field('Dropout', this.dropout), field('Patience', this.patience, 'Stops early; needs a validation set.'),
        field('Input scaling', this.scaling), field('Gradients of a batch', this.reduction), field('Precision', this.precision),
        field('Random numbers', this.rng), field('Seed', this.seed, 'Empty: the network’s.'),
        field('Threads', this.threads, 'At most; never changes a result.'), field('Checkpoints kept', this.keep))));
    this.naming = field('Name of the job', this.name, 'Empty: the server chooses one.');
    this.controls = {
      job_id: this.name, 'job.spec.dataset': this.dataset, 'job.spec.validation_dataset': this.validation,
      'job.spec.epochs': this.epochs, 'job.spec.learning_rate': this.rate, 'job.spec.batch_size': this.batch,
      'job.spec.optimizer': this.optimizer, 'job.spec.schedule': this.schedule, 'job.spec.schedule.warmup_epochs': this.warmup,
      'job.spec.precision': this.precision, 'job.spec.gradient_reduction': this.reduction, 'job.spec.input_scaling': this.scaling,
      'job.spec.l1': this.l1, 'job.spec.l2': this.l2, 'job.spec.dropout': this.dropout, 'job.spec.early_stopping': this.patience,
      'job.spec.rng': this.rng, 'job.spec.seed': this.seed, 'job.spec.threads': this.threads, 'job.spec.keep_checkpoints': this.keep,
    };
    for (const part of [this.data, this.training, this.naming]) part.addEventListener('input', onChange);
  }

  /** As filled in; what is in `instead` has the value that it has there. */
  jobId(instead: Instead): string {
    return (instead.get(this.name) ?? this.name.value).trim();
  }

  /** A value that the server takes, as the form had it when the preset was taken. */
  soundValue(control: HTMLElement): string {
    return this.sound.get(control) ?? '';
  }

  /** Offers datasets, and keeps what is chosen. A pair …-train, …-test goes together. */
  offer(datasets: Dataset[]): void {
    this.datasets = datasets;
    const [chosen, validation] = [this.dataset.value, this.validation.value];
    const options = () => datasets.map((dataset) => option(dataset.name, `${id(dataset.name)} (${thousands(dataset.rowCount)} rows)`));
    this.dataset.replaceChildren(...options());
    this.validation.replaceChildren(option('', 'none'), ...options());
    const train = datasets.find((dataset) => dataset.name.endsWith('-train'));
    this.dataset.value = chosen || (train ?? datasets[0])?.name || '';
    this.validation.value = validation || this.testOf(this.dataset.value);
  }

  private testOf(train: string): string {
    const test = train.replace(/-train$/, '-test');
    return test !== train && this.datasets.some((dataset) => dataset.name === test) ? test : '';
  }

  /** Those that a preset can be trained on; data made for another preset is not. */
  private fitting(preset: Preset): Dataset[] {
    const inputs = Number(preset.network.layers.split(',')[0]);
    const own = (name: string) => preset.data.some((each) => each.id === id(name));
    const foreign = (name: string) => !own(name) && PRESETS.some((other) => other.data.some((each) => each.id === id(name)));
    return this.datasets.filter(({ name, task, featureCount }) => featureCount === inputs && task === preset.task && !foreign(name));
  }

  /** Whether all of it can be chosen. */
  has(data: PresetData[]): boolean {
    return data.every((each) => this.datasets.some((dataset) => mine(dataset.name) && id(dataset.name) === each.id));
  }

  /** Whether there is nothing to train a preset on. */
  lacks(preset: Preset): boolean {
    return this.fitting(preset).length === 0;
  }

  /** Chooses datasets that fit the preset, where there are any. */
  fit(preset: Preset): void {
    const fitting = this.fitting(preset);
    const fits = (name: string) => fitting.some((dataset) => dataset.name === name);
    if (!fits(this.dataset.value) && fitting.length > 0) {
      const own = fitting.find((dataset) => id(dataset.name) === preset.data[0].id);
      this.dataset.value = (own ?? fitting[0]).name;
      this.validation.value = this.testOf(this.dataset.value);
    }
    if (!fits(this.validation.value)) this.validation.value = '';
  }

  take(preset: Preset): void {
    this.fit(preset);
    this.epochs.value = String(preset.epochs);
    this.rate.value = String(preset.learningRate);
    this.batch.value = String(preset.batchSize);
    this.reduction.value = preset.reduction;
    this.optimizer.value = preset.optimizer;
    this.schedule.value = preset.schedule;
    this.warmup.value = preset.warmup ? String(preset.warmup) : '';
    for (const control of Object.values(this.controls) as Input[]) {
      if (control !== this.name) this.sound.set(control, control.value);
    }
  }

  spec(network: string, instead: Instead): JobSpec {
    const text = (control: Input) => instead.get(control) ?? control.value;
    // Undefined where the field is empty, so that the server's default counts.
    const given = (control: Input) => (text(control) === '' ? undefined : Number(text(control)));
    const patience = given(this.patience);
    return {
      network, dataset: text(this.dataset), validationDataset: text(this.validation) || undefined,
      epochs: given(this.epochs), learningRate: given(this.rate), batchSize: given(this.batch),
      optimizer: { [text(this.optimizer)]: {} },
      schedule: { [text(this.schedule)]: {}, warmupEpochs: given(this.warmup) },
      precision: text(this.precision), gradientReduction: text(this.reduction), inputScaling: text(this.scaling),
      l1: given(this.l1), l2: given(this.l2), dropout: given(this.dropout),
      earlyStopping: patience === undefined ? undefined : { patience, minDelta: 0 },
      rng: text(this.rng), seed: text(this.seed) || undefined, threads: given(this.threads),
      keepCheckpoints: Number(text(this.keep)),
    };
  }
}
