/**
 * @module What really happened: per proxy life and peer, the counts and every latency, and what two scrapes should find.
 *
 * A life's counts only ever rise. A snapshot remembers how far they had come at one instant; it is cheap (numbers per
 * peer, no copies of samples), and the difference of two snapshots is what an observer who scraped at those instants
 * must have counted.
 */
import type { WorkloadSpec } from './topology.ts';

export type Side = 'client' | 'server';

/** The other end of a proxy's calls, as it really is, whatever a page can tell about it. */
export interface TruePeer {
  readonly workload: WorkloadSpec;
  readonly pod: string;
}

/** TCP as the own proxy counts it, from and to the peer. */
export interface TrueTcp {
  opened: number;
  closed: number;
  readBytes: number;
  writtenBytes: number;
}

/** Counts of one side towards one pod of a peer through one Service. */
export interface TrueCounts {
  readonly side: Side;
  readonly peer: TruePeer;
  /** Service the client asked for, in the server's namespace. */
  readonly service: string;
  successes: number;
  /** All failures a page counts, unreached ones included. */
  failures: number;
  /** Failures that no server ever saw, towards no pod; only at clients. */
  unreached: number;
  readonly tcp: TrueTcp;
  /** Response times in whole milliseconds in the order they ended; empty when the world keeps no samples. */
  readonly latenciesMs: number[];
  /** How much of what a page shows late is on it. */
  readonly shown: { latencies: number; readBytes: number; writtenBytes: number };
  /** Where the page's counters stood at 0 last: 0 since the life's start, or the counts at `resetCounters`. */
  zero: TrueMark;
}

/** How far `TrueCounts` had come on the page. */
export interface TrueMark {
  readonly successes: number;
  readonly failures: number;
  readonly unreached: number;
  readonly latencies: number;
  readonly tcp: Readonly<TrueTcp>;
}

export interface EntrySnapshot extends TrueMark {
  readonly counts: TrueCounts;
  readonly zero: TrueMark;
}

/** Truth of one proxy life at one instant. */
export interface TruthSnapshot {
  readonly pod: string;
  readonly workload: WorkloadSpec;
  /** 1 for a pod's first proxy process, one more after each restart. */
  readonly life: number;
  /** One more after each `resetCounters` within the life. */
  readonly epoch: number;
  /** The same of histograms, which some meshes' resets leave alone. */
  readonly histogramEpoch: number;
  readonly atMs: number;
  readonly startedMs: number;
  readonly entries: readonly EntrySnapshot[];
}

/** What happened between two instants towards one peer. */
export interface TruthDelta {
  readonly side: Side;
  readonly peer: TruePeer;
  readonly service: string;
  readonly successes: number;
  readonly failures: number;
  /** Part of `failures`. */
  readonly unreached: number;
  /** Ascending whole milliseconds. Responses without a status (`error` set) have none. */
  readonly latenciesMs: readonly number[];
  readonly tcp: Readonly<TrueTcp>;
}

const ZERO: TrueMark = {
  successes: 0,
  failures: 0,
  unreached: 0,
  latencies: 0,
  tcp: { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 },
};

export function createTrueCounts(side: Side, peer: TruePeer, service: string): TrueCounts {
  const tcp = { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
  const shown = { latencies: 0, readBytes: 0, writtenBytes: 0 };
  return { side, peer, service, successes: 0, failures: 0, unreached: 0, tcp, latenciesMs: [], shown, zero: ZERO };
}

export function markOf({ successes, failures, unreached, tcp, shown }: TrueCounts): TrueMark {
  const { latencies, readBytes, writtenBytes } = shown;
  return { successes, failures, unreached, latencies, tcp: { ...tcp, readBytes, writtenBytes } };
}

/** A flush: all there is, is on the page. */
export function showAll({ shown, latenciesMs, tcp }: TrueCounts): void {
  shown.latencies = latenciesMs.length;
  shown.readBytes = tcp.readBytes;
  shown.writtenBytes = tcp.writtenBytes;
}

/**
 * What an observer must count who saw the page at `before` and then at `after`, both of one pod. When the process was
 * restarted or its counters were reset in between, that is what the page at `after` shows. `before` null: all that the
 * page at `after` shows (a proxy watched from its birth). Peers with nothing new are left out.
 */
export function observable(before: TruthSnapshot | null, after: TruthSnapshot): TruthDelta[] {
  const same = before !== null && before.life === after.life;
  const marks = new Map<TrueCounts, TrueMark>();
  if (same) for (const entry of before.entries) marks.set(entry.counts, entry);
  return after.entries
    .map((entry) => {
      const mark = marks.get(entry.counts) ?? entry.zero;
      const counters = same && before.epoch === after.epoch ? mark : entry.zero;
      const histograms = same && before.histogramEpoch === after.histogramEpoch ? mark : entry.zero;
      return difference(entry, { ...counters, latencies: histograms.latencies });
    })
    .filter((delta) => !isEmpty(delta));
}

/** Everything of the snapshot's life since its start, resets or not. */
export function sinceStart(snapshot: TruthSnapshot): TruthDelta[] {
  return snapshot.entries.map((entry) => difference(entry, ZERO)).filter((delta) => !isEmpty(delta));
}

function difference(entry: EntrySnapshot, from: TrueMark): TruthDelta {
  return {
    side: entry.counts.side,
    peer: entry.counts.peer,
    service: entry.counts.service,
    successes: entry.successes - from.successes,
    failures: entry.failures - from.failures,
    unreached: entry.unreached - from.unreached,
    latenciesMs: entry.counts.latenciesMs.slice(from.latencies, entry.latencies).sort((a, b) => a - b),
    tcp: {
      opened: entry.tcp.opened - from.tcp.opened,
      closed: entry.tcp.closed - from.tcp.closed,
      readBytes: entry.tcp.readBytes - from.tcp.readBytes,
      writtenBytes: entry.tcp.writtenBytes - from.tcp.writtenBytes,
    },
  };
}

function isEmpty(delta: TruthDelta): boolean {
  const { successes, failures, latenciesMs, tcp } = delta;
  const responses = successes + failures + latenciesMs.length;
  return responses + tcp.opened + tcp.closed + tcp.readBytes + tcp.writtenBytes === 0;
}

/** Adds deltas whose `keyOf` is equal, e.g. all pods of a workload, or all workloads of an account. */
export function groupDeltas(
  deltas: Iterable<TruthDelta>,
  keyOf: (delta: TruthDelta) => string,
): Map<string, TruthDelta> {
  const groups = new Map<string, TruthDelta>();
  for (const delta of deltas) {
    const key = keyOf(delta);
    const held = groups.get(key);
    groups.set(key, held === undefined ? delta : addDeltas(held, delta));
  }
  return groups;
}

function addDeltas(a: TruthDelta, b: TruthDelta): TruthDelta {
  return {
    ...a,
    successes: a.successes + b.successes,
    failures: a.failures + b.failures,
    unreached: a.unreached + b.unreached,
    latenciesMs: [...a.latenciesMs, ...b.latenciesMs].sort((x, y) => x - y),
    tcp: {
      opened: a.tcp.opened + b.tcp.opened,
      closed: a.tcp.closed + b.tcp.closed,
      readBytes: a.tcp.readBytes + b.tcp.readBytes,
      writtenBytes: a.tcp.writtenBytes + b.tcp.writtenBytes,
    },
  };
}

/** The smallest sample that at least `share` of all samples do not exceed (nearest rank); null without samples. */
export function trueQuantile(ascendingMs: readonly number[], share: number): number | null {
  if (ascendingMs.length === 0) return null;
  return ascendingMs[Math.max(0, Math.ceil(share * ascendingMs.length) - 1)]!;
}
