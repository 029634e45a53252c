/** @module Points of one request on their way into series: columns that are filled for each request and used again. */
import type { Labels } from '../../pipeline/model/resource.ts';
import { grown, resized } from '../../pipeline/model/room.ts';
import { type MetricPoint, NumberRow } from '../../pipeline/wire/otlp-metrics.ts';
import type { MetricUse } from './samples-names.ts';
import { type Buckets, type NewBuckets, NO_BOUNDS, type PointSeries } from './samples-series.ts';

/** Of all columns that `clear` leaves as long as they are. */
const ROW_BYTES = 2 * 8 + 2 * 1 + 3 * 4;
/** No further row. */
export const END = -1;

/** A series that is not known yet, or not with such buckets. */
export interface UnknownSeries {
  /** Bytes of its attributes as characters. */
  readonly key: string;
  readonly labels: Labels;
}

export class PointRows {
  size = 0;
  readonly uses: MetricUse[] = [];
  /** Null while it is not resolved, or cannot be. */
  readonly series: (PointSeries | null)[] = [];
  readonly unknown: (UnknownSeries | null)[] = [];
  /** Finite upper bounds of a histogram that has no buckets yet. */
  readonly bounds: (Float64Array | null)[] = [];
  /** What the values are of, whatever its series has by the time when they are written; null while it is not resolved. */
  readonly buckets: (Buckets | NewBuckets | null)[] = [];
  timeMs = new Float64Array(64);
  startMs = new Float64Array(64);
  isRecorded = new Uint8Array(64);
  isDelta = new Uint8Array(64);
  /** Where the values of the row begin in `values`, and how many there are. */
  from = new Uint32Array(64);
  length = new Uint32Array(64);
  /** The row after it in its list. */
  next = new Int32Array(64);
  /** Values of number points; counts of histograms, each bucket with all below it. */
  readonly values = new NumberRow();

  /** Bytes of its columns, in use or not. */
  get bytes(): number {
    return this.timeMs.length * ROW_BYTES + this.values.values.byteLength;
  }

  clear(): void {
    this.size = 0;
    this.values.length = 0;
    this.uses.length = 0;
    this.series.length = 0;
    this.unknown.length = 0;
    this.bounds.length = 0;
    this.buckets.length = 0;
  }

  /** Adds a point and returns its row. */
  add(use: MetricUse, point: MetricPoint, isDelta: boolean, series: PointSeries | null): number {
    const row = this.size++;
    if (row === this.timeMs.length) this.#grow();
    this.uses[row] = use;
    this.series[row] = series;
    this.timeMs[row] = point.timeMs;
    this.startMs[row] = point.startMs;
    this.isRecorded[row] = Number(point.isRecorded);
    this.isDelta[row] = Number(isDelta);
    this.next[row] = END;
    this.from[row] = this.values.length;
    this.bounds[row] = null;
    this.buckets[row] = series?.buckets ?? null;
    if (use.form === 'histogram') this.#histogram(row, point, series);
    else this.values.push(point.value);
    this.length[row] = this.values.length - this.from[row]!;
    const isKnown = series !== null && this.bounds[row] === null;
    this.unknown[row] = isKnown ? null : { key: point.attributeKey(), labels: point.labels() };
    return row;
  }

  /** Adds a row of `others`, the series of which is known, and returns its number here. O(values). */
  copy(others: PointRows, row: number): number {
    const to = this.size++;
    if (to === this.timeMs.length) this.#grow();
    this.uses[to] = others.uses[row]!;
    this.series[to] = others.series[row]!;
    this.unknown[to] = null;
    this.bounds[to] = null;
    this.buckets[to] = others.buckets[row]!;
    this.timeMs[to] = others.timeMs[row]!;
    this.startMs[to] = others.startMs[row]!;
    this.isRecorded[to] = others.isRecorded[row]!;
    this.isDelta[to] = others.isDelta[row]!;
    this.next[to] = END;
    this.from[to] = this.values.length;
    this.length[to] = others.length[row]!;
    const from = others.from[row]!;
    for (let i = 0; i < this.length[to]!; i++) this.values.push(others.values.values[from + i]!);
    return to;
  }

  /** A mark of its end has no buckets of its own. */
  #histogram(row: number, { bounds, counts, count, isRecorded }: MetricPoint, series: PointSeries | null): void {
    if (series === null || (isRecorded && !series.hasBounds(bounds.values, bounds.length)))
      this.bounds[row] = bounds.length === 0 ? NO_BOUNDS : bounds.values.slice(0, bounds.length);
    if (counts.length === 0) {
      this.values.push(count);
      return;
    }
    let upTo = 0;
    for (let i = 0; i < counts.length; i++) {
      upTo += counts.values[i]!;
      this.values.push(upTo);
    }
  }

  #grow(): void {
    const length = grown(this.timeMs.length);
    this.timeMs = resized(this.timeMs, length);
    this.startMs = resized(this.startMs, length);
    this.isRecorded = resized(this.isRecorded, length);
    this.isDelta = resized(this.isDelta, length);
    this.from = resized(this.from, length);
    this.length = resized(this.length, length);
    this.next = resized(this.next, length);
  }
}
