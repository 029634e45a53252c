/**
 * @module The traffic model (design §6): additive records of who talked to whom, and coverage records beside them.
 */
import type { Identity, Peer } from './resource.ts';
import type { Counts, Protocol, Side } from './rules.ts';

/** What a record is about; two records with equal `id` add up. */
export interface TrafficKey {
  /** Canonical text of all the fields below, the key under which records add. */
  readonly id: string;
  readonly mesh: string;
  readonly side: Side;
  readonly own: Identity;
  readonly peer: Peer;
  readonly protocol: Protocol;
  readonly counts: Counts;
}

/** Response times: `counts[i]` fell at or below `boundsMs[i]` and above the bound before; the last one above all. */
export interface LatencyHistogram {
  /** Finite upper bounds, ascending, milliseconds. Shared between records; never written. */
  readonly boundsMs: readonly number[];
  /** Not cumulative, `boundsMs.length + 1` entries, never negative. */
  readonly counts: Float64Array;
}

/** TCP totals of a record; bytes as the own proxy counted them from and to the peer. */
export interface TcpTotals {
  opened: number;
  closed: number;
  readBytes: number;
  writtenBytes: number;
}

/** Traffic of one key over one interval. Mutable only while it is being summed; frozen by convention once sent. */
export interface TrafficRecord {
  readonly key: TrafficKey;
  successes: number;
  /** All failures, `unreached` ones included. */
  failures: number;
  /** Failures that no server ever saw, so that a reading of the server's side lacks them; only on the client's side. */
  unreached: number;
  /** One histogram per set of bounds; null when nothing was measured. */
  latency: LatencyHistogram[] | null;
  tcp: TcpTotals | null;
}

/** How well one target was watched over one interval (design §6). Additive; negative only to take back what was told. */
export interface CoverageRecord {
  /** Stable key of the target: receiver, address and identity. */
  readonly target: string;
  readonly mesh: string;
  readonly own: Identity;
  scrapesDue: number;
  scrapesMissed: number;
  /** Time since the previous good scrape, summed over the good scrapes, not clipped to the interval. */
  coveredSeconds: number;
  /** Part of the target's life inside the interval. */
  expectedSeconds: number;
  resets: number;
  /** True when a first sight was only a baseline: what came before it is unknown. */
  firstSight: boolean;
}

/** Interval of slots or windows, milliseconds since the epoch, [start, end). */
export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

/** A sum of records over an interval: what a slot, a window and a coalesced overflow all are. */
export interface TrafficSum {
  readonly interval: Interval;
  readonly records: readonly TrafficRecord[];
  readonly coverage: readonly CoverageRecord[];
  /** True when the interval was cut short (SIGTERM, reload) and not every scrape due in it could run. */
  readonly partial: boolean;
  /** True when labels of this interval ran ahead of a wall clock that was set back. */
  readonly clockAhead: boolean;
  /** True when records of intervals that were closed before are among these, because they came late. */
  readonly late?: boolean;
  /**
   * The same items, nothing more and nothing less, by the intervals they belong to; absent when all belong to
   * `interval`, and where sums were added up since. Those inside `interval` are new, others amend what was told before.
   * Coverage, of the whole too, may be negative: it takes back what was said while a part was missing.
   */
  readonly parts?: readonly TrafficSum[];
}
