/** @module The points of OTLP metrics, read one after another into the same fields. */
import { MalformedProtobuf, type ProtobufReader } from '../protobuf/reader.ts';
import { AttributeRanges } from './attribute-reader.ts';
import { HISTOGRAM_POINT, NO_RECORDED_VALUE, NUMBER_POINT } from './fields.ts';
import type { PointAttributes } from './point-attributes.ts';
import { HISTOGRAM_POINT_SHAPE, NUMBER_POINT_SHAPE, passOver } from './skipped-fields.ts';
import { unixNanoMs } from './unix-nano.ts';

const START = NUMBER_POINT.start * 8 + 1;
const TIME = NUMBER_POINT.time * 8 + 1;
const AS_DOUBLE = NUMBER_POINT.asDouble * 8 + 1;
const AS_INT = NUMBER_POINT.asInt * 8 + 1;
const NUMBER_ATTRIBUTES = NUMBER_POINT.attributes * 8 + 2;
const NUMBER_FLAGS = NUMBER_POINT.flags * 8;
const BUCKET_COUNT = HISTOGRAM_POINT.bucketCounts * 8 + 1;
const BUCKET_COUNTS = HISTOGRAM_POINT.bucketCounts * 8 + 2;
const BOUND = HISTOGRAM_POINT.bounds * 8 + 1;
const BOUNDS = HISTOGRAM_POINT.bounds * 8 + 2;
const COUNT = HISTOGRAM_POINT.count * 8 + 1;
const HISTOGRAM_ATTRIBUTES = HISTOGRAM_POINT.attributes * 8 + 2;
const HISTOGRAM_FLAGS = HISTOGRAM_POINT.flags * 8;

export class PointReader {
  startMs = 0;
  endMs = 0;
  /** False when the point says that it has no value, or has none. */
  hasValue = false;
  value = 0;
  bounds: number[] = [];
  counts: number[] = [];
  readonly #reader: ProtobufReader;
  readonly #attributes: AttributeRanges;
  #count = 0;
  #flags = 0;

  constructor(reader: ProtobufReader) {
    this.#reader = reader;
    this.#attributes = new AttributeRanges(reader);
  }

  /** Reads the NumberDataPoint of the reader's field and goes behind it. */
  number(): PointAttributes {
    const outer = this.#begin();
    let values = 0;
    while (this.#reader.next()) if (this.#numberField()) values += 1;
    if (values > 1) throw new MalformedProtobuf('a point of two values', this.#reader.position);
    this.hasValue = values === 1 && !this.#saysNothing;
    return this.#finish(outer);
  }

  /** Reads the HistogramDataPoint of the reader's field and goes behind it. */
  histogram(): PointAttributes {
    const outer = this.#begin();
    this.bounds = [];
    this.counts = [];
    while (this.#reader.next()) this.#histogramField();
    // A point without buckets has one, from and to infinity.
    if (this.bounds.length === 0 && this.counts.length === 0) this.counts.push(this.#count);
    this.hasValue = !this.#saysNothing;
    return this.#finish(outer);
  }

  get #saysNothing(): boolean {
    return this.#flags % 2 === NO_RECORDED_VALUE;
  }

  #begin(): number {
    this.startMs = 0;
    this.endMs = 0;
    this.value = 0;
    this.#flags = 0;
    this.#count = 0;
    this.#attributes.clear();
    return this.#reader.enter();
  }

  #finish(outer: number): PointAttributes {
    const { position } = this.#reader;
    const attributes = this.#attributes.read();
    this.#reader.visit(position, outer);
    return attributes;
  }

  /** True when the field was the point's value. */
  #numberField(): boolean {
    const reader = this.#reader;
    switch (reader.tag) {
      case START:
        this.startMs = this.#time();
        return false;
      case TIME:
        this.endMs = this.#time();
        return false;
      case AS_INT:
        this.value = reader.signed64();
        return true;
      case AS_DOUBLE:
        this.value = reader.double();
        return true;
      case NUMBER_ATTRIBUTES:
        this.#attributes.add();
        return false;
      case NUMBER_FLAGS:
        this.#flags = reader.varint();
        return false;
      default:
        passOver(reader, NUMBER_POINT_SHAPE);
        return false;
    }
  }

  #histogramField(): void {
    const reader = this.#reader;
    switch (reader.tag) {
      case START:
        this.startMs = this.#time();
        break;
      case TIME:
        this.endMs = this.#time();
        break;
      case COUNT:
        this.#count = reader.unsigned64();
        break;
      case BUCKET_COUNTS:
        this.#packed(() => this.counts.push(reader.unsigned64()));
        break;
      case BUCKET_COUNT:
        this.counts.push(reader.unsigned64());
        break;
      case BOUNDS:
        this.#packed(() => this.bounds.push(reader.double()));
        break;
      case BOUND:
        this.bounds.push(reader.double());
        break;
      case HISTOGRAM_ATTRIBUTES:
        this.#attributes.add();
        break;
      case HISTOGRAM_FLAGS:
        this.#flags = reader.varint();
        break;
      default:
        passOver(reader, HISTOGRAM_POINT_SHAPE);
    }
  }

  #packed(readOne: () => void): void {
    const outer = this.#reader.enter();
    while (!this.#reader.atEnd) readOne();
    this.#reader.leave(outer);
  }

  #time(): number {
    this.#reader.fixed64();
    return unixNanoMs(this.#reader.low, this.#reader.high);
  }
}
