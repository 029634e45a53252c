/** @module What happens to an exporter over OTLP beyond sending, each as a function that logs and counts. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { RunningTotals } from '../../pipeline/model/running-totals.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';
import type { EncoderFigures } from '../../pipeline/wire/otlp-traffic.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';

/** Longest text of a backend in a log line. */
const LONGEST_TEXT = 400;

export interface OtlpEvents {
  /** TLS files that cannot be used now; the queue holds. */
  misconfigured(error: string): void;
  /** A request of `bytes` on the wire was taken. */
  sent(bytes: number): void;
  /** A request is sent again although an earlier attempt may have arrived. */
  repeated(): void;
  /** A request of traffic was too large and goes in halves; those of spans are counted where spans are sent. */
  halved(): void;
  /**
   * The backend took a request but for some data points or spans, or has something to say about it. What it rejected is told
   * as dropped, with its words.
   */
  warned(rejected: number, message: string): void;
  /** A request will never be taken, or was taken nobody knows how far; it is told as dropped. */
  refused(reason: string): void;
  /** A request that was sent again was refused, although an earlier attempt arrived, or may have; it is told as dropped. */
  repeatRefused(): void;
  /** Shows how many running totals are kept. */
  watchTotals(totals: RunningTotals): void;
  /** Shows what the encoders keep, and what their bounds cost. */
  watchEncoders(encoders: { readonly figures: EncoderFigures }): void;
  end(): void;
}

/** Metrics carry `component` and `signal`: an exporter of both has the same names for both. */
export function createOtlpEvents(
  component: string,
  signal: 'traffic' | 'spans',
  { log: exporterLog, meters, clock }: { readonly log: Logger; readonly meters: Meters; readonly clock: Clock },
): OtlpEvents {
  const attributes = { component, signal };
  const log = exporterLog.child({ signal });
  const limit = createOccurrenceLimit(clock);
  const counts = { requests: 0, bytes: 0, repeats: 0, repeatsRefused: 0, warnings: 0, rejected: 0, halves: 0 };
  const refusals = new Map<string, number>();
  const one = (read: () => number) => () => [{ value: read(), attributes }];
  const registered = [
    meters.counter(
      'weir_otlp_requests_total',
      'Requests the backend took.',
      one(() => counts.requests),
    ),
    meters.counter(
      'weir_otlp_bytes_total',
      'Bytes of request bodies the backend took, as they went over the wire.',
      one(() => counts.bytes),
    ),
    meters.counter(
      'weir_otlp_repeats_total',
      'Requests sent again although an earlier attempt may have arrived.',
      one(() => counts.repeats),
    ),
    meters.counter(
      'weir_otlp_repeats_refused_total',
      'Requests refused when they were sent again although an earlier attempt may have arrived.',
      one(() => counts.repeatsRefused),
    ),
    meters.counter(
      'weir_otlp_warnings_total',
      'Requests taken with a message or with rejected points or spans.',
      one(() => counts.warnings),
    ),
    meters.counter('weir_otlp_requests_refused_total', 'Requests the backend will never take; dropped.', () =>
      [...refusals].map(([reason, value]) => ({ value, attributes: { ...attributes, reason } })),
    ),
  ];
  const rejected = one(() => counts.rejected);
  registered.push(
    signal === 'traffic'
      ? meters.counter(
          'weir_otlp_rejected_points_total',
          'Data points the backend rejected of requests it took.',
          rejected,
        )
      : meters.counter('weir_otlp_rejected_spans_total', 'Spans the backend rejected of requests it took.', rejected),
  );
  if (signal === 'traffic')
    registered.push(
      meters.counter(
        'weir_send_halved_total',
        'Requests that were too large for the peer and went in halves.',
        one(() => counts.halves),
      ),
    );
  return {
    misconfigured(error) {
      log.error(
        { error },
        'The TLS files cannot be used yet. What is to be sent waits in the queue until that is mended',
      );
    },
    sent(bytes) {
      counts.requests += 1;
      counts.bytes += bytes;
    },
    repeated() {
      counts.repeats += 1;
    },
    halved() {
      counts.halves += 1;
    },
    warned(rejectedNow, message) {
      counts.warnings += 1;
      counts.rejected += rejectedNow;
      if (rejectedNow > 0) return;
      const times = limit.occurred('warned');
      if (times > 0) log.warn({ message: quoted(message), times }, 'The backend took a request with a warning');
    },
    refused(reason) {
      refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
    },
    repeatRefused() {
      counts.repeatsRefused += 1;
    },
    watchTotals(totals) {
      registered.push(
        meters.gauge(
          'weir_otlp_totals',
          'Running totals kept.',
          one(() => totals.size),
        ),
        meters.counter(
          'weir_otlp_totals_capped_counts_total',
          'Counts lost because a running total stops at 2^53, requests, connections, bytes and buckets together.',
          one(() => totals.cappedCounts),
        ),
        meters.counter(
          'weir_otlp_totals_expired_total',
          'Running totals forgotten because nothing was added to them.',
          one(() => totals.forgotten),
        ),
      );
    },
    watchEncoders(encoders) {
      const byKind = (read: (figures: EncoderFigures['records']) => number) => () => {
        const { records, targets } = encoders.figures;
        return [
          { value: read(records), attributes: { ...attributes, subject: 'records' } },
          { value: read(targets), attributes: { ...attributes, subject: 'targets' } },
        ];
      };
      registered.push(
        meters.gauge(
          'weir_otlp_encodings',
          'Encoded records and targets kept from request to request.',
          byKind(({ kept }) => kept),
        ),
        meters.counter(
          'weir_otlp_encodings_evicted_total',
          'Encodings given up because no recent request had them.',
          byKind(({ evicted }) => evicted),
        ),
        meters.counter(
          'weir_otlp_encodings_unkept_total',
          'Encodings made and not kept because max_cached_items was reached.',
          byKind(({ unkept }) => unkept),
        ),
      );
    },
    end() {
      for (const remove of registered) remove();
    },
  };
}

/** Why `what` of a request that was taken was dropped, in the words of the backend if it has any; safe to print. */
export function rejectedError(what: 'spans' | 'data points', message: string): string {
  const said = message === '' ? '' : `: ${quoted(message)}`;
  return `the backend took the request, but rejected ${what} of it${said}`;
}

function quoted(message: string): string {
  return printableShort(message, LONGEST_TEXT);
}
