// All datasets, and ways to a new one.

import { messageOf } from '../core/api';
import { listDatasets } from '../core/datasets';
import { fill, h } from '../core/dom';
import { bytes, id, owner, several, thousands, words } from '../core/format';
import { href } from '../core/router';
import type { Dataset } from '../core/types';
import { stateBadge } from '../widgets/job_parts';
import { generateCard, uploadCard } from './dataset_forms';
import type { View } from './view';

const POLL_MS = 700;

function shape(dataset: Dataset): string {
  const image = dataset.imageShape;
  const features = image ? `${image.height} × ${image.width} image` : several(dataset.featureCount, 'feature');
  const targets = dataset.task === 'REGRESSION' ? several(dataset.targetCount, 'target') : several(dataset.classCount, 'class', 'classes');
  const size = Number(dataset.sizeBytes) > 0 ? ` · ${bytes(dataset.sizeBytes)}` : '';
  const shared = dataset.visibility === 'CLASS' || dataset.visibility === 'HIDDEN' ? ` · ${words(dataset.visibility)}` : '';
  return dataset.state === 'ACTIVE' ? `${features} · ${targets}${size}${shared}` : words(dataset.state);
}

function card(dataset: Dataset, owned: boolean): HTMLElement {
  return h('li', { class: 'dataset-card' },
    h('a', { href: href(dataset.name) }, id(dataset.name)),
    dataset.state === 'ACTIVE' ? h('span', { class: 'value' }, `${thousands(dataset.rowCount)} rows`) : stateBadge(dataset.state),
    h('span', { class: 'muted small-text about' }, `${owned ? `${owner(dataset.name)} · ` : ''}${shape(dataset)}`));
}

export function datasetsView(): View {
  const list = h('div', {}, h('p', { class: 'muted' }, 'Loading …'));
  let timer = 0;
  let ended = false;

  const load = async () => {
    window.clearTimeout(timer);
    let found: Dataset[];
    try {
      found = await listDatasets();
    } catch (error) {
      fill(list, h('p', { class: 'bad' }, messageOf(error)));
      return;
    }
    if (ended) return;
    const owners = new Set(found.map((dataset) => owner(dataset.name))).size;
    if (found.length === 0) {
      fill(list, h('div', { class: 'empty' }, h('h2', {}, 'No datasets yet'),
        h('p', { class: 'muted' }, 'Upload a file, or let the server draw handwritten-like digits.')));
    } else {
      fill(list, h('ul', { class: 'datasets' }, ...found.map((dataset) => card(dataset, owners > 1))));
    }
    // One that is being made is watched until it is done.
    if (found.some((dataset) => dataset.state === 'INGESTING')) timer = window.setTimeout(() => void load(), POLL_MS);
  };
  void load();
  return {
    title: 'Datasets',
    element: h('section', { class: 'stack' },
      h('div', { class: 'page-head' }, h('h1', {}, 'Datasets')), list,
      h('div', { class: 'columns' }, uploadCard(() => void load()), generateCard(() => void load()))),
    dispose: () => { ended = true; window.clearTimeout(timer); },
  };
}
