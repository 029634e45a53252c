/** @module Metrics that every queue of an exporter has. */
import type { Meters, MetricAttributes } from '../telemetry/meters.ts';

/** Read whenever somebody collects. */
export interface QueueFigures {
  readonly depth: number;
  readonly bytes: number;
  readonly oldestAgeMs: number;
}

/** Registers them; the result removes them again. */
export function registerQueueMetrics(
  meters: Meters,
  attributes: MetricAttributes,
  queue: QueueFigures,
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
  ];
}
