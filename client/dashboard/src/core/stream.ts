// The page's one stream of events, over all of its jobs.

import { get, refusalOf, url } from './api';
import type { WatchMessage } from './types';

/** live: connected; waiting: the server is away, and the stream goes on where
 * it was left once it is back; refused: the server has said why there is none now;
 * lost: its cursor is of no use any more. */
export type Connection = 'live' | 'waiting' | 'refused' | 'lost';

const RETRY_MS = 1000;
const REFUSED_RETRY_MS = 5000;
const HIDDEN_MS = 5000;

/** Reads jobs:watch from a cursor on. A page that nobody sees lets go of its
 * connection, of which a browser has six to a server, and goes on when it is seen.
 * The browser itself reconnects with Last-Event-ID; where it gives up, because it
 * was refused or something else answered in the server's place, a new EventSource
 * goes on from the last cursor. */
export class JobStream {
  private source: EventSource | null = null;
  private timer = 0;
  // How often it was refused since it was open.
  private refusals = 0;
  private cursor: string;

  constructor(
    private readonly parent: string,
    cursor: string,
    private readonly onMessage: (message: WatchMessage) => void,
    private readonly onConnection: (state: Connection, reason?: string) => void,
  ) {
    this.cursor = cursor;
    document.addEventListener('visibilitychange', this.seen);
    window.addEventListener('pagehide', this.rest);
    window.addEventListener('pageshow', this.seen);
    this.open();
  }

  close(): void {
    this.rest();
    document.removeEventListener('visibilitychange', this.seen);
    window.removeEventListener('pagehide', this.rest);
    window.removeEventListener('pageshow', this.seen);
  }

  private readonly rest = (): void => {
    window.clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  };

  private readonly seen = (): void => {
    window.clearTimeout(this.timer);
    if (document.visibilityState === 'hidden') this.timer = window.setTimeout(this.rest, HIDDEN_MS);
    else if (!this.source) this.open();
  };

  private open(): void {
    const source = new EventSource(this.address());
    this.source = source;
    source.addEventListener('open', () => {
      this.refusals = 0;
      this.onConnection('live');
    });
    source.addEventListener('event', (event) => this.take(event as MessageEvent<string>));
    source.addEventListener('bookmark', (event) => {
      this.cursor = (event as MessageEvent).lastEventId || this.cursor;
    });
    source.addEventListener('error', (event) => this.failed(source, event));
  }

  private address(): string {
    return url(`${this.parent}/jobs:watch`, { cursor: this.cursor });
  }

  private take(event: MessageEvent<string>): void {
    const message = JSON.parse(event.data) as WatchMessage;
    this.cursor = event.lastEventId || message.cursor;
    this.onMessage(message);
  }

  private failed(source: EventSource, event: Event): void {
    // One that carries data was said by the server; without any, it is gone.
    if (event instanceof MessageEvent && typeof event.data === 'string') {
      const status = JSON.parse(event.data)?.error?.status;
      if (status !== 'UNAVAILABLE') {
        this.close();
        this.onConnection('lost');
      }
      return;
    }
    if (source.readyState !== EventSource.CLOSED) {
      this.onConnection('waiting');
      return;
    }
    this.source = null;
    this.refusals += 1;
    if (this.refusals === 1) this.onConnection('waiting');
    this.timer = window.setTimeout(() => void this.reopen(), RETRY_MS);
  }

  /** An EventSource does not say why it was refused: other calls do; the first asks for
   * a token where that is the reason. */
  private async reopen(): Promise<void> {
    const later = (ms: number): void => {
      this.timer = window.setTimeout(() => void this.reopen(), ms);
    };
    try {
      await get('users/me');
    } catch {
      later(RETRY_MS);
      return;
    }
    const refusal = this.refusals > 1 ? await refusalOf(this.address()) : null;
    if (refusal?.status === 'OUT_OF_RANGE') {
      this.close();
      this.onConnection('lost');
    } else if (refusal) {
      this.onConnection('refused', refusal.message);
      later(REFUSED_RETRY_MS);
    } else if (!this.source) this.open();
  }
}
