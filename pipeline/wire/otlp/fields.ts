/** @module Field numbers of OTLP metrics: opentelemetry-proto, `metrics/v1/metrics.proto` and `common/v1/common.proto`, v1. */

export const REQUEST = { resourceMetrics: 1 } as const;
export const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2 } as const;
export const RESOURCE = { attributes: 1 } as const;
export const SCOPE_METRICS = { scope: 1, metrics: 2 } as const;
export const SCOPE = { name: 1 } as const;
export const METRIC = {
  name: 1,
  description: 2,
  unit: 3,
  gauge: 5,
  sum: 7,
  histogram: 9,
  exponentialHistogram: 10,
  summary: 11,
  metadata: 12,
} as const;
/** Sum, Histogram, Gauge and the other kinds of data alike. */
export const DATA = { points: 1, temporality: 2, isMonotonic: 3 } as const;
export const NUMBER_POINT = { start: 2, time: 3, asDouble: 4, asInt: 6, attributes: 7, flags: 8 } as const;
export const HISTOGRAM_POINT = {
  start: 2,
  time: 3,
  count: 4,
  sum: 5,
  bucketCounts: 6,
  bounds: 7,
  attributes: 9,
  flags: 10,
} as const;
export const KEY_VALUE = { key: 1, value: 2 } as const;
export const ANY_VALUE = { string: 1, bool: 2, int: 3, double: 4, array: 5, keyValues: 6, bytes: 7 } as const;

export const DELTA = 1;
export const CUMULATIVE = 2;
export type Temporality = typeof DELTA | typeof CUMULATIVE;

/** DataPointFlags: the point carries no value. */
export const NO_RECORDED_VALUE = 1;

/** Name of the instrumentation scope of everything Weir tells. */
export const SCOPE_NAME = 'weir';
