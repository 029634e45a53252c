/** @module The histograms of a sum as OTLP can tell them: one point for each set of bounds, whole counts. */
import { addLatency } from '../../model/sum.ts';
import type { LatencyHistogram, TrafficRecord } from '../../model/traffic.ts';
import { type Attribute, BOUNDS, BUCKET_COUNTS } from '../traffic-attributes.ts';

/** A histogram with what tells it apart from others of its record. */
export interface ToldHistogram {
  readonly marks: readonly Attribute[];
  readonly boundsMs: readonly number[];
  /** Whole numbers below 2⁵³. */
  readonly counts: Float64Array;
  /** Their sum. */
  readonly total: number;
}

/** The sum of `counts`; −1 unless all are whole numbers from 0 that doubles hold exactly. */
export function wholeTotal(counts: Float64Array): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (count >>> 0 !== count && !isLargeWhole(count)) return -1;
    total += count;
  }
  return total;
}

/** Whether a count that 32 bits do not hold is a whole number from 0 that doubles hold exactly. */
export function isLargeWhole(count: number): boolean {
  return count >= 0 && Number.isSafeInteger(count);
}

/** The histograms of `record` in any case: several sets of bounds, one set twice, fractions. Allocates. */
export function toldHistograms({ latency }: TrafficRecord): ToldHistogram[] {
  if (latency === null) return [];
  const apart = latency.length > 1 ? addLatency([], latency) : latency;
  return apart.map((histogram) => told(histogram, apart.length > 1));
}

function told({ boundsMs, counts }: LatencyHistogram, isOneOfSeveral: boolean): ToldHistogram {
  const marks: Attribute[] = isOneOfSeveral ? [[BOUNDS, boundsMs.join(' ')]] : [];
  const total = wholeTotal(counts);
  if (total >= 0) return { marks, boundsMs, counts, total };
  marks.push([BUCKET_COUNTS, counts.join(' ')]);
  const rounded = counts.map(nearestWhole);
  return { marks, boundsMs, counts: rounded, total: wholeTotal(rounded) };
}

function nearestWhole(count: number): number {
  return count > 0 ? Math.min(Math.round(count), Number.MAX_SAFE_INTEGER) : 0;
}
