// A curve the size of a word.

import { svg } from '../core/dom';

const WIDTH = 120;
const HEIGHT = 32;
const POINTS = 120;

/** The values, at most POINTS of them, evenly taken, the last one always. */
function thinned(values: number[]): number[] {
  if (values.length <= POINTS) return values;
  const step = (values.length - 1) / (POINTS - 1);
  return Array.from({ length: POINTS }, (_, i) => values[Math.round(i * step)]);
}

/** 'M0,31 L60,12 …' over the whole box, the lowest value at its bottom. */
function path(values: number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  const place = (value: number, i: number) =>
    `${(i * step).toFixed(1)},${(HEIGHT - 3 - ((value - low) / span) * (HEIGHT - 6)).toFixed(1)}`;
  return `M${values.map(place).join('L')}`;
}

export class Sparkline {
  readonly element: SVGSVGElement;
  private readonly line = svg('path', { class: 'spark-line' });
  private readonly end = svg('circle', { class: 'spark-end', r: 2.5 });

  constructor() {
    this.element = svg('svg', {
      class: 'spark', viewBox: `-3 0 ${WIDTH + 6} ${HEIGHT}`, 'aria-hidden': 'true', preserveAspectRatio: 'none',
    }, this.line, this.end);
  }

  draw(values: number[]): void {
    const shown = thinned(values.filter((value) => Number.isFinite(value)));
    this.element.classList.toggle('blank', shown.length === 0);
    if (shown.length === 0) return;
    const text = path(shown);
    this.line.setAttribute('d', text);
    const [x, y] = text.slice(1).split('L').pop()!.split(',');
    this.end.setAttribute('cx', x);
    this.end.setAttribute('cy', y);
  }
}
