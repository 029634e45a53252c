/** @module From records and coverage to figures: sums, rates, completeness. */
import { quantiles } from './histogram.ts';
import { requestsOf, type Weigh } from './reached.ts';
import { addConnections } from './reading-connections.ts';
import { type Coverage, NONE, noCoverage, type WorkloadEntry } from './reading-entries.ts';
import type { TrafficIndex } from './reading-index.ts';
import type { Figures } from './reading-types.ts';
import type { Unheard } from './reading-unheard.ts';
import type { Counts, Side } from './rules.ts';
import type { SideMemory } from './side-memory.ts';
import type { LatencyHistogram, TcpTotals, TrafficRecord } from './traffic.ts';

const PERCENTILES = [0.5, 0.9, 0.99];

/** Records of one side with the coverage that vouches for them. */
export interface Counted {
  readonly side: Side;
  readonly records: readonly TrafficRecord[];
  /** Of earlier windows, told with this one; not in `requests`. */
  readonly late?: readonly TrafficRecord[];
  /** Clients' records of which only `unreached` is added: failures that this side, a server's, could not see. */
  readonly unreached?: readonly TrafficRecord[];
  readonly scope: Coverage;
  /** False also when some of the workloads that counted were not covered at all. */
  readonly complete: boolean;
  readonly requests: number;
}

/** What is the same for all figures of one reading. */
export interface Frame {
  readonly index: TrafficIndex;
  readonly windowSeconds: number;
  readonly partial: boolean;
  readonly unheard: Unheard;
  /** Null for readers of one window. */
  readonly sides: SideMemory | null;
  /** Totals of earlier windows to be told in this one whatever it holds. */
  readonly lateTotals: ReadonlyMap<WorkloadEntry, readonly TrafficRecord[]>;
}

/** Records of one side, vouched for by `coverages` (null: not covered). */
export function counted(
  frame: Frame,
  side: Side,
  records: readonly TrafficRecord[],
  coverages: readonly (Coverage | null)[],
): Counted {
  const [only] = coverages;
  if (coverages.length === 1 && only !== undefined && only !== null) {
    return { side, records, scope: only, complete: !frame.partial && isWhole(only), requests: requestsOf(records) };
  }
  const scope = noCoverage();
  let vouched = coverages.length > 0 && !frame.partial;
  for (const coverage of coverages) {
    if (coverage === null) vouched = false;
    else addUp(scope, coverage);
  }
  return { side, records, scope, complete: vouched && isWhole(scope), requests: requestsOf(records) };
}

/** What several resources counted, each on its own side; the side of most requests stands for all. */
export function joinCounted(parts: readonly Counted[]): Counted {
  const requests = { client: 0, server: 0 };
  const scope = noCoverage();
  for (const part of parts) {
    requests[part.side] += part.requests;
    addUp(scope, part.scope);
  }
  return {
    side: requests.client > requests.server ? 'client' : 'server',
    records: parts.flatMap(({ records }) => records),
    late: parts.flatMap(({ late = NONE }) => late),
    unreached: parts.flatMap(({ unreached = NONE }) => unreached),
    scope,
    complete: parts.every(({ complete }) => complete),
    requests: requests.client + requests.server,
  };
}

/** Nothing is missing of what these targets counted. */
export function isWhole({ isMissed, resets, firstSight }: Coverage): boolean {
  return !isMissed && resets === 0 && !firstSight;
}

/** Coverage of the workloads that counted `records`, each once. */
export function coveragesOf(index: TrafficIndex, records: readonly TrafficRecord[]): (Coverage | null)[] {
  if (records.length === 1) return [index.ownOf(records[0]!.key.own).entry.coverage];
  const entries = new Set<WorkloadEntry>();
  for (const record of records) entries.add(index.ownOf(record.key.own).entry);
  return Array.from(entries, (entry) => entry.coverage);
}

/** Figures of what one side counted; null when there was no traffic. */
export function figuresOf(frame: Frame, from: Counted): Figures | null {
  const { records, late = NONE, unreached = NONE, scope, side, complete } = from;
  const sum = sumUp(late.length === 0 ? records : [...records, ...late]);
  addUnreached(sum, unreached);
  const { successes, failures, histograms, meshes, counts, tcp } = sum;
  if (successes + failures === 0 && tcp === null) return null;
  const [p50 = null, p90 = null, p99 = null] = quantiles(histograms, PERCENTILES);
  return {
    successes,
    failures,
    unreached: sum.unreached,
    ratePerSecond: rateOf(frame, records, unreached),
    p50,
    p90,
    p99,
    side,
    counts,
    meshes: meshes.length > 1 ? meshes.sort() : meshes,
    complete,
    coveredSeconds: scope.coveredSeconds,
    expectedSeconds: scope.expectedSeconds,
    resets: scope.resets,
    missed: scope.missed,
    sources: scope.targets,
    tcp,
  };
}

interface Sum {
  successes: number;
  failures: number;
  unreached: number;
  counts: Counts;
  tcp: TcpTotals | null;
  readonly histograms: LatencyHistogram[];
  readonly meshes: string[];
}

function sumUp(records: readonly TrafficRecord[]): Sum {
  const sum: Sum = {
    successes: 0,
    failures: 0,
    unreached: 0,
    counts: 'requests',
    tcp: null,
    histograms: [],
    meshes: [],
  };
  for (const record of records) {
    sum.successes += record.successes;
    sum.failures += record.failures;
    sum.unreached += record.unreached;
    if (record.key.counts === 'attempts') sum.counts = 'attempts';
    if (!sum.meshes.includes(record.key.mesh)) sum.meshes.push(record.key.mesh);
    if (record.tcp !== null) sum.tcp = addTcp(sum.tcp, record.tcp);
    if (record.latency !== null) for (const histogram of record.latency) sum.histograms.push(histogram);
  }
  return sum;
}

/** Counts only: how long it took to fail without a server says nothing about the server. */
function addUnreached(sum: Sum, unreached: readonly TrafficRecord[]): void {
  for (const record of unreached) {
    sum.failures += record.unreached;
    sum.unreached += record.unreached;
    if (!sum.meshes.includes(record.key.mesh)) sum.meshes.push(record.key.mesh);
  }
}

/** Σ over pods of (count ÷ covered × expected) ÷ window; null when no pod with requests was covered. */
function rateOf(frame: Frame, records: readonly TrafficRecord[], unreached: readonly TrafficRecord[]): number | null {
  let expectedRequests: number | null = null;
  const add = (record: TrafficRecord, requests: number) => {
    const coverage = requests === 0 ? null : coverageOf(frame, record);
    if (coverage === null || coverage.coveredSeconds <= 0) return;
    expectedRequests = (expectedRequests ?? 0) + (requests / coverage.coveredSeconds) * expectedOf(coverage);
  };
  for (const record of records) add(record, record.successes + record.failures);
  for (const record of unreached) add(record, record.unreached);
  if (expectedRequests === null || frame.windowSeconds <= 0) return null;
  return expectedRequests / frame.windowSeconds;
}

/** Coverage that vouches for a record: its pod's. Pods that were merged on the way have none: their workload's stands in. */
export function coverageOf({ index }: Frame, { key }: TrafficRecord): Coverage | null {
  const ref = index.ownOf(key.own);
  return ref.unit ?? ref.entry.coverage;
}

/** Less than nothing, which a stream says where it takes back what an earlier window expected, is nothing. */
export function expectedOf({ expectedSeconds }: Coverage): number {
  return Math.max(0, expectedSeconds);
}

/** Weighs records as their rates are; one of which nothing is known to be covered stands for itself. */
export function weighBy(frame: Frame): Weigh {
  return (record) => {
    const coverage = coverageOf(frame, record);
    return coverage === null || coverage.coveredSeconds <= 0 ? 1 : expectedOf(coverage) / coverage.coveredSeconds;
  };
}

function addUp(into: Coverage, from: Coverage): void {
  into.coveredSeconds += from.coveredSeconds;
  into.expectedSeconds += from.expectedSeconds;
  into.missed += from.missed;
  into.isMissed ||= from.isMissed;
  into.resets += from.resets;
  into.firstSight ||= from.firstSight;
  into.targets += from.targets;
}

function addTcp(into: TcpTotals | null, from: TcpTotals): TcpTotals {
  if (into === null) return { ...from };
  addConnections(into, from);
  return into;
}
