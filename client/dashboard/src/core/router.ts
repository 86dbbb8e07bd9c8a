// Which view the address asks for. All of it is in the fragment, so that the
// server has one page to serve and a reload comes back to the same view.

export interface Route {
  /** 'jobs', or ['users', 'local', 'jobs', 'first', 'evaluation'], … */
  path: string[];
  query: URLSearchParams;
}

/** As it stands where it is no escaped text. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function currentRoute(): Route {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path.split('/').filter(Boolean).map(decoded),
    query: new URLSearchParams(query ?? ''),
  };
}

export function href(path: string, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/${path}${text ? `?${text}` : ''}`;
}

export function go(path: string, query: Record<string, string> = {}): void {
  location.hash = href(path, query);
}

/** Changes the query of the current view without a step in the history. */
export function setQuery(query: Record<string, string>): void {
  history.replaceState(null, '', href(currentRoute().path.join('/'), query));
}
