/**
 * @module `/v1/explain`: what stands behind a number, as plain JSON (`apiVersion` `weir/v1`, fields are only added).
 *
 * Slots and pods listed add up to the figures; where something was taken off, `takenOff` says what.
 */
import type { SeriesListing, SeriesQuery, TargetStatus } from '../../pipeline/component.ts';
import type { QuantileSteps } from '../../pipeline/model/histogram.ts';
import type { Figures, ResourceId, TrafficReading } from '../../pipeline/model/reading.ts';
import { type Explained, type PodShare, type SlotShare, slotShares } from '../../pipeline/model/reading-explain.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { Subject } from './explain-ask.ts';
import { type Metric, successRate } from './explain-metrics.ts';
import { meshRows, seriesBehind, seriesRow, targetsBehind } from './explain-series.ts';
import { reasonText } from './explain-why.ts';
import { latencyRow } from './plain.ts';

export interface NumberFacts {
  readonly reading: TrafficReading;
  /** The slots that the reading sums. */
  readonly slots: readonly TrafficSum[];
  readonly targets: readonly TargetStatus[];
  readonly series: ((query: SeriesQuery) => SeriesListing) | undefined;
  /** Series listed at most. */
  readonly limit: number;
}

/** The answer for one subject; null when its edge is of another reading. */
export function explanationOf(subject: Subject, metric: Metric | null, facts: NumberFacts): object | null {
  const { reading, slots, limit } = facts;
  const explained = subject.kind === 'edge' ? reading.explainEdge(subject.edge) : reading.explain(subject.reading);
  if (explained === null) return null;
  const { figures, side, sides, pods, quantiles } = explained;
  const shares = slotShares(explained, slots);
  const behind = seriesBehind(explained, metric?.measures ?? null, limit, facts.series);
  const { interval, windowSeconds, partial, clockAhead, revision } = reading;
  return {
    apiVersion: 'weir/v1',
    kind: 'Explanation',
    ready: true,
    subject: subjectRow(subject),
    metric: metric?.name ?? null,
    ...(metric === null ? {} : { value: figures === null ? null : metric.value(figures), unit: metric.unit }),
    windowStart: isoTime(interval.startMs),
    windowEnd: isoTime(interval.endMs),
    windowSeconds,
    partial,
    clockAhead,
    revision,
    figures: figures === null ? null : figuresRow(figures),
    side,
    reason: explained.reason,
    why: reasonText(explained, subject.kind),
    sides,
    slots: shares.map(slotRow),
    takenOff: takenOff(explained, shares),
    pods: pods.map(podRow),
    quantiles: { p50: stepsRow(quantiles[0]), p90: stepsRow(quantiles[1]), p99: stepsRow(quantiles[2]) },
    meshes: meshRows(behind, figures?.meshes ?? []),
    targets: targetsBehind(explained, behind, facts.targets).map(targetRow),
    series: behind.counted.series.map(seriesRow),
    moreSeries: behind.counted.more,
    filteredSeries: behind.filtered.series.map(seriesRow),
    moreFilteredSeries: behind.filtered.more,
    filteredReasons: Array.from(behind.leftOut, ([reason, series]) => ({ reason, series })),
  };
}

function subjectRow(subject: Subject): object {
  if (subject.kind === 'resource') return { resource: endRow(subject.reading.resource) };
  const { source, destination } = subject.edge;
  return { source: endRow(source), destination: endRow(destination) };
}

function endRow(end: ResourceId | null): object | null {
  if (end === null) return null;
  const { cluster, namespace, name, kind } = end;
  return { ...(cluster === '' ? {} : { cluster }), namespace, name, kind };
}

function figuresRow(figures: Figures): object {
  const { successes, failures, unreached, ratePerSecond, counts, meshes, complete, tcp } = figures;
  const rates = { successRate: successRate(figures), ratePerSecond };
  return { successes, failures, unreached, ...rates, latencyMs: latencyRow(figures), tcp, counts, meshes, complete };
}

function slotRow({ interval, partial, ...counts }: SlotShare): object {
  return { start: isoTime(interval.startMs), end: isoTime(interval.endMs), partial, ...counts };
}

/** What the slots have beyond the figures: calls that clients told themselves, of callers a server cannot name. */
function takenOff({ figures, reason }: Explained, shares: readonly SlotShare[]): object | null {
  if (reason !== 'strangers') return null;
  const sum = (of: (share: SlotShare) => number) => shares.reduce((all, share) => all + of(share), 0);
  return {
    successes: sum(({ successes }) => successes) - (figures?.successes ?? 0),
    failures: sum(({ failures }) => failures) - (figures?.failures ?? 0),
  };
}

function podRow({ workload, pod, ...rest }: PodShare): object {
  const { namespace, name } = workload;
  return { namespace, workload: name, pod, ...rest, requests: rest.successes + rest.failures };
}

function stepsRow(steps: QuantileSteps | null | undefined): object | null {
  if (steps === null || steps === undefined) return null;
  const { q, total, rank, sets, bucket, quantile } = steps;
  const { valueMs, loMs, hiMs, saturated } = quantile;
  const interval = { loMs, hiMs: Number.isFinite(hiMs) ? hiMs : null };
  return { q, observations: total, rank, boundSets: sets, bucket, valueMs, ...interval, saturated };
}

function targetRow(status: TargetStatus): object {
  const { receiver, address, url, namespace, workload, pod, health, lastScrapeMs, lastError } = status;
  const lastScrape = lastScrapeMs === null ? null : isoTime(lastScrapeMs);
  return { receiver, address, url, namespace, workload, pod, health, lastScrape, lastError };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
