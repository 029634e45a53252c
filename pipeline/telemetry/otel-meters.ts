/**
 * @module Weir's own metrics on the OpenTelemetry SDK, rendered as Prometheus text.
 *
 * Counters and gauges are read from plain fields when somebody collects. They are handed to the exporter's serialiser
 * directly, not through the SDK's observable instruments: those keep every attribute set ever seen, so a target that
 * left would be reported for ever (docs/adr/0003).
 */
import { type HrTime, type Histogram as OtelHistogram, ValueType } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  MeterProvider,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { printableShort } from '../wire/printable.ts';
import type { Meters, MetricAttributes, Observation } from './meters.ts';

const NAME = /^weir_[a-z0-9]+(?:_[a-z0-9]+)*$/;
const SCOPE = { name: 'weir' };
const NO_TIME: HrTime = [0, 0];
/** Bounds in seconds: from a millisecond, a local answer, to a minute, the longest export timeout. */
const SECONDS_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Characters; names in Kubernetes have 253 at most. */
const LONGEST_VALUE = 256;
/** Attribute of the point that sums what is beyond the limit; the SDK's own name for it. */
const OVERFLOW: MetricAttributes = { otel_metric_overflow: 'true' };

type Read = () => Iterable<Observation>;
type ObservedKind = 'counter' | 'gauge';

interface Family {
  readonly kind: ObservedKind;
  readonly help: string;
  readonly reads: Set<Read>;
}

export interface MetersOptions {
  /** Attribute sets per metric; what is beyond is summed in one point marked `otel_metric_overflow`. Default 10,000. */
  readonly seriesLimit?: number;
}

/** Meters that can be rendered. `close` releases the SDK; rendering afterwards is an error. */
export interface RenderableMeters extends Meters {
  /** Prometheus text 0.0.4. A `read` that throws loses its own metric only, and is counted. */
  render(): Promise<string>;
  /** Names registered now, sorted. */
  names(): string[];
  close(): Promise<void>;
}

/**
 * Creates the meters of one process. Several components may register the same name: their observations are joined, and
 * those with equal attributes added up. Throws when a name is malformed or registered again as something else.
 */
export function createMeters(options: MetersOptions = {}): RenderableMeters {
  const seriesLimit = options.seriesLimit ?? 10_000;
  const families = new Map<string, Family>();
  const histograms = new Map<string, OtelHistogram>();
  const reader = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({
    readers: [reader],
    views: [{ instrumentName: '*', aggregationCardinalityLimit: seriesLimit }],
  });
  const meter = provider.getMeter(SCOPE.name);
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  let readFailures = 0;

  function observe(kind: ObservedKind, name: string, help: string, read: Read): () => void {
    checkName(name, kind);
    const family = families.get(name) ?? { kind, help, reads: new Set<Read>() };
    if (family.kind !== kind || histograms.has(name)) throw new Error(`metric ${name} is registered as another type`);
    families.set(name, family);
    // A wrapper of its own, so that one `read` registered twice is counted twice and removed once.
    const own: Read = () => read();
    family.reads.add(own);
    return () => {
      family.reads.delete(own);
      if (family.reads.size === 0) families.delete(name);
    };
  }

  function readAll(family: Family): Observation[] {
    const observations: Observation[] = [];
    for (const read of family.reads) {
      try {
        for (const observation of read()) observations.push(observation);
      } catch {
        readFailures += 1;
      }
    }
    return observations;
  }

  function observed(): MetricData[] {
    const metrics: MetricData[] = [];
    for (const [name, family] of families) {
      const points = toPoints(readAll(family), seriesLimit);
      if (points.length > 0) metrics.push(toMetric(name, family, points));
    }
    return metrics;
  }

  observe('counter', 'weir_metrics_read_failures_total', 'Own metrics that could not be read.', () => [
    { value: readFailures, attributes: {} },
  ]);

  return {
    counter: (name, help, read) => observe('counter', name, help, read),
    gauge: (name, help, read) => observe('gauge', name, help, read),
    seconds(name, help) {
      checkName(name, 'seconds');
      if (families.has(name)) throw new Error(`metric ${name} is registered as another type`);
      const held = histograms.get(name);
      const histogram =
        held ??
        meter.createHistogram(name, { description: help, advice: { explicitBucketBoundaries: SECONDS_BOUNDS } });
      histograms.set(name, histogram);
      return { record: (seconds, attributes) => histogram.record(seconds, shown(attributes)) };
    },
    async render() {
      const { resourceMetrics } = await reader.collect();
      const scopeMetrics = [...resourceMetrics.scopeMetrics, { scope: SCOPE, metrics: observed() }];
      return `${serializer.serialize({ resource: resourceMetrics.resource, scopeMetrics })}\n`.replace(/\n+$/, '\n');
    },
    names: () => [...families.keys(), ...histograms.keys()].sort(),
    close: () => provider.shutdown(),
  };
}

function checkName(name: string, kind: ObservedKind | 'seconds'): void {
  const suffix = kind === 'counter' ? '_total' : kind === 'seconds' ? '_seconds' : '';
  if (!NAME.test(name) || !name.endsWith(suffix) || (kind === 'gauge' && name.endsWith('_total')))
    throw new Error(`metric name "${name}" does not fit a ${kind}: expected weir_<what>_<unit>${suffix}`);
}

/** Adds up equal attribute sets and folds what is beyond `limit` into one point. O(observations). */
function toPoints(observations: readonly Observation[], limit: number): DataPoint<number>[] {
  const points = new Map<string, { value: number; attributes: MetricAttributes }>();
  for (const observation of observations) {
    const { value } = observation;
    const attributes = shown(observation.attributes);
    const key = attributesKey(attributes);
    const full = points.size >= limit && !points.has(key);
    const held = points.get(full ? '' : key);
    if (held !== undefined) held.value += value;
    else if (full) points.set('', { value, attributes: OVERFLOW });
    else points.set(key, { value, attributes });
  }
  return Array.from(points.values(), ({ value, attributes }) => ({
    startTime: NO_TIME,
    endTime: NO_TIME,
    attributes: { ...attributes },
    value,
  }));
}

/** Values come from labels of strangers: shown in full up to the longest name Kubernetes has, and never obeyed. */
function shown(attributes: MetricAttributes): MetricAttributes {
  const entries = Object.entries(attributes).map(([name, value]) => [name, printableShort(value, LONGEST_VALUE)]);
  return Object.fromEntries(entries);
}

/** Never '' (the overflow's key), whatever the attributes. */
function attributesKey(attributes: MetricAttributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function toMetric(name: string, family: Family, dataPoints: DataPoint<number>[]): MetricData {
  const base = {
    descriptor: { name, description: family.help, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints,
  };
  return family.kind === 'counter'
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true }
    : { ...base, dataPointType: DataPointType.GAUGE };
}
