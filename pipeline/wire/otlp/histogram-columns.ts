/** @module The histogram points of one message in columns, in the order of their records; reused from message to message. */
import type { TrafficRecord } from '../../model/traffic.ts';
import { encodeAttributes } from './attribute-bytes.ts';
import { HISTOGRAM_POINT } from './fields.ts';
import { toldHistograms, wholeTotal } from './told-histograms.ts';

const NO_MARK = new Uint8Array(0);

export class HistogramColumns {
  size = 0;
  /** Index of the record in its sum. */
  readonly record: number[] = [];
  readonly mark: Uint8Array[] = [];
  readonly bounds: (readonly number[])[] = [];
  readonly counts: Float64Array[] = [];
  readonly total: number[] = [];

  clear(): void {
    this.size = 0;
  }

  /** Adds the histograms of a record. Without garbage for one histogram of whole counts. */
  add(index: number, record: TrafficRecord): void {
    const { latency } = record;
    if (latency === null) return;
    const only = latency.length === 1 ? latency[0]! : undefined;
    const total = only === undefined ? -1 : wholeTotal(only.counts);
    if (only !== undefined && total >= 0) {
      this.#push(index, NO_MARK, only.boundsMs, only.counts, total);
      return;
    }
    for (const { marks, boundsMs, counts, total } of toldHistograms(record)) {
      this.#push(index, encodeAttributes(HISTOGRAM_POINT.attributes, marks), boundsMs, counts, total);
    }
  }

  /** Lets go of what was added, so that it is not kept alive by an encoder at rest. */
  release(): void {
    this.mark.length = 0;
    this.bounds.length = 0;
    this.counts.length = 0;
    this.size = 0;
  }

  #push(record: number, mark: Uint8Array, bounds: readonly number[], counts: Float64Array, total: number): void {
    const at = this.size++;
    this.record[at] = record;
    this.mark[at] = mark;
    this.bounds[at] = bounds;
    this.counts[at] = counts;
    this.total[at] = total;
  }
}
