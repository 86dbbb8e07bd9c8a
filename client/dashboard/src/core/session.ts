// Who uses the page, and what is theirs.

import { get, remove } from './api';
import { owner } from './format';
import type { Dataset, User } from './types';

/** Set before the first view is made. */
let me: User | null = null;

/** Asks the server who calls; where it wants a token, asks for one first. */
export async function whoAmI(): Promise<User> {
  me = await get<User>('users/me');
  return me;
}

export function mine(name: string): boolean {
  return me !== null && owner(name) === owner(me.name);
}

/** Whether others' jobs are theirs to see, and to halt. */
export function staff(): boolean {
  return me?.role === 'INSTRUCTOR' || me?.role === 'ADMIN';
}

/** Whether its rows may be read: to be looked at, trained or predicted on. */
export function readable(dataset: Dataset): boolean {
  return dataset.visibility !== 'HIDDEN' && (mine(dataset.name) || dataset.visibility === 'CLASS');
}

/** Forgets the cookie, and with it everything that the page has read. */
export async function signOut(): Promise<void> {
  await remove('session');
  location.reload();
}
