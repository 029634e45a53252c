/** @module From records and coverage to figures: sums, rates, completeness, and which side a reader believes. */
import { quantiles } from './histogram.ts';
import { type Coverage, NONE, noCoverage, type WorkloadEntry } from './reading-entries.ts';
import type { TrafficIndex } from './reading-index.ts';
import type { Figures } from './reading-types.ts';
import type { Workload } from './resource.ts';
import type { Counts, Side } from './rules.ts';
import type { SideMemory, SideView } from './side-memory.ts';
import type { LatencyHistogram, TcpTotals, TrafficRecord } from './traffic.ts';
import { requestsOf } from './untold.ts';

/** Over this much more on the other side means that the preferred side does not see everybody. */
const UNWATCHED = 1.05;
const PERCENTILES = [0.5, 0.9, 0.99];

/** Records of one side with the coverage that vouches for them. */
export interface Counted {
  readonly side: Side;
  readonly records: readonly TrafficRecord[];
  /** Of earlier windows, told with this one; not in `requests`. */
  readonly late?: readonly TrafficRecord[];
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
    scope,
    complete: parts.every(({ complete }) => complete),
    requests: requests.client + requests.server,
  };
}

function isWhole({ missed, resets, firstSight }: Coverage): boolean {
  return missed === 0 && resets === 0 && !firstSight;
}

/** Coverage of the workloads that counted `records`, each once. */
export function coveragesOf(index: TrafficIndex, records: readonly TrafficRecord[]): (Coverage | null)[] {
  if (records.length === 1) return [index.ownOf(records[0]!.key.own).entry.coverage];
  const entries = new Set<WorkloadEntry>();
  for (const record of records) entries.add(index.ownOf(record.key.own).entry);
  return Array.from(entries, (entry) => entry.coverage);
}

/**
 * The side a reader believes (design §6): `preferred`, unless the other one counted over 5 % more, or `preferred` is
 * incomplete and the other is complete. A complete side that counted over 5 % less than an incomplete one is not
 * believed: its far ends are only partly watched, which loses more than a missed scrape does.
 */
export function believe(preferred: Counted, otherRecords: readonly TrafficRecord[], other: () => Counted): Counted {
  if (otherRecords.length === 0) return preferred;
  if (preferred.records.length === 0) return other();
  const requests = requestsOf(otherRecords);
  if (requests > preferred.requests * UNWATCHED) return other();
  if (preferred.complete || requests * UNWATCHED < preferred.requests) return preferred;
  const instead = other();
  return instead.complete ? instead : preferred;
}

/** Totals of a workload: as its own proxies saw them, else as its clients did. */
export function totalsOf(frame: Frame, entry: WorkloadEntry): Counted {
  const server = () => counted(frame, 'server', entry.server, [entry.coverage]);
  const client = () => counted(frame, 'client', entry.client, coveragesOf(frame.index, entry.client));
  if (frame.sides === null) return believe(server(), entry.client, client);
  const clients = coveragesOf(frame.index, entry.client);
  const told = frame.sides.choose(
    `total ${entryKey(entry)}`,
    'server',
    viewOf(entry.client, clients, entry),
    viewOf(entry.server, [entry.coverage], null),
  );
  const coverages = told.side === 'server' ? [entry.coverage] : clients;
  return countedLate(frame, told, coverages, frame.lateTotals.get(entry) ?? NONE);
}

/** One side of a window as the memory of sides wants it; `far` is who the peer of the records is. */
export function viewOf(
  records: readonly TrafficRecord[],
  coverages: readonly (Coverage | null)[],
  far: WorkloadEntry | null,
): SideView {
  const known = coverages.filter((coverage) => coverage !== null);
  const missed = known.reduce((sum, coverage) => sum + coverage.missed, 0);
  return { records, coverage: known.length === 0 ? null : { missed }, far: far === null ? null : workloadOf(far) };
}

function workloadOf({ cluster, namespace, name, kind }: WorkloadEntry): Workload {
  return { cluster, namespace, name, kind };
}

/** What a stream tells: this window's records, and what comes late. Complete only when nothing does. */
export function countedLate(
  frame: Frame,
  told: { readonly side: Side; readonly records: readonly TrafficRecord[]; readonly late: readonly TrafficRecord[] },
  coverages: readonly (Coverage | null)[],
  due: readonly TrafficRecord[],
): Counted {
  const late = told.late.length === 0 ? due : [...told.late, ...due];
  const side = told.records.length === 0 && late.length > 0 ? late[0]!.key.side : told.side;
  const from = counted(frame, side, told.records, coverages);
  return late.length === 0 ? from : { ...from, late, complete: false };
}

/** Unambiguous key of a workload from window to window; '-' for an unknown end. */
export function entryKey(entry: WorkloadEntry | null): string {
  if (entry === null) return '-';
  const { cluster, namespace, name, kind } = entry;
  return JSON.stringify([kind === 'ServiceAccount', cluster, namespace, name]);
}

/** Figures of what one side counted; null when there was no traffic. */
export function figuresOf(frame: Frame, from: Counted): Figures | null {
  const { records, late = NONE, scope, side, complete } = from;
  let successes = 0;
  let failures = 0;
  let counts: Counts = 'requests';
  let tcp: TcpTotals | null = null;
  const histograms: LatencyHistogram[] = [];
  const meshes: string[] = [];
  for (const record of late.length === 0 ? records : [...records, ...late]) {
    successes += record.successes;
    failures += record.failures;
    if (record.key.counts === 'attempts') counts = 'attempts';
    if (!meshes.includes(record.key.mesh)) meshes.push(record.key.mesh);
    if (record.tcp !== null) tcp = addTcp(tcp, record.tcp);
    if (record.latency !== null) for (const histogram of record.latency) histograms.push(histogram);
  }
  if (successes + failures === 0 && tcp === null) return null;
  const [p50 = null, p90 = null, p99 = null] = quantiles(histograms, PERCENTILES);
  return {
    successes,
    failures,
    ratePerSecond: rateOf(frame, records),
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

/** Σ over pods of (count ÷ covered × expected) ÷ window; null when no pod with requests was covered. */
function rateOf(frame: Frame, records: readonly TrafficRecord[]): number | null {
  let expectedRequests: number | null = null;
  for (const record of records) {
    const requests = record.successes + record.failures;
    if (requests === 0) continue;
    const ref = frame.index.ownOf(record.key.own);
    // Pods that were merged on the way have no coverage of their own: their workload's mean stands in.
    const coverage = ref.unit ?? ref.entry.coverage;
    if (coverage === null || coverage.coveredSeconds <= 0) continue;
    const scaled = (requests / coverage.coveredSeconds) * coverage.expectedSeconds;
    expectedRequests = (expectedRequests ?? 0) + scaled;
  }
  if (expectedRequests === null || frame.windowSeconds <= 0) return null;
  return expectedRequests / frame.windowSeconds;
}

function addUp(into: Coverage, from: Coverage): void {
  into.coveredSeconds += from.coveredSeconds;
  into.expectedSeconds += from.expectedSeconds;
  into.missed += from.missed;
  into.resets += from.resets;
  into.firstSight ||= from.firstSight;
  into.targets += from.targets;
}

function addTcp(into: TcpTotals | null, from: TcpTotals): TcpTotals {
  if (into === null) return { ...from };
  into.opened += from.opened;
  into.closed += from.closed;
  into.readBytes += from.readBytes;
  into.writtenBytes += from.writtenBytes;
  return into;
}
