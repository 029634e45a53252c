/**
 * @module What a stream remembers of one edge or total: which side it is told from, what speaks for the other one, and by how
 * much the told side is ahead of the other since their pages are read at unlike instants.
 */
import { hidesRetries, type Outcomes, reachedOf, reachedOutcomes, type Seen, sawMore, seenBy } from './reached.ts';
import type { Workload } from './resource.ts';
import type { Side } from './rules.ts';
import type { TrafficRecord } from './traffic.ts';
import { NO_PHASE, NONE_AHEAD, type Phase, type Untold } from './untold.ts';

/** Each window weighs this much of the one after it, so that about the last ten decide. */
const DECAY = 0.9;
/** Windows in a row after which two sides that are too far apart are known to see unlike calls. */
const APART = 3;
const NONE: readonly never[] = [];

/** What one side has in a window. */
export interface SideView {
  /** Idle ones included: a side with a record has had its page read. */
  readonly records: readonly TrafficRecord[];
  /** Of the targets that would count on this side; null when none of them is known any more. `up`: pages of all were read. */
  readonly coverage: { readonly missed: number; readonly up: boolean } | null;
  /** Who the peer of these records is, as far as it is known better than from themselves. */
  readonly far: Workload | null;
}

/** What to tell in a window. */
export interface Told {
  readonly side: Side;
  /** Of this window. */
  readonly records: readonly TrafficRecord[];
  /** Of earlier windows, withheld until now. */
  readonly late: readonly TrafficRecord[];
}

/** What is kept of one edge or total from window to window. */
export interface Memory {
  side: Side;
  /** Until something was told the side is free: first looks at the two may fall into two windows. */
  hasTold: boolean;
  readonly totals: Seen;
  /** Windows in a row in which the two were further apart than scrapes can be. */
  apart: number;
  /** They were so for long: they do not see the same calls, of which one has more. */
  differs: boolean;
  /** The client counts a retried request once and the server each attempt. */
  retries: boolean;
  /** Windows in a row that spoke for the other side. */
  against: number;
  /** Window since which the other side counts and the told one is silent; 0 while that is not so. */
  silentSince: number;
  lastWindow: number;
  told: Told;
  untold: Untold | null;
  /** While there is no `untold`: all that was told less all that the other side counted, as scrapes at unlike instants make it. */
  ahead: Readonly<Outcomes>;
  /** The same of the side that is told: 0 but for what a change of sides left over. */
  aheadOfTold: Readonly<Outcomes>;
  /** Both sides were there in an earlier window, and known ever since: what they counted compares call by call. */
  compares: boolean;
}

/** A key that was never seen, told from `side`. */
export function createMemory(side: Side): Memory {
  return {
    side,
    hasTold: false,
    totals: { client: 0, server: 0, serverAtLeast: 0 },
    retries: false,
    against: 0,
    silentSince: 0,
    lastWindow: -1,
    told: { side, records: NONE, late: NONE },
    untold: null,
    ahead: NONE_AHEAD,
    aheadOfTold: NONE_AHEAD,
    compares: false,
    apart: 0,
    differs: false,
  };
}

/** No page of this side is missing: it has brought all that it counted. After a stall a window may have no page at all. */
export function isWhole({ records, coverage }: SideView): boolean {
  if (coverage === null) return records.length > 0;
  return coverage.missed === 0 && (coverage.up || records.length > 0);
}

/** Nothing was told so far: the preferred side is taken when it is there, and whatever both count from now on compares. */
export function begin(memory: Memory, preferred: Side, views: Record<Side, SideView>): void {
  if (views[preferred].records.length > 0) memory.side = preferred;
  memory.compares ||= views.client.records.length > 0 && views.server.records.length > 0;
}

/** Whether both sides were there at the same time, and known ever since. */
export function compares({ compares: before }: Memory, { client, server }: Record<Side, SideView>): boolean {
  if (client.coverage === null || server.coverage === null) return false;
  return before || (client.records.length > 0 && server.records.length > 0);
}

/** Whether each call of the told side is one of the other: not where one counts retries and the other does not. */
export function comparesCalls({ compares, differs, retries }: Memory): boolean {
  return compares && !differs && !retries;
}

/** What each side counted in this window. */
export function phaseOf(told: SideView, other: SideView): Phase {
  return { told: reachedOutcomes(told.records), other: reachedOutcomes(other.records) };
}

/** Both sides were read in this window: between their last pages there are at most the calls that one of them counted in it. */
export function aheadAfter(
  before: Readonly<Outcomes>,
  told: Readonly<Outcomes>,
  { told: most, other }: Phase,
): Readonly<Outcomes> {
  const ahead = (of: keyof Outcomes) => Math.min(most[of], Math.max(-other[of], before[of] + told[of] - other[of]));
  const [successes, failures] = [ahead('successes'), ahead('failures')];
  return successes === 0 && failures === 0 ? NONE_AHEAD : { successes, failures };
}

/** Notes what a window says for and against the told side. */
export function observe(memory: Memory, preferred: Side, views: Record<Side, SideView>, window: number): void {
  const { side } = memory;
  addSeen(memory, views.client.records, views.server.records);
  const other = otherOf(side);
  if (views[side].records.length === 0) {
    // Both may be idle for long; what is waited for begins with what the other one counts alone.
    if (memory.silentSince === 0 && reachedOf(views[other].records) > 0) memory.silentSince = window;
    return;
  }
  memory.silentSince = 0;
  memory.against = views[other].records.length > 0 && speaksForOther(memory, preferred) ? memory.against + 1 : 0;
}

function addSeen(memory: Memory, client: readonly TrafficRecord[], server: readonly TrafficRecord[]): void {
  const { totals } = memory;
  memory.retries ||= hidesRetries(client, server);
  const seen = seenBy(client, server, memory.retries);
  for (const each of ['client', 'server', 'serverAtLeast'] as const) totals[each] = totals[each] * DECAY + seen[each];
}

function speaksForOther({ side, totals }: Memory, preferred: Side): boolean {
  return side === preferred ? sawMore(otherOf(side), totals) : !sawMore(side, totals);
}

/** The other end of the call. */
export function otherOf(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}

/** Keeps by how much the told side is ahead after a window in which both were read. */
export function keepAhead(memory: Memory, before: Readonly<Outcomes>, told: Readonly<Outcomes>, phase: Phase): void {
  memory.ahead = aheadAfter(before, told, phase);
  const { successes, failures } = memory.ahead;
  const apart = before.successes + told.successes - phase.other.successes - successes;
  const apartFailures = before.failures + told.failures - phase.other.failures - failures;
  memory.apart = apart === 0 && apartFailures === 0 ? 0 : memory.apart + 1;
  if (memory.apart < APART || phase === NO_PHASE) return;
  memory.differs = true;
  memory.ahead = NONE_AHEAD;
}
