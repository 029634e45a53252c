/** @module What stands around the points of one metric in an OTLP message: made once, copied into each message. */
import { MessageBuilder } from '../protobuf/message-builder.ts';
import type { TrafficMetric } from '../traffic-metrics.ts';
import { CUMULATIVE, DATA, DELTA, METRIC, type Temporality } from './fields.ts';
import { embeddedLength, type PointBuffer } from './point-buffer.ts';

/** Tags of messages inside messages (fields.ts): field number, wire type 2. */
const METRIC_TAG = 0x12;
const SUM_TAG = 0x3a;
const HISTOGRAM_TAG = 0x4a;

export class MetricFrame {
  readonly metric: TrafficMetric;
  readonly #head: Uint8Array;
  readonly #dataTag: number;
  readonly #tails: ReadonlyMap<Temporality, Uint8Array>;

  constructor(metric: TrafficMetric) {
    this.metric = metric;
    const { name, description, unit, type } = metric;
    this.#head = new MessageBuilder()
      .text(METRIC.name, name)
      .text(METRIC.description, description)
      .text(METRIC.unit, unit)
      .take();
    this.#dataTag = type === 'sum' ? SUM_TAG : HISTOGRAM_TAG;
    this.#tails = new Map([
      [DELTA, tailOf(metric, DELTA)],
      [CUMULATIVE, tailOf(metric, CUMULATIVE)],
    ]);
  }

  /** Bytes of the whole metric in its ScopeMetrics, with `points` bytes of points; 0 without points. */
  length(points: number): number {
    return points === 0 ? 0 : embeddedLength(this.#contentLength(points));
  }

  /** Writes what stands before the points. */
  open(buffer: PointBuffer, points: number): void {
    buffer.head(METRIC_TAG, this.#contentLength(points));
    buffer.raw(this.#head);
    buffer.head(this.#dataTag, this.#dataLength(points));
  }

  /** Writes what stands behind the points. */
  close(buffer: PointBuffer, temporality: Temporality): void {
    buffer.raw(this.#tails.get(temporality)!);
  }

  #dataLength(points: number): number {
    // Tails of both temporalities have the same length.
    return points + this.#tails.get(DELTA)!.length;
  }

  #contentLength(points: number): number {
    return this.#head.length + embeddedLength(this.#dataLength(points));
  }
}

function tailOf({ type }: TrafficMetric, temporality: Temporality): Uint8Array {
  const tail = new MessageBuilder().varint(DATA.temporality, temporality);
  return type === 'sum' ? tail.varint(DATA.isMonotonic, 1).take() : tail.take();
}
