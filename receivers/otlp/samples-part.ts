/** @module What single rows of a part are, as all who go through it ask. */
import { FIELD_WORK, ITEM_WORK } from '../../pipeline/wire/otlp-traffic.ts';
import { isCount } from './samples-rejected.ts';
import type { PointRows } from './samples-rows.ts';
import type { PointSeries } from './samples-series.ts';
import type { PartContext } from './samples-write.ts';

/** Instants that differ by less are the same: 64-bit nanoseconds read as milliseconds in doubles. */
export const SAME_MS = 0.001;

/** What writing a row costs, as work of `Pace`: much where its series has other buckets until then. */
export function writeWork(row: number, { series, buckets, length }: PointRows): number {
  return length[row]! * (series[row]!.buckets === buckets[row] ? FIELD_WORK : ITEM_WORK);
}

/** The values of a row, valid as long as the rows. */
export function valuesOf(row: number, { values, from, length }: PointRows): Float64Array {
  return values.values.subarray(from[row]!, from[row]! + length[row]!);
}

/** Whether all values of a row can be counts. */
export function isGood(row: number, rows: PointRows): boolean {
  return valuesOf(row, rows).every(isCount);
}

/** Whether a row is of a running total. */
export function isCumulative(row: number, { isRecorded, isDelta, series }: PointRows): boolean {
  if (isRecorded[row] === 0 || isDelta[row] === 1) return false;
  return series[row]!.role !== 'up' && !series[row]!.tellsLife;
}

/** Whether something as new of the series came before. */
export function isRepeat({ timeMs: newestMs }: PointSeries, { part: { timeMs } }: PartContext): boolean {
  return newestMs !== 0 && timeMs <= newestMs;
}

/** Whether the interval of a delta, which begins at `startMs`, lies in what was told already. */
export function isCounted({ timeMs }: PointSeries, startMs: number): boolean {
  return timeMs !== 0 && startMs > 0 && startMs < timeMs - SAME_MS;
}
