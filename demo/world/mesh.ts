/**
 * @module What a mesh is to the world: counters that are told what happened at a proxy, and a page that shows them.
 *
 * One `MeshCounters` is one life of one proxy process. The world tells it of connections and requests at either end; what
 * it counts, under which names and labels, and when its page shows it, is the mesh's own.
 */
import type { Ending } from './ending.ts';
import type { Place } from './place.ts';
import type { EdgeSpec, WorkloadSpec } from './topology.ts';

/** How a page counts a response. */
export interface Shown {
  readonly success: boolean;
  /** Whether its time is in a histogram. */
  readonly timed: boolean;
}

/** One end of a link: a proxy's own side of the calls between two pods through one Service. */
export interface EndCounters {
  /** Whether the page has connections and bytes of this end. */
  readonly showsTcp: boolean;
  opened(nowMs: number): void;
  closed(nowMs: number): void;
  /** A request (with retries: an attempt) begins; its bytes have moved. */
  began(nowMs: number): void;
  /** An attempt has failed at the client's end and another one follows. Null: this end does not try again. */
  readonly retried: ((ending: Ending, nowMs: number) => void) | null;
  /** A request is over. `latencyMs` is whole. */
  ended(ending: Ending, latencyMs: number, nowMs: number): void;
  /** What `ended` adds to the page; null: nothing. */
  shown(ending: Ending): Shown | null;
}

/** What the page shows only from the next flush on. */
export interface Lags {
  readonly latency: boolean;
  readonly tcpBytes: boolean;
}

export interface MeshCounters {
  readonly lags: Lags;
  /** Whether counters that are put back to 0 take the histograms along. */
  readonly clearsHistograms: boolean;
  /** Calls to a pod, made through its Service at `clusterIp`. */
  client(edge: EdgeSpec, to: Place, clusterIp: string): EndCounters;
  /** Calls from a pod. */
  server(edge: EdgeSpec, from: Place): EndCounters;
  /** Counts a call that found no endpoint, over at once. Null: the page shows no response of it. */
  unreached(edge: EdgeSpec, to: WorkloadSpec, nowMs: number): Shown | null;
  /** What waited is on the page from now on. */
  flush(nowMs: number): void;
  /** The page at this instant. Counts the scrape as a real proxy does, then drops label sets idle for `retainIdleMs`. */
  scrape(nowMs: number, retainIdleMs: number): string;
  /** Puts counters back to 0. */
  clear(): void;
  /** From now on the same series stand in another order. */
  reorder(): void;
}

/** What counters of a new proxy process need. */
export interface ProcessOptions {
  readonly place: Place;
  readonly seed: number;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  /** Start of the first process of a chain of hot restarts; `startedMs` without one. */
  readonly bornMs: number;
  /** Number of hot restarts so far. */
  readonly restartEpoch: number;
}
