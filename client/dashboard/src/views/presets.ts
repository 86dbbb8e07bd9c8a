// Whole runs to begin a form with: the command line's presets. Of its logic gates,
// XOR, which a network with biases learns.

import type { NetworkSpec } from '../core/types';

/** A dataset that the server makes. */
export interface PresetData { id: string; kind: string; rows: number; seed: number; noise?: number }

export interface Preset {
  name: string;
  about: string;
  task: string;
  /** What it is trained on where nothing that fits is there: as a button says it,
   * and what is made, the training set first. */
  offer: string;
  data: PresetData[];
  network: {
    id: string; layers: string; activation: string; output: string; loss: string; initializer: string; bias: boolean;
  };
  epochs: number;
  learningRate: number;
  batchSize: number;
  reduction: string;
  optimizer: string;
  schedule: string;
  warmup: number;
}

/** The server chooses the output's activation, which goes with the loss. */
export const WITH_LOSS = 'ACTIVATION_UNSPECIFIED';

const plain = { reduction: 'MEAN', optimizer: 'sgd', schedule: 'constant', warmup: 0 };
const digits = {
  task: 'CLASSIFICATION', offer: 'Generate 2,000 digits',
  data: [{ id: 'digits-train', kind: 'DIGITS', rows: 2000, seed: 1 }, { id: 'digits-test', kind: 'DIGITS', rows: 1000, seed: 2 }],
};
const pair = (name: string, kind: string, noise?: number): PresetData[] =>
  ['train', 'test'].map((part, i) => ({ id: `${name}-${part}`, kind, rows: 500, seed: i + 1, noise }));

export const PRESETS: Preset[] = [
  {
    ...plain, ...digits, name: 'Course notebook', about: 'Sigmoid layers, squared error, one sample at a time.',
    network: { id: 'notebook', layers: '784,500,200,10', activation: 'SIGMOID', output: WITH_LOSS, loss: 'TOTAL_SQUARED_ERROR', initializer: 'notebook', bias: true },
    epochs: 50, learningRate: 0.3, batchSize: 1,
  },
  {
    ...plain, ...digits, name: 'MNIST, quickly', about: 'ReLU, cross entropy and Adam: 98\u00a0% in four epochs.',
    network: { id: 'mnist', layers: '784,500,200,10', activation: 'RELU', output: WITH_LOSS, loss: 'CROSS_ENTROPY', initializer: 'he', bias: true },
    epochs: 4, learningRate: 0.002, batchSize: 128, optimizer: 'adam', schedule: 'cosine', warmup: 0.5,
  },
  {
    ...plain, name: 'Logic gate', about: 'XOR, which a network with biases learns.',
    task: 'CLASSIFICATION', offer: 'Make the four rows of XOR', data: [{ id: 'gate-xor', kind: 'XOR', rows: 0, seed: 0 }],
    network: { id: 'gate', layers: '2,4,1', activation: 'SIGMOID', output: WITH_LOSS, loss: 'TOTAL_SQUARED_ERROR', initializer: 'unit', bias: true },
    epochs: 5000, learningRate: 0.1, batchSize: 4, reduction: 'SUM',
  },
  {
    ...plain, name: 'Playground', about: 'Two spirals in the plane, a small tanh network.',
    task: 'CLASSIFICATION', offer: 'Generate two spirals', data: pair('playground', 'SPIRAL', 0.05),
    network: { id: 'playground', layers: '2,16,16,1', activation: 'TANH', output: 'TANH', loss: 'TOTAL_SQUARED_ERROR', initializer: 'xavier', bias: true },
    epochs: 400, learningRate: 0.03, batchSize: 10,
  },
  {
    ...plain, name: 'Regression', about: 'A plane, fitted by a network with a linear output.',
    task: 'REGRESSION', offer: 'Generate points of a plane', data: pair('regression', 'PLANE'),
    network: { id: 'regression', layers: '2,8,1', activation: 'TANH', output: 'LINEAR', loss: 'TOTAL_SQUARED_ERROR', initializer: 'xavier', bias: true },
    epochs: 100, learningRate: 0.03, batchSize: 10,
  },
];

/** Bounds of the uniform distributions that have a name in the form. */
const UNIFORM: Record<string, { low: number; high: number }> = {
  notebook: { low: -0.5, high: 0.5 }, unit: { low: 0, high: 1 },
};

export function initializerOf(word: string): Record<string, Record<string, unknown>> {
  return UNIFORM[word] ? { uniform: UNIFORM[word] } : { [word]: {} };
}

/** Of words in a form. */
export function networkSpec(network: Preset['network']): NetworkSpec {
  const [inputCount, ...units] = network.layers.split(',').map((word) => Number(word.trim()));
  const layers = units.map((count, i) => ({ units: count, activation: i === units.length - 1 ? network.output : network.activation }));
  return { inputCount, layers, bias: network.bias, initializer: initializerOf(network.initializer), loss: network.loss };
}
