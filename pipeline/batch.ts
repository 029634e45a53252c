/** @module `Batch`: the only thing that moves through a pipeline. One of samples, traffic, spans. */
import type { Steps } from './clock/turns.ts';
import type { Delivery } from './delivery.ts';
import type { Identity } from './model/resource.ts';
import type { MeshRules } from './model/rules.ts';
import type { ScrapeNumber, SeriesTable } from './model/series.ts';
import type { Spans } from './model/spans.ts';
import type { TrafficSum } from './model/traffic.ts';

export type Body = 'samples' | 'traffic' | 'spans';

/** A target as `smi` and the read model see it. One object per target for its whole life. */
export interface Target {
  /** Stable key: receiver id, address and identity labels. */
  readonly key: string;
  /** Component id of the receiver, e.g. `linkerd` or `linkerd/proxies`. */
  readonly receiver: string;
  /** `host:port` (IPv6 in brackets). */
  readonly address: string;
  readonly own: Identity;
  readonly rules: MeshRules;
  readonly series: SeriesTable;
  /** Scrape interval in milliseconds. */
  readonly intervalMs: number;
}

/** What happened to a target. Scrapes carry samples; the others tell `smi` when a target's life begins and ends. */
export type ScrapeEvent =
  | { readonly kind: 'discovered' }
  /** A page was committed: columns of `target.series` hold scrape number `scrape`. */
  | {
      readonly kind: 'scraped';
      readonly scrape: ScrapeNumber;
      /** Wanted lines that could not be read; then no absent series counts as vanished. */
      readonly skippedLines: number;
      /**
       * Whether it is of the process of the page before, where whoever made the page has decided that; at a first sight it says
       * nothing. Absent: what the page tells of the process decides.
       */
      readonly life?: 'same' | 'new';
      /** Some counter is known to have begun again, whatever the values show. */
      readonly isReset?: boolean;
    }
  /** No page, or a page that does not count; nothing of it is applied. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** The target left discovery. Its farewell scrape, if any, came before. */
  | { readonly kind: 'gone' };

/**
 * One scrape of one target, or a word about its life. Columns in `target.series` are valid only during the synchronous
 * `consume` call, and until the steps handed to `later` have ended; a consumer that keeps values copies them.
 */
export interface SamplesBatch {
  readonly body: 'samples';
  readonly target: Target;
  readonly event: ScrapeEvent;
  /** Engine time (ms) the scrape was scheduled for; null for an unscheduled one (discovery, farewell, SIGTERM). */
  readonly scheduledMs: number | null;
  /** Engine time (ms) at which the scrape started, or the event happened. */
  readonly startedMs: number;
  /** Monotonic time (ms) of the scrape's first byte asked for; lengths between scrapes are differences of these. */
  readonly startedMonoMs: number;
  /** How long the scrape took, ms: its page was written within. Absent: nobody measured it, it counts as 0. */
  readonly tookMs?: number;
  /** Engine time (ms) of the target's next scheduled scrape; null when none will come. */
  readonly nextDueMs: number | null;
  /** Samples carried. */
  readonly items: number;
  readonly delivery: Delivery;
  /**
   * Takes over, during `consume`, work that is too long for one go. Whoever gave the batch brings the steps to their end before
   * it touches the target's columns or tells of this target again. Absent: all is done within `consume`.
   */
  readonly later?: (steps: Steps<void>) => void;
}

/** One or more closed slots of traffic. */
export interface TrafficBatch {
  readonly body: 'traffic';
  readonly sum: TrafficSum;
  /** Records plus coverage records. */
  readonly items: number;
  /** Who sent it, when it came from another Weir; absent for what this one counted. */
  readonly sender?: TrafficSender;
  readonly delivery: Delivery;
}

/** Another Weir that traffic came from. */
export interface TrafficSender {
  /** `weir.source`, the same after it was restarted. */
  readonly source: string;
  /** `weir.epoch`, another one after each start. */
  readonly epoch: string;
  /** True when what it sent just before this one never came: the slots at both sides are incomplete. */
  readonly gap: boolean;
}

/** Spans of one request. */
export interface SpansBatch {
  readonly body: 'spans';
  readonly spans: Spans;
  /** Spans carried. */
  readonly items: number;
  readonly delivery: Delivery;
}

export type Batch = SamplesBatch | TrafficBatch | SpansBatch;
