// The weights of the first layer, one image a unit, over the epochs whose
// checkpoints are kept.

import { getBytes, messageOf, url } from '../core/api';
import { shapeOf } from '../core/datasets';
import { field, fill, h, setText } from '../core/dom';
import { id, thousands } from '../core/format';
import { mine } from '../core/session';
import type { ImageShape, Job } from '../core/types';
import { weightImage } from '../widgets/image';
import { readTensor, type Tensor } from '../widgets/safetensors';
import { segments } from '../widgets/segments';

const SHOWN = 60;
const WAIT_MS = 120;
// So many of a thousand weights are drawn fainter than full.
const BELOW_FULL = 0.995;

/** Column k of W1, which is inputs x units, row-major. */
function column(tensor: Tensor, k: number): Float32Array {
  const [inputs, units] = tensor.shape;
  return Float32Array.from({ length: inputs }, (_, i) => tensor.values[i * units + k]);
}

/** What training has done to weights that begin as noise. */
function difference(now: Tensor, before: Tensor): Tensor {
  return { shape: now.shape, values: now.values.map((value, i) => value - before.values[i]) };
}

function fullAt(tensor: Tensor): number {
  const sizes = tensor.values.map(Math.abs).sort();
  return sizes[Math.floor(sizes.length * BELOW_FULL)] || 1;
}

export class Weights {
  readonly element = h('section', { class: 'card', hidden: true });
  private readonly kept: Map<number, Promise<Tensor>> = new Map();
  private readonly grid = h('div', { class: 'digits' });
  private readonly title = h('output', { class: 'muted' });
  private readonly slider = h('input', { type: 'range', min: 0, step: 1 });
  private readonly slide = field('Epoch', this.slider);
  private readonly kinds = segments('What is shown', ['Weights', 'Change'], 0, (i) => { this.change = i === 1; void this.show(); });
  private readonly files = h('p', { class: 'downloads muted' });
  private readonly more = h('button', { type: 'button', class: 'small' });
  private shown = SHOWN;
  private change = false;
  private timer = 0;

  constructor(private job: Job, private readonly shape: ImageShape) {
    this.slider.addEventListener('input', () => {
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.show(), WAIT_MS);
    });
    this.more.addEventListener('click', () => { this.shown = Infinity; void this.show(); });
    this.element.append(h('h2', {}, 'First-layer weights'),
      h('p', { class: 'muted' }, 'What each unit of the first layer looks for: red counts for it, blue against it.'),
      this.kinds, h('div', { class: 'slide' }, this.slide, this.title), this.grid, this.more, this.files);
    this.offer(job.checkpointEpochs.length - 1);
    void this.show();
  }

  /** Checkpoints come and go while the job runs: the newest is shown, unless
   * another one was chosen. */
  follow(job: Job): void {
    const before = this.job.checkpointEpochs;
    if (job.checkpointEpochs.length === 0 || before.join() === job.checkpointEpochs.join()) return;
    const { epoch } = this;
    const newest = Number(this.slider.value) === before.length - 1;
    this.job = job;
    const place = job.checkpointEpochs.indexOf(epoch);
    this.offer(newest || place < 0 ? job.checkpointEpochs.length - 1 : place);
    if (this.epoch !== epoch || this.change) void this.show();
  }

  private offer(place: number): void {
    const last = this.job.checkpointEpochs.length - 1;
    this.slider.max = String(last);
    this.slider.value = String(place);
    this.slide.hidden = last <= 0;
    this.kinds.hidden = last <= 0;
    setText(this.kinds.lastElementChild!, `Change since epoch ${this.job.checkpointEpochs[0]}`);
    fill(this.files, ...this.downloads());
  }

  private get epoch(): number {
    return this.job.checkpointEpochs[Number(this.slider.value)];
  }

  private name(epoch: number): string {
    return `${this.job.name}/checkpoints/${epoch}:read`;
  }

  private tensor(epoch: number): Promise<Tensor> {
    let found = this.kept.get(epoch);
    if (!found) {
      found = getBytes(this.name(epoch), { format: 'SAFETENSORS' }).then((file) => readTensor(file, 'W1'));
      found.catch(() => this.kept.delete(epoch));
      this.kept.set(epoch, found);
    }
    return found;
  }

  private async show(): Promise<void> {
    const epoch = this.epoch;
    try {
      const tensor = this.change ? difference(await this.tensor(epoch), await this.tensor(this.job.checkpointEpochs[0])) : await this.tensor(epoch);
      if (epoch !== this.epoch) return;
      this.element.hidden = false;
      this.draw(tensor, epoch);
    } catch (error) {
      if (epoch !== this.epoch) return;
      this.element.hidden = false;
      fill(this.grid, h('p', { class: 'bad' }, messageOf(error)));
    }
  }

  private draw(tensor: Tensor, epoch: number): void {
    const units = tensor.shape[1];
    const count = Math.min(units, this.shown);
    const limit = fullAt(tensor);
    fill(this.grid, ...Array.from({ length: count }, (_, k) =>
      h('div', { class: 'digit' }, weightImage(column(tensor, k), this.shape, limit, `Weights of unit ${k}`))));
    setText(this.title, `epoch ${thousands(epoch)}`);
    this.slider.setAttribute('aria-valuetext', `epoch ${epoch}`);
    this.more.hidden = count === units;
    setText(this.more, `Show all ${thousands(units)}`);
  }

  private downloads(): (Node | string)[] {
    const last = this.job.checkpointEpochs[this.job.checkpointEpochs.length - 1];
    const link = (format: string, text: string) => h('a', { href: url(this.name(last), { format }), download: `${id(this.job.name)}-epoch-${last}.${format.toLowerCase()}` }, text);
    return ['The last weights as ', link('SAFETENSORS', 'safetensors'), ', ', link('ONNX', 'ONNX'), ', ', link('NPZ', 'NPZ')];
  }
}

/** Null where inputs are no images, no weights are kept, or they are not the caller's. */
export function weightsOf(job: Job): Weights | null {
  const shape = shapeOf(job.networkSpec.inputCount);
  return shape && mine(job.name) && job.checkpointEpochs.length > 0 ? new Weights(job, shape) : null;
}
