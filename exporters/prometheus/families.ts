/** @module The families the exporter shows: which sample comes from which field. Names are those of traffic-metrics.ts. */
import type { RunningCoverage, RunningRecord } from '../../pipeline/model/running-totals.ts';
import { CLASSIFICATION, FAILURE, SUCCESS } from '../../pipeline/wire/traffic-attributes.ts';
import * as metrics from '../../pipeline/wire/traffic-metrics.ts';

/** Value of a sample that is not shown. */
export const NONE = -1;

/** One sample of a counter. */
export interface CounterSample<Total> {
  /** Label that tells it from the family's other samples; null when there is one only. */
  readonly label: readonly [name: string, value: string] | null;
  /** `NONE` where the total has none. */
  readonly value: (total: Total) => number;
}

export interface CounterFamily<Total> {
  readonly metric: metrics.TrafficMetric;
  readonly samples: readonly CounterSample<Total>[];
}

function counter<Total>(metric: metrics.TrafficMetric, value: (total: Total) => number): CounterFamily<Total> {
  return { metric, samples: [{ label: null, value }] };
}

/** A record of bytes and connections only has no requests to show. */
function hasRequests({ key, successes, failures }: RunningRecord): boolean {
  return key.protocol !== 'tcp' || successes > 0 || failures > 0;
}

/** Requests come before the histogram of their duration, TCP after it. */
export const REQUEST_FAMILIES: readonly CounterFamily<RunningRecord>[] = [
  {
    metric: metrics.REQUESTS,
    samples: [
      { label: [CLASSIFICATION, SUCCESS], value: (total) => (hasRequests(total) ? total.successes : NONE) },
      { label: [CLASSIFICATION, FAILURE], value: (total) => (hasRequests(total) ? total.failures : NONE) },
    ],
  },
  counter(metrics.REQUESTS_UNREACHED, ({ unreached }) => (unreached > 0 ? unreached : NONE)),
];

export const TCP_FAMILIES: readonly CounterFamily<RunningRecord>[] = [
  counter(metrics.TCP_OPENED, ({ tcp }) => tcp?.opened ?? NONE),
  counter(metrics.TCP_CLOSED, ({ tcp }) => tcp?.closed ?? NONE),
  counter(metrics.TCP_READ, ({ tcp }) => tcp?.readBytes ?? NONE),
  counter(metrics.TCP_WRITTEN, ({ tcp }) => tcp?.writtenBytes ?? NONE),
];

export const COVERAGE_FAMILIES: readonly CounterFamily<RunningCoverage>[] = [
  counter(metrics.SCRAPES_DUE, ({ scrapesDue }) => scrapesDue),
  counter(metrics.SCRAPES_MISSED, ({ scrapesMissed }) => scrapesMissed),
  counter(metrics.COVERED, ({ coveredSeconds }) => coveredSeconds),
  counter(metrics.EXPECTED, ({ expectedSeconds }) => expectedSeconds),
  counter(metrics.RESETS, ({ resets }) => resets),
  counter(metrics.FIRST_SIGHTS, ({ firstSights }) => firstSights),
];

/** Time that the intervals of one kind told about. */
export interface RunningInterval {
  readonly startMs: number;
  seconds: number;
}

export const INTERVAL_FAMILY: CounterFamily<RunningInterval> = counter(metrics.INTERVAL, ({ seconds }) => seconds);
export const DURATION_METRIC = metrics.REQUEST_DURATION;

/** The twin of an edge's metric that a resource has: `weir_requests_total` → `weir_resource_requests_total`. */
export function ofResource(metric: metrics.TrafficMetric): metrics.TrafficMetric {
  const prometheus = metric.prometheus.replace(/^weir_/, 'weir_resource_');
  return { ...metric, prometheus, description: `${metric.description}, all peers and pods of a workload together` };
}
