// Horizontal bars: output vectors, histograms, scorecards.

import { h } from '../core/dom';

export interface Bar {
  label: string;
  /** Between 0 and 1: the part of the track that is filled. */
  share: number;
  text: string;
  /** good, bad or accent. */
  tone?: string;
}

export function bars(list: Bar[], name: string): HTMLElement {
  return h('ul', { class: 'bars', 'aria-label': name }, ...list.map((bar) => {
    const filled = h('span', { class: `bar ${bar.tone ?? ''}` });
    filled.style.setProperty('--share', String(Math.max(0, Math.min(1, bar.share))));
    return h('li', {}, h('span', { class: 'bar-label' }, bar.label),
      h('span', { class: 'bar-track', 'aria-hidden': 'true' }, filled), h('span', { class: 'bar-text' }, bar.text));
  }));
}

/** A network's output vector, the predicted class marked. One output tells two
 * classes apart, and is neither's own. */
export function outputBars(outputs: number[], predicted?: number, label?: number): HTMLElement {
  if (outputs.length === 1) {
    const tone = label === undefined ? 'accent' : label === predicted ? 'good' : 'bad';
    return bars([{ label: 'output', share: Math.abs(outputs[0]), text: outputs[0].toFixed(4), tone }], 'Output');
  }
  const tone = (i: number) => (i === label ? 'good' : i === predicted ? (label === undefined ? 'accent' : 'bad') : '');
  return bars(outputs.map((output, i) => ({
    label: String(i), share: Math.abs(output), text: output.toFixed(4), tone: tone(i),
  })), 'Output of each class');
}
