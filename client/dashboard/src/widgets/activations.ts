// Activations and their derivatives, as network.proto defines them, from -4 to 4.

import { h, svg } from '../core/dom';
import { words } from '../core/format';

type Pair = [value: (n: number) => number, derivative: (n: number) => number];

const sigmoid = (n: number) => 1 / (1 + Math.exp(-n));
const C = Math.sqrt(2 / Math.PI);
const inner = (n: number) => C * (n + 0.044715 * n ** 3);

const FUNCTIONS: Record<string, Pair> = {
  SIGMOID: [sigmoid, (n) => sigmoid(n) * (1 - sigmoid(n))],
  RELU: [(n) => Math.max(0, n), (n) => (n > 0 ? 1 : 0)],
  TANH: [Math.tanh, (n) => 1 - Math.tanh(n) ** 2],
  LINEAR: [(n) => n, () => 1],
  // One output against others that are held at 0.
  SOFTMAX: [sigmoid, (n) => sigmoid(n) * (1 - sigmoid(n))],
  STEP: [(n) => (n > 0 ? 1 : 0), () => 0],
  LEAKY_RELU: [(n) => (n > 0 ? n : 0.01 * n), (n) => (n > 0 ? 1 : 0.01)],
  GELU: [
    (n) => (n * (1 + Math.tanh(inner(n)))) / 2,
    (n) => (1 + Math.tanh(inner(n))) / 2 + ((n * (1 - Math.tanh(inner(n)) ** 2)) / 2) * C * (1 + 3 * 0.044715 * n * n),
  ],
  SOFTPLUS: [(n) => Math.log1p(Math.exp(n)), sigmoid],
};
const NOTES: Record<string, string> = { SOFTMAX: 'two classes, the other at 0' };

const RANGE = 4;
const SIZE = 160;
const STEPS = 160;
const LOW = -1.3;
const HIGH = 2.2;

const px = (n: number) => ((n + RANGE) / (2 * RANGE)) * SIZE;
const py = (value: number) => ((HIGH - value) / (HIGH - LOW)) * SIZE;

function curve(f: (n: number) => number, name: string): SVGElement {
  const points: string[] = [];
  for (let i = 0; i <= STEPS; i += 1) {
    const n = -RANGE + (2 * RANGE * i) / STEPS;
    points.push(`${px(n).toFixed(1)},${py(f(n)).toFixed(1)}`);
  }
  return svg('path', { class: name, d: `M${points.join('L')}` });
}

function axes(): SVGElement[] {
  const line = (d: string, name: string) => svg('path', { class: name, d });
  const tick = (text: string, x: number, y: number) => svg('text', { class: 'tick', x, y }, text);
  return [
    line(`M0,${py(1)}H${SIZE}M0,${py(-1)}H${SIZE}M0,${py(2)}H${SIZE}`, 'grid'),
    line(`M0,${py(0)}H${SIZE}M${px(0)},0V${SIZE}`, 'axis'),
    tick('1', px(0) + 3, py(1) - 3), tick('−4', 2, py(0) + 11), tick('4', SIZE - 8, py(0) + 11),
  ];
}

function plot(activation: string): HTMLElement {
  const [value, derivative] = FUNCTIONS[activation];
  return h('figure', { class: 'activation' },
    svg('svg', { viewBox: `0 0 ${SIZE} ${SIZE}`, role: 'img', 'aria-label': `${words(activation)} and its derivative` },
      ...axes(), curve(derivative, 'derivative'), curve(value, 'function')),
    h('figcaption', {}, words(activation), NOTES[activation] ? h('span', { class: 'muted small-text' }, ` ${NOTES[activation]}`) : null));
}

/** Those of a network at once, all others on demand. */
export function activationCurves(used: string[]): HTMLElement {
  const known = used.filter((name) => FUNCTIONS[name]);
  const others = Object.keys(FUNCTIONS).filter((name) => !known.includes(name));
  return h('div', {}, h('div', { class: 'activations' }, ...known.map(plot)),
    h('details', {}, h('summary', {}, 'The others'), h('div', { class: 'activations' }, ...others.map(plot))));
}
