/** @module Rules by which values of points become values on pages (docs/semantics.md, "Metrics from a Collector"). */

import { FIELD_WORK, type InSteps, type Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { PageLife } from './samples-life.ts';
import { isCounted, isCumulative, isGood, isRepeat, SAME_MS, valuesOf, writeWork } from './samples-part.ts';
import { isCount } from './samples-rejected.ts';
import { END, type PointRows } from './samples-rows.ts';
import type { PointSeries } from './samples-series.ts';
import type { ShownSeries } from './samples-shown.ts';
import type { Tally } from './samples-tally.ts';
import type { ScrapeTimes } from './samples-times.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** All rows of one proxy and one time, from `first` on along `next`. */
export interface PagePart {
  readonly timeMs: number;
  first: number;
  last: number;
}

/** What is known of a part before it is written. */
export interface PartContext {
  readonly part: PagePart;
  readonly rows: PointRows;
  readonly pace: Pace;
  /** Engine time. */
  readonly nowMs: number;
  readonly tally: Tally;
  /** Time of the scrape before, 0 without one. */
  readonly beforeMs: number;
  /** Whether it belongs to the first scrape of all, something of which came before. */
  readonly isLateFirst: boolean;
  /** Whether another process tells it than the one before. */
  anew: boolean;
  /** Number of the page at hand, and of the last one that was shown. */
  page: number;
  shownPage: number;
  /** Points written. */
  written: number;
  /** Whether something of a histogram counts nowhere, since it has no bound that it had before. */
  isCut: boolean;
}

/** By steps: nothing else may touch the series meanwhile. */
export class PartWriter {
  readonly #shown: ShownSeries;
  readonly #times: ScrapeTimes;
  readonly #life: PageLife;
  /** A process that began at this engine time (ms) or later was watched from its beginning. */
  readonly #watchStartMs: number;

  constructor(shown: ShownSeries, times: ScrapeTimes, life: PageLife, watchStartMs: number) {
    this.#shown = shown;
    this.#times = times;
    this.#life = life;
    this.#watchStartMs = watchStartMs;
  }

  /** Reads what tells of the process, before all else; returns whether anything came of it. */
  *readLife(context: PartContext): InSteps<boolean> {
    let isTold = false;
    const { part, rows, pace, tally, page } = context;
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (pace.isStep(FIELD_WORK)) yield;
      const series = rows.series[row]!;
      if (!series.tellsLife || rows.isRecorded[row] === 0) continue;
      tally.taken += 1;
      if (isRepeat(series, context) || this.#times.isOld(part.timeMs)) continue;
      const value = rows.values.values[rows.from[row]!]!;
      if (series.role !== 'restart_epoch') this.#life.isTold = true;
      isTold = true;
      this.#shown.shown[series.ids[0]!] = value;
      this.#shown.written(series, part.timeMs, page);
      context.written += 1;
    }
    return isTold;
  }

  // --- Cumulative values ----------------------------------------------------------------------------------------------

  *writeCumulative(context: PartContext): InSteps<void> {
    const { part, rows, pace, tally } = context;
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (pace.isStep(writeWork(row, rows))) yield;
      if (!isCumulative(row, rows)) continue;
      const series = rows.series[row]!;
      const samples = rows.length[row]!;
      if (isRepeat(series, context)) tally.repeated += samples;
      else {
        this.#writeOne(series, row, context);
        count(tally, series, samples);
      }
    }
  }

  #writeOne(series: PointSeries, row: number, context: PartContext): void {
    const { part, rows, page } = context;
    if (context.anew || !this.#shown.changes(series, rows.buckets[row]!)) {
      this.#fit(row, context);
      if (series.isNarrow) this.#keepNarrow(series);
      else this.#writeValues(series, valuesOf(row, rows), context);
    } else if (isGood(row, rows)) this.#writeChanged(series, row, context);
    else this.#writeBad(series);
    series.isDelta = false;
    this.#shown.written(series, part.timeMs, page);
    context.written += 1;
  }

  #writeValues(series: PointSeries, values: Float64Array, context: PartContext): void {
    for (let i = 0; i < series.ids.length; i++) {
      const id = series.ids[i]!;
      const value = values[i]!;
      // Of one that had ended, pages show nothing any more.
      const before = series.standing === 'ended' ? 0 : this.#shown.shown[id]!;
      this.#shown.before[id] = isCount(value) ? before : Number.NaN;
      if (!isCount(value)) this.#shown.showBad(id);
      else {
        this.#shown.offset[id] = this.#offsetOf(series, id, value, context);
        this.#shown.shown[id] = value - this.#shown.offset[id]!;
      }
    }
  }

  /** It has no other buckets than it is to have, in which it stands at what came. */
  #keepNarrow(series: PointSeries): void {
    const { shown, before } = this.#shown;
    for (const id of series.ids) before[id] = before[id]! + shown[id]!;
    series.isNarrow = false;
  }

  /** In its new buckets it counts from where it stands: what came until now has counted in those that it had before, too. */
  #writeChanged(series: PointSeries, row: number, context: PartContext): void {
    if (!series.isNarrow && !series.isDelta) context.isCut = true;
    const counted = new Map(series.isNarrow ? series.ids.map((id) => [id, this.#shown.before[id]!]) : []);
    series.isNarrow = false;
    this.#fit(row, context);
    const values = valuesOf(row, context.rows);
    const { before, offset } = this.#shown;
    // Of new buckets what they had before is not known: as much as may be, but no more than of the next one that is.
    let hadMost = Number.POSITIVE_INFINITY;
    for (let i = series.ids.length - 1; i >= 0; i--) {
      const id = series.ids[i]!;
      const value = values[i]!;
      const known = counted.get(id);
      hadMost = known === undefined ? Math.min(hadMost, value) : value + known;
      before[id] = hadMost - value;
      offset[id] = value;
    }
  }

  /** Its buckets stay those that it had when it could be read. */
  #writeBad({ ids }: PointSeries): void {
    for (const id of ids) {
      this.#shown.before[id] = Number.NaN;
      this.#shown.showBad(id);
    }
  }

  /** From where a value counts: from 0, from where it stands, or as before. */
  #offsetOf(series: PointSeries, id: number, value: number, context: PartContext): number {
    if (series.standing === 'ended' || context.anew) return 0;
    if (series.isDelta) return value - this.#shown.shown[id]!;
    if (series.timeMs !== 0) return this.#shown.offset[id]!;
    // Of the first scrape of all, when `smi` has seen that already.
    const isBaseline = context.isLateFirst || this.#shown.isOn(series, context.shownPage);
    return isBaseline && !this.#bornUnderWatch ? value : 0;
  }

  get #bornUnderWatch(): boolean {
    return this.#life.startMs >= this.#watchStartMs;
  }

  /** From here on the series has the buckets that the values of the row are of. */
  #fit(row: number, { rows: { series, buckets } }: PartContext): void {
    this.#shown.fit(series[row]!, buckets[row]!);
  }

  // --- Deltas ---------------------------------------------------------------------------------------------------------

  /** Before a page that shows what comes as deltas at 0: each with the buckets that it is to come with. */
  *fitDeltas(context: PartContext): InSteps<void> {
    const { part, rows, pace } = context;
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (pace.isStep(writeWork(row, rows))) yield;
      if (rows.isRecorded[row] === 1 && rows.isDelta[row] === 1) this.#fit(row, context);
    }
  }

  /** Adds all deltas; returns since when (sender's ms) something is missing before them, Infinity when nothing is. */
  *writeDeltas(context: PartContext): InSteps<number> {
    const { part, rows, pace } = context;
    let gapToMs = NEVER;
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (pace.isStep(writeWork(row, rows))) yield;
      if (rows.isRecorded[row] === 0 || rows.isDelta[row] === 0) continue;
      gapToMs = Math.min(gapToMs, this.#addDelta(rows.series[row]!, row, context));
    }
    return gapToMs;
  }

  #addDelta(series: PointSeries, row: number, context: PartContext): number {
    const { part, rows, beforeMs, tally, page } = context;
    const samples = rows.length[row]!;
    const startMs = rows.startMs[row]!;
    if (isRepeat(series, context) || isCounted(series, startMs)) {
      tally.repeated += samples;
      return NEVER;
    }
    this.#fit(row, context);
    if (context.anew || !this.#shown.isOn(series, context.shownPage))
      for (const id of series.ids) this.#shown.restart(id);
    const added = valuesOf(row, rows);
    if (added.every(isCount)) {
      this.#add(series, added);
      count(tally, series, samples);
    } else tally.badValues += samples;
    series.isDelta = true;
    this.#shown.written(series, part.timeMs, page);
    context.written += 1;
    return beforeMs > 0 && startMs > beforeMs + SAME_MS ? startMs : NEVER;
  }

  #add({ ids }: PointSeries, added: Float64Array): void {
    const { shown, offset } = this.#shown;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      shown[id] = shown[id]! + added[i]!;
      offset[id] = 0;
    }
  }
}

/** Where the first of the intervals begins that deltas of this part are of, sender's ms; null without deltas. */
export function deltasFromMs({ timeMs, first }: PagePart, rows: PointRows, intervalMs: number): number | null {
  let fromMs = NEVER;
  for (let row = first; row !== END; row = rows.next[row]!) {
    if (rows.isDelta[row] === 0 || rows.series[row]!.role !== 'traffic') continue;
    const told = rows.startMs[row]!;
    fromMs = Math.min(fromMs, told > 0 && told < timeMs ? told : timeMs - intervalMs);
  }
  return fromMs === NEVER ? null : fromMs;
}

function count(tally: Tally, { role, reason }: PointSeries, samples: number): void {
  if (role === 'filtered') tally.filter(reason, samples);
  else tally.taken += samples;
}
