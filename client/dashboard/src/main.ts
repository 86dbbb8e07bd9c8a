// Puts the page together: store, frame, and the view that the address names.

import { messageOf } from './core/api';
import { fill, h } from './core/dom';
import { currentRoute, href, type Route } from './core/router';
import { whoAmI } from './core/session';
import { makeShell } from './core/shell';
import { Store } from './core/store';
import { startTheme } from './core/theme';
import { datasetView } from './views/dataset';
import { datasetsView } from './views/datasets';
import { jobView } from './views/job';
import { jobsView } from './views/jobs';
import { newJobView } from './views/new_job';
import { queueView } from './views/queue';
import type { App, MakeView, View } from './views/view';

const PAGES: Record<string, MakeView> = {
  jobs: jobsView, datasets: datasetsView, queue: queueView, new: newJobView,
};
const RESOURCES: Record<string, MakeView> = { jobs: jobView, datasets: datasetView };
const RETRY_MS = 2000;

function notFound(): View {
  return {
    title: 'Not found',
    element: h('div', { class: 'empty' }, h('h1', {}, 'There is no such page'), h('a', { href: href('jobs') }, 'To the jobs')),
  };
}

function viewOf(app: App, route: Route): View {
  const [first, , collection] = route.path;
  const make = first === 'users' ? RESOURCES[collection] : PAGES[first ?? 'jobs'];
  return make ? make(app, route) : notFound();
}

/** Until the server answers, tries again. */
async function persist<T>(work: () => Promise<T>, tell: (problem: string) => void): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      tell(messageOf(error));
      await new Promise((resolve) => window.setTimeout(resolve, RETRY_MS));
    }
  }
}

/** A file that misses the place for it is not to take the page's place. */
function keepFilesOut(event: DragEvent): void {
  if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = 'none';
}

async function start(): Promise<void> {
  startTheme();
  for (const name of ['dragover', 'drop'] as const) window.addEventListener(name, keepFilesOut);
  const store = new Store();
  const shell = makeShell(store);
  let view: View | null = null;
  const show = () => {
    view?.dispose?.();
    view = viewOf({ store }, currentRoute());
    shell.main.replaceChildren(view.element);
    shell.mark();
    document.title = `${view.title} · Trainyard`;
    window.scrollTo(0, 0);
  };
  const tell = (problem: string) => fill(shell.main, h('p', { class: 'bad' }, problem));
  // What is shown depends on who looks.
  shell.welcome(await persist(whoAmI, tell));
  window.addEventListener('hashchange', () => { show(); shell.main.focus({ preventScroll: true }); });
  show();
  await persist(() => store.start(), () => undefined);
}

void start();
