// Whole runs to begin a form with: the command line's presets notebook, mnist and
// playground.

import type { NetworkSpec } from '../core/types';

export interface Preset {
  name: string;
  about: string;
  network: { id: string; layers: string; activation: string; loss: string; initializer: string; bias: boolean };
  epochs: number;
  learningRate: number;
  batchSize: number;
  optimizer: string;
  schedule: string;
  warmup: number;
}

export const PRESETS: Preset[] = [
  {
    name: 'Course notebook', about: 'Sigmoid layers, squared error, one sample at a time.',
    network: { id: 'notebook', layers: '784,500,200,10', activation: 'SIGMOID', loss: 'TOTAL_SQUARED_ERROR', initializer: 'notebook', bias: true },
    epochs: 50, learningRate: 0.3, batchSize: 1, optimizer: 'sgd', schedule: 'constant', warmup: 0,
  },
  {
    name: 'MNIST, quickly', about: 'ReLU, cross entropy and Adam: 98\u00a0% in four epochs.',
    network: { id: 'mnist', layers: '784,500,200,10', activation: 'RELU', loss: 'CROSS_ENTROPY', initializer: 'he', bias: true },
    epochs: 4, learningRate: 0.002, batchSize: 128, optimizer: 'adam', schedule: 'cosine', warmup: 0.5,
  },
  {
    name: 'Playground', about: 'Points in the plane, a small tanh network.',
    network: { id: 'playground', layers: '2,16,16,1', activation: 'TANH', loss: 'TOTAL_SQUARED_ERROR', initializer: 'xavier', bias: true },
    epochs: 400, learningRate: 0.03, batchSize: 10, optimizer: 'sgd', schedule: 'constant', warmup: 0,
  },
];

/** The notebook's weights are drawn from -0.5 to 0.5. */
export function initializerOf(word: string): Record<string, Record<string, unknown>> {
  return word === 'notebook' ? { uniform: { low: -0.5, high: 0.5 } } : { [word]: {} };
}

/** Of words in a form. The output of a tanh network is tanh, too, as in the
 * playground; else the server chooses what goes with the loss. */
export function networkSpec(network: Preset['network']): NetworkSpec {
  const [inputCount, ...units] = network.layers.split(',').map((word) => Number(word.trim()));
  const layers = units.map((count, i) => {
    const output = i === units.length - 1;
    const own = !output || (network.activation === 'TANH' && network.loss === 'TOTAL_SQUARED_ERROR');
    return { units: count, activation: own ? network.activation : 'ACTIVATION_UNSPECIFIED' };
  });
  return { inputCount, layers, bias: network.bias, initializer: initializerOf(network.initializer), loss: network.loss };
}
