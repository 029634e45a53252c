/**
 * @module What stands behind one number of a reading: the records and pods that made it, slot by slot, and what the other
 * side told. Every sum here adds up to the figures of the reading; the tests hold that.
 */
import type { QuantileSteps } from './histogram.ts';
import { quantileSteps } from './histogram.ts';
import { reachedOf } from './reached.ts';
import { type Coverage, NONE, ownWorkload, type Sides } from './reading-entries.ts';
import {
  type Counted,
  counted,
  coverageOf,
  coveragesOf,
  expectedOf,
  type Frame,
  figuresOf,
  weighBy,
} from './reading-figures.ts';
import type { Believed, Reason } from './reading-sides.ts';
import type { Figures } from './reading-types.ts';
import type { UnheardClients } from './reading-unheard.ts';
import type { Workload } from './resource.ts';
import type { Counts, Side } from './rules.ts';
import type { Interval, TcpTotals, TrafficKey, TrafficRecord, TrafficSum } from './traffic.ts';

/** What one side told, whether or not it was believed. */
export interface SideFacts {
  readonly requests: number;
  /** Of those, what a server could have seen. */
  readonly reached: number;
  /** Those as they are compared: each pod's times expected ÷ covered. */
  readonly reckoned: number;
  readonly counts: Counts;
  readonly complete: boolean;
  readonly missed: number;
  readonly resets: number;
  readonly targets: number;
}

/** What one pod added: its own counts, or failures that no server saw and that it, a client, told. */
export interface PodShare {
  readonly workload: Workload;
  readonly pod: string;
  readonly side: Side;
  readonly mesh: string;
  successes: number;
  failures: number;
  unreached: number;
  /** Null when nothing of it was covered. */
  readonly coveredSeconds: number | null;
  readonly expectedSeconds: number | null;
  /** Expected ÷ covered; null when nothing was covered: it adds nothing to the rate. */
  readonly factor: number | null;
  /** (Successes + failures) × factor ÷ window. */
  ratePerSecond: number;
}

/** What one slot added. */
export interface SlotShare {
  readonly interval: Interval;
  readonly partial: boolean;
  successes: number;
  failures: number;
  unreached: number;
  /** Observations of latency. */
  observations: number;
  readonly tcp: TcpTotals;
}

/** A number with all that made it. */
export interface Explained {
  /** Null: known, but nothing came to it. */
  readonly figures: Figures | null;
  readonly side: Side;
  /** `sum`: several workloads, each from the side believed for it. `own`: nobody else may speak for it. */
  readonly reason: Reason | 'sum' | 'own';
  /** Clients that may be among these callers and lack something, so that the figures are incomplete; the first few by name. */
  readonly unheard: { readonly count: number; readonly named: readonly Workload[] } | null;
  /** Pages of its server or its clients tell calls from before the window, so that the figures are incomplete. */
  readonly carried: boolean;
  /** Null for a side that told nothing; both null where only one may speak. */
  readonly sides: Readonly<Record<Side, SideFacts | null>>;
  readonly pods: readonly PodShare[];
  /** In the order of `PERCENTILES`: 0.5, 0.9, 0.99. */
  readonly quantiles: readonly (QuantileSteps | null)[];
  /** Keys of the records that were added whole. */
  readonly keys: readonly TrafficKey[];
  /** Keys of clients' records of which only the failures that no server saw were added. */
  readonly unreachedKeys: readonly TrafficKey[];
}

const PERCENTILES = [0.5, 0.9, 0.99];

/** Explains what was counted; `sides` are the records of both sides where there was a choice. O(records). */
export function explainCounted(frame: Frame, from: Counted & Partial<Believed>, sides: Sides | null): Explained {
  const { records, late = NONE, unreached = NONE, side } = from;
  const histograms = [...records, ...late].flatMap(({ latency }) => latency ?? []);
  return {
    figures: figuresOf(frame, from),
    side,
    reason: from.reason ?? (sides === null ? 'own' : 'sum'),
    unheard: from.unheard === undefined ? null : workloadsOf(from.unheard),
    carried: from.carried === true,
    sides: { client: sideFacts(frame, 'client', sides), server: sideFacts(frame, 'server', sides) },
    pods: podShares(frame, records, unreached),
    quantiles: PERCENTILES.map((q) => quantileSteps(histograms, q)),
    keys: records.map(({ key }) => key),
    unreachedKeys: unreached.map(({ key }) => key),
  };
}

function workloadsOf({ count, named }: UnheardClients): Explained['unheard'] {
  return { count, named: named.map(({ cluster, namespace, name, kind }) => ({ cluster, namespace, name, kind })) };
}

function sideFacts(frame: Frame, side: Side, sides: Sides | null): SideFacts | null {
  const records = sides?.[side] ?? NONE;
  if (records.length === 0) return null;
  const { requests, complete, scope } = counted(frame, side, records, coveragesOf(frame.index, records));
  const { missed, resets, targets } = scope;
  const counts = records.some(({ key }) => key.counts === 'attempts') ? 'attempts' : 'requests';
  const [reached, reckoned] = [reachedOf(records), reachedOf(records, weighBy(frame))];
  return { requests, reached, reckoned, counts, complete, missed, resets, targets };
}

function podShares(
  frame: Frame,
  records: readonly TrafficRecord[],
  unreached: readonly TrafficRecord[],
): readonly PodShare[] {
  const shares = new Map<string, PodShare>();
  for (const record of records) {
    const { successes, failures, unreached: lost } = record;
    addShare(frame, shares, record, { successes, failures, unreached: lost });
  }
  for (const record of unreached) {
    addShare(frame, shares, record, { successes: 0, failures: record.unreached, unreached: record.unreached });
  }
  return [...shares.values()].sort((a, b) => compareText(keyOf(a), keyOf(b)));
}

function addShare(
  frame: Frame,
  shares: Map<string, PodShare>,
  record: TrafficRecord,
  more: Pick<PodShare, 'successes' | 'failures' | 'unreached'>,
): void {
  const share = shareOf(frame, shares, record);
  share.successes += more.successes;
  share.failures += more.failures;
  share.unreached += more.unreached;
  if (share.factor === null || frame.windowSeconds <= 0) return;
  share.ratePerSecond = ((share.successes + share.failures) * share.factor) / frame.windowSeconds;
}

function shareOf(frame: Frame, shares: Map<string, PodShare>, record: TrafficRecord): PodShare {
  const { own, side, mesh } = record.key;
  const { entry } = frame.index.ownOf(own);
  const { cluster, namespace, name, kind } = entry;
  const workload = { cluster, namespace, name, kind: kind === '' ? ownWorkload(own).kind : kind };
  const key = JSON.stringify([side, mesh, cluster, namespace, name, own.pod, own.podUid]);
  let share = shares.get(key);
  if (share === undefined) {
    const coverage = coverageOf(frame, record);
    const counts = { successes: 0, failures: 0, unreached: 0, ratePerSecond: 0 };
    share = { workload, pod: own.pod, side, mesh, ...counts, ...factorsOf(coverage) };
    shares.set(key, share);
  }
  return share;
}

function factorsOf(coverage: Coverage | null): Pick<PodShare, 'coveredSeconds' | 'expectedSeconds' | 'factor'> {
  if (coverage === null) return { coveredSeconds: null, expectedSeconds: null, factor: null };
  const { coveredSeconds, expectedSeconds } = coverage;
  return { coveredSeconds, expectedSeconds, factor: coveredSeconds > 0 ? expectedOf(coverage) / coveredSeconds : null };
}

function keyOf({ side, workload, pod, mesh }: PodShare): string {
  return JSON.stringify([side === 'server' ? 0 : 1, workload.cluster, workload.namespace, workload.name, pod, mesh]);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What each of `slots` added to the number, oldest first. O(records of the slots). */
export function slotShares(explained: Explained, slots: readonly TrafficSum[]): SlotShare[] {
  const whole = new Set(explained.keys.map(({ id }) => id));
  const lost = new Set(explained.unreachedKeys.map(({ id }) => id));
  return slots.map((slot) => shareOfSlot(slot, whole, lost)).sort((a, b) => a.interval.startMs - b.interval.startMs);
}

function shareOfSlot(
  { interval, partial, records }: TrafficSum,
  whole: ReadonlySet<string>,
  lost: ReadonlySet<string>,
): SlotShare {
  const tcp = { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
  const share: SlotShare = { interval, partial, successes: 0, failures: 0, unreached: 0, observations: 0, tcp };
  for (const record of records) {
    if (whole.has(record.key.id)) addWhole(share, record);
    else if (lost.has(record.key.id)) {
      share.failures += record.unreached;
      share.unreached += record.unreached;
    }
  }
  return share;
}

function addWhole(share: SlotShare, { successes, failures, unreached, latency, tcp }: TrafficRecord): void {
  share.successes += successes;
  share.failures += failures;
  share.unreached += unreached;
  for (const { counts } of latency ?? []) for (const count of counts) share.observations += count;
  for (const name of ['opened', 'closed', 'readBytes', 'writtenBytes'] as const) share.tcp[name] += tcp?.[name] ?? 0;
}
