// Rows that are images, and weights as images.

import { h } from '../core/dom';
import type { ImageShape } from '../core/types';

/** 255 for bytes, 1 for shares. */
export function inkScale(values: ArrayLike<number>): number {
  for (let i = 0; i < values.length; i += 1) if (values[i] > 1) return 255;
  return 1;
}

function canvas(shape: ImageShape, label: string): [HTMLCanvasElement, ImageData] {
  const element = h('canvas', {
    class: 'pixels', width: shape.width, height: shape.height, role: 'img', 'aria-label': label,
  });
  return [element, new ImageData(shape.width, shape.height)];
}

/** Ink on paper: the stylesheet turns it over in the dark. */
export function pixelImage(values: ArrayLike<number>, shape: ImageShape, label: string): HTMLCanvasElement {
  const [element, data] = canvas(shape, label);
  const scale = inkScale(values);
  for (let i = 0; i < shape.width * shape.height; i += 1) {
    data.data[4 * i + 3] = Math.round((255 * Math.min(values[i], scale)) / scale);
  }
  element.getContext('2d')!.putImageData(data, 0, 0);
  return element;
}

const POSITIVE = [214, 69, 47];
const NEGATIVE = [43, 108, 222];

/** Weights of one unit: red above zero, blue below, full at +-limit. */
export function weightImage(weights: ArrayLike<number>, shape: ImageShape, limit: number, label: string): HTMLCanvasElement {
  const [element, data] = canvas(shape, label);
  element.classList.add('weights');
  for (let i = 0; i < shape.width * shape.height; i += 1) {
    const [red, green, blue] = weights[i] > 0 ? POSITIVE : NEGATIVE;
    const strength = Math.min(1, Math.abs(weights[i]) / limit);
    data.data.set([red, green, blue, Math.round(255 * strength)], 4 * i);
  }
  element.getContext('2d')!.putImageData(data, 0, 0);
  return element;
}
