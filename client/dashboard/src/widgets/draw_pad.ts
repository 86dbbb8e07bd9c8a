// A pad to draw a digit on, with mouse, pen or finger, and what a network trained
// on MNIST is to see of it: within 20 of 28 pixels, centred by its mass.

import { h } from '../core/dom';
import type { ImageShape } from '../core/types';

const SIZE = 280;
const PEN = 24;
const BOX = 20 / 28;

export class DrawPad {
  readonly element: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private last: [number, number] | null = null;

  constructor(private readonly onChange: () => void) {
    this.element = h('canvas', { class: 'draw-pad', width: SIZE, height: SIZE, role: 'img', 'aria-label': 'Pad to draw a digit on' });
    this.context = this.element.getContext('2d', { willReadFrequently: true })!;
    this.context.lineCap = 'round';
    this.context.lineJoin = 'round';
    this.context.lineWidth = PEN;
    this.element.addEventListener('pointerdown', (event) => this.begin(event));
    this.element.addEventListener('pointermove', (event) => this.move(event));
    for (const name of ['pointerup', 'pointercancel'] as const) {
      this.element.addEventListener(name, () => { this.last = null; this.onChange(); });
    }
  }

  clear(): void {
    this.context.clearRect(0, 0, SIZE, SIZE);
    this.onChange();
  }

  /** Ink between 0 and 1 at each pixel, row-major; null where nothing is drawn. */
  read(shape: ImageShape): Float32Array | null {
    const ink = this.context.getImageData(0, 0, SIZE, SIZE).data;
    const box = bounds(ink);
    return box && centred(scaled(this.element, box, shape), shape);
  }

  private place(event: PointerEvent): [number, number] {
    const frame = this.element.getBoundingClientRect();
    return [((event.clientX - frame.left) / frame.width) * SIZE, ((event.clientY - frame.top) / frame.height) * SIZE];
  }

  private begin(event: PointerEvent): void {
    // Neither a second finger nor a menu's button draws.
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.line(this.last, this.last);
  }

  private move(event: PointerEvent): void {
    if (!this.last || !event.isPrimary) return;
    const to = this.place(event);
    this.line(this.last, to);
    this.last = to;
    this.onChange();
  }

  private line(from: [number, number], to: [number, number]): void {
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(to[0] + 0.01, to[1]);
    this.context.stroke();
  }
}

interface Box { left: number; top: number; width: number; height: number }

function bounds(ink: Uint8ClampedArray): Box | null {
  let [left, top, right, bottom] = [SIZE, SIZE, -1, -1];
  for (let y = 0; y < SIZE; y += 1) {
    for (let x = 0; x < SIZE; x += 1) {
      if (ink[4 * (y * SIZE + x) + 3] < 8) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** The box, its longer side 20 of 28 pixels, in the middle. */
function scaled(pad: HTMLCanvasElement, box: Box, shape: ImageShape): Float32Array {
  const small = h('canvas', { width: shape.width, height: shape.height });
  const context = small.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  const factor = (BOX * shape.width) / Math.max(box.width, box.height);
  const [width, height] = [box.width * factor, box.height * factor];
  context.drawImage(pad, box.left, box.top, box.width, box.height, (shape.width - width) / 2, (shape.height - height) / 2, width, height);
  const { data } = context.getImageData(0, 0, shape.width, shape.height);
  return Float32Array.from({ length: shape.width * shape.height }, (_, i) => data[4 * i + 3] / 255);
}

/** Moved by whole pixels so that the centre of mass is in the middle. */
function centred(ink: Float32Array, { width, height }: ImageShape): Float32Array {
  let [mass, x, y] = [0, 0, 0];
  ink.forEach((value, i) => {
    mass += value;
    x += value * (i % width);
    y += value * Math.floor(i / width);
  });
  const [right, down] = [Math.round((width - 1) / 2 - x / mass), Math.round((height - 1) / 2 - y / mass)];
  const moved = new Float32Array(ink.length);
  ink.forEach((value, i) => {
    const [column, row] = [(i % width) + right, Math.floor(i / width) + down];
    if (column >= 0 && column < width && row >= 0 && row < height) moved[row * width + column] = value;
  });
  return moved;
}
