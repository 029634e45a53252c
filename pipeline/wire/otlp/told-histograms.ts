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

/** Whether all of `counts` are whole numbers from 0 that doubles hold exactly. */
export function isWhole(counts: Float64Array): boolean {
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (!(Math.floor(count) === count && count >= 0 && count <= Number.MAX_SAFE_INTEGER)) return false;
  }
  return true;
}

export function sumOfCounts(counts: Float64Array): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  return total;
}

/** The histograms of `record` in any case: several sets of bounds, one set twice, fractions. Allocates. */
export function toldHistograms({ latency }: TrafficRecord): ToldHistogram[] {
  if (latency === null) return [];
  const apart = latency.length > 1 ? addLatency([], latency) : latency;
  return apart.map((histogram) => told(histogram, apart.length > 1));
}

function told({ boundsMs, counts }: LatencyHistogram, isOneOfSeveral: boolean): ToldHistogram {
  const marks: Attribute[] = isOneOfSeveral ? [[BOUNDS, boundsMs.join(' ')]] : [];
  if (isWhole(counts)) return { marks, boundsMs, counts, total: sumOfCounts(counts) };
  marks.push([BUCKET_COUNTS, counts.join(' ')]);
  const rounded = counts.map(nearestWhole);
  return { marks, boundsMs, counts: rounded, total: sumOfCounts(rounded) };
}

function nearestWhole(count: number): number {
  return count > 0 ? Math.min(Math.round(count), Number.MAX_SAFE_INTEGER) : 0;
}
