// One of a few, chosen by a button.

import { h } from '../core/dom';

export function segments(name: string, words: string[], pressed: number, choose: (index: number) => void): HTMLElement {
  const buttons = words.map((word, i) => h('button', { type: 'button', 'aria-pressed': i === pressed }, word));
  buttons.forEach((button, i) => button.addEventListener('click', () => {
    buttons.forEach((other, j) => other.setAttribute('aria-pressed', String(i === j)));
    choose(i);
  }));
  return h('div', { class: 'segments', role: 'group', 'aria-label': name }, ...buttons);
}
