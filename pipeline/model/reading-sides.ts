/** @module Which side a reader believes, and what a reading adds to it: failures that no server saw. */
import { asEvidence, hidesRetries, sawMore, seenBy, unreachedIn, type Weigh } from './reached.ts';
import { type Coverage, NONE, type WorkloadEntry } from './reading-entries.ts';
import { type Counted, counted, coveragesOf, type Frame, weighBy } from './reading-figures.ts';
import type { UnheardClients } from './reading-unheard.ts';
import type { Workload } from './resource.ts';
import type { SideView, Told } from './side-memory.ts';
import type { TrafficRecord } from './traffic.ts';

/** Why a side was believed. */
export type Reason =
  /** It is the one preferred, and nothing speaks against it. */
  | 'preferred'
  /** The other side has no records. */
  | 'only'
  /** It saw over 5 % more than the preferred one. */
  | 'saw_more'
  /** The preferred one is incomplete, and this one is complete. */
  | 'complete'
  /** Of callers nobody names; what clients of other meshes told themselves is taken off. */
  | 'strangers'
  /** A stream keeps the side it has. */
  | 'kept';

/** A side with why it was believed. */
export interface Believed extends Counted {
  readonly reason: Reason;
  /** Clients that lack something and may be among these callers: they would tell them, or a part of them, by their own name. */
  readonly unheard?: UnheardClients;
  /** Pages of its server or its clients tell calls from before the window, so that what is left over is not of it alone. */
  readonly carried?: true;
}

/** What stands only until `unheard` clients are heard is not complete; with null it is as it was. */
export function doubted(from: Believed, unheard: UnheardClients | null): Believed {
  return unheard === null ? from : { ...from, complete: false, unheard };
}

/**
 * The side a reader believes (design §6): `preferred`, unless the other one saw over 5 % more of what a server could
 * see, or `preferred` is incomplete and the other is complete. A complete side that saw over 5 % less than an incomplete
 * one is not believed: its far ends are only partly watched, which loses more than a missed scrape does. Both are weighed
 * before they are compared; only the other one has to prove what it claims.
 */
export function believe(
  preferred: Counted,
  otherRecords: readonly TrafficRecord[],
  other: () => Counted,
  weigh: Weigh,
): Believed {
  if (otherRecords.length === 0) return { ...preferred, reason: 'only' };
  if (preferred.records.length === 0) return { ...other(), reason: 'only' };
  const [client, server] =
    preferred.side === 'client' ? [preferred.records, otherRecords] : [otherRecords, preferred.records];
  const retries = hidesRetries(client, server);
  const claimant = preferred.side === 'client' ? 'server' : 'client';
  const proven = { client: weigh, server: weigh, [claimant]: asEvidence(weigh) };
  if (sawMore(claimant, seenBy(client, server, retries, proven))) return { ...other(), reason: 'saw_more' };
  const otherSawLess = () => sawMore(preferred.side, seenBy(client, server, retries, { client: weigh, server: weigh }));
  if (preferred.complete || otherSawLess()) return { ...preferred, reason: 'preferred' };
  const instead = other();
  return instead.complete ? { ...instead, reason: 'complete' } : { ...preferred, reason: 'preferred' };
}

/** `from` with the failures of `clients` that no server saw; only a server's side lacks them. */
export function withUnreached<From extends Counted>(from: From, clients: readonly TrafficRecord[]): From {
  const unreached = from.side === 'server' ? unreachedIn(clients) : NONE;
  if (unreached.length === 0) return from;
  const more = unreached.reduce((sum, record) => sum + record.unreached, 0);
  return { ...from, unreached, requests: from.requests + more };
}

/** Totals of a workload: as its own proxies saw them, else as its clients did. */
export function totalsOf(frame: Frame, entry: WorkloadEntry): Believed {
  const server = () => counted(frame, 'server', entry.server, [entry.coverage]);
  const client = () => counted(frame, 'client', entry.client, coveragesOf(frame.index, entry.client));
  if (frame.sides === null) {
    return withUnreached(believe(server(), entry.client, client, weighBy(frame)), entry.client);
  }
  const clients = coveragesOf(frame.index, entry.client);
  const told = frame.sides.choose(
    `total ${entryKey(entry)}`,
    'server',
    viewOf(entry.client, clients, entry),
    viewOf(entry.server, [entry.coverage], null),
  );
  const coverages = told.side === 'server' ? [entry.coverage] : clients;
  return countedLate(frame, told, coverages, frame.lateTotals.get(entry) ?? NONE, entry.client);
}

/** One side of a window as the memory of sides wants it; `far` is who the peer of the records is. */
export function viewOf(
  records: readonly TrafficRecord[],
  coverages: readonly (Coverage | null)[],
  far: WorkloadEntry | null,
): SideView {
  const known = coverages.filter((coverage) => coverage !== null);
  const missed = known.reduce((sum, coverage) => sum + coverage.missed, 0);
  const coverage = known.length === 0 ? null : { missed, up: known.every(({ up }) => up) };
  return { records, coverage, far: far === null ? null : workloadOf(far) };
}

function workloadOf({ cluster, namespace, name, kind }: WorkloadEntry): Workload {
  return { cluster, namespace, name, kind };
}

/**
 * What a stream tells: this window's records, failures of `clients` that no server saw, and what comes late. Complete
 * only when nothing does.
 */
export function countedLate(
  frame: Frame,
  told: Told,
  coverages: readonly (Coverage | null)[],
  due: readonly TrafficRecord[],
  clients: readonly TrafficRecord[],
): Believed {
  const late = told.late.length === 0 ? due : [...told.late, ...due];
  // Unreached failures go by the side that was told, whatever name the window's message bears.
  const from = withUnreached(counted(frame, told.side, told.records, coverages), clients);
  const side = told.records.length === 0 && late.length > 0 ? late[0]!.key.side : told.side;
  const named = { ...from, side, reason: 'kept' as const };
  return late.length === 0 ? named : { ...named, late, complete: false };
}

/** Unambiguous key of a workload from window to window; '-' for an unknown end. */
export function entryKey(entry: WorkloadEntry | null): string {
  if (entry === null) return '-';
  const { cluster, namespace, name, kind } = entry;
  return JSON.stringify([kind === 'ServiceAccount' || kind === 'Service' ? kind : '', cluster, namespace, name]);
}
