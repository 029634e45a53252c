/** @module Repeated occurrences told without flooding: the first one at once, then one in 30 s with a count. */

const QUIET_MS = 30_000;

export class LogLimit {
  #lastMs = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  /** Occurrences since the last one told, this one included, when it is to be told now; else 0. */
  tell(nowMs: number): number {
    this.#unsaid += 1;
    if (nowMs - this.#lastMs < QUIET_MS) return 0;
    const said = this.#unsaid;
    this.#unsaid = 0;
    this.#lastMs = nowMs;
    return said;
  }

  /** The trouble is over: the next occurrence is a first one again. */
  reset(): void {
    this.#lastMs = Number.NEGATIVE_INFINITY;
    this.#unsaid = 0;
  }
}
