// Pieces of a job that several views show.

import { h, setText } from '../core/dom';
import { id, ordinal, percent, roughly, thousands } from '../core/format';
import { href } from '../core/router';
import type { Job } from '../core/types';

export function stateBadge(state: string): HTMLElement {
  return h('span', { class: `badge state-${state.toLowerCase()}` }, state);
}

export function updateBadge(badge: HTMLElement, state: string): void {
  if (badge.textContent === state) return;
  badge.className = `badge state-${state.toLowerCase()}`;
  badge.textContent = state;
}

/** 1st in the queue: 1 of 1 slots are busy; it is next; starts in about 12 s */
export function waiting(job: Job): string {
  if (job.state !== 'QUEUED') return '';
  const position = job.queuePosition > 0 ? `${ordinal(job.queuePosition)} in the queue` : 'in the queue';
  const wait = job.queueWaitSeconds ? `; starts in about ${roughly(job.queueWaitSeconds)}` : '';
  return job.queueReason ? `${position}: ${job.queueReason}${wait}` : position;
}

export function jobLink(job: { name: string }, tab = ''): HTMLAnchorElement {
  return h('a', { href: href(tab ? `${job.name}/${tab}` : job.name) }, id(job.name));
}

/** On the validation set where there is one. */
export function accuracyOf(job: Job): { text: string; share?: number; of: string } {
  const epoch = job.lastEpoch;
  if (epoch?.validationAccuracy !== undefined) {
    return { text: percent(epoch.validationAccuracy), share: epoch.validationAccuracy, of: 'validation' };
  }
  return { text: percent(epoch?.trainAccuracy), share: epoch?.trainAccuracy, of: 'training' };
}

/** A bar of epochs with its count. */
export class Progress {
  private readonly fill = h('span', { class: 'progress-fill' });
  private readonly text = h('span', { class: 'progress-text' });
  private readonly track = h('span', { class: 'progress-track', role: 'progressbar', 'aria-valuemin': 0 }, this.fill);
  readonly element = h('div', { class: 'progress' }, this.track, this.text);

  constructor(name: string) {
    this.track.setAttribute('aria-label', `Epochs of ${name}`);
  }

  update(job: Job): void {
    const total = job.spec.epochs ?? 0;
    const done = job.epochsCompleted;
    const share = total > 0 ? done / total : job.state === 'SUCCEEDED' ? 1 : 0;
    this.fill.style.setProperty('--share', String(share));
    this.element.className = `progress state-${job.state.toLowerCase()}`;
    this.track.setAttribute('aria-valuemax', String(Math.max(total, 1)));
    this.track.setAttribute('aria-valuenow', String(done));
    setText(this.text, `${thousands(done)} / ${thousands(total)}`);
  }
}
