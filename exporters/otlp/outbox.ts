/** @module One sum on its way: which parts are done, what they came to, and what is known of the next one. */
import type { SendOutcome, SendProgress } from '../../pipeline/sending/traffic-sending.ts';
import type { Part, SumBodies } from './encoding.ts';
import { type Arrival, UNKNOWN_REST, UNREADABLE_ANSWER } from './verdict.ts';

/** A part's body, and the same as it goes over the wire. */
export interface PackedBody {
  readonly body: Uint8Array;
  readonly packed: Uint8Array;
}

export class Outbox {
  readonly bodies: SumBodies;
  /** What is not done, next one first. */
  readonly parts: Part[];
  /** The next part, ready to be sent; null before its first attempt. */
  ready: PackedBody | null = null;
  /** What attempts to send the next part may have met. */
  arrived: Arrival = 'no';
  /** A part that tells the length of the interval is there, or may be. */
  intervalTold = false;
  #delivered = 0;
  readonly #dropped = new Map<string, number>();
  readonly #errors = new Map<string, string>();
  /** What the backend said to the last part it refused. */
  #lastRefusal = '';

  constructor(bodies: SumBodies, parts: Part[]) {
    this.bodies = bodies;
    this.parts = parts;
  }

  /** The next part is done: others take its place. */
  replaceNext(...parts: readonly Part[]): void {
    this.parts.splice(0, 1, ...parts);
    this.ready = null;
    this.arrived = this.parts[0]?.mayBeThere === true ? 'maybe' : 'no';
  }

  deliver(items: number): void {
    this.#delivered += items;
    this.intervalTold = true;
  }

  /** `error` is for people; the last one of a reason stands for all. */
  drop(reason: string, items: number, error: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + items);
    this.#errors.set(reason, error);
  }

  /** As `drop`, for what the backend refused. */
  refuse(reason: string, items: number, error: string): void {
    this.drop(reason, items, error);
    this.#lastRefusal = error;
  }

  /** The next part arrived, and nobody ever told how much of it was taken; `error` says how it ended. */
  dropUnread(items: number, error: string): void {
    this.refuse(UNREADABLE_ANSWER, items, unreadError(error));
    this.intervalTold = true;
  }

  /**
   * Items known to be there and items given up, those of a next part among them that arrived and is sent no further; parts of
   * running totals say nothing of the items of a sum.
   */
  get progress(): SendProgress {
    if (!this.bodies.areItemsOfSum) return { delivered: 0, dropped: new Map(), errors: new Map() };
    const dropped = new Map(this.#dropped);
    const errors = new Map(this.#errors);
    const [next] = this.parts;
    if (next !== undefined && this.arrived === 'yes') {
      dropped.set(UNREADABLE_ANSWER, (dropped.get(UNREADABLE_ANSWER) ?? 0) + next.to - next.from);
      errors.set(UNREADABLE_ANSWER, unreadError('it was given up before a whole one came'));
    }
    return { delivered: this.#delivered, dropped, errors };
  }

  /** Permanent when nothing of it was taken for one reason, so that the reason is told in the backend's words. */
  get outcome(): SendOutcome {
    const [first, ...others] = this.#dropped;
    if (first === undefined || others.length > 0 || this.#lastRefusal === '' || first[1] < this.bodies.items)
      return { kind: 'sent', dropped: this.#dropped, errors: this.#errors };
    return { kind: 'permanent', reason: first[0], error: this.#lastRefusal };
  }
}

function unreadError(what: string): string {
  return `the answer to an earlier attempt, a success, broke off; ${what}; ${UNKNOWN_REST}`;
}
