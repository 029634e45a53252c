/**
 * @module Lives that were watched until their target left discovery: back under the same or another name, they are not
 * counted from 0 again.
 */
import type { Target } from '../../pipeline/batch.ts';
import { beganAnew, type KnownLife, type LifeSigns, SAME_START_SECONDS, tookOver } from './lives.ts';

/** Addresses remembered, the one longest gone forgotten first. */
const MAX_LIVES = 10_000;

export class PastLives {
  /** The life last seen at an address. Names may change; a process does not move. */
  readonly #lives = new Map<string, KnownLife>();

  /** The life of `target` is over. */
  remember(target: Target, life: KnownLife): void {
    const key = keyOf(target);
    this.#lives.delete(key);
    this.#lives.set(key, life);
    if (this.#lives.size <= MAX_LIVES) return;
    for (const oldest of this.#lives.keys()) {
      this.#lives.delete(oldest);
      return;
    }
  }

  /** True when the page of `target` seen at `monoMs` may be of the life remembered. */
  knows(target: Target, signs: LifeSigns, monoMs: number): boolean {
    const life = this.#lives.get(keyOf(target));
    if (life === undefined) return false;
    if (Number.isNaN(signs.startSeconds)) return !beganAnew(life, signs, monoMs, target.rules.uptimeLagSeconds ?? 0);
    return Math.abs(life.startSeconds - signs.startSeconds) <= SAME_START_SECONDS && !tookOver(life, signs);
  }
}

function keyOf({ receiver, address }: Target): string {
  return JSON.stringify([receiver, address]);
}
