/** @module Tags of the fields around data points, from the request to the metric's data: number · 8 + wire type. */
import { DATA, METRIC, REQUEST, RESOURCE, RESOURCE_METRICS, SCOPE_METRICS } from './fields.ts';

export const RESOURCE_METRICS_TAG = REQUEST.resourceMetrics * 8 + 2;
export const RESOURCE_TAG = RESOURCE_METRICS.resource * 8 + 2;
export const SCOPE_METRICS_TAG = RESOURCE_METRICS.scopeMetrics * 8 + 2;
export const ATTRIBUTES_TAG = RESOURCE.attributes * 8 + 2;
export const METRICS_TAG = SCOPE_METRICS.metrics * 8 + 2;
export const NAME_TAG = METRIC.name * 8 + 2;
export const UNIT_TAG = METRIC.unit * 8 + 2;
export const GAUGE_TAG = METRIC.gauge * 8 + 2;
export const SUM_TAG = METRIC.sum * 8 + 2;
export const HISTOGRAM_TAG = METRIC.histogram * 8 + 2;
export const EXPONENTIAL_TAG = METRIC.exponentialHistogram * 8 + 2;
export const SUMMARY_TAG = METRIC.summary * 8 + 2;
export const POINTS_TAG = DATA.points * 8 + 2;
export const TEMPORALITY_TAG = DATA.temporality * 8;

/** Whether it is the tag of a metric's data, of whatever kind. */
export function isData(tag: number): boolean {
  return (
    tag === GAUGE_TAG || tag === SUM_TAG || tag === HISTOGRAM_TAG || tag === EXPONENTIAL_TAG || tag === SUMMARY_TAG
  );
}

/** Fields of a metric that hold messages or text, but no data. */
const NO_DATA: ReadonlySet<number> = new Set([METRIC.name, METRIC.description, METRIC.unit, METRIC.metadata]);

/** Whether it is the tag of what only a newer or older sender knows, and may be data: its points cannot be told. */
export function isUnknownData(tag: number): boolean {
  return tag % 8 === 2 && !isData(tag) && !NO_DATA.has(Math.floor(tag / 8));
}

/** Stands for data of a kind that is told by name only, as in JSON; no number that OTLP has given to anything. */
export const UNKNOWN_DATA = 2047;
