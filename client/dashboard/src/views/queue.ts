// The queue: what runs, and who waits for what, as the caller may see it.

import { messageOf } from '../core/api';
import { fill, h, refill } from '../core/dom';
import { ordinal, owner, roughly, seconds } from '../core/format';
import type { Store } from '../core/store';
import type { Queue, QueueEntry } from '../core/types';
import { jobLink, Progress, stateBadge } from '../widgets/job_parts';
import type { App, View } from './view';

const REFRESH_MS = 400;
// Of others' jobs a student hears nothing.
const POLL_MS = 3000;

function line(store: Store, entry: QueueEntry): HTMLElement {
  const job = store.jobs.get(entry.job);
  const progress = new Progress(entry.job);
  if (job) progress.update(job);
  const estimate = entry.estimate === undefined ? undefined : seconds(entry.estimate);
  const when = estimate === undefined ? '' : entry.running ? `about ${roughly(estimate)} to go` : `starts in about ${roughly(estimate)}`;
  return h('li', { class: 'queue-row' },
    h('span', { class: 'place' }, entry.running ? '' : ordinal(entry.position)),
    h('div', { class: 'who' }, jobLink({ name: entry.job }), h('span', { class: 'muted small-text' }, owner(entry.job))),
    stateBadge(entry.running ? 'RUNNING' : 'QUEUED'),
    h('div', { class: 'for' }, entry.running && job ? progress.element : entry.reason),
    h('div', { class: 'when muted' }, when));
}

function figures(queue: Queue): HTMLElement {
  const figure = (name: string, value: number) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
  return h('dl', { class: 'figures' },
    figure('Slots', queue.slots), figure('Running', queue.runningCount), figure('Waiting', queue.queuedCount),
    figure('Users', queue.userCount));
}

function content(store: Store, queue: Queue): Node[] {
  const hidden = queue.runningCount + queue.queuedCount - queue.entries.length;
  if (queue.entries.length === 0 && hidden <= 0) {
    return [h('div', { class: 'empty' }, h('h2', {}, 'Nothing runs and nobody waits'), h('p', { class: 'muted' }, 'A job that is created now starts at once.'))];
  }
  const others = hidden > 0 ? h('p', { class: 'muted' }, `and ${hidden} ${hidden === 1 ? 'job' : 'jobs'} of others`) : '';
  return [figures(queue), h('ol', { class: 'queue' }, ...queue.entries.map((entry) => line(store, entry))), h('div', {}, others)];
}

export function queueView({ store }: App): View {
  const body = h('div', { class: 'stack' }, h('p', { class: 'muted' }, 'Loading …'));
  let timer = 0;
  let ended = false;
  const load = async () => {
    timer = 0;
    try {
      const queue = await store.queue();
      if (!ended) refill(body, ...content(store, queue));
    } catch (error) {
      if (!ended) fill(body, h('p', { class: 'bad' }, messageOf(error)));
    }
  };
  // Any event may have moved it; many at once are one reading.
  const unsubscribe = store.subscribe(() => { timer ||= window.setTimeout(() => void load(), REFRESH_MS); });
  const poll = window.setInterval(() => void load(), POLL_MS);
  void load();
  return {
    title: 'Queue',
    element: h('section', {}, h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, 'Queue'),
      h('p', { class: 'muted' }, 'What runs, and who waits for what.'))), body),
    dispose: () => { ended = true; unsubscribe(); window.clearTimeout(timer); window.clearInterval(poll); },
  };
}
