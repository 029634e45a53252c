/** @module One target's life: discovered, scraped at once and then on its grid, a farewell, gone. */
import type { DropCause } from '../../pipeline/balance.ts';
import type { SamplesBatch, ScrapeEvent } from '../../pipeline/batch.ts';
import type { Timer } from '../../pipeline/clock/clock.ts';
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import type { ScanResult } from '../../pipeline/wire/exposition/scan-types.ts';
import { failure, type ScrapeFailure } from './failure.ts';
import type { Gate } from './gate.ts';
import { nextOnGrid, offsetOf } from './schedule.ts';
import type { ListedTarget } from './series-list.ts';
import { type GoodPage, type ScrapeOutcome, type ScraperContext, TargetScraper } from './target-scraper.ts';
import type { TargetStats } from './target-stats.ts';
import type { TargetSpec } from './targets.ts';
import type { ScrapeTelemetry } from './telemetry.ts';

/** A timer of the machine may fire this much before its time; more is a clock that was bent. */
const EARLY_MS = 2;

export interface LoopContext {
  readonly settings: Pick<ReceiverSettings<unknown>, 'clock' | 'time' | 'balance' | 'next'>;
  readonly scraping: ScraperContext;
  readonly telemetry: ScrapeTelemetry;
  /** Through which first and last scrapes go. */
  readonly discoveryGate: Gate;
  readonly farewellGate: Gate;
}

/** Where on the time line a scrape stands. */
interface Start {
  readonly scheduledMs: number | null;
  readonly startedMs: number;
  readonly startedMonoMs: number;
}

export class TargetLoop {
  readonly spec: TargetSpec;
  readonly stats: TargetStats;
  readonly #context: LoopContext;
  readonly #scraper: TargetScraper;
  readonly #intervalMs: number;
  readonly #offsetMs: number;
  /** Of all that is dropped of its pages. */
  readonly #cause: DropCause;
  #timer: Timer | null = null;
  #dueMs: number | null = null;
  #running: Promise<void> | null = null;
  #firstWanted = true;
  #aborted: ScrapeFailure | null = null;
  #lastGood: Start | null = null;
  /** First scrape of those without a break until now for which there was no connection. */
  #unreached: Start | null = null;

  constructor(spec: TargetSpec, context: LoopContext) {
    this.spec = spec;
    this.#context = context;
    this.stats = context.telemetry.targetFound(spec);
    this.#scraper = new TargetScraper(spec, context.scraping);
    this.#intervalMs = context.scraping.intervalMs;
    this.#offsetMs = offsetOf(spec.key, this.#intervalMs);
    this.#cause = { sample: () => ({ target: spec.key }) };
  }

  /** What its pages showed, for people who ask. */
  get listed(): ListedTarget {
    return this.#scraper;
  }

  /** Says that the target is there, scrapes it as soon as the gate lets it, and from then on by the grid. */
  start(): void {
    this.#arm(this.#context.settings.time.nowMs());
    this.#emit({ kind: 'discovered' }, this.#startNow(null));
    void this.#context.discoveryGate.run(
      () => this.#scrape(null, false),
      () => this.#firstWanted,
    );
  }

  /** Ends the schedule, scrapes once more unless aborted, and says that the target is gone, and since when. */
  async retire(): Promise<void> {
    const noticed = this.#startNow(null);
    this.#timer?.cancel();
    this.#dueMs = null;
    this.#firstWanted = false;
    await this.#running;
    await this.#context.farewellGate.run(
      () => this.#scrape(null, true),
      () => this.#aborted === null,
    );
    this.#emit({ kind: 'gone' }, this.#endOf(noticed));
    this.#scraper.close();
    this.#context.telemetry.targetGone(this.stats);
  }

  /**
   * The best known end of its life, which rates depend on: a page that came after discovery had dropped it, else the
   * earlier of that moment and the first of the scrapes that found nobody there.
   */
  #endOf(noticed: Start): Start {
    if (this.#lastGood !== null && this.#lastGood.startedMs > noticed.startedMs) return this.#lastGood;
    return this.#unreached !== null && this.#unreached.startedMs < noticed.startedMs ? this.#unreached : noticed;
  }

  /** Ends what runs and what would still come. */
  abort(reason: ScrapeFailure): void {
    this.#aborted = reason;
    this.#scraper.abort(reason);
  }

  #arm(afterMs: number): void {
    this.#dueMs = nextOnGrid(afterMs, this.#intervalMs, this.#offsetMs);
    this.#wait(this.#dueMs);
  }

  #wait(dueMs: number): void {
    const { clock, time } = this.#context.settings;
    this.#timer = clock.after(time.delayUntil(dueMs), () => this.#due(dueMs));
  }

  /** After a stall or a step of the wall clock, times of the grid that have passed are left out. */
  #due(dueMs: number): void {
    const nowMs = this.#context.settings.time.nowMs();
    if (nowMs < dueMs - EARLY_MS) {
      this.#wait(dueMs);
      return;
    }
    this.#firstWanted = false;
    this.#arm(Math.max(dueMs, nowMs));
    if (this.#running === null) void this.#scrape(dueMs, false);
    else this.#skip(dueMs);
  }

  #skip(dueMs: number): void {
    const reason = failure('overlap', 'the scrape before still ran');
    this.#context.telemetry.scrapeSkipped(this.stats);
    this.#emit({ kind: 'failed', reason: reason.reason }, this.#startNow(dueMs));
  }

  #scrape(scheduledMs: number | null, farewell: boolean): Promise<void> {
    const start = this.#startNow(scheduledMs);
    this.#context.telemetry.scrapeStarted(this.stats);
    const { promise, resolve } = Promise.withResolvers<void>();
    // Set first: a scrape may be over before `scrape` returns.
    this.#running = promise;
    this.#scraper.scrape((outcome) => {
      this.#running = null;
      this.#take(outcome, start, farewell);
      resolve();
    });
    return promise;
  }

  #take(outcome: ScrapeOutcome, start: Start, farewell: boolean): void {
    const { settings, telemetry } = this.#context;
    const durationMs = settings.clock.monoMs() - start.startedMonoMs;
    const failed = outcome.failed ?? this.#commit(outcome.page, start, durationMs);
    if (failed === null) this.#lastGood = start;
    this.#unreached = failed?.reason === 'connect' ? (this.#unreached ?? start) : null;
    if (failed === null) return;
    telemetry.scrapeFailed(this.stats, durationMs, failed, farewell);
    this.#emit({ kind: 'failed', reason: failed.reason }, start);
  }

  /** Hands a page on; returns why it was not taken. */
  #commit(page: GoodPage, start: Start, durationMs: number): ScrapeFailure | null {
    const { settings, telemetry } = this.#context;
    const { scan, scrape, mayBeCut } = page;
    const filtered = this.#filteredOf(scrape);
    const items = scan.samples - sum(filtered.values());
    const event: ScrapeEvent = { kind: 'scraped', scrape, skippedLines: unreadLines(scan, mayBeCut) };
    const batch = this.#batch(event, start, items, durationMs);
    const admission = settings.next.admits(batch);
    if (!admission.ok) {
      settings.balance.refused += items;
      this.#scraper.discard();
      return failure('backpressure', `the pipeline takes nothing now: ${admission.reason}`);
    }
    telemetry.scrapeSucceeded(this.stats, durationMs, {
      samples: items,
      bodyBytes: scan.bytes,
      skippedLines: scan.skippedLines,
      firstSkipped: scan.firstSkipped,
      limitedSamples: scan.limitedSamples,
      repeatedSeries: this.#scraper.index.countRepeated(scrape),
      straySamples: scan.straySamples,
      firstStray: scan.firstStray,
      strayMend: this.#scraper.target.rules.strays?.mend ?? '',
    });
    this.#account(batch, filtered, scan.limitedSamples);
    this.#dropStrays(scan.straySamples);
    settings.next.consume(batch);
    this.#scraper.tidy(page);
    return null;
  }

  #filteredOf(scrape: number): Map<string, number> {
    const filtered = new Map<string, number>();
    this.#scraper.index.countFiltered(scrape, (reason, samples) => filtered.set(reason, samples));
    return filtered;
  }

  /** Every wanted sample of the page is accepted, and from here on filtered, dropped, held or delivered. */
  #account(batch: SamplesBatch, filtered: ReadonlyMap<string, number>, limited: number): void {
    const { balance } = this.#context.settings;
    const { items, delivery } = batch;
    balance.accepted += items + sum(filtered.values()) + limited;
    for (const [reason, samples] of filtered) balance.filter(reason, samples);
    balance.drop('series_limit', limited, this.#cause);
    balance.held += items;
    delivery.onSettled((outcome) => {
      balance.held -= items;
      if (outcome.kind === 'taken') balance.delivered += items;
      else balance.drop(outcome.reason, items, this.#cause);
    });
  }

  #dropStrays(samples: number): void {
    const { balance } = this.#context.settings;
    balance.accepted += samples;
    balance.drop(this.#scraper.target.rules.strays?.reason ?? '', samples, this.#cause);
  }

  #emit(event: ScrapeEvent, start: Start): void {
    this.#context.settings.next.consume(this.#batch(event, start, 0));
  }

  #batch(event: ScrapeEvent, start: Start, items: number, tookMs = 0): SamplesBatch {
    return {
      body: 'samples',
      target: this.#scraper.target,
      event,
      scheduledMs: start.scheduledMs,
      startedMs: start.startedMs,
      startedMonoMs: start.startedMonoMs,
      tookMs,
      nextDueMs: this.#dueMs,
      items,
      delivery: new Delivery(),
    };
  }

  #startNow(scheduledMs: number | null): Start {
    const { clock, time } = this.#context.settings;
    return { scheduledMs, startedMs: time.nowMs(), startedMonoMs: clock.monoMs() };
  }
}

/** Lines of a page that tell nothing, at least 1 when some may be missing: refused for want of room, or cut off. */
function unreadLines({ skippedLines, limitedSamples }: ScanResult, mayBeCut: boolean): number {
  return skippedLines + limitedSamples + Number(mayBeCut && skippedLines === 0);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
