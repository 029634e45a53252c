/**
 * @module All series of one proxy, and what is shown of each on the pages that `smi` gets.
 *
 * A cumulative value is shown as it is, less what it was at when it was first told without counting; deltas are added up.
 */

import type { LifeSigns } from '../../pipeline/model/lives.ts';
import type { Labels } from '../../pipeline/model/resource.ts';
import { resized } from '../../pipeline/model/room.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import { FIELD_WORK, type InSteps, type Pace } from '../../pipeline/wire/otlp-traffic.ts';
import { REFUSED, type SeriesBudget, SeriesIndex } from '../scrape/series-index.ts';
import { type CommonBuckets, LeftBuckets } from './samples-buckets.ts';
import { onClockSetBack } from './samples-good.ts';
import { type Buckets, type NewBuckets, NO_BOUNDS, PointSeries, type SeriesRole } from './samples-series.ts';
import type { SampledTarget } from './samples-target.ts';

/** The label that tells the buckets of a histogram apart. */
const BOUND = 'le';
const LAST_BOUND = '+Inf';
/** Ended series are forgotten when they outnumber the others by so many. */
const ENDED_SLACK = 1000;

/** What a point is of. */
export interface Resolved {
  readonly series: PointSeries;
  readonly buckets: Buckets | NewBuckets;
}

export class ShownSeries {
  readonly table = new SeriesTable();
  /** By id: what is shown, and what the value was at that does not count. */
  shown = new Float64Array(64);
  offset = new Float64Array(64);
  /** By id: what was shown before the newest value was written; NaN when that was none. */
  before = new Float64Array(64);
  readonly #target: SampledTarget;
  readonly #index: SeriesIndex;
  readonly #budget: SeriesBudget;
  /** By the last of their ids. */
  readonly #series = new Map<number, PointSeries>();
  readonly #bad: number[] = [];
  #ended = 0;
  /** Those that no series has any more. */
  readonly #left = new LeftBuckets(this.table);
  /** Those that tell of the process. */
  #life: PointSeries[] = [];

  constructor(target: SampledTarget, rules: MeshRules, own: SampledTarget['target']['own'], budget: SeriesBudget) {
    this.#target = target;
    this.#index = new SeriesIndex(rules, own, this.table, budget);
    this.#budget = budget;
  }

  /** The series of a counter or gauge; null when there is no room. */
  numberSeries(sample: string, labels: Labels): Resolved | null {
    const id = this.#index.resolve(sample, labels);
    if (id === REFUSED) return null;
    const series = this.#seriesOf(id);
    return { series, buckets: series.buckets };
  }

  /**
   * The series of a histogram, and buckets with these finite bounds that `fit` gives it; until then they only are promised room.
   * Null when there is none. O(labels).
   */
  histogramSeries(sample: string, labels: Labels, bounds: Float64Array): Resolved | null {
    const ofLast = new Map(labels).set(BOUND, LAST_BOUND);
    const known = this.#index.find(sample, ofLast);
    const before = known === null ? null : this.#seriesOf(known);
    if (before?.hasBounds(bounds)) return { series: before, buckets: before.buckets };
    if (!this.#budget.hasRoom(bounds.length + (before === null ? 1 : 0))) return null;
    const series = before ?? this.#seriesOf(this.#index.resolve(sample, ofLast));
    const hasThem = series.hasBounds(bounds);
    return { series, buckets: hasThem ? series.buckets : { ids: null, bounds, sample, labels } };
  }

  #seriesOf(id: number): PointSeries {
    const known = this.#series.get(id);
    if (known !== undefined) return known;
    this.#fitColumns();
    const series = new PointSeries(this.#target, this.table.meaningOf(id), { ids: [id], bounds: NO_BOUNDS });
    this.#series.set(id, series);
    if (series.tellsLife) this.#life.push(series);
    this.restart(id);
    return series;
  }

  /**
   * Pages show a series with these buckets from now on: where it had others, all of them as new ones that count from 0. O(1)
   * where it has them.
   */
  fit(series: PointSeries, buckets: Buckets | NewBuckets): void {
    if (series.ids === buckets.ids) return;
    const { bounds } = buckets;
    const ids = buckets.ids ?? this.#newIds(buckets as NewBuckets);
    if (!series.hasBounds(bounds)) {
      if (series.bounds.length > 0 || series.timeMs !== 0) this.#left.leave(series.ids);
      this.#left.enter(ids);
      for (const id of ids) this.restart(id);
    }
    if (series.standing === 'ended') this.#ended += ids.length - series.ids.length;
    series.buckets = { ids, bounds };
  }

  /** Whether `page`, the last one, shows the series, so that what it counts is added to what is shown there. */
  isOn({ ids }: PointSeries, page: number): boolean {
    return page > 0 && this.table.seen[ids[ids.length - 1]!] === page;
  }

  /** Whether a histogram that counts on is told with other buckets than it has. */
  changes(series: PointSeries, buckets: Buckets | NewBuckets): boolean {
    if (series.buckets === buckets || series.standing !== 'live' || series.timeMs === 0) return false;
    return !series.hasBounds(buckets.bounds);
  }

  /**
   * Leaves a histogram only these of its buckets, and shows what they have come to, since nobody knows that of others. `before`
   * is how much of what is to be shown in its new buckets has counted then, below zero.
   */
  narrow(series: PointSeries, common: CommonBuckets, values: Float64Array): void {
    const kept = new Set(common.ids);
    this.#left.leave(series.ids.filter((id) => !kept.has(id)));
    series.buckets = { ids: common.ids, bounds: common.bounds };
    series.isNarrow = true;
    for (const [i, id] of common.ids.entries()) {
      const shown = values[common.places[i]!]! - this.offset[id]!;
      this.before[id] = this.shown[id]! - shown;
      this.shown[id] = shown;
    }
  }

  #newIds(buckets: NewBuckets): readonly number[] {
    const { sample, labels, bounds } = buckets;
    const bucket = new Map(labels);
    const idOf = (bound: string) => this.#index.resolve(sample, bucket.set(BOUND, bound), true);
    const ids = [...Array.from(bounds, (bound) => idOf(String(bound))), idOf(LAST_BOUND)];
    this.#fitColumns();
    buckets.ids = ids;
    return ids;
  }

  #fitColumns(): void {
    const { capacity } = this.table;
    if (this.shown.length === capacity) return;
    this.shown = resized(this.shown, capacity);
    this.offset = resized(this.offset, capacity);
    this.before = resized(this.before, capacity);
  }

  /** Shown at 0 from now on, all of its value counting. */
  restart(id: number): void {
    this.shown[id] = 0;
    this.offset[id] = 0;
    this.before[id] = 0;
  }

  /** Shows a value that cannot be on the next page only, for `smi` to ignore and count. */
  showBad(id: number): void {
    this.#bad.push(id);
  }

  /** A point of `timeMs` was written on `page`. */
  written(series: PointSeries, timeMs: number, page: number): void {
    if (series.standing === 'ended') this.#ended -= series.ids.length;
    series.standing = 'live';
    series.timeMs = timeMs;
    series.staleMs = 0;
    series.page = page;
  }

  end(series: PointSeries): void {
    if (series.standing !== 'live') return;
    series.standing = 'ended';
    this.#ended += series.ids.length;
  }

  /** The sender's clock was set back by `ms`. O(series). */
  setBack(ms: number): void {
    for (const series of this.#series.values()) {
      series.timeMs = onClockSetBack(series.timeMs, ms);
      series.staleMs = onClockSetBack(series.staleMs, ms);
    }
  }

  /** Ends all of which nothing came since `sinceMs`. O(series). */
  endSilent(sinceMs: number): void {
    for (const series of this.#series.values()) if (series.timeMs < sinceMs) this.end(series);
  }

  /**
   * Leaves on `page`, which is of another process than the one before, only what was written on it. What came of the scrape
   * of `timeMs` before was that of the new process already: of that it shows what is not counted yet. All else counts from 0
   * when it is back. O(series).
   */
  setApart(page: number, timeMs: number): void {
    for (const series of this.#series.values()) {
      if (series.page === page || series.standing !== 'live') continue;
      if (series.timeMs === timeMs && this.#isKnown(series)) this.#showUncounted(series);
      else this.end(series);
    }
  }

  /** Whether its newest values are ones. */
  #isKnown({ ids }: PointSeries): boolean {
    return !ids.some((id) => Number.isNaN(this.before[id]!));
  }

  /** What fell was counted whole, all of it together; of what did not, the difference. */
  #showUncounted({ ids, isDelta }: PointSeries): void {
    const isWhole = isDelta || ids.some((id) => this.shown[id]! < this.before[id]!);
    for (const id of ids) {
      const value = this.shown[id]! + this.offset[id]!;
      const counted = isWhole ? value : this.shown[id]! - this.before[id]!;
      this.offset[id] = counted;
      this.shown[id] = value - counted;
      this.before[id] = this.shown[id]!;
    }
  }

  /** What the newest scrape, of `timeMs`, tells of the process; NaN where it does not, or tells of several. */
  lifeSigns(timeMs: number): LifeSigns {
    const only = (role: SeriesRole): number => {
      const live = this.#life.filter((one) => one.role === role && isOnPages(one));
      if (live.length !== 1) return Number.NaN;
      return role === 'uptime' ? this.#uptimeAt(timeMs, live[0]!) : this.shown[live[0]!.ids[0]!]!;
    };
    const uptime = only('uptime');
    const uptimeSeconds = uptime >= 0 && Number.isFinite(uptime) ? uptime : Number.NaN;
    return { startSeconds: only('start'), uptimeSeconds, restartEpoch: only('restart_epoch') };
  }

  /**
   * Fills the columns of `page`, which is of the scrape of `timeMs`, with all that is not over; returns how many samples are no
   * filtered ones. `isAhead`: those are on it, too, of which nothing was written yet. O(series), by steps, between which no series may come or go.
   */
  *fill(page: number, timeMs: number, hidesLife: boolean, pace: Pace, isAhead = false): InSteps<number> {
    const { table } = this;
    let items = 0;
    for (const series of this.#series.values()) {
      if (pace.isStep(series.ids.length + FIELD_WORK)) yield;
      if (!isOnPages(series, isAhead) || (hidesLife && series.tellsLife)) continue;
      for (const id of series.ids) {
        table.values[id] = this.shown[id]!;
        table.seen[id] = page;
        table.repeats[id] = 1;
      }
      if (series.role === 'uptime') table.values[series.ids[0]!] = this.#uptimeAt(timeMs, series);
      if (series.role !== 'filtered') items += series.ids.length;
    }
    for (const id of this.#bad) table.values[id] = Number.NaN;
    this.#bad.length = 0;
    this.#index.keepFresh();
    return items;
  }

  /** Seconds. One that comes in a later part of the scrape has gone on until then: an uptime that stood still is of a new process. */
  #uptimeAt(timeMs: number, { ids, timeMs: toldMs }: PointSeries): number {
    return this.shown[ids[0]!]! + Math.max(0, timeMs - toldMs) / 1000;
  }

  /**
   * Forgets buckets that no series has any more, and ended series when they are many. Call when everybody has taken `page`, the
   * last one shown. `held` has the ids of what is yet to be written. O(series), but mostly O(1).
   */
  tidy(page: number, held: () => ReadonlySet<number>): void {
    if (this.#left.size > 0) this.#index.forget(this.#left.takeBut(held()));
    if (this.#ended > this.#index.live - this.#ended + ENDED_SLACK) this.#forgetEnded(page, held());
  }

  #forgetEnded(page: number, kept: ReadonlySet<number>): void {
    this.#ended = 0;
    for (const [id, series] of this.#series) {
      if (kept.has(id) || series.ids.every((each) => this.table.seen[each] === page)) {
        if (series.standing === 'ended') this.#ended += series.ids.length;
        continue;
      }
      series.standing = 'forgotten';
      this.#series.delete(id);
    }
    this.#life = this.#life.filter(({ standing }) => standing !== 'forgotten');
    this.#index.forgetBefore(page, kept);
  }

  /** Gives everything back. */
  release(): void {
    for (const series of this.#series.values()) series.standing = 'forgotten';
    this.#series.clear();
    this.#life = [];
    this.#index.release();
  }
}

/** Whether pages show it: something was written, and it is not over. */
function isOnPages({ standing, timeMs }: PointSeries, isAhead = false): boolean {
  return standing === 'live' && (isAhead || timeMs !== 0);
}
