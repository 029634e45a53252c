/** @module Pages of one proxy as the pipeline gets them, by number, and what else is told of its scrapes. */
import type { ScrapeEvent, Target } from '../../pipeline/batch.ts';
import type { Steps } from '../../pipeline/clock/turns.ts';
import type { InSteps, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { ShownSeries } from './samples-shown.ts';
import type { EventTimes, TargetEvents } from './samples-target-settings.ts';
import type { ScrapeTimes } from './samples-times.ts';

export interface PageKind {
  readonly isNewLife?: boolean;
  /** What is to come as deltas is on it, too, at 0. */
  readonly isAhead?: boolean;
  readonly isReset?: boolean;
}

export class TargetPages {
  /** Number of the page at hand, and of the last one that was shown. */
  page = 0;
  shownPage = 0;
  /** Samples on the last one. */
  samples = 0;
  /** No further scrape is due. */
  isLast = false;
  readonly #target: Target;
  readonly #shown: ShownSeries;
  readonly #times: ScrapeTimes;
  readonly #events: TargetEvents;

  constructor(target: Target, shown: ShownSeries, times: ScrapeTimes, events: TargetEvents) {
    this.#target = target;
    this.#shown = shown;
    this.#times = times;
    this.#events = events;
  }

  /** Shows the page at hand. Goes on when all have taken it, since its columns are valid until then. */
  *show(
    times: EventTimes,
    pace: Pace,
    hidesLife: boolean,
    { isNewLife = false, isAhead = false, isReset = false }: PageKind = {},
  ): InSteps<void> {
    this.samples = yield* this.#shown.fill(this.page, this.#times.timeMs, hidesLife, pace, isAhead);
    this.shownPage = this.page;
    const left: Steps<void>[] = [];
    const life = isNewLife ? 'new' : 'same';
    const event = { kind: 'scraped', scrape: this.page, skippedLines: 0, life, isReset } as const;
    this.#emit(event, times, this.samples, (steps) => void left.push(steps));
    for (const steps of left) {
      do yield;
      while (steps.next().done !== true);
    }
  }

  /** Tells of scrapes that were due then (engine ms) and of which nothing came. */
  missed(dues: readonly number[]): void {
    for (const dueMs of dues) this.#failed('nothing_came', dueMs);
    if (dues.length > 0) this.#events.missed(this.#target, dues.length);
  }

  /** Nobody tells of a time that ended at `toMs`, engine time. */
  gap(toMs: number): void {
    this.#failed('gap', toMs);
    this.#events.missed(this.#target, 1);
  }

  /** The Collector says that its scrape of then (engine ms) failed. */
  failed(dueMs: number): void {
    this.#failed('scrape_failed', dueMs);
    this.#events.scraped('failed');
  }

  #failed(reason: string, dueMs: number): void {
    this.#emit({ kind: 'failed', reason }, { scheduledMs: dueMs, startedMs: dueMs });
  }

  /** The proxy is known since then, engine ms. */
  discovered(sinceMs: number): void {
    this.#emit({ kind: 'discovered' }, { scheduledMs: null, startedMs: sinceMs });
  }

  /** The proxy is gone since then, engine ms; nothing is told of it any more. */
  gone(sinceMs: number): void {
    this.isLast = true;
    this.#emit({ kind: 'gone' }, { scheduledMs: null, startedMs: sinceMs });
  }

  #emit(
    event: ScrapeEvent,
    times: EventTimes,
    items = 0,
    later: ((steps: Steps<void>) => void) | undefined = undefined,
  ): void {
    const { monoMs } = this.#times;
    const nextDueMs = this.isLast ? null : this.#times.nextDueMs;
    this.#events.emit(this.#target, event, { monoMs, nextDueMs, ...times }, items, later);
  }
}
