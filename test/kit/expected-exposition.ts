/** @module What a Prometheus that reads our exporter must hold, worked out from the slots that went into it. */
import { quantile } from '../../pipeline/model/histogram.ts';
import type { LatencyHistogram, TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { boundsName } from '../../pipeline/wire/exposition-out/text.ts';
import { coverageAttributes, labelName, trafficAttributes } from '../../pipeline/wire/traffic-attributes.ts';

/** Value by series: name and sorted labels as JSON. */
export type Exposition = Map<string, number>;
type LabelList = readonly (readonly [name: string, value: string])[];

/**
 * One text per series, whatever the order of its labels; bounds as numbers, since readers write them in their own way.
 * What no reader can take, half a surrogate pair and NUL, reads as U+FFFD.
 */
export function expositionKey(name: string, labels: LabelList): string {
  const told = labels
    .filter(([, value]) => value !== '')
    .map(([label, value]) => [label, label === 'le' ? bound(value) : readable(value)] as const);
  return JSON.stringify([name, ...told.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function bound(text: string): string {
  return String(Number(text.replace('+Inf', 'Infinity')));
}

function readable(value: string): string {
  return value.toWellFormed().replaceAll('\0', '\ufffd');
}

/** All samples after `sums`. `created`: with start times, as OpenMetrics has them. */
export function expectedExposition(sums: readonly TrafficSum[], created: boolean): Exposition {
  const found: Exposition = new Map();
  const starts = new Map<string, number>();
  for (const sum of sums) {
    // What a record begins to measure later has been counting, at 0, since the record began.
    const startOf = (name: string, labels: LabelList) => {
      const told = labels.filter(([label]) => label !== 'bounds' && label !== 'classification');
      const whose = expositionKey(name.startsWith('weir_resource_') ? 'resource' : 'edge', told);
      if (!starts.has(whose)) starts.set(whose, sum.interval.startMs / 1000);
      return starts.get(whose) ?? Number.NaN;
    };
    const add = (name: string, labels: LabelList, value: number) => {
      const key = expositionKey(name, labels);
      found.set(key, (found.get(key) ?? 0) + value);
      if (!created || name.endsWith('_bucket')) return;
      found.set(expositionKey(name.replace(/_(?:total|count)$/, '_created'), labels), startOf(name, labels));
    };
    const marks = [
      ['partial', String(sum.partial)],
      ['clock_ahead', String(sum.clockAhead)],
    ] as const;
    add('weir_interval_seconds_total', marks, (sum.interval.endMs - sum.interval.startMs) / 1000);
    for (const record of sum.records) {
      startOf('weir_', edgeLabels(record));
      startOf('weir_resource_', resourceLabels(record));
      addRecord(add, 'weir', edgeLabels(record), record);
      addRecord(add, 'weir_resource', resourceLabels(record), record);
    }
    for (const each of sum.coverage) {
      const labels = coverageAttributes(each).map(([name, value]) => [labelName(name), value] as const);
      add('weir_coverage_scrapes_due_total', labels, each.scrapesDue);
      add('weir_coverage_scrapes_missed_total', labels, each.scrapesMissed);
      add('weir_coverage_covered_seconds_total', labels, each.coveredSeconds);
      add('weir_coverage_expected_seconds_total', labels, each.expectedSeconds);
      add('weir_coverage_resets_total', labels, each.resets);
      add('weir_coverage_first_sights_total', labels, each.firstSight ? 1 : 0);
    }
  }
  return found;
}

type Add = (name: string, labels: LabelList, value: number) => void;

function edgeLabels({ key }: TrafficRecord): LabelList {
  return trafficAttributes(key).map(([name, value]) => [labelName(name), value] as const);
}

function resourceLabels({ key }: TrafficRecord): LabelList {
  const { cluster, namespace, name, kind } = key.own.workload;
  return [
    ['mesh', key.mesh],
    ['side', key.side],
    ['protocol', key.protocol],
    ['counts', key.counts],
    ['cluster', cluster],
    ['namespace', namespace],
    ['workload', name],
    ['kind', kind],
  ];
}

function addRecord(add: Add, prefix: string, labels: LabelList, record: TrafficRecord): void {
  const { key, successes, failures, unreached, latency, tcp } = record;
  if (key.protocol !== 'tcp' || successes + failures > 0) {
    add(`${prefix}_requests_total`, [...labels, ['classification', 'success']], successes);
    add(`${prefix}_requests_total`, [...labels, ['classification', 'failure']], failures);
  }
  if (unreached > 0) add(`${prefix}_requests_unreached_total`, labels, unreached);
  for (const histogram of latency ?? []) addHistogram(add, `${prefix}_request_duration_seconds`, labels, histogram);
  if (tcp === null) return;
  add(`${prefix}_tcp_connections_opened_total`, labels, tcp.opened);
  add(`${prefix}_tcp_connections_closed_total`, labels, tcp.closed);
  add(`${prefix}_tcp_read_bytes_total`, labels, tcp.readBytes);
  add(`${prefix}_tcp_written_bytes_total`, labels, tcp.writtenBytes);
}

function addHistogram(add: Add, name: string, labels: LabelList, { boundsMs, counts }: LatencyHistogram): void {
  const all = [...labels, ['bounds', boundsName(boundsMs)] as const];
  let sum = 0;
  for (const [i, count] of counts.entries()) {
    sum += count;
    add(`${name}_bucket`, [...all, ['le', i < boundsMs.length ? String(boundsMs[i]! / 1000) : '+Inf']], sum);
  }
  add(`${name}_count`, all, sum);
}

/** Quantiles in seconds of each edge's whole histograms, by their labels without name and bound. */
export function expectedQuantiles(records: readonly TrafficRecord[], q: number): Exposition {
  const found: Exposition = new Map();
  for (const record of records) {
    for (const histogram of record.latency ?? []) {
      const labels = [...edgeLabels(record), ['bounds', boundsName(histogram.boundsMs)] as const];
      found.set(expositionKey('', labels), (quantile([histogram], q)?.valueMs ?? Number.NaN) / 1000);
    }
  }
  return found;
}
