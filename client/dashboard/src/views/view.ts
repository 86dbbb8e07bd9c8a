// What a view is.

import type { Route } from '../core/router';
import type { Store } from '../core/store';

export interface View {
  title: string;
  element: HTMLElement;
  /** Ends subscriptions and requests that are under way. */
  dispose?: () => void;
}

export interface App { store: Store }

export type MakeView = (app: App, route: Route) => View;
