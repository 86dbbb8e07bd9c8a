// The board: every job that the caller may see, live.

import { fill, h, setText } from '../core/dom';
import { id, number, owner, time, words } from '../core/format';
import { go, href } from '../core/router';
import { hasEnded, type Store } from '../core/store';
import type { Job } from '../core/types';
import { accuracyOf, jobLink, Progress, stateBadge, updateBadge, waiting } from '../widgets/job_parts';
import { Sparkline } from '../widgets/sparkline';
import type { App, View } from './view';

const FIRST_SHOWN = 60;
const SPARK_EVENTS = 600;

/** One job's line. It is made once and then brought up to date. */
class JobRow {
  readonly element = h('li', { class: 'job-row' });
  readonly pick: HTMLInputElement;
  private readonly badge = stateBadge('QUEUED');
  private readonly wait = h('span', { class: 'wait muted' });
  private readonly spark = new Sparkline();
  private readonly cost = h('span', { class: 'value' });
  private readonly accuracy = h('span', { class: 'value' });
  private readonly accuracyName = h('span', { class: 'cell-name' });
  private readonly progress: Progress;

  constructor(private readonly store: Store, private readonly name: string, job: Job, observer: IntersectionObserver) {
    this.progress = new Progress(id(name));
    this.pick = h('input', { type: 'checkbox', 'aria-label': `Compare ${id(name)}${store.several ? ` of ${owner(name)}` : ''}` });
    this.element.append(
      h('span', { class: 'cell pick' }, this.pick),
      h('div', { class: 'cell who' }, jobLink(job),
        h('span', { class: 'muted small-text' }, this.about(job))),
      h('div', { class: 'cell state' }, this.badge, this.wait),
      h('div', { class: 'cell' }, this.progress.element),
      h('div', { class: 'cell spark-cell' }, this.spark.element),
      h('div', { class: 'cell figure' }, h('span', { class: 'cell-name' }, 'Cost'), this.cost),
      h('div', { class: 'cell figure' }, this.accuracyName, this.accuracy));
    this.element.dataset.job = name;
    observer.observe(this.element);
    this.update();
  }

  update(): void {
    const job = this.store.jobs.get(this.name);
    if (!job) return;
    updateBadge(this.badge, job.state);
    setText(this.wait, waiting(job) || ended(job));
    this.progress.update(job);
    setText(this.cost, number(job.lastEpoch?.cost, 5));
    const accuracy = accuracyOf(job);
    setText(this.accuracy, accuracy.text);
    setText(this.accuracyName, accuracy.share === undefined ? 'Accuracy' : `Accuracy, ${accuracy.of}`);
    this.spark.draw(this.store.history(this.name).epochs.filter(Boolean).map((epoch) => epoch.cost));
  }

  /** Reads what the sparkline needs, once it is in sight. */
  load(): void {
    const last = Number(this.store.jobs.get(this.name)?.lastSequence ?? 0);
    void this.store.loadHistory(this.name, Math.max(0, last - SPARK_EVENTS)).catch(() => undefined);
  }

  private about(job: Job): string {
    const mine = this.store.several ? `${owner(job.name)} · ` : '';
    return `${mine}${id(job.spec.network)} on ${id(job.spec.dataset)}`;
  }
}

/** 09:45:43, diverged */
function ended(job: Job): string {
  if (!hasEnded(job) || !job.endTime) return '';
  const reason = job.error?.details?.find((detail) => detail.reason)?.reason;
  return reason ? `${time(job.endTime)}, ${words(reason)}` : time(job.endTime);
}

const GROUPS: [string, (job: Job) => boolean][] = [
  ['All', () => true],
  ['Active', (job) => !hasEnded(job)],
  ['Ended', hasEnded],
];

export function jobsView({ store }: App): View {
  const rows = new Map<string, JobRow>();
  const list = h('ul', { class: 'board' });
  const summary = h('p', { class: 'muted' });
  const empty = h('div', { class: 'empty', hidden: true });
  const more = h('button', { type: 'button', class: 'more', hidden: true });
  const search = h('input', { type: 'search', placeholder: 'Filter by name, network or dataset', 'aria-label': 'Filter jobs' });
  const compare = h('button', { type: 'button', disabled: true }, 'Compare');
  const tabs = GROUPS.map(([name]) => h('button', { type: 'button', 'aria-pressed': name === 'All' }, name));
  const toolbar = h('div', { class: 'toolbar' }, h('div', { class: 'segments', role: 'group', 'aria-label': 'Which jobs' }, ...tabs), search, compare);
  let group = 0;
  let shown = FIRST_SHOWN;

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      observer.unobserve(entry.target);
      rows.get((entry.target as HTMLElement).dataset.job ?? '')?.load();
    }
  });

  const picked = () => [...rows].filter(([, row]) => row.pick.checked).map(([name]) => name);
  const matches = (job: Job) => {
    const text = `${job.name} ${job.spec.network} ${job.spec.dataset} ${job.state}`.toLowerCase();
    return GROUPS[group][1](job) && text.includes(search.value.trim().toLowerCase());
  };
  const rowOf = (job: Job) => {
    let row = rows.get(job.name);
    if (!row) rows.set(job.name, (row = new JobRow(store, job.name, job, observer)));
    return row;
  };

  const tellPicked = () => {
    const { length } = picked();
    compare.disabled = length < 2;
    setText(compare, length > 1 ? `Compare ${length}` : 'Compare');
  };

  /** Which rows there are, and in which order. */
  const arrange = () => {
    for (const name of [...rows.keys()]) if (!store.jobs.has(name)) rows.delete(name);
    const found = store.sorted().filter(matches);
    const elements = found.slice(0, shown).map((job) => rowOf(job).element);
    if (elements.length !== list.children.length || elements.some((element, i) => element !== list.children[i])) {
      list.replaceChildren(...elements);
    }
    more.hidden = found.length <= shown;
    setText(more, `Show ${Math.min(found.length - shown, FIRST_SHOWN)} more`);
    empty.hidden = !store.loaded || found.length > 0;
    list.hidden = found.length === 0;
    toolbar.hidden = store.jobs.size === 0;
    tellPicked();
    if (!empty.hidden) fill(empty, ...nothing(store));
    setText(summary, store.loaded ? counted(store) : 'Loading …');
  };

  search.addEventListener('input', arrange);
  more.addEventListener('click', () => { shown += FIRST_SHOWN; arrange(); });
  tabs.forEach((tab, i) => tab.addEventListener('click', () => {
    group = i;
    tabs.forEach((other, j) => other.setAttribute('aria-pressed', String(i === j)));
    arrange();
  }));
  list.addEventListener('change', tellPicked);
  compare.addEventListener('click', () => {
    const [first, ...others] = picked();
    go(first, { with: others.join(',') });
  });

  const unsubscribe = store.subscribe((changed) => {
    arrange();
    for (const name of changed) rows.get(name)?.update();
  });
  arrange();
  return {
    title: 'Jobs',
    element: h('section', {},
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, 'Jobs'), summary),
        h('a', { class: 'button primary', href: href('new') }, 'New job')),
      toolbar,
      empty, list, more),
    dispose: () => { unsubscribe(); observer.disconnect(); },
  };
}

function counted(store: Store): string {
  const count = (states: string[]) => [...store.jobs.values()].filter((job) => states.includes(job.state)).length;
  const parts: [number, string][] = [
    [count(['RUNNING', 'PAUSING', 'CANCELLING']), 'running'], [count(['QUEUED']), 'queued'],
    [count(['PAUSED']), 'paused'], [count(['SUCCEEDED']), 'succeeded'], [count(['FAILED']), 'failed'],
  ];
  return parts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`).join(' · ') || 'No jobs yet';
}

function nothing(store: Store): Node[] {
  if (store.jobs.size > 0) return [h('p', {}, 'No job matches.')];
  return [
    h('h2', {}, 'Nothing has been trained yet'),
    h('p', { class: 'muted' }, 'A job takes a network and a dataset. The form has the course notebook’s run ready.'),
    h('a', { class: 'button primary', href: href('new') }, 'New job'),
  ];
}
