/**
 * @module Traffic as OTLP/JSON: the same points as the protobuf form, for consumers that read text.
 *
 * Rules: OTLP specification, "JSON Protobuf Encoding": lowerCamelCase names, 64-bit integers as decimal strings, enums as
 * integers, doubles that are no numbers as text.
 */
import type { Interval, TrafficRecord, TrafficSum } from '../../model/traffic.ts';
import {
  type Attribute,
  CLASSIFICATION,
  CLOCK_AHEAD,
  coverageAttributes,
  FAILURE,
  PARTIAL,
  SUCCESS,
  trafficAttributes,
} from '../traffic-attributes.ts';
import { INTERVAL, REQUEST_DURATION, REQUESTS, REQUESTS_UNREACHED, type TrafficMetric } from '../traffic-metrics.ts';
import { resourceAttributes, SEQ, type TrafficEnvelope } from './envelope.ts';
import { CUMULATIVE, DELTA, SCOPE_NAME, type Temporality } from './fields.ts';
import { COVERAGE_METRICS, intervalSeconds, TCP_METRICS, tellsRequests } from './sections.ts';
import { type ToldHistogram, toldHistograms } from './told-histograms.ts';
import type { CumulativeTotal } from './traffic-encoder.ts';
import { unixNanoText } from './unix-nano.ts';

/** `sum` with delta temporality, one ExportMetricsServiceRequest. Arguments and errors as of the protobuf encoder. */
export function encodeTrafficJson(sum: TrafficSum, envelope: TrafficEnvelope, continues = false): string {
  const { interval, coverage } = sum;
  const records = sum.records.map((record) => ({ record, interval, attributes: trafficAttributes(record.key) }));
  const targets = coverage.map((record) => ({ record, attributes: coverageAttributes(record) }));
  const metrics = [
    metricOf(INTERVAL, DELTA, [intervalPoint(sum, continues)]),
    ...recordMetrics(records, DELTA),
    ...COVERAGE_METRICS.map(([metric, read]) =>
      metricOf(
        metric,
        DELTA,
        targets.map((target) => numberPoint(interval, target.attributes, read(target.record))),
      ),
    ),
  ];
  return requestOf(metrics, envelope);
}

/** Totals up to `endMs` with cumulative temporality, each from its own start. */
export function encodeCumulativeJson(
  totals: Iterable<CumulativeTotal>,
  endMs: number,
  envelope: TrafficEnvelope,
): string {
  const records = Array.from(totals, ({ record, startMs }) => ({
    record,
    interval: { startMs, endMs },
    attributes: trafficAttributes(record.key),
  }));
  return requestOf(recordMetrics(records, CUMULATIVE), envelope);
}

interface ToldRecord {
  readonly record: TrafficRecord;
  readonly interval: Interval;
  readonly attributes: readonly Attribute[];
}

/** A metric as JSON holds it; null when it has no points. */
type JsonMetric = Readonly<Record<string, unknown>> | null;

function recordMetrics(records: readonly ToldRecord[], temporality: Temporality): JsonMetric[] {
  return [
    metricOf(REQUESTS, temporality, records.flatMap(requestPoints)),
    metricOf(REQUESTS_UNREACHED, temporality, records.flatMap(unreachedPoints)),
    metricOf(REQUEST_DURATION, temporality, records.flatMap(durationPoints)),
    ...TCP_METRICS.map(([metric, read]) =>
      metricOf(
        metric,
        temporality,
        records.flatMap(({ record: { tcp }, interval, attributes }) =>
          tcp === null ? [] : [numberPoint(interval, attributes, read(tcp))],
        ),
      ),
    ),
  ];
}

function requestPoints({ record, interval, attributes }: ToldRecord): unknown[] {
  if (!tellsRequests(record)) return [];
  return [
    numberPoint(interval, [[CLASSIFICATION, SUCCESS], ...attributes], record.successes),
    numberPoint(interval, [[CLASSIFICATION, FAILURE], ...attributes], record.failures),
  ];
}

function unreachedPoints({ record: { unreached }, interval, attributes }: ToldRecord): unknown[] {
  return unreached === 0 ? [] : [numberPoint(interval, attributes, unreached)];
}

function durationPoints({ record, interval, attributes }: ToldRecord): unknown[] {
  return toldHistograms(record).map((histogram) => histogramPoint(interval, attributes, histogram));
}

function intervalPoint({ interval, partial, clockAhead }: TrafficSum, continues: boolean): unknown {
  const names = [...(partial ? [PARTIAL] : []), ...(clockAhead ? [CLOCK_AHEAD] : [])];
  const attributes = names.map((key) => ({ key, value: { boolValue: true } }));
  return { ...timesOf(interval), ...jsonValue(intervalSeconds(interval, continues)), attributes };
}

function numberPoint(interval: Interval, attributes: readonly Attribute[], value: number): unknown {
  return { ...timesOf(interval), ...jsonValue(value), attributes: attributes.map(pairOf) };
}

function histogramPoint(interval: Interval, attributes: readonly Attribute[], histogram: ToldHistogram): unknown {
  const { marks, boundsMs, counts, total } = histogram;
  return {
    ...timesOf(interval),
    count: wholeText(total),
    bucketCounts: Array.from(counts, wholeText),
    explicitBounds: boundsMs,
    attributes: [...marks, ...attributes].map(pairOf),
  };
}

function timesOf({ startMs, endMs }: Interval): Readonly<Record<string, string>> {
  return { startTimeUnixNano: unixNanoText(startMs), timeUnixNano: unixNanoText(endMs) };
}

function jsonValue(value: number): Readonly<Record<string, unknown>> {
  if (Number.isSafeInteger(value)) return { asInt: wholeText(value) };
  return { asDouble: Number.isFinite(value) ? value : String(value) };
}

function wholeText(value: number): string {
  return BigInt(value).toString();
}

function metricOf(metric: TrafficMetric, aggregationTemporality: Temporality, dataPoints: unknown[]): JsonMetric {
  if (dataPoints.length === 0) return null;
  const { name, description, unit, type } = metric;
  const head = { name, description, unit };
  if (type === 'histogram') return { ...head, histogram: { dataPoints, aggregationTemporality } };
  return { ...head, sum: { dataPoints, aggregationTemporality, isMonotonic: true } };
}

function requestOf(metrics: readonly JsonMetric[], envelope: TrafficEnvelope): string {
  const told = metrics.filter((metric) => metric !== null);
  const seq = { key: SEQ, value: { intValue: wholeText(envelope.seq) } };
  const attributes = [...resourceAttributes(envelope).map(pairOf), seq];
  const scopeMetrics = [{ scope: { name: SCOPE_NAME }, metrics: told }];
  return JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics }] });
}

/** Halves of surrogate pairs are told as U+FFFD, as UTF-8 has to. */
function pairOf([name, value]: Attribute): unknown {
  return { key: name.toWellFormed(), value: { stringValue: value.toWellFormed() } };
}
