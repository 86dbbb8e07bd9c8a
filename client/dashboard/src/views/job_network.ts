// A job's network: drawn, in figures, and as functions.

import { h } from '../core/dom';
import { id, owner, thousands, words } from '../core/format';
import { mine } from '../core/session';
import type { Store } from '../core/store';
import type { Job, NetworkSpec } from '../core/types';
import { activationCurves } from '../widgets/activations';
import { networkDrawing } from '../widgets/network_drawing';
import type { Tab } from './job';
import { weightsOf } from './weights';

function layerTable(spec: NetworkSpec): HTMLElement {
  let inputs = spec.inputCount;
  let total = 0;
  const rows = spec.layers.map((layer, i) => {
    const biases = spec.bias === false ? 0 : layer.units;
    const parameters = inputs * layer.units + biases;
    const cells = [`${i + 1}`, words(layer.activation), `${thousands(inputs)} × ${thousands(layer.units)}`, thousands(biases), thousands(parameters)];
    inputs = layer.units;
    total += parameters;
    return h('tr', {}, ...cells.map((cell, column) => h('td', { class: column > 1 && 'right' }, cell)));
  });
  return h('div', { class: 'table-frame', tabindex: 0, role: 'region', 'aria-label': 'Layers' }, h('table', {},
    h('thead', {}, h('tr', {}, ...['Layer', 'Activation', 'W', 'b', 'Parameters'].map((name, column) =>
      h('th', { scope: 'col', class: column > 1 && 'right' }, name)))),
    h('tbody', {}, ...rows),
    h('tfoot', {}, h('tr', {}, h('td', { colspan: 4 }, 'Total'), h('td', { class: 'right' }, thousands(total))))));
}

export function networkTab(_store: Store, job: Job): Tab {
  const spec = job.networkSpec;
  const weights = weightsOf(job);
  return {
    update: (now) => weights?.follow(now),
    element: h('div', { class: 'stack' },
      h('section', { class: 'card' }, h('h2', {}, id(job.spec.network)), networkDrawing(spec), layerTable(spec)),
      mine(job.name) ? weights?.element : h('p', { class: 'muted' }, `The weights are ${owner(job.name)}’s alone.`),
      h('section', { class: 'card' }, h('h2', {}, 'Activations'),
        h('p', { class: 'muted' }, 'Each function of the weighted sum n, and its derivative (dashed), which backpropagation multiplies with.'),
        activationCurves([...new Set(spec.layers.map((layer) => layer.activation))]))),
  };
}
