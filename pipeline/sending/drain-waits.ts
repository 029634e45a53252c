/** @module Waits between attempts, before and while an exporter drains. */
import type { Clock } from '../clock/clock.ts';
import { pause } from './retry.ts';

/** While draining nobody waits longer than this between attempts, milliseconds. */
export const DRAIN_WAIT_MS = 1000;

/**
 * While draining the own wait is cut short each time, one that the peer asked for once only: a backend that is up again
 * takes what is left, and one that asks for more time is left alone, which ends the drain.
 */
export class DrainWaits {
  readonly #clock: Clock;
  readonly #draining: AbortSignal;
  readonly #ended: AbortSignal;
  #hasHurried = false;

  /** `draining` is aborted when draining begins, `ended` when nothing more is tried. */
  constructor(clock: Clock, draining: AbortSignal, ended: AbortSignal) {
    this.#clock = clock;
    this.#draining = draining;
    this.#ended = ended;
  }

  /** Milliseconds that `pass` of the same numbers would wait now; null when there is to be no further attempt. */
  lengthMs(waitMs: number, askedMs: number): number | null {
    if (!this.#draining.aborted) return waitMs;
    if (askedMs > DRAIN_WAIT_MS && this.#hasHurried) return null;
    return Math.min(Math.max(askedMs, waitMs), DRAIN_WAIT_MS);
  }

  /** Waits `waitMs`, of which the peer asked for `askedMs`; false when there is to be no further attempt. */
  async pass(waitMs: number, askedMs: number): Promise<boolean> {
    if (this.#draining.aborted) return this.#passDraining(askedMs, waitMs);
    const dueMonoMs = this.#clock.monoMs() + askedMs;
    await pause(this.#clock, waitMs, this.#draining);
    return this.#draining.aborted ? this.#passDraining(dueMonoMs - this.#clock.monoMs(), 0) : true;
  }

  async #passDraining(askedMs: number, ownMs: number): Promise<boolean> {
    const waitMs = this.lengthMs(ownMs, askedMs);
    if (waitMs === null) return false;
    this.#hasHurried ||= askedMs > DRAIN_WAIT_MS;
    if (waitMs > 0) await pause(this.#clock, waitMs, this.#ended);
    return true;
  }
}
