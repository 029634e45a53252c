/** @module What the rows of a part tell of the scrape that they are of. All are O(rows of the part). */
import { END, type PointRows } from './samples-rows.ts';
import type { Tally } from './samples-tally.ts';
import type { PagePart } from './samples-write.ts';

/** What the Collector says of its scrape: null for nothing. */
export function upOf({ first }: PagePart, rows: PointRows): 'up' | 'down' | null {
  for (let row = first; row !== END; row = rows.next[row]!) {
    if (rows.uses[row]!.form !== 'up' || rows.isRecorded[row] === 0) continue;
    return rows.values.values[rows.from[row]!]! > 0 ? 'up' : 'down';
  }
  return null;
}

/** Whether the Collector says that it scrapes it no more. */
export function isOver({ first }: PagePart, rows: PointRows): boolean {
  for (let row = first; row !== END; row = rows.next[row]!)
    if (rows.uses[row]!.form === 'up' && rows.isRecorded[row] === 0) return true;
  return false;
}

/** Whether a value of anything came. */
export function hasValue({ first }: PagePart, rows: PointRows): boolean {
  for (let row = first; row !== END; row = rows.next[row]!) if (rows.isRecorded[row] === 1) return true;
  return false;
}

/** Whether a value of a series came, beside those of `up`. */
export function hasCount({ first }: PagePart, rows: PointRows): boolean {
  for (let row = first; row !== END; row = rows.next[row]!)
    if (rows.isRecorded[row] === 1 && rows.uses[row]!.form !== 'up') return true;
  return false;
}

/** Books all rows of a part as taken. */
export function takeAll({ first }: PagePart, rows: PointRows, tally: Tally): void {
  for (let row = first; row !== END; row = rows.next[row]!) tally.taken += rows.length[row]!;
}
