// A network as the notebook draws it: a column of nodes for each layer, and an
// edge from each node to each of the next. Large layers are thinned.

import { svg } from '../core/dom';
import { architecture, thousands, words } from '../core/format';
import type { NetworkSpec } from '../core/types';

// Layers up to FULL are drawn whole; of others so many nodes, and a gap.
const FULL = 10;
const THINNED = 9;
const WIDTH = 230;
const HEIGHT = 380;
const RADIUS = 11;

/** Heights of the nodes that are drawn; a gap in the middle of a thinned layer. */
function places(units: number): { y: number[]; gap: number | null } {
  const thinned = units > FULL;
  const slots = thinned ? THINNED : Math.max(units, 1);
  const step = (HEIGHT - 4 * RADIUS) / (FULL - 1);
  const top = HEIGHT / 2 - ((slots - 1) * step) / 2;
  const y = Array.from({ length: slots }, (_, i) => top + i * step);
  if (!thinned) return { y, gap: null };
  const middle = Math.floor(slots / 2);
  return { y: y.filter((_, i) => i !== middle), gap: y[middle] };
}

function edges(x: number, from: number[], to: number[]): SVGElement {
  const lines = from.flatMap((a) => to.map((b) => `M${x + RADIUS},${a}L${x + WIDTH - RADIUS},${b}`));
  return svg('path', { class: 'edges', d: lines.join('') });
}

function gapDots(x: number, y: number): SVGElement[] {
  return [-8, 0, 8].map((offset) => svg('circle', { class: 'gap-dot', cx: x, cy: y + offset, r: 2 }));
}

export function networkDrawing(spec: NetworkSpec): SVGSVGElement {
  const units = [spec.inputCount, ...spec.layers.map((layer) => layer.units)];
  const columns = units.map((count, i) => ({ x: 70 + i * WIDTH, ...places(count) }));
  const width = 140 + (units.length - 1) * WIDTH;
  const drawing = svg('svg', {
    class: 'network', viewBox: `0 0 ${width} ${HEIGHT + 78}`, role: 'img', 'aria-label': `Network ${architecture(spec)}`,
  });
  columns.slice(1).forEach((column, i) => drawing.append(edges(columns[i].x, columns[i].y, column.y)));
  columns.forEach(({ x, y, gap }, i) => {
    drawing.append(...y.map((cy) => svg('circle', { class: i === 0 ? 'node input' : 'node', cx: x, cy, r: RADIUS })));
    if (gap !== null) drawing.append(...gapDots(x, gap));
    const kind = i === 0 ? 'inputs' : words(spec.layers[i - 1].activation);
    drawing.append(
      svg('text', { class: 'units', x, y: HEIGHT + 34, 'text-anchor': 'middle' }, thousands(units[i])),
      svg('text', { class: 'kind', x, y: HEIGHT + 62, 'text-anchor': 'middle' }, kind));
  });
  return drawing;
}
