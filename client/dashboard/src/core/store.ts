// The state of the page: jobs, what is known of their events, and whether the
// stream lives. Views read it and subscribe; it alone writes it.

import { ApiError, EVERYBODY, get, pages } from './api';
import { owner, seconds } from './format';
import { History } from './history';
import { JobStream, type Connection } from './stream';
import type { Job, Queue, QueueEntry, TrainingEvent, WatchMessage } from './types';

/** What changed: a job by name, or 'jobs' (which there are), or 'connection'. */
export type Listener = (changed: ReadonlySet<string>) => void;

interface JobPage { jobs: Job[]; nextPageToken?: string; cursor: string }
interface EventPage { events: TrainingEvent[] }

const EVENTS_A_PAGE = 1000;
const REFRESH_MS = 150;
const RETRY_MS = 2000;
// Others move the queue, too, and of them a student hears nothing.
const QUEUE_MS = 5000;

export class Store {
  readonly jobs = new Map<string, Job>();
  connection: Connection = 'waiting';
  /** What the server has said where it refuses the stream. */
  refusal = '';
  /** Whether jobs of several users are here. */
  get several(): boolean {
    this.owners ??= new Set([...this.jobs.keys()].map(owner));
    return this.owners.size > 1;
  }

  /** Whether the first list of jobs has come. */
  loaded = false;

  // Until there are other jobs: whose they are, and in which order they stand.
  private owners: Set<string> | null = null;
  private order: string[] | null = null;
  private readonly histories = new Map<string, History>();
  private readonly listeners = new Set<Listener>();
  private readonly changed = new Set<string>();
  private readonly stale = new Set<string>();
  private stream: JobStream | null = null;
  private frame = 0;
  private refreshing = 0;

  constructor() {
    window.setInterval(() => void this.refreshQueue().catch(() => undefined), QUEUE_MS);
  }

  /** Returns what ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Lists the jobs and follows them from there on. */
  async start(): Promise<void> {
    this.stream?.close();
    const cursor = await this.list();
    this.loaded = true;
    this.tell('jobs');
    this.stream = new JobStream(EVERYBODY, cursor, (message) => this.take(message), (state, reason) => this.connect(state, reason));
  }

  /** Newest first. */
  sorted(): Job[] {
    this.order ??= [...this.jobs.values()].sort((a, b) => b.createTime.localeCompare(a.createTime)).map((job) => job.name);
    return this.order.map((name) => this.jobs.get(name)!);
  }

  history(name: string): History {
    let found = this.histories.get(name);
    if (!found) this.histories.set(name, (found = new History()));
    return found;
  }

  /** Reads a job's events after a sequence, unless they are here. */
  async loadHistory(name: string, after = 0): Promise<void> {
    const history = this.history(name);
    const first = Number(this.jobs.get(name)?.firstSequence ?? 1);
    let from = Math.max(after, first - 1);
    if (history.completeAfter <= from) return;
    const begin = from;
    for (;;) {
      const page = await get<EventPage>(`${name}/events`, { after_sequence: from, page_size: EVENTS_A_PAGE });
      for (const event of page.events) history.add(event);
      if (page.events.length < EVENTS_A_PAGE) break;
      from = Number(page.events[page.events.length - 1].sequence);
    }
    history.completeAfter = Math.min(history.completeAfter, begin);
    this.tell(name);
  }

  /** Reads a job anew. Forgets it where it is gone. */
  async refresh(name: string): Promise<Job | undefined> {
    try {
      this.put(await get<Job>(name));
    } catch (error) {
      if (!(error instanceof ApiError) || error.http !== 404) throw error;
      this.forget(name);
    }
    return this.jobs.get(name);
  }

  /** What an answer says, unless it is older than what is known: answers overtake
   * each other, and the stream overtakes them. */
  put(job: Job): void {
    const known = this.jobs.get(job.name);
    if (known?.uid === job.uid && Number(job.lastSequence) < Number(known.lastSequence)) return;
    if (!known) this.tell('jobs');
    this.jobs.set(job.name, job);
    this.tell(job.name);
  }

  forget(name: string): void {
    this.jobs.delete(name);
    this.histories.delete(name);
    this.tell('jobs');
  }

  private async list(): Promise<string> {
    let cursor = '';
    const found = new Map<string, Job>();
    const before = new Map(this.jobs);
    await pages<JobPage>(`${EVERYBODY}/jobs`, (page) => {
      // That of the first page: what happens while the others are read is told.
      cursor ||= page.cursor;
      for (const job of page.jobs) found.set(job.name, job);
    });
    for (const name of this.jobs.keys()) if (!found.has(name)) this.forget(name);
    for (const job of found.values()) {
      if (!continues(before.get(job.name), job)) this.jobs.delete(job.name);
      this.put(job);
    }
    return cursor;
  }

  private take(message: WatchMessage): void {
    if (!message.event) return;
    const { job: name, event } = message.event;
    this.history(name).add(event);
    const job = this.jobs.get(name);
    if (job && event.epoch) this.advance(job, event);
    else this.refreshSoon(name, event);
    this.tell(name);
  }

  private advance(job: Job, event: TrainingEvent): void {
    const epoch = event.epoch!;
    if (epoch.epoch <= job.epochsCompleted) return;
    this.jobs.set(job.name, {
      ...job,
      epochsCompleted: epoch.epoch,
      lastEpoch: epoch,
      lastSequence: event.sequence,
      energyJoules: job.energyJoules + epoch.energyJoules,
      energySource: epoch.energySource,
    });
  }

  /** A change of state is shown at once; what else it changed is read soon. */
  private refreshSoon(name: string, event: TrainingEvent): void {
    const job = this.jobs.get(name);
    if (job && Number(event.sequence) <= Number(job.lastSequence)) return;
    if (job) this.jobs.set(name, { ...job, state: event.stateChange?.state ?? job.state, lastSequence: event.sequence });
    this.stale.add(name);
    if (!this.refreshing) this.refreshing = window.setTimeout(() => this.refreshStale(), REFRESH_MS);
  }

  private async refreshStale(): Promise<void> {
    const names = [...this.stale];
    this.stale.clear();
    let pause = REFRESH_MS;
    const again = (name: string) => {
      this.stale.add(name);
      pause = RETRY_MS;
    };
    await Promise.all(names.map((name) => this.refresh(name).catch(() => again(name))));
    await this.refreshQueue().catch(() => undefined);
    this.refreshing = 0;
    if (this.stale.size > 0) this.refreshing = window.setTimeout(() => this.refreshStale(), pause);
  }

  /** Positions move when others start or leave. */
  private async refreshQueue(): Promise<void> {
    const wanted = !document.hidden && [...this.jobs.values()].some((job) => job.state === 'QUEUED');
    if (!wanted) return;
    for (const entry of (await this.queue()).entries) this.place(entry);
  }

  private place(entry: QueueEntry): void {
    const job = this.jobs.get(entry.job);
    if (!job || job.state !== 'QUEUED' || entry.running) return;
    const wait = entry.estimate === undefined ? undefined : seconds(entry.estimate);
    this.put({ ...job, queuePosition: entry.position, queueReason: entry.reason, queueWaitSeconds: wait });
  }

  queue(): Promise<Queue> {
    return get<Queue>('queue');
  }

  private connect(state: Connection, reason = ''): void {
    this.connection = state;
    this.refusal = reason;
    this.tell('connection');
    if (state === 'lost') void this.restart();
  }

  /** Reads everything anew, the events of the jobs that are shown too. */
  private async restart(): Promise<void> {
    const before = new Map(this.jobs);
    try {
      await this.start();
    } catch {
      window.setTimeout(() => void this.restart(), RETRY_MS);
      return;
    }
    for (const [name, history] of [...this.histories]) {
      const job = this.jobs.get(name);
      const after = history.completeAfter;
      history.completeAfter = Infinity;
      if (!job || !continues(before.get(name), job)) this.histories.delete(name);
      if (job && Number.isFinite(after)) void this.loadHistory(name, after < Number(job.lastSequence) ? after : 0).catch(() => undefined);
    }
  }

  /** Listeners hear of all changes of a frame at once. */
  private tell(what: string): void {
    this.changed.add(what);
    if (what === 'jobs') [this.owners, this.order] = [null, null];
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const changed = new Set(this.changed);
      this.changed.clear();
      for (const listener of [...this.listeners]) listener(changed);
    });
  }
}

/** Whether this is a job as it was known, or later: not another of its name, and not the
 * same of an older copy of the server's directory that was put back. */
function continues(known: Job | undefined, job: Job): boolean {
  return known?.uid === job.uid && Number(job.lastSequence) >= Number(known.lastSequence);
}

const ENDED = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);

export function hasEnded(job: Job): boolean {
  return ENDED.has(job.state);
}
