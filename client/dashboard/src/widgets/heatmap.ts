// A confusion matrix: rows are the truth, columns the prediction. Its cells are
// buttons, and the arrows move among them; without `choose` it is a picture.

import { h } from '../core/dom';
import { thousands } from '../core/format';

export type Cell = { truth: number; predicted: number };

const STRONG = 0.78;

/** Never between 0.6 and 0.9, where neither dark nor light figures can be read. */
function opacity(strength: number): number {
  return strength > STRONG ? 0.9 + (0.1 * (strength - STRONG)) / (1 - STRONG) : (0.6 * strength) / STRONG;
}

export class Heatmap {
  readonly element: HTMLElement;
  private readonly cells: HTMLButtonElement[] = [];

  constructor(private readonly size: number, counts: number[], private readonly choose: ((cell: Cell) => void) | null) {
    const most = Math.max(1, ...counts.filter((_, i) => Math.floor(i / size) !== i % size));
    const totals = Array.from({ length: size }, (_, row) => counts.slice(row * size, (row + 1) * size).reduce((a, b) => a + b, 0));
    const rows = Array.from({ length: size }, (_, truth) => h('tr', {},
      h('th', { scope: 'row' }, truth),
      ...Array.from({ length: size }, (_, predicted) =>
        h('td', {}, this.cell({ truth, predicted }, counts[truth * size + predicted], most, totals[truth]))),
      h('td', { class: 'row-total muted' }, thousands(totals[truth]))));
    this.element = h('div', { class: 'table-frame' }, h('table', { class: 'heatmap' },
      h('caption', {}, `Rows: truth. Columns: prediction.${choose ? ' A cell opens the rows behind it.' : ''}`),
      h('thead', {}, h('tr', {}, h('td', {}), ...Array.from({ length: size }, (_, i) => h('th', { scope: 'col' }, i)), h('th', { scope: 'col', class: 'muted' }, 'rows'))),
      h('tbody', {}, ...rows)));
    this.element.addEventListener('keydown', (event) => this.move(event));
    const first = this.cells.find((cell) => !cell.disabled);
    if (first) first.tabIndex = 0;
  }

  select({ truth, predicted }: Cell): void {
    this.cells.forEach((cell, i) => cell.setAttribute('aria-pressed', String(i === truth * this.size + predicted)));
  }

  /** Right cells by their share of the row, wrong ones by the worst confusion. */
  private cell(place: Cell, count: number, most: number, total: number): HTMLButtonElement {
    const right = place.truth === place.predicted;
    const strength = count === 0 ? 0 : right ? count / Math.max(1, total) : 0.18 + 0.82 * (count / most);
    const cell = h('button', {
      type: 'button', class: right ? 'heat right' : 'heat wrong', tabindex: -1, 'aria-pressed': false,
      'aria-label': `${place.truth} ${right ? 'classified rightly' : `taken for ${place.predicted}`}: ${thousands(count)} rows`,
      onclick: () => { this.select(place); this.choose?.(place); },
    }, count === 0 ? '' : String(count));
    cell.classList.toggle('long', count > 999);
    cell.classList.toggle('none', count === 0);
    cell.style.setProperty('--strength', opacity(strength).toFixed(3));
    cell.classList.toggle('strong', strength > STRONG);
    cell.disabled = count === 0 || !this.choose;
    this.cells.push(cell);
    return cell;
  }

  private move(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.size, ArrowUp: -this.size };
    const step = steps[event.key] ?? 0;
    const from = this.cells.indexOf(event.target as HTMLButtonElement);
    if (step === 0 || from < 0) return;
    event.preventDefault();
    for (let to = from + step; to >= 0 && to < this.cells.length; to += step) {
      if (this.cells[to].disabled) continue;
      this.cells[from].tabIndex = -1;
      this.cells[to].tabIndex = 0;
      this.cells[to].focus();
      return;
    }
  }
}
