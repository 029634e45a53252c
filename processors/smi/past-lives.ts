/**
 * @module Lives that were watched until their target left discovery: back under the same or another name, they are not
 * counted from 0 again.
 */
import type { Target } from '../../pipeline/batch.ts';

/** Addresses remembered, the one longest gone forgotten first. */
const MAX_LIVES = 10_000;
/** Starts (seconds since the epoch) that differ by no more than this are the same start. */
export const SAME_START_SECONDS = 1;

export class PastLives {
  /** Start (seconds since the epoch) of the life last seen at an address. Names may change; a process does not move. */
  readonly #starts = new Map<string, number>();

  /** The life of `target`, whose process started at `startSeconds` (NaN: unknown, nothing is remembered), is over. */
  remember(target: Target, startSeconds: number): void {
    if (Number.isNaN(startSeconds)) return;
    const key = keyOf(target);
    this.#starts.delete(key);
    this.#starts.set(key, startSeconds);
    if (this.#starts.size <= MAX_LIVES) return;
    for (const oldest of this.#starts.keys()) {
      this.#starts.delete(oldest);
      return;
    }
  }

  knows(target: Target, startSeconds: number): boolean {
    const start = this.#starts.get(keyOf(target));
    return start !== undefined && Math.abs(start - startSeconds) <= SAME_START_SECONDS;
  }
}

function keyOf({ receiver, address }: Target): string {
  return JSON.stringify([receiver, address]);
}
