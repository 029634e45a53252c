/** @module Metrics that every queue of an exporter has, and those of its attempts. */
import type { Meters, MetricAttributes } from '../telemetry/meters.ts';

/** Read whenever somebody collects. */
export interface QueueFigures {
  readonly depth: number;
  readonly bytes: number;
  readonly oldestAgeMs: number;
}

/** Registers them; the result removes them again. `failures` are numbers of attempts by reason. */
export function registerQueueMetrics(
  meters: Meters,
  attributes: MetricAttributes,
  queue: QueueFigures,
  failures: ReadonlyMap<string, number>,
): (() => void)[] {
  const one = (read: () => number) => () => [{ value: read(), attributes }];
  return [
    meters.gauge(
      'weir_queue_requests',
      'Windows of traffic, or requests of spans, waiting to be sent or being sent.',
      one(() => queue.depth),
    ),
    meters.gauge(
      'weir_queue_bytes',
      'Rough bytes of what waits to be sent.',
      one(() => queue.bytes),
    ),
    meters.gauge(
      'weir_queue_oldest_age_seconds',
      'Age of the oldest window or request waiting.',
      one(() => queue.oldestAgeMs / 1e3),
    ),
    meters.counter('weir_send_failures_total', 'Attempts to send that failed and were repeated.', () =>
      [...failures].map(([reason, value]) => ({ value, attributes: { ...attributes, reason } })),
    ),
  ];
}

/** Records how long attempts take, by outcome. */
export function attemptDurations(
  meters: Meters,
  attributes: MetricAttributes,
): (outcome: string, durationMs: number) => void {
  const durations = meters.seconds('weir_export_duration_seconds', 'Time of one attempt to send.');
  return (outcome, durationMs) => durations.record(durationMs / 1000, { ...attributes, outcome });
}
