/** @module What happens with attempts to send, whatever is sent: logged and counted. */
import type { OccurrenceLimit } from '../telemetry/limit.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Meters, MetricAttributes } from '../telemetry/meters.ts';

export interface AttemptEvents {
  /** An attempt ended after `durationMs`. */
  attempted(outcome: string, durationMs: number): void;
  /** An attempt failed and will be repeated in `waitMs`. */
  failed(reason: string, error: string, attempt: number, waitMs: number): void;
  /** The peer asked to be left alone for `askedMs`, of which only `maxMs` are kept. */
  waitCut(askedMs: number, maxMs: number): void;
}

export interface AttemptTelemetry extends AttemptEvents {
  /** Lets the next failure of each reason be told at once. */
  recovered(): void;
  /** Removes the metrics. */
  end(): void;
}

export function createAttemptEvents(
  attributes: MetricAttributes,
  limit: OccurrenceLimit,
  { log, meters }: { readonly log: Logger; readonly meters: Meters },
): AttemptTelemetry {
  const failures = new Map<string, number>();
  let cuts = 0;
  const durations = meters.seconds('weir_export_duration_seconds', 'Time of one attempt to send.');
  const registered = [
    meters.counter('weir_send_failures_total', 'Attempts to send that failed and were repeated.', () =>
      [...failures].map(([reason, value]) => ({ value, attributes: { ...attributes, reason } })),
    ),
    meters.counter(
      'weir_send_waits_cut_total',
      'Waits that the peer asked for and that were cut to retry_on_failure.max_retry_after.',
      () => [{ value: cuts, attributes }],
    ),
  ];
  return {
    attempted(outcome, durationMs) {
      durations.record(durationMs / 1000, { ...attributes, outcome });
    },
    failed(reason, error, attempt, waitMs) {
      failures.set(reason, (failures.get(reason) ?? 0) + 1);
      const times = limit.occurred(`failed ${reason}`);
      if (times > 0)
        log.warn({ reason, error, attempt, retryInMs: Math.round(waitMs), times }, 'Sending failed and is tried again');
    },
    waitCut(askedMs, maxMs) {
      cuts += 1;
      const times = limit.occurred('wait cut');
      if (times > 0)
        log.warn(
          { askedSeconds: askedMs / 1000, waitedSeconds: maxMs / 1000, times },
          'The peer asks for a longer wait than retry_on_failure.max_retry_after: it is asked again after that',
        );
    },
    recovered() {
      for (const reason of failures.keys()) limit.ended(`failed ${reason}`);
    },
    end() {
      for (const remove of registered) remove();
    },
  };
}
