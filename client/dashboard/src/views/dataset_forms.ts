// New datasets: an upload, by drag and drop, or the server's generators.

import { post, requestId } from '../core/api';
import { field, fill, h, setText } from '../core/dom';
import { bytes, id, thousands } from '../core/format';
import { clearErrors, showErrors, type Controls } from '../core/form';
import { href } from '../core/router';
import type { Dataset } from '../core/types';
import { notify } from '../widgets/dialog';
import { uploadPart, type Part } from '../widgets/upload';

/** train-images-idx3-ubyte.gz -> train-images-idx3-ubyte */
function idFrom(fileName: string): string {
  const stem = fileName.toLowerCase().replace(/\.(gz|csv|npy|idx)/g, '');
  return stem.replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '').slice(0, 63);
}

const LABELS = /label|target|(^|[-_.])y([-_.]|$)/i;

class UploadProgress {
  readonly element = h('div', { class: 'upload-progress', hidden: true });
  private readonly bar = h('span', { class: 'progress-fill' });
  private readonly track = h('span', { class: 'progress-track', role: 'progressbar', 'aria-label': 'Upload', 'aria-valuemin': 0, 'aria-valuemax': 100 }, this.bar);
  private readonly text = h('span', { class: 'progress-text' });

  constructor() {
    this.element.append(h('div', { class: 'progress' }, this.track, this.text));
  }

  show(done: number, total: number): void {
    this.element.hidden = false;
    const share = total > 0 ? done / total : 1;
    this.bar.style.setProperty('--share', String(share));
    this.track.setAttribute('aria-valuenow', String(Math.round(share * 100)));
    setText(this.text, `${bytes(done)} of ${bytes(total)}`);
  }
}

/** A zone for files: they are dropped on it, or chosen with it. */
function dropZone(take: (files: File[]) => void): HTMLElement {
  const input = h('input', { type: 'file', multiple: true, class: 'visually-hidden', id: 'upload-files' });
  const zone = h('div', { class: 'drop' },
    h('p', {}, 'Drop files here, or ', h('label', { for: 'upload-files', class: 'link' }, 'choose them'), input, '.'),
    h('p', { class: 'muted small-text' }, 'CSV; or IDX or NPY with a second file of labels. Plain or gzip.'));
  input.addEventListener('change', () => take([...(input.files ?? [])]));
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    take([...(event.dataTransfer?.files ?? [])]);
  });
  return zone;
}

/** What the rows are to be read as. */
class Reading {
  readonly task = h('select', {}, h('option', { value: 'CLASSIFICATION' }, 'labels of classes'), h('option', { value: 'REGRESSION' }, 'real values'));
  readonly columns = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  readonly element = h('div', { class: 'grid-2' },
    field('What is to be learnt', this.task),
    field('Its columns', this.columns, 'CSV: names, or numbers from 0. Empty: label, target or class; without a header, the first.'));

  source(separateLabels: boolean): object {
    const named = this.columns.value.split(',').map((word) => word.trim()).filter(Boolean);
    const task = this.task.value;
    return { task, upload: task === 'REGRESSION' ? { separateLabels, targetColumns: named } : { separateLabels, labelColumn: named.join(',') } };
  }
}

export function uploadCard(changed: () => void): HTMLElement {
  const name = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  const reading = new Reading();
  const chosen = h('ul', { class: 'files' });
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const progress = new UploadProgress();
  const button = h('button', { class: 'primary', disabled: true }, 'Upload');
  const controls: Controls = {
    dataset_id: name, 'dataset.task': reading.task, 'dataset.upload.label_column': reading.columns, 'dataset.upload.target_columns': reading.columns,
  };
  let files: [Part, File][] = [];
  // Made for these files, and not yet full.
  let begun: Dataset | null = null;

  const take = (given: File[]) => {
    const labels = given.length > 1 ? given.find((file) => LABELS.test(file.name)) : undefined;
    const data = given.find((file) => file !== labels);
    files = [];
    begun = null;
    if (data) files.push(['DATA', data]);
    if (labels) files.push(['LABELS', labels]);
    fill(chosen, ...files.map(([part, file]) => h('li', {}, file.name, h('span', { class: 'muted' }, ` ${part.toLowerCase()}, ${bytes(file.size)}`))));
    setText(problem, given.length > 2 ? 'A dataset has one file of rows, and at most one of labels.' : '');
    button.disabled = files.length === 0 || given.length > 2;
    if (data && !name.value) name.value = idFrom(data.name);
  };
  const upload = async () => {
    const source = reading.source(files.length > 1);
    const wanted = name.value.trim();
    if (!begun || id(begun.name) !== wanted) begun = await post<Dataset>('users/me/datasets', source, { dataset_id: wanted, request_id: requestId() });
    const made = begun;
    const total = files.reduce((sum, [, file]) => sum + file.size, 0);
    let before = 0;
    for (const [part, file] of files) {
      await uploadPart(made.name, part, file, (done) => progress.show(before + done, total));
      before += file.size;
    }
    begun = null;
    notify(`${id(made.name)} is uploaded; a worker reads it`);
    // Whoever looks at something else by now is not taken away from it.
    if (chosen.isConnected) location.hash = href(made.name);
  };
  const form = h('form', { novalidate: true }, dropZone(take), chosen, field('Name', name), reading.element, progress.element, problem,
    h('div', { class: 'actions' }, button));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearErrors(controls, problem);
    button.disabled = true;
    upload().catch((error) => showErrors(controls, problem, error)).finally(() => { button.disabled = false; changed(); });
  });
  return h('section', { class: 'card' }, h('h2', {}, 'Upload'), form);
}

const KINDS: [string, string][] = [
  ['DIGITS', 'Digits, 28 × 28'], ['XOR', 'Logic gate: XOR'], ['AND', 'Logic gate: AND'], ['OR', 'Logic gate: OR'],
  ['NAND', 'Logic gate: NAND'], ['NOR', 'Logic gate: NOR'], ['CIRCLE', 'Points: circle'], ['XOR_POINTS', 'Points: XOR'],
  ['GAUSS', 'Points: Gauss'], ['SPIRAL', 'Points: spiral'], ['PLANE', 'Regression: plane'], ['GAUSS_REGRESSION', 'Regression: Gauss'],
];

export function generateCard(changed: () => void): HTMLElement {
  const name = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', value: 'digits' });
  const kind = h('select', {}, ...KINDS.map(([value, text]) => h('option', { value }, text)));
  const rows = h('input', { type: 'number', min: 1, step: 1, value: 2000 });
  const noise = h('input', { type: 'number', min: 0, max: 1, step: 'any' });
  const seed = h('input', { type: 'number', step: 1, value: 1 });
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const controls: Controls = {
    dataset_id: name, 'dataset.generator.kind': kind, 'dataset.generator.row_count': rows,
    'dataset.generator.noise': noise, 'dataset.generator.seed': seed,
  };
  const generate = async () => {
    const generator = { kind: kind.value, rowCount: rows.value || '0', seed: seed.value || '0', noise: noise.value === '' ? undefined : Number(noise.value) };
    const made = await post<Dataset>('users/me/datasets', { generator }, { dataset_id: name.value.trim(), request_id: requestId() });
    notify(`${id(made.name)} is being made`);
    changed();
  };
  kind.addEventListener('change', () => {
    name.value = kind.value.toLowerCase().replace(/_/g, '-');
    rows.value = kind.value === 'DIGITS' ? '2000' : KINDS.findIndex(([value]) => value === kind.value) < 6 ? '' : '500';
    rows.placeholder = rows.value ? '' : thousands(4);
  });
  const form = h('form', { novalidate: true },
    h('div', { class: 'grid-2' }, field('Kind', kind), field('Name', name), field('Rows', rows), field('Noise', noise, 'Empty: the kind’s own.'), field('Seed', seed)),
    problem, h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Generate')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearErrors(controls, problem);
    generate().catch((error) => showErrors(controls, problem, error));
  });
  return h('section', { class: 'card' }, h('h2', {}, 'Generate'), form);
}
