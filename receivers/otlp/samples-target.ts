/**
 * @module One proxy whose points a Collector sends, and what its scrapes become: pages as `smi` takes them.
 *
 * A scrape is all points of one time. It may come in parts, which are held until all are thought to be here and make one page
 * then. A part that is later makes a page of its own. Each page shows what came and, of every other series that is not over,
 * what was shown last: nothing counts twice, and nothing that is only absent has vanished.
 */
import type { Target } from '../../pipeline/batch.ts';
import type { LifeSigns } from '../../pipeline/model/lives.ts';
import type { InSteps, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { OwnerSource } from '../scrape/identity.ts';
import type { SeriesBudget } from '../scrape/series-index.ts';
import { PageBreaks } from './samples-breaks.ts';
import { GoodScrapes } from './samples-good.ts';
import { HeldScrape, type RowPool } from './samples-held.ts';
import { PageLife } from './samples-life.ts';
import { type PageKind, TargetPages } from './samples-pages.ts';
import { END, type PointRows } from './samples-rows.ts';
import { SetBacks } from './samples-set-back.ts';
import { ShownSeries } from './samples-shown.ts';
import { Staleness } from './samples-stale.ts';
import type { Tally } from './samples-tally.ts';
import type { EventTimes, TakeFacts, TargetEvents, TargetSettings } from './samples-target-settings.ts';
import { type Heard, isSetRight, MAX_OFF_MS, ScrapeTimes } from './samples-times.ts';
import { hasCount, hasValue, isOver, takeAll, upOf } from './samples-told.ts';
import { deltasFromMs, type PagePart, type PartContext, PartWriter } from './samples-write.ts';

/** A life that began this much before the watch did still began under it, as `smi` has it, ms. */
const START_SLACK_MS = 1000;
const NO_IDS: ReadonlySet<number> = new Set();
const NO_SIGNS: LifeSigns = { startSeconds: Number.NaN, uptimeSeconds: Number.NaN, restartEpoch: Number.NaN };

export class SampledTarget {
  readonly target: Target;
  readonly source: OwnerSource;
  readonly times: ScrapeTimes;
  readonly shown: ShownSeries;
  isGone = false;
  /** How the last scrape went, for people. */
  isUp: boolean | null = null;
  failures = 0;
  /** Nothing came of the scrapes that were due since the newest one. */
  isSilent = false;
  readonly #events: TargetEvents;
  readonly #pool: RowPool;
  readonly #budget: SeriesBudget;
  readonly #life: PageLife;
  readonly #stale: Staleness;
  /** The scrape of which there may be more to come. */
  #held: HeldScrape | null = null;
  readonly #writer: PartWriter;
  readonly #breaks: PageBreaks;
  readonly #pages: TargetPages;
  readonly #setBacks: SetBacks;
  readonly #good = new GoodScrapes();
  /** Its counts are deltas: what tells of the process tells nothing of them. */
  #tellsDeltas = false;

  constructor(settings: TargetSettings) {
    const { key, receiver, address, own, rules, intervalMs, budget, events, watchStartMs } = settings;
    this.times = new ScrapeTimes(intervalMs, watchStartMs);
    this.shown = new ShownSeries(this, rules, own, budget);
    this.target = { key, receiver, address, own, rules, series: this.shown.table, intervalMs };
    this.#setBacks = new SetBacks(this.times, this.shown);
    this.#pages = new TargetPages(this.target, this.shown, this.times, events);
    this.source = settings.source;
    this.#events = events;
    this.#stale = new Staleness((over) => this.shown.end(over));
    this.#pool = settings.pool;
    this.#budget = budget;
    this.#life = new PageLife((rules.uptimeLagSeconds ?? 0) * 1000);
    this.#breaks = new PageBreaks(this.shown, this.#life);
    this.#writer = new PartWriter(this.shown, this.times, this.#life, watchStartMs - START_SLACK_MS);
  }

  /** Samples on the last page. */
  get samples(): number {
    return this.#pages.samples;
  }

  /** Whether parts of a scrape are held. */
  get isHeld(): boolean {
    return this.#held !== null;
  }

  /** Whether what is held is to be settled before anything of `timeMs`, of a later scrape, is read into series. */
  isPast(timeMs: number, nowMs: number): boolean {
    if (this.#held === null) return false;
    return timeMs > this.#held.timeMs || isSetRight(this.#held.timeMs, timeMs, nowMs);
  }

  /**
   * Takes a part of a scrape, or a whole one; all rows have their series, and nothing that it comes after is held any more.
   * Holds it, unless it comes too late for that. Returns whether it is to be settled at once, nothing more being to come. By
   * steps, between which nothing else may touch this target. O(series kept).
   */
  *take(part: PagePart, rows: PointRows, facts: TakeFacts): InSteps<boolean> {
    const { timeMs } = part;
    if (this.#held === null && this.times.isOld(timeMs) && this.#setBacks.isSetBack(part, rows, facts))
      this.#setBack(timeMs, facts);
    const isLate = timeMs < (this.#held?.timeMs ?? 0) || (this.#held === null && timeMs <= this.times.timeMs);
    if (isLate) {
      yield* this.#apply(part, rows, facts);
      return false;
    }
    if (this.#held === null) {
      this.#held = new HeldScrape(timeMs, facts, this.#pool.take(), this.#budget);
      this.#events.held(this, timeMs);
    }
    yield* this.#held.add(part, rows, facts.pace);
    return isOver(part, rows);
  }

  /** All times that were told so far are put on the sender's clock as it is at `timeMs`. O(series). */
  #setBack(timeMs: number, heard: Heard): void {
    const backMs = this.times.setBack(timeMs, heard);
    this.shown.setBack(backMs);
    this.#stale.setBack(backMs);
    this.#good.setBack(backMs);
    this.#events.clockStepped(this, -backMs);
  }

  /** Applies what is held, by steps as `take`; returns what became of it, to be booked. */
  *settle(pace: Pace): InSteps<Tally> {
    const held = this.#held!;
    const { heard, rows, tally } = held;
    const whole = held.whole();
    this.#held = null;
    yield* this.#apply(whole, rows, { ...heard, tally, pace });
    held.end();
    this.#pool.giveBack(rows);
    return tally;
  }

  /** Forgets series that are over when they are many; while nothing is read that may be of them. */
  tidy(): void {
    if (!this.isGone) this.shown.tidy(this.#pages.shownPage, () => this.#held?.ids() ?? NO_IDS);
  }

  *#apply(part: PagePart, rows: PointRows, facts: TakeFacts): InSteps<void> {
    const { tally } = facts;
    const up = upOf(part, rows);
    if (isOver(part, rows)) {
      // What was told of the same time counts before.
      if (hasCount(part, rows)) yield* this.#takeGood(part, rows, facts);
      else takeAll(part, rows, tally);
      this.#over(part.timeMs, facts.nowMs);
    } else if (up === 'down') this.#fail(part, rows, facts);
    else if (up === 'up' || part.timeMs === this.#good.newestMs || hasValue(part, rows))
      yield* this.#takeGood(part, rows, facts);
    // Nothing but marks of series that ended, and nobody has said yet whether the scrape was good.
    else this.#markEnded(part, rows, tally);
  }

  /** Tells of scrapes that are overdue at `steadyMs`. */
  tellOverdue(steadyMs: number): void {
    const dues = this.times.overdue(steadyMs);
    this.#pages.missed(dues);
    this.failures += dues.length;
    if (dues.length > 0) this.isSilent = true;
  }

  /** It is gone since `sinceMs` (engine time). */
  leave(sinceMs: number): void {
    if (this.isHeld) this.#events.settle(this);
    if (this.isGone) return;
    this.isGone = true;
    if (this.times.timeMs > 0) this.#pages.gone(sinceMs);
    this.shown.release();
  }

  // --- Scrapes that failed, and the end -------------------------------------------------------------------------------

  /** The Collector scrapes it no more. */
  #over(timeMs: number, nowMs: number): void {
    if (!this.times.isOld(timeMs)) this.leave(Math.max(this.times.engineMs(timeMs, nowMs), this.times.aliveMs));
  }

  /** The Collector got no page: what its marks say has ended has not, and nothing moves. */
  #fail(part: PagePart, rows: PointRows, facts: TakeFacts): void {
    const { timeMs } = part;
    const { tally } = facts;
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (rows.isRecorded[row] === 0) this.#stale.mark(rows.series[row]!, timeMs);
      if (rows.isRecorded[row] === 0 || rows.uses[row]!.form === 'up') tally.taken += rows.length[row]!;
      else tally.failed += rows.length[row]!;
    }
    if (timeMs <= this.times.timeMs) return;
    this.#advance(timeMs, facts, timeMs);
    this.#pages.failed(this.times.atMs);
    this.isUp = false;
    this.failures += 1;
  }

  // --- Good scrapes ---------------------------------------------------------------------------------------------------

  *#takeGood(part: PagePart, rows: PointRows, heard: TakeFacts): InSteps<void> {
    const { timeMs } = part;
    const { nowMs, tally, pace } = heard;
    const isOld = this.times.isOld(timeMs);
    const isNew = !isOld && timeMs !== this.times.timeMs;
    const beforeMs = isNew || isOld ? this.times.timeMs : this.times.beforeMs;
    const isFirst = this.#good.count === 0;
    const fromMs = isFirst ? deltasFromMs(part, rows, this.target.intervalMs) : null;
    if (isNew) this.#advance(timeMs, heard, fromMs ?? timeMs);
    if (isNew || isFirst) this.#beginGood(timeMs);
    const isLateFirst = !isFirst && timeMs === this.#good.firstMs;
    const context: PartContext = {
      ...{ part, rows, pace, nowMs, tally, beforeMs, isLateFirst },
      anew: false,
      page: ++this.#pages.page,
      shownPage: this.#pages.shownPage,
      written: 0,
      isCut: false,
    };
    const isLifeTold = yield* this.#writer.readLife(context);
    if (fromMs !== null) this.#tellsDeltas = true;
    if (isFirst) this.#life.begin(this.#signs(), this.times.engineMs(timeMs, nowMs), this.times.livedMs);
    else if (isLifeTold) context.anew = this.#life.isNew(this.#signs(), this.times.livedMs);
    if (fromMs !== null) {
      yield* this.#writer.fitDeltas(context);
      yield* this.#showDeltasAtZero(context, fromMs);
    }
    yield* this.#showBreaks(context);
    const gapToMs = yield* this.#writer.writeDeltas(context);
    if (gapToMs !== Number.POSITIVE_INFINITY && this.#good.gapOfMs !== timeMs) this.#leaveGap(context, gapToMs);
    yield* this.#writer.writeCumulative(context);
    this.#markEnded(part, rows, tally);
    const hasEnded = this.#stale.confirm(timeMs);
    if (context.anew) this.shown.setApart(context.page, timeMs);
    if (!isNew && !hasEnded && context.written === 0) return;
    const startedMs = this.#startedMs(context);
    const times = { scheduledMs: isNew && !isFirst ? startedMs : null, startedMs };
    yield* this.#show(times, pace, { isNewLife: context.anew, isReset: context.isCut });
  }

  #startedMs({ part: { timeMs }, nowMs }: PartContext): number {
    return this.times.isOld(timeMs) ? this.times.engineMs(timeMs, nowMs) : this.times.atMs;
  }

  /** Where counts are deltas, what tells of the process tells nothing of them. */
  #signs(): LifeSigns {
    return this.#tellsDeltas ? NO_SIGNS : this.shown.lifeSigns(this.times.timeMs);
  }

  #beginGood(timeMs: number): void {
    this.#events.scraped('good');
    const overMs = this.#good.begin(timeMs);
    this.#stale.nextGood(timeMs);
    this.isUp = true;
    this.failures = 0;
    if (overMs !== null) this.shown.endSilent(overMs);
  }

  /** Goes on to the scrape of `timeMs`. One that is the first of all is known since `sinceMs`. */
  #advance(timeMs: number, heard: Heard, sinceMs: number): void {
    const isFirst = this.times.timeMs === 0;
    this.#pages.missed(this.times.advance(timeMs, heard));
    this.isSilent = false;
    const { forwardMs, clockOffMs } = this.times;
    if (forwardMs > MAX_OFF_MS) this.#events.clockStepped(this, forwardMs);
    if (clockOffMs !== 0) this.#events.clockOff(this, clockOffMs);
    if (isFirst) this.#pages.discovered(this.times.beganMs(sinceMs));
  }

  #markEnded({ timeMs, first }: PagePart, rows: PointRows, tally: Tally): void {
    for (let row = first; row !== END; row = rows.next[row]!) {
      if (rows.uses[row]!.form === 'up') tally.taken += 1;
      else if (rows.isRecorded[row] === 0) {
        this.#stale.mark(rows.series[row]!, timeMs);
        tally.taken += rows.length[row]!;
      }
    }
  }

  /** At first sight `smi` counts nothing: it is shown a page before, on which what comes as deltas is at 0. */
  *#showDeltasAtZero(context: PartContext, fromMs: number): InSteps<void> {
    const { part, pace } = context;
    const startedMs = this.times.beganMs(fromMs);
    const monoMs = this.times.monoMs - (part.timeMs - fromMs);
    yield* this.#show({ scheduledMs: null, startedMs, monoMs }, pace, { isAhead: true });
    this.#next(context);
  }

  #next(context: PartContext): void {
    context.page = ++this.#pages.page;
    context.shownPage = this.#pages.shownPage;
  }

  /** Nobody tells of the time between: it is not covered, and its slot is incomplete. */
  #leaveGap({ part, nowMs }: PartContext, toMs: number): void {
    const gapMs = this.times.gapMs(toMs);
    if (gapMs === 0) return;
    this.#good.gapOfMs = part.timeMs;
    this.times.skip(gapMs);
    this.#pages.gap(this.times.engineMs(toMs, nowMs));
  }

  /**
   * Pages before: one on which what begins again is at 0, a reset even of what was shown at 0 before; one on which histograms
   * that are told with other buckets have only those that they had before, too.
   */
  *#showBreaks(context: PartContext): InSteps<void> {
    const { isAgain, changed } = yield* this.#breaks.find(context);
    if (isAgain) yield* this.#showBefore(context, { isReset: true });
    if (yield* this.#breaks.narrow(changed, context)) yield* this.#showBefore(context, {});
  }

  *#showBefore(context: PartContext, kind: PageKind): InSteps<void> {
    yield* this.#show({ scheduledMs: null, startedMs: this.#startedMs(context) }, context.pace, kind);
    this.#next(context);
  }

  #show(times: EventTimes, pace: Pace, kind: PageKind): InSteps<void> {
    return this.#pages.show(times, pace, this.#tellsDeltas, kind);
  }
}
