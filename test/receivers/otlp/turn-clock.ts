/** @module A clock by which works take turns as a test says: each look at it may end a slice. */
import type { Clock, Timer } from '../../../pipeline/clock/clock.ts';

/** Longer than any slice, ms. */
const LONG_MS = 100;
/** Looks for which it stands still then: the loop has not been round between the end of a slice and the next question. */
const STILL_LOOKS = 2;

export class TurnClock implements Clock {
  readonly wallMs = () => this.#ms;
  readonly randomId = () => '0';
  readonly #ends: readonly boolean[];
  readonly #due: (() => void)[] = [];
  #ms = 0;
  #looks = 0;
  #still = 0;

  /** Whether a slice is over at each look, by turns. */
  constructor(ends: readonly boolean[]) {
    this.#ends = ends;
  }

  monoMs(): number {
    if (this.#still > 0) this.#still -= 1;
    else if (this.#ends[this.#looks++ % this.#ends.length] === true) {
      this.#ms += LONG_MS;
      this.#still = STILL_LOOKS;
    }
    return this.#ms;
  }

  after(_delayMs: number, fire: () => void): Timer {
    this.#due.push(fire);
    return { cancel() {} };
  }

  /** Lets the loop go round once; false when nothing waits for it. */
  async round(): Promise<boolean> {
    await settled();
    const due = this.#due.splice(0);
    for (const fire of due) fire();
    await settled();
    return due.length > 0;
  }

  /** Lets the loop go round until nothing waits for it. */
  async end(): Promise<void> {
    while (await this.round());
  }
}

/** Lets all run that waits for nothing but promises. */
async function settled(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve();
}
