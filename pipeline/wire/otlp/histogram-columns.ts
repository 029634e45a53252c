/** @module The histogram points of one message in columns, in the order of their records; reused from message to message. */
import type { TrafficRecord } from '../../model/traffic.ts';
import { encodeAttributes } from './attribute-bytes.ts';
import { HISTOGRAM_POINT } from './fields.ts';
import { toldHistograms, wholeTotal } from './told-histograms.ts';

const NO_MARK = new Uint8Array(0);
const NO_BOUNDS: readonly number[] = [];
const NO_COUNTS = new Float64Array(0);

export class HistogramColumns {
  /**
   * Whether counts are looked through before they are added, as the first sum with fractions makes necessary. Without it
   * they are only read once, while they are written.
   */
  looksThrough = false;
  size = 0;
  /** Index of the record in its sum. */
  readonly record: number[] = [];
  readonly mark: Uint8Array[] = [];
  readonly bounds: (readonly number[])[] = [];
  readonly counts: Float64Array[] = [];

  clear(): void {
    this.size = 0;
  }

  /** Adds the histograms of a record. Without garbage for one histogram of whole counts. */
  add(index: number, record: TrafficRecord): void {
    const { latency } = record;
    if (latency === null) return;
    const only = latency.length === 1 ? latency[0]! : undefined;
    if (only !== undefined && (!this.looksThrough || wholeTotal(only.counts) >= 0)) {
      this.#push(index, NO_MARK, only.boundsMs, only.counts);
      return;
    }
    for (const { marks, boundsMs, counts } of toldHistograms(record)) {
      this.#push(index, encodeAttributes(HISTOGRAM_POINT.attributes, marks), boundsMs, counts);
    }
  }

  /** Lets go of what was added, so that it is not kept alive by an encoder at rest. */
  release(): void {
    this.mark.fill(NO_MARK, 0, this.size);
    this.bounds.fill(NO_BOUNDS, 0, this.size);
    this.counts.fill(NO_COUNTS, 0, this.size);
    this.size = 0;
  }

  #push(record: number, mark: Uint8Array, bounds: readonly number[], counts: Float64Array): void {
    const at = this.size++;
    this.record[at] = record;
    this.mark[at] = mark;
    this.bounds[at] = bounds;
    this.counts[at] = counts;
  }
}
