/**
 * @module Plain JSON for people and scripts: `/v1/edges` and `/v1/targets`, `apiVersion` `weir/v1`.
 *
 * Fields are only ever added within `weir/v1`; the README of this folder lists them.
 */
import type { DiscoveryProblem, TargetStatus } from '../../pipeline/component.ts';
import type { Quantile } from '../../pipeline/model/histogram.ts';
import type { EdgeReading, Figures, TrafficReading } from '../../pipeline/model/reading.ts';
import type { Workload } from '../../pipeline/model/resource.ts';
import { createExplainer, type Explanation, type TargetFacts } from './explain.ts';

const API_VERSION = 'weir/v1';

/** Edges while there is nothing to read: when it will be, whole seconds. */
export function edgesWaiting(firstNumbersInSeconds: number): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'Edges', ready: false, firstNumbersInSeconds, edges: [] });
}

/** Edges when slots have stopped closing: `message` says since when. */
export function edgesStale(message: string): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'Edges', ready: false, message, edges: [] });
}

/** The edges of a reading. `watched`: whether somebody told of any target in its window. */
export function edgesText(reading: TrafficReading, watched: boolean): string {
  const { interval, windowSeconds, partial, clockAhead, revision, complete } = reading;
  const windowStart = new Date(interval.startMs).toISOString();
  const windowEnd = new Date(interval.endMs).toISOString();
  const window = { windowStart, windowEnd, windowSeconds, partial, clockAhead, revision, complete, watched };
  const edges = reading.edges.map(edgeRow);
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'Edges', ready: true, ...window, edges });
}

function edgeRow({ source, destination, mesh, services, figures }: EdgeReading): object {
  const { side, counts, successes, failures, unreached, ratePerSecond, meshes } = figures;
  const { complete, coveredSeconds, expectedSeconds, resets, missed, sources, tcp } = figures;
  const requests = successes + failures;
  return {
    source: endRow(source),
    destination: endRow(destination),
    mesh,
    ...(meshes.length > 1 ? { meshes } : {}),
    services,
    side,
    counts,
    successes,
    failures,
    ...(unreached === 0 ? {} : { unreached }),
    successRate: requests === 0 ? null : successes / requests,
    ratePerSecond,
    latencyMs: latencyRow(figures),
    tcp,
    complete,
    coveredSeconds,
    expectedSeconds,
    resets,
    missed,
    targets: sources,
  };
}

function endRow(end: Workload | null): object | null {
  if (end === null) return null;
  const { cluster, namespace, name, kind } = end;
  return { ...(cluster === '' ? {} : { cluster }), namespace, name, kind };
}

/** p50, p90 and p99 with the intervals they surely lie in; null when none was measured. */
export function latencyRow({ p50, p90, p99 }: Figures): object | null {
  if (p50 === null && p90 === null && p99 === null) return null;
  return { p50: quantileRow(p50), p90: quantileRow(p90), p99: quantileRow(p99) };
}

/** `hi` is null when the quantile lies above the highest bound the proxy has. */
function quantileRow(quantile: Quantile | null): object | null {
  if (quantile === null) return null;
  const { valueMs, loMs, hiMs } = quantile;
  return { value: valueMs, lo: loMs, hi: Number.isFinite(hiMs) ? hiMs : null };
}

export interface TargetsHere {
  readonly targets: readonly TargetStatus[];
  readonly problems: readonly DiscoveryProblem[];
  /** False when all receivers take what others send. */
  readonly scrapes: boolean;
}

/** All targets, each with why it is or is not in the figures, and the files that may name more of them. */
export function targetsText({ targets, problems, scrapes }: TargetsHere, facts: TargetFacts): string {
  const { reading, firstNumbersInSeconds } = facts;
  const explain = createExplainer(facts);
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: 'Targets',
    ready: reading !== null,
    ...(firstNumbersInSeconds === null ? {} : { firstNumbersInSeconds }),
    scrapes,
    targets: targets.map((target) => targetRow(target, explain(target))),
    problems: problems.map(({ receiver, file, error }) => ({ receiver, file, error })),
  });
}

function targetRow({ lastScrapeMs, ...rest }: TargetStatus, explanation: Explanation): object {
  const lastScrape = lastScrapeMs === null ? null : new Date(lastScrapeMs).toISOString();
  return { ...rest, lastScrape, ...explanation };
}
