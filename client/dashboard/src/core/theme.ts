// Light, dark, or what the system says.

const KEY = 'trainyard.theme';
const ORDER = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof ORDER)[number];

const listeners = new Set<() => void>();
const system = window.matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return ORDER.find((theme) => theme === value) ?? 'auto';
  } catch {
    return 'auto'; // storage may be forbidden
  }
}

let current: Theme = stored();

function show(): void {
  const dark = current === 'dark' || (current === 'auto' && system.matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  for (const listener of [...listeners]) listener();
}

export function startTheme(): void {
  system.addEventListener('change', show);
  show();
}

export function theme(): Theme {
  return current;
}

export function nextTheme(): Theme {
  current = ORDER[(ORDER.indexOf(current) + 1) % ORDER.length];
  try {
    localStorage.setItem(KEY, current);
  } catch {
    // then it lasts as long as the page
  }
  show();
  return current;
}

/** Calls `listener` when colours change; returns what ends that. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The value of a custom property, as the stylesheet has it now. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export const SERIES = 8;

/** Colour of the n-th of several curves, from 0. */
export function seriesColor(index: number): string {
  return color(`--series-${(index % SERIES) + 1}`);
}
