// Calls of the HTTP API: JSON in, JSON out, errors as google.rpc.Status.

import type { Detail, Status } from './types';

/** Parent of all that the caller may see. */
export const EVERYBODY = 'users/-';

export type Query = Record<string, string | number | boolean | undefined>;

/** An answer that is an error, or no answer. */
export class ApiError extends Error {
  /** HTTP status; 0 where no answer came. */
  readonly http: number;
  /** NOT_FOUND and its kin. */
  readonly status: string;
  readonly details: Detail[];

  constructor(http: number, error: Partial<Status>) {
    super(error.message || (http ? `the server answered ${http}` : 'the server does not answer'));
    this.http = http;
    this.status = error.status ?? '';
    this.details = error.details ?? [];
  }

  get reason(): string {
    return this.details.find((detail) => detail.reason)?.reason ?? '';
  }

  /** Description by field: job.spec.epochs. */
  get violations(): Map<string, string> {
    const found = new Map<string, string>();
    for (const detail of this.details) {
      for (const violation of detail.fieldViolations ?? []) {
        found.set(violation.field, violation.description);
      }
    }
    return found;
  }
}

/** What an error of any kind says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let signIn: () => Promise<void> = () => Promise.reject(new ApiError(401, {}));

/** What to do where a call answers that nobody is signed in; the call is then
 * made once more. */
export function onSignedOut(handler: () => Promise<void>): void {
  signIn = handler;
}

/** /v1/{path}?page_size=… */
export function url(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `/v1/${path}${text ? `?${text}` : ''}`;
}

async function errorOf(response: Response): Promise<ApiError> {
  try {
    const body = await response.json();
    return new ApiError(response.status, body.error ?? body);
  } catch {
    return new ApiError(response.status, {});
  }
}

/** Why a stream of events is refused, which an EventSource does not say; null where it
 * is not, or no answer came. */
export async function refusalOf(address: string): Promise<ApiError | null> {
  const abort = new AbortController();
  const headers = { Accept: 'text/event-stream' };
  try {
    const response = await fetch(address, { headers, credentials: 'same-origin', signal: abort.signal });
    return response.ok ? null : await errorOf(response);
  } catch {
    return null;
  } finally {
    abort.abort();
  }
}

const TRIES = 10;
const LONGEST_WAIT_S = 2;
const SLOW_MS = 500;

/** In how many seconds a call that came too soon after others may be made again. */
function soonest(response: Response): number {
  return response.status === 429 ? Number(response.headers.get('Retry-After') ?? Infinity) : Infinity;
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => window.setTimeout(resolve, ms));
}

// Calls that came too soon stand in a line, and so do those made while it stands: all of
// them at once would be too many again, and one that is unlucky each time would give up.
let line: Promise<void> = Promise.resolve();
let inLine = 0;

/** Runs `call` when those before it have called `passOn`, or ended. */
async function inTurn<T>(call: (passOn: () => void) => Promise<T>): Promise<T> {
  const before = line;
  let passOn = () => {};
  line = new Promise((resolve) => { passOn = resolve; });
  inLine += 1;
  try {
    await before;
    return await call(passOn);
  } finally {
    passOn();
    inLine -= 1;
  }
}

/** The answer of `send`, which is called again while it comes too soon. */
async function admitted(send: () => Promise<Response>, passOn: () => void): Promise<Response> {
  for (let tries = 1; ; tries += 1) {
    const sent = send();
    // What takes long was admitted.
    void Promise.race([sent.then(() => false, () => false), after(SLOW_MS).then(() => true)])
      .then((slow) => { if (slow) passOn(); });
    const response = await sent;
    const wait = soonest(response);
    if (wait > LONGEST_WAIT_S || tries === TRIES) return response;
    await after(wait * 1000);
  }
}

async function answer(method: string, address: string, body?: BodyInit, type?: string): Promise<Response> {
  const headers: Record<string, string> = type ? { 'Content-Type': type } : {};
  const send = async () => {
    try {
      return await fetch(address, { method, body, headers, credentials: 'same-origin' });
    } catch {
      throw new ApiError(0, {});
    }
  };
  let response = inLine === 0 ? await send() : null;
  if (!response || soonest(response) <= LONGEST_WAIT_S) {
    response = await inTurn((passOn) => admitted(send, passOn));
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function signedIn(call: () => Promise<Response>): Promise<Response> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ApiError) || error.http !== 401) throw error;
    await signIn();
    return call();
  }
}

export async function get<T>(path: string, query: Query = {}): Promise<T> {
  return (await signedIn(() => answer('GET', url(path, query)))).json();
}

export async function getBytes(path: string, query: Query = {}): Promise<ArrayBuffer> {
  return (await signedIn(() => answer('GET', url(path, query)))).arrayBuffer();
}

export async function post<T>(path: string, body: unknown = {}, query: Query = {}): Promise<T> {
  const text = JSON.stringify(body);
  return (await signedIn(() => answer('POST', url(path, query), text, 'application/json'))).json();
}

export async function postBytes<T>(path: string, body: Blob, query: Query): Promise<T> {
  const type = 'application/octet-stream';
  return (await signedIn(() => answer('POST', url(path, query), body, type))).json();
}

export async function remove(path: string): Promise<void> {
  await signedIn(() => answer('DELETE', url(path)));
}

/** Exchanges a token for a cookie that the page itself cannot read. */
export async function openSession(token: string): Promise<void> {
  await answer('POST', url('session'), JSON.stringify({ token }), 'application/json');
}

/** An id that makes a retry of the same request harmless. */
export function requestId(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

interface Page { nextPageToken?: string }

/** Every page of a list, `each` called with one after another. */
export async function pages<T extends Page>(path: string, each: (page: T) => void, query: Query = {}): Promise<void> {
  let token: string | undefined;
  do {
    const page: T = await get<T>(path, { page_size: 1000, ...query, page_token: token });
    each(page);
    token = page.nextPageToken;
  } while (token);
}
