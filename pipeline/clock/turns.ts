/** @module Long work in slices: whatever is long takes turns, so that the event loop is never held for more than one slice. */
import type { Clock } from './clock.ts';

/** What is read in one go, milliseconds; the step at hand is finished first, so steps are to be much shorter. */
const SLICE_MS = 5;
/** After so long without work the loop has been round, milliseconds: the next work begins a new slice. */
const IDLE_MS = 1;

/** Work done step by step: each `next()` does a bit and lets go. */
export type Steps<T> = Iterator<void, T, void>;

/** Steps that may be brought to their end at once by somebody else than whoever runs them by turns. */
export class FinishableSteps<T> implements Steps<T> {
  readonly #steps: Steps<T>;
  #end: (() => IteratorReturnResult<T>) | null = null;

  constructor(steps: Steps<T>) {
    this.#steps = steps;
  }

  /** Once they have ended, what they ended with, each time. */
  next(): IteratorResult<void, T> {
    if (this.#end !== null) return this.#end();
    try {
      const step = this.#steps.next();
      if (step.done === true) this.#end = () => step;
      return step;
    } catch (error) {
      this.#end = () => {
        throw error;
      };
      throw error;
    }
  }

  /** Does all that is left. Whoever runs them hears of it what they come to, errors too. */
  finish(): void {
    try {
      while (this.next().done !== true);
    } catch {
      // It is thrown again by the next call of `next`.
    }
  }
}

/**
 * Lets any number of works run by turns, all of them together for no more than a slice per turn of the event loop. Short
 * work that finds nobody waiting ends within the call and waits for nothing but a microtask.
 *
 * Not bounded by itself: whoever begins works bounds how many there are.
 */
export class Turns {
  readonly #clock: Clock;
  /** Those who wait for a turn, in order. */
  readonly #waiting: (() => void)[] = [];
  #isAsked = false;
  #spentMs = 0;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles as the work does: with what its last step returns, or what one of its steps throws. */
  async run<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      if (this.#isSpent()) await this.#turn();
      const ended = this.#slice(steps);
      if (ended !== null) return ended.value;
    }
  }

  #isSpent(): boolean {
    if (this.#waiting.length > 0) return true;
    if (this.#clock.monoMs() - this.#endedMs >= IDLE_MS) this.#spentMs = 0;
    return this.#spentMs >= SLICE_MS;
  }

  /** Runs until the work ends or the slice is spent; null then. */
  #slice<T>(steps: Steps<T>): IteratorReturnResult<T> | null {
    const fromMs = this.#clock.monoMs();
    try {
      for (;;) {
        const step = steps.next();
        if (step.done === true) return step;
        if (this.#spentMs + this.#clock.monoMs() - fromMs >= SLICE_MS) return null;
      }
    } finally {
      this.#endedMs = this.#clock.monoMs();
      this.#spentMs += this.#endedMs - fromMs;
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#ask();
    });
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#clock.after(0, () => {
      this.#isAsked = false;
      this.#spentMs = 0;
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#ask();
    });
  }
}
