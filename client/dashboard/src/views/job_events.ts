// What happened to a job, newest first; its epochs are the curve.

import { h } from '../core/dom';
import { bytes, id, percent, time } from '../core/format';
import { href } from '../core/router';
import type { Store } from '../core/store';
import type { TrainingEvent } from '../core/types';
import { stateBadge } from '../widgets/job_parts';

const SHOWN = 200;

function content(event: TrainingEvent): (Node | string)[] {
  if (event.stateChange) {
    const { state, reason, error } = event.stateChange;
    return [stateBadge(state), ' ', error?.message || reason];
  }
  if (event.checkpoint) {
    return [`Checkpoint of epoch ${event.checkpoint.epoch}, ${bytes(event.checkpoint.sizeBytes)}`];
  }
  if (event.evaluation) {
    const { evaluation, accuracy } = event.evaluation;
    const job = evaluation.split('/').slice(0, 4).join('/');
    const link = h('a', { href: href(`${job}/evaluation`, { show: id(evaluation) }) }, 'Evaluation');
    return [link, accuracy === undefined ? '' : ` ${percent(accuracy)}`];
  }
  return [h('span', { class: 'warn' }, event.warning?.message ?? '')];
}

export class EventList {
  readonly element = h('div', {});
  private shown = 0;
  private attempts = 1;

  constructor(private readonly store: Store, private readonly name: string) {
    this.update();
  }

  update(): void {
    const notes = this.store.history(this.name).notes;
    if (notes.length === this.shown && this.shown > 0) return;
    this.shown = notes.length;
    this.attempts = Math.max(1, ...notes.map((event) => event.attempt));
    const lines = notes.slice(-SHOWN).reverse().map((event) => this.line(event));
    this.element.replaceChildren(lines.length > 0 ? h('ol', { class: 'events' }, ...lines) : h('p', { class: 'muted' }, 'Nothing yet.'));
  }

  private line(event: TrainingEvent): HTMLElement {
    const attempt = this.attempts > 1 && event.attempt > 0 ? `attempt ${event.attempt}` : '';
    return h('li', {}, h('time', { class: 'muted', datetime: event.time }, time(event.time)),
      h('span', {}, ...content(event)), h('span', { class: 'muted small-text' }, attempt));
  }
}
