/** @module What a metrics request says: as Weir walks through it, and as protobufjs decodes it by the public schema. */
import { type MetricHead, type MetricPoint, type NumberRow, readMetrics } from '../../pipeline/wire/otlp-metrics.ts';
import type { SchemaAttribute, SchemaPoint, SchemaRequest } from './otlp-schema.ts';

/** All that is told, in order. Points of kinds that are not read are only counted. */
export type Told =
  | { readonly resource: Labels }
  | { readonly metric: string; readonly unit: string; readonly kind: string; readonly temporality: string }
  | { readonly unread: number }
  | {
      readonly labels: Labels;
      readonly startMs: number;
      readonly timeMs: number;
      readonly isRecorded: boolean;
      readonly value: number | HistogramValue;
    };

interface HistogramValue {
  readonly count: number;
  readonly counts: readonly number[];
  readonly bounds: readonly number[];
}

type Labels = readonly (readonly [name: string, value: string])[];

const TEMPORALITIES = new Map([
  [1, 'delta'],
  [2, 'cumulative'],
]);

/** What `readMetrics` tells of a request. */
export function walked(bytes: Uint8Array): Told[] {
  const told: Told[] = [];
  let head: MetricHead | null = null;
  readMetrics(bytes, {
    resource: (view) => void told.push({ resource: sorted(view.labels()) }),
    metric(found) {
      head = found;
      const { name, unit, kind, temporality } = found;
      told.push({ metric: name, unit, kind, temporality: TEMPORALITIES.get(temporality) ?? '' });
      return true;
    },
    unread: (points) => void told.push({ unread: points }),
    tooLong: () => void told.push({ unread: -1 }),
    point: (point) => void told.push(pointTold(point, head?.kind === 'histogram')),
  });
  return told;
}

function pointTold(point: MetricPoint, isHistogram: boolean): Told {
  const { startMs, timeMs, isRecorded, count } = point;
  const value = isHistogram ? { count, counts: row(point.counts), bounds: row(point.bounds) } : point.value;
  return { labels: sorted(point.labels()), startMs, timeMs, isRecorded, value };
}

function row({ values, length }: NumberRow): number[] {
  return [...values.subarray(0, length)];
}

function sorted(labels: ReadonlyMap<string, string>): Labels {
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The same of a request that protobufjs decoded. */
export function schemaWalk({ resourceMetrics = [] }: SchemaRequest): Told[] {
  return resourceMetrics.flatMap(({ resource, scopeMetrics = [] }) => [
    { resource: labelsOf(resource?.attributes) },
    ...scopeMetrics.flatMap(({ metrics = [] }) => metrics.flatMap(metricTold)),
  ]);
}

type SchemaMetric = NonNullable<
  NonNullable<NonNullable<SchemaRequest['resourceMetrics']>[number]['scopeMetrics']>[number]['metrics']
>[number];

function metricTold(metric: SchemaMetric): Told[] {
  const { name = '', unit = '', gauge, sum, histogram, exponentialHistogram, summary } = metric;
  const temporality = TEMPORALITIES.get((sum ?? histogram)?.aggregationTemporality ?? 0) ?? '';
  const head = (kind: string, told = '') => ({ metric: name, unit, kind, temporality: told });
  const points = (gauge ?? sum ?? histogram)?.dataPoints ?? [];
  if (histogram !== undefined) return [head('histogram', temporality), ...points.map(histogramPoint)];
  if (gauge !== undefined) return [head('gauge'), ...points.map(numberPoint)];
  if (sum !== undefined) return [head('sum', temporality), ...points.map(numberPoint)];
  return [head('other'), { unread: (exponentialHistogram ?? summary)?.dataPoints?.length ?? 0 }];
}

function numberPoint(point: SchemaPoint): Told {
  const { asInt, asDouble = Number.NaN } = point;
  return { ...shared(point), value: asInt === undefined ? Number(asDouble) : whole(asInt) };
}

function histogramPoint(point: SchemaPoint): Told {
  const { count = '0', bucketCounts = [], explicitBounds = [] } = point;
  const bounds = explicitBounds.map(Number);
  return { ...shared(point), value: { count: whole(count), counts: bucketCounts.map(whole), bounds } };
}

/** An integer; NaN for one that would be told as ±2^53 and is another one. */
function whole(text: string): number {
  const value = Number(text);
  return Math.abs(value) === 2 ** 53 && BigInt(value) !== BigInt(text) ? Number.NaN : value;
}

function shared({ attributes, startTimeUnixNano, timeUnixNano, flags = 0 }: SchemaPoint) {
  const isRecorded = (flags & 1) === 0;
  return { labels: labelsOf(attributes), startMs: ms(startTimeUnixNano), timeMs: ms(timeUnixNano), isRecorded };
}

function ms(nanos = '0'): number {
  const all = BigInt(nanos);
  return Number(all / 1_000_000n) + Number(all % 1_000_000n) / 1e6;
}

/** Texts that are not empty, numbers, and what is true; of a name that comes twice the last one counts. */
function labelsOf(attributes: readonly SchemaAttribute[] = []): Labels {
  const labels = new Map<string, string>();
  for (const { key = '', value = {} } of attributes) {
    const { stringValue, boolValue, intValue, doubleValue } = value;
    const number = intValue ?? doubleValue;
    const text = stringValue ?? (number === undefined ? '' : String(Number(number)));
    labels.delete(key);
    if (boolValue === true) labels.set(key, 'true');
    else if (text !== '') labels.set(key, text);
  }
  return sorted(labels);
}

/** Data points of all kinds. */
export function pointsIn(told: readonly Told[]): number {
  return told.reduce((sum, item) => sum + ('unread' in item ? item.unread : 'labels' in item ? 1 : 0), 0);
}
