/**
 * @module Whether a scrape that is older than the newest one is new, the Collector's clock having been set back. It may as well
 * be late or come again: to take that for new would count it twice.
 */
import { isCount } from './samples-rejected.ts';
import { END, type PointRows } from './samples-rows.ts';
import type { ShownSeries } from './samples-shown.ts';
import { type Heard, isSetRight, type ScrapeTimes } from './samples-times.ts';
import type { PagePart } from './samples-write.ts';

/** So many older scrapes come one after another, as fast as their times tell and with nothing newer between, to be believed. */
const BELIEVED_SCRAPES = 3;
/** Starts that differ by no more are those of the same process, s. */
const SAME_START_SECONDS = 1;

export class SetBacks {
  readonly #times: ScrapeTimes;
  readonly #shown: ShownSeries;
  /** The last scrape that was older than the newest: its time, when it was heard (steady ms), and how many so far. */
  #timeMs = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(times: ScrapeTimes, shown: ShownSeries) {
    this.#times = times;
    this.#shown = shown;
  }

  /** To be asked of each part that is older than the newest scrape. O(rows) where its times are those of a clock set back. */
  isSetBack(part: PagePart, rows: PointRows, heard: Heard): boolean {
    return this.#looksSo(part.timeMs, heard) && !this.#falls(part, rows);
  }

  #looksSo(timeMs: number, { nowMs, steadyMs }: Heard): boolean {
    // A clock that was far ahead was wrong, whoever tells otherwise.
    if (isSetRight(this.#times.timeMs, timeMs, nowMs)) return true;
    if (timeMs !== this.#timeMs) {
      this.#count = this.#goesOn(timeMs, steadyMs) ? this.#count + 1 : 1;
      this.#timeMs = timeMs;
      this.#heardMs = steadyMs;
    }
    return this.#count >= BELIEVED_SCRAPES;
  }

  /** What waited in a queue comes faster than its times tell. */
  #goesOn(timeMs: number, steadyMs: number): boolean {
    const isNewest = this.#heardMs > this.#times.heardSteadyMs;
    return isNewest && timeMs > this.#timeMs && steadyMs - this.#heardMs >= (timeMs - this.#timeMs) / 2;
  }

  /** Whether any value is less than what was told already although the process is the same: then it was told before. */
  #falls(part: PagePart, rows: PointRows): boolean {
    let falls = false;
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (rows.isRecorded[row] === 0 || rows.series[row]!.timeMs === 0) continue;
      if (this.#tellsOtherProcess(row, rows)) return false;
      if (rows.isDelta[row] === 0 && rows.series[row]!.role === 'traffic' && this.#isLess(row, rows)) falls = true;
    }
    return falls;
  }

  #tellsOtherProcess(row: number, { series, values, from }: PointRows): boolean {
    const { role, ids } = series[row]!;
    const value = values.values[from[row]!]!;
    if (role === 'start') return value > this.#shown.shown[ids[0]!]! + SAME_START_SECONDS;
    return role === 'restart_epoch' && value > this.#shown.shown[ids[0]!]!;
  }

  #isLess(row: number, { series, buckets, values: { values }, from }: PointRows): boolean {
    const { standing, ids } = series[row]!;
    if (standing !== 'live' || buckets[row]!.ids !== ids) return false;
    const { shown, offset } = this.#shown;
    return ids.some((id, i) => {
      const value = values[from[row]! + i]!;
      return isCount(value) && value - offset[id]! < shown[id]!;
    });
  }
}
