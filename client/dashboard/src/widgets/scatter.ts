// Points in the plane, coloured by their class.

import { h, svg } from '../core/dom';
import type { Row } from '../core/types';

const SIZE = 320;
const EDGE = 14;

const CLASSES = 8;

export function scatter(rows: Row[]): HTMLElement {
  const most = Math.max(1e-9, ...rows.map((row) => Math.max(Math.abs(row.features[0]), Math.abs(row.features[1]))));
  const place = (value: number) => SIZE / 2 + (value / most) * (SIZE / 2 - EDGE);
  const tone = (row: Row) => (row.label ?? Number((row.targets[0] ?? 0) > 0)) % CLASSES;
  const named = rows.some((row) => row.label === undefined) ? ['target below 0', 'target above 0'] : [...new Set(rows.map((row) => row.label!))].sort((a, b) => a - b).map((label) => `label ${label}`);
  const key = (name: string, i: number) => h('li', {}, svg('svg', { class: 'key', viewBox: '0 0 10 10', 'aria-hidden': 'true' }, svg('circle', { class: `point tone-${(i % CLASSES) + 1}`, cx: 5, cy: 5, r: 4 })), name);
  const points = svg('svg', { class: 'scatter', viewBox: `0 0 ${SIZE} ${SIZE}`, role: 'img', 'aria-label': `${rows.length} points by class` },
    svg('path', { class: 'axis', d: `M0,${SIZE / 2}H${SIZE}M${SIZE / 2},0V${SIZE}` }),
    ...rows.map((row) => svg('circle', {
      class: `point tone-${tone(row) + 1}`, cx: place(row.features[0]).toFixed(1), cy: (SIZE - place(row.features[1])).toFixed(1), r: 4,
    })));
  return h('figure', {}, points, h('ul', { class: 'legend keys' }, ...named.map(key)));
}
