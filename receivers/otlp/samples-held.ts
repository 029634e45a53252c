/**
 * @module The rows of one scrape of one proxy, kept until all of its parts are here: what came in several requests is applied
 * as if it had come in one.
 *
 * Bounded by the series that are kept: of each a scrape has one value, one delta and one mark.
 */
import { FIELD_WORK, type InSteps, type Pace } from '../../pipeline/wire/otlp-traffic.ts';
import { sampleName } from './samples-names.ts';
import { END, PointRows } from './samples-rows.ts';
import type { PointSeries } from './samples-series.ts';
import { Tally } from './samples-tally.ts';
import type { PagePart } from './samples-write.ts';

/** Rows that were given back, to be used again. */
const MAX_SPARE = 64;
const VALUE = 1;
const DELTA = 2;
const MARK = 4;

export class RowPool {
  readonly #spare: PointRows[] = [];

  take(): PointRows {
    return this.#spare.pop() ?? new PointRows();
  }

  giveBack(rows: PointRows): void {
    rows.clear();
    if (this.#spare.length < MAX_SPARE) this.#spare.push(rows);
  }
}

export class HeldScrape {
  readonly timeMs: number;
  /** Engine time (ms) at which the first part came. */
  readonly heardMs: number;
  readonly rows: PointRows;
  /** What becomes of it, not booked before. */
  readonly tally = new Tally();
  readonly #part: PagePart;
  /** Of `up` nobody keeps series, so that one of a kind is held, whatever stands beside it. */
  #upKinds = 0;

  constructor(timeMs: number, heardMs: number, rows: PointRows) {
    this.timeMs = timeMs;
    this.heardMs = heardMs;
    this.rows = rows;
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

  /** All of it as one part; rows of series that are no more what they were are dropped. */
  whole(): PagePart {
    const { timeMs } = this;
    const fit: PagePart = { timeMs, first: END, last: END };
    for (let row = this.#part.first, next = END; row !== END; row = next) {
      next = this.rows.next[row]!;
      const series = this.rows.series[row]!;
      series.heldMs = 0;
      if (series.role !== 'up' && !isFit(series, this.rows, row)) this.#changed(series, row);
      else append(fit, this.rows, row);
    }
    return fit;
  }

  #changed({ target }: PointSeries, row: number): void {
    const { length, uses } = this.rows;
    this.tally.drop('series_changed', length[row]!, sampleName(uses[row]!), target.target.key);
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

/** Marks have no values that buckets would have to fit. */
function isFit({ standing, ids }: PointSeries, { isRecorded, length }: PointRows, row: number): boolean {
  return standing !== 'forgotten' && (isRecorded[row] === 0 || ids.length === length[row]);
}
