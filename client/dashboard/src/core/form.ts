// Errors of a call, each beside the control that its field belongs to.

import { ApiError, messageOf } from './api';
import { setFieldError, setText } from './dom';

/** Control by the field's path as the server has it, such as job.spec.epochs. */
export type Controls = Record<string, HTMLElement>;

/** The control of a path, or of the longest path that it begins with. */
function controlOf(controls: Controls, path: string): HTMLElement | undefined {
  const fitting = Object.keys(controls).filter((key) => path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`));
  return controls[fitting.sort((a, b) => b.length - a.length)[0]];
}

export function clearErrors(controls: Controls, rest: HTMLElement): void {
  for (const control of Object.values(controls)) setFieldError(control, '');
  setText(rest, '');
}

/** The controls that an error speaks of. */
export function blamed(controls: Controls, error: unknown): HTMLElement[] {
  if (!(error instanceof ApiError)) return [];
  return [...error.violations.keys()].map((path) => controlOf(controls, path)).filter((found): found is HTMLElement => found !== undefined);
}

/** What has no control of its own is told in `rest`. */
export function showErrors(controls: Controls, rest: HTMLElement, ...errors: unknown[]): void {
  const left: string[] = [];
  const told = new Map<HTMLElement, string>();
  for (const error of errors) {
    const violations = error instanceof ApiError ? error.violations : new Map<string, string>();
    for (const [path, text] of violations) {
      const control = controlOf(controls, path);
      if (control) told.set(control, text);
      else left.push(text);
    }
    if (violations.size > 0) continue;
    const taken = error instanceof ApiError && error.status === 'ALREADY_EXISTS';
    const name = Object.keys(controls).find((key) => taken && key.endsWith('_id'));
    if (name) told.set(controls[name], messageOf(error));
    else left.push(messageOf(error));
  }
  // A message that stays is not said again by a screen reader.
  for (const control of Object.values(controls)) setFieldError(control, told.get(control) ?? '');
  setText(rest, left.join(' '));
}
