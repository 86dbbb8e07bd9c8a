// A job: its head with what can be done to it, and one of its tabs.

import { messageOf } from '../core/api';
import { fill, h, setText } from '../core/dom';
import { id, owner, roughly, time } from '../core/format';
import { href, type Route } from '../core/router';
import type { Store } from '../core/store';
import type { Job } from '../core/types';
import { stateBadge, updateBadge, waiting } from '../widgets/job_parts';
import { JobActions } from './job_actions';
import { drawTab } from './job_draw';
import { evaluationTab } from './job_evaluation';
import { networkTab } from './job_network';
import { trainingTab } from './job_training';
import type { App, View } from './view';

/** A tab is made once its job is known, and again when the job has its first
 * weights; `update` hears of what changes of the job. */
export interface Tab { element: HTMLElement; update?: (job: Job) => void; dispose?: () => void }
export type MakeTab = (store: Store, job: Job, route: Route) => Tab;

const TABS: [string, string, MakeTab][] = [
  ['', 'Training', trainingTab],
  ['evaluation', 'Evaluation', evaluationTab],
  ['network', 'Network', networkTab],
  ['draw', 'Try it', drawTab],
];

function statusLine(job: Job): string {
  if (job.state === 'QUEUED') return waiting(job);
  if (job.state === 'FAILED') return job.error?.message ?? '';
  if (job.state === 'RUNNING' && job.lastEpoch) {
    const left = (job.spec.epochs ?? 0) - job.epochsCompleted;
    return `about ${roughly(left * job.lastEpoch.seconds)} to go`;
  }
  return job.endTime ? `ended ${time(job.endTime)}` : '';
}

export function jobView({ store }: App, route: Route): View {
  const name = route.path.slice(0, 4).join('/');
  const tab = TABS.find(([path]) => path === (route.path[4] ?? '')) ?? TABS[0];
  const badge = stateBadge('');
  const status = h('span', { class: 'muted status-line' });
  const actions = new JobActions(store, name);
  const body = h('div', { class: 'tab-body' }, h('p', { class: 'muted' }, 'Loading …'));
  const nav = h('nav', { class: 'tabs', 'aria-label': 'Parts of the job' }, ...TABS.map(([path, text]) =>
    h('a', { href: href(path ? `${name}/${path}` : name), 'aria-current': path === tab[0] ? 'page' : undefined }, text)));
  let content: Tab | null = null;
  let weightless = false;

  const update = () => {
    const job = store.jobs.get(name);
    if (!job) return;
    updateBadge(badge, job.state);
    setText(status, statusLine(job));
    status.classList.toggle('bad', job.state === 'FAILED');
    actions.update(job);
    const first = weightless && job.checkpointEpochs.length > 0;
    weightless = job.checkpointEpochs.length === 0;
    if (content && !(first && tab[0])) {
      content.update?.(job);
      return;
    }
    content?.dispose?.();
    content = tab[2](store, job, route);
    fill(body, content.element);
  };
  const unsubscribe = store.subscribe((changed) => {
    if (changed.has(name) || changed.has('jobs')) update();
    if (changed.has('jobs') && content && !store.jobs.has(name)) {
      fill(body, h('div', { class: 'empty' }, h('h2', {}, 'This job was deleted'), h('a', { href: href('jobs') }, 'To the jobs')));
      content.dispose?.();
    }
  });
  if (store.jobs.has(name)) update();
  else {
    store.refresh(name).then((job) => {
      if (!job) fill(body, h('div', { class: 'empty' }, h('h2', {}, 'There is no such job'), h('a', { href: href('jobs') }, 'To the jobs')));
      else update();
    }, (error) => fill(body, h('p', { class: 'bad' }, messageOf(error))));
  }
  return {
    title: id(name),
    element: h('section', {},
      h('p', { class: 'crumbs' }, h('a', { href: href('jobs') }, 'Jobs'), ` / ${owner(name)}`),
      h('div', { class: 'page-head' },
        h('div', {}, h('h1', {}, id(name)), h('p', { class: 'state-line' }, badge, status)), actions.element),
      nav, body),
    dispose: () => { unsubscribe(); content?.dispose?.(); },
  };
}

