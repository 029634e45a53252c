/** @module Waits between the attempts of several requests to one peer: each has its own, and a success of one ends those of all. */
import type { Clock } from '../clock/clock.ts';
import { DRAIN_WAIT_MS } from './drain-waits.ts';
import { createBackoff, pause, type RetryConfig, randomShare } from './retry.ts';

/** Those who come after a success of another one spread over this time, milliseconds. */
const SPREAD_MS = 1000;

/**
 * Own waits only: what the peer asks for is kept by the gate, which each passes after its wait, however short that was.
 *
 * After an outage one success tells that the peer is back. Whoever waits then has waited as long as after a first failure,
 * `initial_interval`, and comes within a second, each at a time of its own. The first interval is kept so that a request
 * that fails alone, for a reason of its own, is not sent again with every success of the others.
 */
export class SpansWaits {
  readonly #retry: RetryConfig;
  readonly #clock: Clock;
  readonly #draining: AbortSignal;
  readonly #ended: AbortSignal;
  /** Who still waits the whole of its wait; at most as many as there are requests under way. */
  #waiting = new Set<AbortController>();

  /** `draining` is aborted when draining begins, `ended` when nothing more is tried. */
  constructor(retry: RetryConfig, clock: Clock, draining: AbortSignal, ended: AbortSignal) {
    this.#retry = retry;
    this.#clock = clock;
    this.#draining = draining;
    this.#ended = ended;
  }

  /** Milliseconds that `pass` would wait now, unless a success or the drain comes in between. */
  lengthMs(waitMs: number): number {
    return this.#draining.aborted ? Math.min(waitMs, DRAIN_WAIT_MS) : waitMs;
  }

  /** Resolves after `waitMs`, sooner after a success of another one, and at once when the drain begins or all ends. */
  async pass(waitMs: number): Promise<void> {
    const lengthMs = this.lengthMs(waitMs);
    const stop = this.#draining.aborted ? this.#ended : this.#draining;
    const failedMonoMs = this.#clock.monoMs();
    if (!(await this.#isCut(lengthMs, stop))) return;
    const restMs = failedMonoMs + lengthMs - this.#clock.monoMs();
    await pause(this.#clock, Math.min(restMs, this.#soonMs(failedMonoMs)), stop);
  }

  /** Waits `waitMs` or until `stop`; true when a success came before. */
  async #isCut(waitMs: number, stop: AbortSignal): Promise<boolean> {
    const cut = new AbortController();
    const end = () => cut.abort();
    if (stop.aborted) return false;
    stop.addEventListener('abort', end, { once: true });
    this.#waiting.add(cut);
    await pause(this.#clock, waitMs, cut.signal);
    stop.removeEventListener('abort', end);
    this.#waiting.delete(cut);
    return cut.signal.aborted && !stop.aborted;
  }

  #soonMs(failedMonoMs: number): number {
    const firstMs = createBackoff(this.#retry, this.#clock).nextMs();
    return Math.max(failedMonoMs + firstMs - this.#clock.monoMs(), SPREAD_MS * randomShare(this.#clock));
  }

  /** The peer took something: nobody goes on waiting as if it were away. Each wait is cut once. */
  succeeded(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const cut of waiting) cut.abort();
  }
}
