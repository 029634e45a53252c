/** @module One request of spans on its way: its parts, what is known of them, and how long it has been tried. */
import type { Clock } from '../clock/clock.ts';
import type { QueuedSpans } from '../queue/spans-queue.ts';
import { sliceSpanBytes } from '../wire/otlp-spans.ts';
import { type Backoff, createBackoff, type RetryConfig } from './retry.ts';
import type { SpansRequest } from './spans-sender.ts';

/** Spans that go in one request: those that were queued, or a share of them after it was too large. */
export interface SpansPart<Payload> {
  /** Spans [from, to) of the queued request. */
  readonly from: number;
  readonly to: number;
  /** What is sent; null before the first attempt. */
  payload: Payload | null;
  /** What was sent of the request that this is a half of; null for one as it was queued. */
  readonly whole: Payload | null;
}

export class SpansFlight<Payload> {
  readonly queued: QueuedSpans;
  /** From the last failure to the next attempt, milliseconds. */
  waitMs = 0;
  /** What has no fate yet, next one first. */
  readonly #parts: SpansPart<Payload>[];
  readonly #retry: RetryConfig;
  readonly #clock: Clock;
  #backoff: Backoff | null = null;
  #firstMonoMs: number | null = null;

  constructor(queued: QueuedSpans, retry: RetryConfig, clock: Clock) {
    this.queued = queued;
    this.#parts = [{ from: 0, to: queued.spans.count, payload: null, whole: null }];
    this.#retry = retry;
    this.#clock = clock;
  }

  /** The part to be sent next; null when all have met their fate. */
  get next(): SpansPart<Payload> | null {
    return this.#parts[0] ?? null;
  }

  /** Spans of a part as a request of their own; those of the only part as they were queued. */
  spansOf({ from, to }: SpansPart<Payload>): SpansRequest {
    return { bytes: sliceSpanBytes(this.queued.spans, from, to), count: to - from };
  }

  /** Puts two halves in the place of the next part. It has at least two spans. */
  halve(): void {
    const { from, to, payload: whole } = this.#parts[0]!;
    const middle = Math.ceil((from + to) / 2);
    this.#parts.splice(0, 1, { from, to: middle, payload: null, whole }, { from: middle, to, payload: null, whole });
  }

  /** The next part has met its fate. */
  settle(): void {
    this.#parts.shift();
  }

  /**
   * Says that an attempt begins: the time of `max_elapsed_time` counts from the first one, so that what waits untried in
   * the queue never expires.
   */
  attempt(): void {
    this.#firstMonoMs ??= this.#clock.monoMs();
  }

  /** An attempt failed: the next one comes in `waitMs`, which is at least `atLeastMs`. */
  failed(atLeastMs: number): void {
    this.#backoff ??= createBackoff(this.#retry, this.#clock);
    this.waitMs = this.#backoff.nextMs(atLeastMs);
  }

  /** Whether an attempt in `inMs` would come after `max_elapsed_time`. */
  expiresIn(inMs: number): boolean {
    const { maxElapsedMs } = this.#retry;
    const nowMs = this.#clock.monoMs();
    return maxElapsedMs > 0 && nowMs - (this.#firstMonoMs ?? nowMs) + inMs > maxElapsedMs;
  }

  /** A part was taken: waits begin anew. */
  succeeded(): void {
    this.#backoff = null;
  }
}
