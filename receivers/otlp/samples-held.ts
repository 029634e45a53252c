/**
 * @module The rows of one scrape of one proxy, kept until all of its parts are here: what came in several requests is applied
 * as if it had come in one.
 *
 * Bounded by the series that are kept: of each a scrape has one value, one delta and one mark.
 */
import { FIELD_WORK, type InSteps, type Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { SeriesBudget } from '../scrape/series-index.ts';
import { END, PointRows } from './samples-rows.ts';
import { newSeriesOf, type PointSeries } from './samples-series.ts';
import { Tally } from './samples-tally.ts';
import { RoomPromise } from './samples-target-settings.ts';
import type { Heard } from './samples-times.ts';
import type { PagePart } from './samples-write.ts';

/** Bytes of all rows that were given back, to be used again: of some thousands of small proxies, or few large ones. */
const MAX_SPARE_BYTES = 4 * 1024 * 1024;
const VALUE = 1;
const DELTA = 2;
const MARK = 4;

/** Rows between two scrapes, so that those of the next one need not grow anew; what is beyond the bound is let go. */
export class RowPool {
  readonly #spare: PointRows[] = [];
  /** Bytes that are kept. */
  spareBytes = 0;

  take(): PointRows {
    const rows = this.#spare.pop() ?? null;
    if (rows === null) return new PointRows();
    this.spareBytes -= rows.bytes;
    return rows;
  }

  giveBack(rows: PointRows): void {
    rows.clear();
    if (this.spareBytes + rows.bytes > MAX_SPARE_BYTES) return;
    this.#spare.push(rows);
    this.spareBytes += rows.bytes;
  }
}

export class HeldScrape {
  readonly timeMs: number;
  /** When the first part came. */
  readonly heard: Heard;
  readonly rows: PointRows;
  /** What becomes of it, not booked before. */
  readonly tally = new Tally();
  readonly #part: PagePart;
  /** For its histograms whose buckets are new. */
  readonly #room: RoomPromise;
  /** Of `up` nobody keeps series, so that one of a kind is held, whatever stands beside it. */
  #upKinds = 0;

  constructor(timeMs: number, { nowMs, steadyMs }: Heard, rows: PointRows, budget: SeriesBudget) {
    this.timeMs = timeMs;
    this.heard = { nowMs, steadyMs };
    this.rows = rows;
    this.#room = new RoomPromise(budget);
    this.#part = { timeMs, first: END, last: END };
  }

  /** Adds the rows of a part, which stay the caller's; those that came before are repeats. */
  *add(part: PagePart, rows: PointRows, pace: Pace): InSteps<void> {
    for (let row = part.first; row !== END; row = rows.next[row]!) {
      if (pace.isStep(rows.length[row]! * FIELD_WORK)) yield;
      if (this.#isFirst(rows.series[row]!, kindOf(rows, row))) this.#append(this.rows.copy(rows, row));
      else this.#repeat(rows, row);
    }
  }

  /** All of it as one part. Nothing is held here any more. O(rows). */
  whole(): PagePart {
    const { series, size } = this.rows;
    for (let row = 0; row < size; row++) series[row]!.heldMs = 0;
    return this.#part;
  }

  /** All of it has been applied: what had room is there by now. */
  end(): void {
    this.#room.end();
  }

  /** Ids of all series that something is held of, with those of the buckets that they are to have. O(samples). */
  ids(): Set<number> {
    const { series, buckets, size } = this.rows;
    const ids = new Set<number>();
    for (let row = 0; row < size; row++)
      for (const id of [...series[row]!.ids, ...(buckets[row]!.ids ?? [])]) ids.add(id);
    return ids;
  }

  #isFirst(series: PointSeries, kind: number): boolean {
    if (series.role === 'up') {
      const isFirst = (this.#upKinds & kind) === 0;
      this.#upKinds |= kind;
      return isFirst;
    }
    if (series.heldMs !== this.timeMs) {
      series.heldMs = this.timeMs;
      series.heldKinds = 0;
    }
    if ((series.heldKinds & kind) !== 0) return false;
    series.heldKinds |= kind;
    return true;
  }

  #append(row: number): void {
    this.#room.add(newSeriesOf(this.rows.buckets[row]!));
    append(this.#part, this.rows, row);
  }

  #repeat({ isRecorded, length, uses }: PointRows, row: number): void {
    if (isRecorded[row] === 0 || uses[row]!.form === 'up') this.tally.taken += length[row]!;
    else this.tally.repeated += length[row]!;
  }
}

function append(part: PagePart, { next }: PointRows, row: number): void {
  next[row] = END;
  if (part.first === END) part.first = row;
  else next[part.last] = row;
  part.last = row;
}

function kindOf({ isRecorded, isDelta }: PointRows, row: number): number {
  if (isRecorded[row] === 0) return MARK;
  return isDelta[row] === 1 ? DELTA : VALUE;
}
