/** @module Requests of spans: read, checked and counted, then offered to the pipelines of traces. */
import type { SpansBatch } from '../../pipeline/batch.ts';
import type { Turns } from '../../pipeline/clock/turns.ts';
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { Delivery, type Outcome } from '../../pipeline/delivery.ts';
import type { Spans } from '../../pipeline/model/spans.ts';
import { sampleOfSpans } from '../../pipeline/telemetry/drop-sample.ts';
import { freeWhole } from '../../pipeline/wire/free.ts';
import { type RequestLimits, SpanReader } from '../../pipeline/wire/otlp-spans.ts';
import type { OtlpConfig } from './config.ts';
import type { Intake, IntakeAnswer } from './intake.ts';
import type { OtlpEvents } from './telemetry.ts';

/**
 * Bytes read in one step: 0.02 ms of usual spans, 0.5 ms of the shortest fields that there are, and some 4 ms of these while
 * the code is not compiled yet.
 */
const STEP_BYTES = 16 * 1024;
const TAKEN: IntakeAnswer = { kind: 'taken', rejectedItems: 0, message: '' };

export interface SpansIntakeOptions {
  readonly settings: ReceiverSettings<OtlpConfig>;
  readonly limits: RequestLimits;
  readonly turns: Turns;
  /** Told of spans that are passed on though they are not as the specification wants them. */
  readonly events: Pick<OtlpEvents, 'invalidIds' | 'backwards'>;
}

export function createSpansIntake({ settings, limits, turns, events }: SpansIntakeOptions): Intake {
  const { next } = settings;
  const balance = settings.balanceOf('spans');

  function* read(body: Uint8Array): Generator<void, Spans, void> {
    try {
      const reader = new SpanReader(body, limits);
      while (!reader.step(STEP_BYTES)) yield;
      return reader.spans();
    } catch (error) {
      freeWhole(body);
      throw error;
    }
  }

  function offer(spans: Spans): Promise<Outcome> {
    const batch: SpansBatch = { body: 'spans', spans, items: spans.count, delivery: new Delivery() };
    const verdict = next.admits(batch);
    if (!verdict.ok) return Promise.resolve({ kind: 'retry', afterMs: verdict.retryAfterMs, reason: verdict.reason });
    return new Promise((resolve) => {
      batch.delivery.onSettled(resolve);
      next.consume(batch);
    });
  }

  function book(outcome: Outcome, spans: Spans): void {
    const { count } = spans;
    if (outcome.kind === 'retry') {
      balance.refused += count;
      return;
    }
    balance.accepted += count;
    if (outcome.kind === 'rejected') balance.drop(outcome.reason, count, { sample: () => sampleOfSpans(spans) });
    else balance.delivered += count;
  }

  return {
    async take(body) {
      const spans = await turns.run(read(body));
      if (spans.count === 0) {
        freeWhole(body);
        return TAKEN;
      }
      if (spans.invalidIds > 0) events.invalidIds(spans.invalidIds);
      if (spans.backwards > 0) events.backwards(spans.backwards);
      const outcome = await offer(spans);
      book(outcome, spans);
      return outcome.kind === 'taken' ? TAKEN : outcome;
    },
    stop() {},
  };
}
