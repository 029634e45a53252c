/**
 * @module Series that cannot simply go on from the page before, which get a page in between: what counts from 0 again, and
 * histograms that are told with other buckets.
 */
import { MAX_COUNT } from '../../pipeline/model/sum.ts';
import type { InSteps } from '../../pipeline/wire/otlp-traffic.ts';
import { commonBuckets } from './samples-buckets.ts';
import type { PageLife } from './samples-life.ts';
import { isCounted, isCumulative, isGood, isRepeat, SAME_MS, valuesOf, writeWork } from './samples-part.ts';
import { isCount } from './samples-rejected.ts';
import { END } from './samples-rows.ts';
import type { PointSeries } from './samples-series.ts';
import type { ShownSeries } from './samples-shown.ts';
import type { PartContext } from './samples-write.ts';

export interface Breaks {
  /** Whether there are series that count from 0 although what they come to may not be smaller than what is shown. */
  isAgain: boolean;
  /** Rows of histograms that are told with other buckets than before. */
  readonly changed: number[];
}

/** By steps: nothing else may touch the series meanwhile. */
export class PageBreaks {
  readonly #shown: ShownSeries;
  readonly #life: PageLife;

  constructor(shown: ShownSeries, life: PageLife) {
    this.#shown = shown;
    this.#life = life;
  }

  /** Those of a part, before anything of it is written; what counts from 0 is shown at 0 from now on. */
  *find(context: PartContext): InSteps<Breaks> {
    const { part, rows, pace, anew } = context;
    const breaks: Breaks = { isAgain: false, changed: [] };
    if (anew) return breaks;
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (pace.isStep(writeWork(row, rows))) yield;
      if (isCumulative(row, rows)) this.#look(row, context, breaks);
      else if (this.#goesBeyond(row, context)) this.#restart(rows.series[row]!, breaks);
    }
    return breaks;
  }

  /** Of several values of one series the first is looked at: it is the one that counts. */
  #look(row: number, context: PartContext, breaks: Breaks): void {
    const series = context.rows.series[row]!;
    const isKnown = series.timeMs !== 0 && series.role === 'traffic' && this.#shown.isOn(series, context.shownPage);
    if (!isKnown || series.isDelta || series.lookedPage === context.page || isRepeat(series, context)) return;
    series.lookedPage = context.page;
    const buckets = context.rows.buckets[row]!;
    if (this.#beginsAgain(series, row, context)) {
      this.#shown.fit(series, buckets);
      this.#restart(series, breaks);
    } else if (this.#shown.changes(series, buckets) && isGood(row, context.rows)) breaks.changed.push(row);
  }

  #restart({ ids }: PointSeries, breaks: Breaks): void {
    for (const id of ids) this.#shown.restart(id);
    breaks.isAgain = true;
  }

  /**
   * A new start tells so only for proxies that do not tell it themselves: a Collector that was restarted makes up new ones.
   */
  #beginsAgain(series: PointSeries, row: number, { part, rows }: PartContext): boolean {
    if (series.standing === 'ended') return true;
    const startMs = rows.startMs[row]!;
    if (startMs > series.timeMs + SAME_MS && startMs < part.timeMs && !this.#life.isTold) return true;
    const buckets = rows.buckets[row]!;
    const values = valuesOf(row, rows);
    if (!this.#shown.changes(series, buckets)) return this.#fallsMoved(series, values);
    const { ids, places } = commonBuckets(series.buckets, buckets.bounds);
    return ids.some((id, i) => this.#falls(id, values[places[i]!]!));
  }

  /** Whether a value fell that does not count from 0: then what is shown need not fall. */
  #fallsMoved({ ids }: PointSeries, values: Float64Array): boolean {
    const { offset } = this.#shown;
    let isMoved = false;
    let falls = false;
    for (let i = 0; i < ids.length; i++) {
      if (offset[ids[i]!] !== 0) isMoved = true;
      if (this.#falls(ids[i]!, values[i]!)) falls = true;
    }
    return isMoved && falls;
  }

  #falls(id: number, value: number): boolean {
    const { shown, offset } = this.#shown;
    return value - offset[id]! < shown[id]!;
  }

  /** Whether a delta would bring what is shown to where doubles count no more. */
  #goesBeyond(row: number, context: PartContext): boolean {
    const { rows } = context;
    if (rows.isDelta[row] === 0 || rows.isRecorded[row] === 0) return false;
    const series = rows.series[row]!;
    if (!this.#shown.isOn(series, context.shownPage)) return false;
    if (isRepeat(series, context) || isCounted(series, rows.startMs[row]!)) return false;
    this.#shown.fit(series, rows.buckets[row]!);
    const values = valuesOf(row, rows);
    const { shown } = this.#shown;
    return series.ids.some((id, i) => isCount(values[i]!) && shown[id]! + values[i]! >= MAX_COUNT);
  }

  /**
   * Leaves histograms that are told with other buckets only those that they had before, too, since what came meanwhile is known
   * of no others. Returns whether there is anything to show: of one that keeps no bound nothing is known.
   */
  *narrow(changed: readonly number[], { rows, pace }: PartContext): InSteps<boolean> {
    let isAny = false;
    for (const row of changed) {
      if (pace.isStep(writeWork(row, rows))) yield;
      const series = rows.series[row]!;
      const common = commonBuckets(series.buckets, rows.buckets[row]!.bounds);
      if (common.bounds.length === 0) continue;
      this.#shown.narrow(series, common, valuesOf(row, rows));
      isAny = true;
    }
    return isAny;
  }
}
