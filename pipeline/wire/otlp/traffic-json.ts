/**
 * @module Traffic as OTLP/JSON: the same points as the protobuf form, for consumers that read text.
 *
 * Rules: OTLP specification, "JSON Protobuf Encoding": lowerCamelCase names, 64-bit integers as decimal strings, enums as
 * integers, doubles that are no numbers as text. The text is put together directly, attributes once for all points of a
 * record: a tree of objects for `JSON.stringify` takes twice as long.
 */
import type { Interval, TrafficRecord, TrafficSum } from '../../model/traffic.ts';
import {
  type Attribute,
  CLASSIFICATION,
  CLOCK_AHEAD,
  coverageAttributes,
  FAILURE,
  LATE,
  PARTIAL,
  SUCCESS,
  trafficAttributes,
} from '../traffic-attributes.ts';
import { INTERVAL, REQUEST_DURATION, REQUESTS, REQUESTS_UNREACHED, type TrafficMetric } from '../traffic-metrics.ts';
import { POINTS, resourceAttributes, SEQ, type TrafficEnvelope } from './envelope.ts';
import { CUMULATIVE, DELTA, SCOPE_NAME, type Temporality } from './fields.ts';
import { COVERAGE_METRICS, intervalSeconds, TCP_METRICS, tellsRequests } from './sections.ts';
import { type ToldHistogram, toldHistograms } from './told-histograms.ts';
import type { CumulativeTotal } from './told-traffic.ts';
import { unixNanoText } from './unix-nano.ts';

/** `sum` with delta temporality, one ExportMetricsServiceRequest. Arguments and errors as of the protobuf encoder. */
export function encodeTrafficJson(sum: TrafficSum, envelope: TrafficEnvelope, continues = false): string {
  const { interval, coverage } = sum;
  const times = timesText(interval);
  const records = sum.records.map((record) => toldRecord(record, times));
  const targets = coverage.map((record) => ({ record, attributes: attributesText(coverageAttributes(record)) }));
  const metrics = [
    metricText(INTERVAL, DELTA, [intervalPoint(sum, times, continues)]),
    ...recordMetrics(records, DELTA),
    ...COVERAGE_METRICS.map(([metric, read]) =>
      metricText(
        metric,
        DELTA,
        targets.map((target) => numberPoint(times, target.attributes, read(target.record))),
      ),
    ),
  ];
  return requestText(metrics, envelope, true);
}

/** Totals up to `endMs` with cumulative temporality, each from its own start. */
export function encodeCumulativeJson(
  totals: Iterable<CumulativeTotal>,
  endMs: number,
  envelope: TrafficEnvelope,
): string {
  const records = Array.from(totals, ({ record, startMs }) => toldRecord(record, timesText({ startMs, endMs })));
  return requestText(recordMetrics(records, CUMULATIVE), envelope, false);
}

/** A record with what all its points begin with and the attributes they share, as text. */
interface ToldRecord {
  readonly record: TrafficRecord;
  readonly times: string;
  readonly attributes: string;
}

function toldRecord(record: TrafficRecord, times: string): ToldRecord {
  return { record, times, attributes: attributesText(trafficAttributes(record.key)) };
}

function recordMetrics(records: readonly ToldRecord[], temporality: Temporality): ToldMetric[] {
  return [
    metricText(REQUESTS, temporality, records.flatMap(requestPoints)),
    metricText(REQUESTS_UNREACHED, temporality, records.flatMap(unreachedPoints)),
    metricText(REQUEST_DURATION, temporality, records.flatMap(durationPoints)),
    ...TCP_METRICS.map(([metric, read]) =>
      metricText(
        metric,
        temporality,
        records.flatMap(({ record: { tcp }, times, attributes }) =>
          tcp === null ? [] : [numberPoint(times, attributes, read(tcp))],
        ),
      ),
    ),
  ];
}

const SUCCESS_MARK = attributesText([[CLASSIFICATION, SUCCESS]]);
const FAILURE_MARK = attributesText([[CLASSIFICATION, FAILURE]]);

function requestPoints({ record, times, attributes }: ToldRecord): string[] {
  if (!tellsRequests(record)) return [];
  return [
    numberPoint(times, `${SUCCESS_MARK},${attributes}`, record.successes),
    numberPoint(times, `${FAILURE_MARK},${attributes}`, record.failures),
  ];
}

function unreachedPoints({ record: { unreached }, times, attributes }: ToldRecord): string[] {
  return unreached === 0 ? [] : [numberPoint(times, attributes, unreached)];
}

function durationPoints({ record, times, attributes }: ToldRecord): string[] {
  return toldHistograms(record).map((histogram) => histogramPoint(times, attributes, histogram));
}

function intervalPoint(sum: TrafficSum, times: string, continues: boolean): string {
  const { interval, partial, clockAhead, late = false } = sum;
  const names = [...(partial ? [PARTIAL] : []), ...(clockAhead ? [CLOCK_AHEAD] : []), ...(late ? [LATE] : [])];
  const marks = names.map((key) => `{"key":"${key}","value":{"boolValue":true}}`);
  return numberPoint(times, marks.join(','), intervalSeconds(interval, continues));
}

function numberPoint(times: string, attributes: string, value: number): string {
  return `{${times},${valueText(value)},"attributes":[${attributes}]}`;
}

function histogramPoint(times: string, attributes: string, { marks, boundsMs, counts, total }: ToldHistogram): string {
  const all = marks.length === 0 ? attributes : `${attributesText(marks)},${attributes}`;
  const buckets = `"count":"${wholeText(total)}","bucketCounts":["${counts.join('","')}"]`;
  return `{${times},${buckets},"explicitBounds":${JSON.stringify(boundsMs)},"attributes":[${all}]}`;
}

/** Both times of a point, its first members. */
function timesText({ startMs, endMs }: Interval): string {
  return `"startTimeUnixNano":"${unixNanoText(startMs)}","timeUnixNano":"${unixNanoText(endMs)}"`;
}

function valueText(value: number): string {
  if (Number.isSafeInteger(value)) return `"asInt":"${wholeText(value)}"`;
  return `"asDouble":${Number.isFinite(value) ? value : `"${value}"`}`;
}

/** A whole number in decimal digits, never with an exponent; −0 is 0. */
function wholeText(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString();
}

/** A metric with its points; '' when it has none. */
interface ToldMetric {
  readonly text: string;
  readonly points: number;
}

function metricText(metric: TrafficMetric, temporality: Temporality, points: readonly string[]): ToldMetric {
  if (points.length === 0) return { text: '', points: 0 };
  const { name, description, unit, type } = metric;
  const head = JSON.stringify({ name, description, unit }).slice(0, -1);
  const data = `"dataPoints":[${points.join(',')}],"aggregationTemporality":${temporality}`;
  const text = type === 'histogram' ? `"histogram":{${data}}` : `"sum":{${data},"isMonotonic":true}`;
  return { text: `${head},${text}}`, points: points.length };
}

/** `tellsPoints`: whether the number of points is told. */
function requestText(metrics: readonly ToldMetric[], envelope: TrafficEnvelope, tellsPoints: boolean): string {
  const points = metrics.reduce((total, metric) => total + metric.points, 0);
  const numbers = [intAttribute(SEQ, envelope.seq), ...(tellsPoints ? [intAttribute(POINTS, points)] : [])];
  const resource = `{"attributes":[${attributesText(resourceAttributes(envelope))},${numbers.join(',')}]}`;
  const told = metrics.flatMap(({ text }) => (text === '' ? [] : [text])).join(',');
  const scopeMetrics = `{"scope":{"name":"${SCOPE_NAME}"},"metrics":[${told}]}`;
  return `{"resourceMetrics":[{"resource":${resource},"scopeMetrics":[${scopeMetrics}]}]}`;
}

function intAttribute(name: string, value: number): string {
  return `{"key":"${name}","value":{"intValue":"${wholeText(value)}"}}`;
}

/** Elements of an array of attributes. Halves of surrogate pairs are told as U+FFFD, as UTF-8 has to. */
function attributesText(attributes: readonly Attribute[]): string {
  let text = '';
  for (const [name, value] of attributes) {
    if (text !== '') text += ',';
    text += `{"key":${jsonText(name)},"value":{"stringValue":${jsonText(value)}}}`;
  }
  return text;
}

function jsonText(text: string): string {
  return JSON.stringify(text.toWellFormed());
}
