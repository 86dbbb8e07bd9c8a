// Dialogs and short notices.

import { messageOf } from '../core/api';
import { freshId, h } from '../core/dom';

export interface DialogOptions {
  onClose?: () => void;
  /** Only `close` ends it. */
  mustStay?: boolean;
}

/** A modal dialog; `close` ends it. */
export function openDialog(title: string, content: (close: () => void) => Node[], { onClose, mustStay = false }: DialogOptions = {}): void {
  const id = freshId();
  const dialog = h('dialog', { 'aria-labelledby': id });
  let closing = false;
  const close = () => { closing = true; dialog.close(); };
  dialog.append(
    h('header', {}, h('h2', { id }, title),
      !mustStay && h('button', { class: 'quiet', type: 'button', 'aria-label': 'Close', onclick: close }, '✕')),
    ...content(close));
  dialog.addEventListener('cancel', (event) => { if (mustStay) event.preventDefault(); });
  dialog.addEventListener('close', () => {
    // A browser closes it on a second Escape, whatever was said to the first.
    if (mustStay && !closing) {
      dialog.showModal();
      return;
    }
    dialog.remove();
    onClose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Asks; resolves to whether the answer was yes. */
export function confirmed(title: string, text: string, yes: string): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = false;
    openDialog(title, (close) => [
      h('p', {}, text),
      h('div', { class: 'actions' },
        h('button', { type: 'button', onclick: close }, 'Keep it'),
        h('button', { type: 'button', class: 'danger', onclick: () => { answer = true; close(); } }, yes)),
    ], { onClose: () => resolve(answer) });
  });
}

const NOTICE_MS = 6000;
const place = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });

/** A line at the edge of the page, for a while. */
export function notify(text: string, tone: 'good' | 'bad' = 'good'): void {
  if (!place.isConnected) document.body.append(place);
  const notice = h('p', { class: `notice ${tone}` }, text);
  place.append(notice);
  window.setTimeout(() => notice.remove(), NOTICE_MS);
}

/** Runs what a button does; what goes wrong is told. */
export async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    notify(messageOf(error), 'bad');
  }
}
