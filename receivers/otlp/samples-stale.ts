/**
 * @module Which marks of ended series are to be believed. A Collector sets them when a series is missing on a good page, and
 * on all series when it got no page at all; which of the two it was, other points of the same time tell.
 */
import { onClockSetBack } from './samples-good.ts';
import type { PointSeries } from './samples-series.ts';

export class Staleness {
  readonly #end: (series: PointSeries) => void;
  /** Marked at a time of which nobody knows yet whether the scrape was good. */
  #marked: PointSeries[] = [];
  /** Marked and not confirmed, as when a scrape failed: over only if they are not back in the next good one, of `#backMs`. */
  #unsure: PointSeries[] = [];
  #backMs = 0;

  constructor(end: (series: PointSeries) => void) {
    this.#end = end;
  }

  /** The point of `timeMs` says that the series has ended. */
  mark(series: PointSeries, timeMs: number): void {
    if (series.standing !== 'live' || series.timeMs >= timeMs || series.staleMs >= timeMs) return;
    series.staleMs = timeMs;
    this.#marked.push(series);
  }

  /** The scrape of `timeMs` was good: what is marked with that time is over. Returns whether anything is. */
  confirm(timeMs: number): boolean {
    const over = this.#marked.filter(({ staleMs }) => staleMs === timeMs);
    if (over.length === 0) return false;
    for (const series of over) this.#end(series);
    this.#marked = this.#marked.filter(({ staleMs }) => staleMs !== 0 && staleMs !== timeMs);
    return true;
  }

  /** A good scrape of `timeMs` begins, newer than all before: what is marked without having been confirmed is unsure. */
  nextGood(timeMs: number): void {
    if (this.#marked.length > 0) this.#takeUnconfirmed(timeMs);
    if (this.#unsure.length === 0) return;
    if (this.#backMs === 0) {
      this.#backMs = timeMs;
      return;
    }
    for (const series of this.#unsure) if (series.timeMs < this.#backMs) this.#end(series);
    this.#unsure = [];
    this.#backMs = 0;
  }

  /** The sender's clock was set back by `ms`, as whoever has the series says to them. */
  setBack(ms: number): void {
    this.#backMs = onClockSetBack(this.#backMs, ms);
  }

  #takeUnconfirmed(timeMs: number): void {
    this.#unsure.push(...this.#marked.filter(({ staleMs }) => staleMs !== 0 && staleMs < timeMs));
    this.#marked = this.#marked.filter(({ staleMs }) => staleMs >= timeMs);
  }
}
