// What is known of a job's events: its epochs by number and the rest by
// sequence. Events may come in any order and more than once; each counts once.

import type { Epoch, TrainingEvent } from './types';

export class History {
  /** epochs[n - 1] is epoch n; holes are epochs that have not been read. */
  readonly epochs: Epoch[] = [];
  /** All but epochs, in order of sequence. */
  readonly notes: TrainingEvent[] = [];
  /** When the last epoch became durable, as the server has it. */
  lastEpochTime = '';
  /** Everything after this sequence is here. */
  completeAfter = Infinity;

  /** Whether it was news. */
  add(event: TrainingEvent): boolean {
    return event.epoch ? this.addEpoch(event.epoch, event.time) : this.addNote(event);
  }

  /** The first event of an epoch stands, also where it is trained again. */
  private addEpoch(epoch: Epoch, time: string): boolean {
    if (this.epochs[epoch.epoch - 1]) return false;
    if (epoch.epoch > this.epochs.length) this.lastEpochTime = time;
    this.epochs[epoch.epoch - 1] = epoch;
    return true;
  }

  private addNote(event: TrainingEvent): boolean {
    const sequence = Number(event.sequence);
    let at = this.notes.length;
    while (at > 0 && Number(this.notes[at - 1].sequence) > sequence) at -= 1;
    if (at > 0 && Number(this.notes[at - 1].sequence) === sequence) return false;
    this.notes.splice(at, 0, event);
    return true;
  }
}
