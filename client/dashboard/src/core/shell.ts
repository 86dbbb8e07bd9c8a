// The frame around every view: navigation, connection, theme, sign-in.

import { messageOf, onSignedOut, openSession } from './api';
import { field, fill, h, setFieldError, setText } from './dom';
import { bytes, duration, id, thousands } from './format';
import { currentRoute, href } from './router';
import { signOut, whoAmI } from './session';
import type { Store } from './store';
import { nextTheme, theme } from './theme';
import type { User } from './types';
import { attempt, openDialog } from '../widgets/dialog';

const PAGES: [string, string][] = [
  ['jobs', 'Jobs'], ['datasets', 'Datasets'], ['queue', 'Queue'], ['new', 'New job'],
];
// Of a server without logins, which serves loopback and no TLS.
const ONLY_USER = 'users/local';
const CONNECTION = { live: 'Live', waiting: 'Reconnecting …', refused: 'Not live: ', lost: 'Reading anew …' };

function themeButton(): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'quiet theme' });
  const show = () => {
    setText(button, { auto: '◐', light: '☀', dark: '☾' }[theme()]);
    button.setAttribute('aria-label', `Colours: ${theme()}. Change`);
    button.title = `Colours: ${theme()}`;
  };
  button.addEventListener('click', () => { nextTheme(); show(); });
  show();
  return button;
}

/** Asks for a token; resolves once the server has taken one. There is nothing
 * else to do before. */
function askForToken(): Promise<void> {
  return new Promise((resolve) => {
    const input = h('input', { type: 'password', autocomplete: 'off', required: true });
    openDialog('Sign in', (close) => {
      const form = h('form', { novalidate: true },
        h('p', {}, 'This server wants to know who you are. Paste a token of yours; ', h('code', {}, 'trainyard token create'), ' makes one.'),
        field('Token', input, 'It is exchanged for a cookie and not kept by this page.'),
        h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Sign in')));
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        openSession(input.value.trim()).then(() => { close(); resolve(); }, (error) => setFieldError(input, messageOf(error)));
      });
      return [form];
    }, { mustStay: true });
  });
}

/** However many calls are refused at once, the token is asked for once. */
function signInOnce(): () => Promise<void> {
  let asking: Promise<void> | null = null;
  return () => {
    asking ??= askForToken().finally(() => { asking = null; });
    return asking;
  };
}

/** Name, role, what is used of what is allowed, and the way out. */
function openAccount(user: User): void {
  const used = (name: string, value: string, most: string | null) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, most === null ? value : `${value} of ${most}`));
  const { usage, effectiveQuota: quota } = user;
  const count = (value: number | undefined) => (value === undefined ? null : thousands(value));
  openDialog(user.displayName || id(user.name), () => [
    h('p', { class: 'muted' }, `${user.name}, ${user.role.toLowerCase()}`),
    h('dl', { class: 'properties' },
      used('Datasets', bytes(usage?.datasetBytes ?? 0), quota?.datasetBytes === undefined ? null : bytes(quota.datasetBytes)),
      used('Checkpoints', bytes(usage?.checkpointBytes ?? 0), quota?.checkpointBytes === undefined ? null : bytes(quota.checkpointBytes)),
      used('Jobs that run', thousands(usage?.runningJobs ?? 0), count(quota?.runningJobs)),
      used('Jobs that wait', thousands(usage?.queuedJobs ?? 0), count(quota?.queuedJobs)),
      used('CPU time today', duration(usage?.cpuSecondsToday ?? 0), quota?.cpuSecondsPerDay === undefined ? null : duration(quota.cpuSecondsPerDay))),
    h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => void attempt(signOut) }, 'Sign out')),
  ]);
}

export interface Shell {
  main: HTMLElement;
  /** Shows who is signed in; nobody is where the server has one user. */
  welcome(user: User): void;
  /** Marks the page that the address belongs to. */
  mark(): void;
}

export function makeShell(store: Store): Shell {
  onSignedOut(signInOnce());
  const links = PAGES.map(([path, name]) => h('a', { href: href(path) }, name));
  const connection = h('span', { class: 'connection', role: 'status' });
  const main = h('main', { id: 'main', tabindex: -1 });
  const account = h('button', { type: 'button', class: 'account', hidden: true, onclick: () => void attempt(async () => openAccount(await whoAmI())) });
  const showConnection = () => {
    connection.dataset.state = store.connection;
    setText(connection, store.loaded || store.connection !== 'waiting' ? CONNECTION[store.connection] + store.refusal : 'Connecting …');
  };
  store.subscribe((changed) => { if (changed.has('connection') || changed.has('jobs')) showConnection(); });
  showConnection();
  document.body.replaceChildren(
    h('a', { class: 'skip', href: '#main', onclick: (event: Event) => { event.preventDefault(); main.focus(); } }, 'Skip to content'),
    h('header', { class: 'top' },
      h('a', { class: 'brand', href: href('jobs') }, 'Trainyard'),
      h('nav', { 'aria-label': 'Pages' }, ...links),
      h('div', { class: 'top-end' }, connection, account, themeButton())),
    main);
  return {
    main,
    welcome(user) {
      account.hidden = user.name === ONLY_USER && location.protocol === 'http:';
      account.setAttribute('aria-label', `Signed in as ${id(user.name)}`);
      fill(account, id(user.name), user.role === 'STUDENT' ? null : h('span', { class: 'muted role' }, user.role.toLowerCase()));
    },
    mark() {
      const [first, , third] = currentRoute().path;
      const page = first === 'users' ? third : first ?? 'jobs';
      PAGES.forEach(([path], i) => {
        if (path === page) links[i].setAttribute('aria-current', 'page');
        else links[i].removeAttribute('aria-current');
      });
    },
  };
}
