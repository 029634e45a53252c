/** @module Samples on their way into the pipeline: batches, what becomes of those that belong together, and the books of it. */
import type { SamplesBatch, Target } from '../../pipeline/batch.ts';
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { Delivery, type Outcome } from '../../pipeline/delivery.ts';
import type { InSteps } from '../../pipeline/wire/otlp-traffic.ts';
import type { OtlpConfig } from './config.ts';
import type { BatchEnds } from './samples-ends.ts';
import type { Tally } from './samples-tally.ts';
import type { TargetEvents } from './samples-target-settings.ts';
import type { SamplesEvents } from './samples-telemetry.ts';

export class SamplesBatches {
  readonly #settings: ReceiverSettings<OtlpConfig>;
  readonly #events: SamplesEvents;
  /** What becomes of the batches of those steps one of which is being done; null while none is. */
  #ends: BatchEnds | null = null;

  constructor(settings: ReceiverSettings<OtlpConfig>, events: SamplesEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  emit(...[target, event, times, items, later]: Parameters<TargetEvents['emit']>): void {
    const { scheduledMs, startedMs, monoMs: startedMonoMs, nextDueMs } = times;
    const delivery = new Delivery();
    this.#ends?.add(delivery, target);
    this.#settings.next.consume({
      body: 'samples',
      ...{ target, event, scheduledMs, startedMs, startedMonoMs, nextDueMs, items, delivery },
      ...(later === undefined ? {} : { later }),
    });
  }

  /** Does the steps, the batches of which go with those of `ends`, whatever else is done between two of them. */
  *noting(ends: BatchEnds, steps: InSteps<void>): InSteps<void> {
    for (;;) {
      const outer = this.#ends;
      this.#ends = ends;
      let isDone: boolean | undefined;
      try {
        isDone = steps.next().done;
      } finally {
        this.#ends = outer;
      }
      if (isDone === true) return;
      yield;
    }
  }

  /** Settles with what became of all batches of `ends`, to which none is added any more; `tally` is booked then. */
  booked(tally: Tally, ends: BatchEnds): Promise<Outcome> {
    return new Promise((resolve) => {
      ends.close((outcome) => {
        this.#book(tally, outcome, ends.rejected);
        resolve(outcome);
      });
    });
  }

  #book(tally: Tally, outcome: Outcome, target: string): void {
    tally.book(this.#settings.balanceOf('samples'), outcome, target);
    for (const [reason, samples] of tally.dropped) this.#events.limited(reason, samples);
  }

  /** A batch of `target` for asking whether such would be taken now; nobody is to consume it. */
  probe(target: Target): SamplesBatch {
    const nowMs = this.#settings.time.nowMs();
    return {
      ...{ body: 'samples', target, event: { kind: 'discovered' }, items: 0 },
      ...{ scheduledMs: null, startedMs: nowMs, startedMonoMs: nowMs, nextDueMs: null, delivery: new Delivery() },
    };
  }
}
