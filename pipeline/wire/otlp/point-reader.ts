/** @module The points of OTLP metrics, read one after another into the same fields. */
import { MalformedProtobuf, type ProtobufReader } from '../protobuf/reader.ts';
import { AttributeRanges } from './attribute-reader.ts';
import { exactOf } from './exact-counts.ts';
import { NO_RECORDED_VALUE } from './fields.ts';
import { LONGEST_ATTRIBUTES } from './pace.ts';
import type { PointAttributes } from './point-attributes.ts';
import type { PointDigest } from './point-digest.ts';
import {
  AS_DOUBLE,
  AS_INT,
  BOUND,
  BOUNDS,
  BUCKET_COUNT,
  BUCKET_COUNTS,
  COUNT,
  HISTOGRAM_ATTRIBUTES,
  HISTOGRAM_FLAGS,
  NUMBER_ATTRIBUTES,
  NUMBER_FLAGS,
  START,
  TIME,
} from './point-tags.ts';
import { HISTOGRAM_POINT_SHAPE, NUMBER_POINT_SHAPE, passOver } from './skipped-fields.ts';
import type { TrafficMemory } from './traffic-memory.ts';
import { unixNanoMs } from './unix-nano.ts';

const NO_BOUNDS: readonly number[] = [];
const NO_COUNTS = new Float64Array(0);

export class PointReader {
  startMs = 0;
  endMs = 0;
  /** False when the point says that it has no value, or has none. */
  hasValue = false;
  value = 0;
  /** Of histograms; shared, never to be written. */
  bounds: readonly number[] = NO_BOUNDS;
  /** Of histograms; another list for each point. */
  counts: Float64Array = NO_COUNTS;
  readonly #reader: ProtobufReader;
  readonly #memory: TrafficMemory;
  readonly #attributes: AttributeRanges;
  #count = 0;
  #flags = 0;
  #looseCounts: number[] | null = null;
  #looseBounds: number[] | null = null;

  constructor(reader: ProtobufReader, memory: TrafficMemory) {
    this.#reader = reader;
    this.#memory = memory;
    this.#attributes = new AttributeRanges(reader, memory);
  }

  /** Adds what tells the point at hand from all others of a metric in one request: times and attributes. */
  digest(digest: PointDigest): void {
    digest.number(this.startMs);
    digest.number(this.endMs);
    this.#attributes.digest(digest);
  }

  /** Reads the NumberDataPoint of the reader's field and goes behind it. Null when its attributes are too long to be read. */
  number(): PointAttributes | null {
    const outer = this.#begin();
    let values = 0;
    while (this.#reader.next()) if (this.#numberField()) values += 1;
    if (values > 1) throw new MalformedProtobuf('a point of two values', this.#reader.position);
    this.hasValue = values === 1 && !this.#saysNothing;
    return this.#finish(outer);
  }

  /** Reads the HistogramDataPoint of the reader's field and goes behind it. Null as for `number`. */
  histogram(): PointAttributes | null {
    const outer = this.#begin();
    this.bounds = NO_BOUNDS;
    this.counts = NO_COUNTS;
    this.#looseCounts = null;
    this.#looseBounds = null;
    while (this.#reader.next()) this.#histogramField();
    this.#joinLoose();
    // A point without buckets has one, from and to infinity.
    if (this.bounds.length === 0 && this.counts.length === 0) this.counts = Float64Array.of(this.#count);
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

  #finish(outer: number): PointAttributes | null {
    const { position, depth } = this.#reader;
    const attributes = this.#attributes.bytes > LONGEST_ATTRIBUTES ? null : this.#attributes.read();
    this.#reader.visit(position, outer, depth - 1);
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
        this.value = exactOf(reader.signed64(), reader.low);
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
        this.#count = exactOf(reader.unsigned64(), reader.low);
        break;
      case BUCKET_COUNTS:
        this.#packedCounts();
        break;
      case BUCKET_COUNT:
        this.#addCount(exactOf(reader.unsigned64(), reader.low));
        break;
      case BOUNDS:
        this.#packedBounds();
        break;
      case BOUND:
        this.#addBound(reader.double());
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

  #packedCounts(): void {
    const reader = this.#reader;
    const outer = reader.enter();
    const counts = new Float64Array(reader.left >>> 3);
    for (let i = 0; i < counts.length; i++) counts[i] = exactOf(reader.unsigned64(), reader.low);
    // What is left is no whole number, which this finds.
    if (!reader.atEnd) reader.unsigned64();
    reader.leave(outer);
    if (this.counts.length === 0 && this.#looseCounts === null) this.counts = counts;
    else for (const count of counts) this.#addCount(count);
  }

  /** Lists that do not stand in one piece, which nobody writes, grow here. */
  #addCount(count: number): void {
    this.#looseCounts ??= Array.from(this.counts);
    this.#looseCounts.push(count);
  }

  #packedBounds(): void {
    const reader = this.#reader;
    const outer = reader.enter();
    const from = reader.position;
    const to = from + reader.left;
    const bounds = this.#knownBounds(from, to) ?? this.#readBounds(from, to);
    reader.leave(outer);
    if (this.bounds.length === 0 && this.#looseBounds === null) this.bounds = bounds;
    else for (const bound of bounds) this.#addBound(bound);
  }

  #addBound(bound: number): void {
    this.#looseBounds ??= Array.from(this.bounds);
    this.#looseBounds.push(bound);
  }

  #joinLoose(): void {
    if (this.#looseCounts !== null) this.counts = Float64Array.from(this.#looseCounts);
    if (this.#looseBounds !== null) this.bounds = this.#looseBounds;
    this.#looseCounts = null;
    this.#looseBounds = null;
  }

  #knownBounds(from: number, to: number): readonly number[] | null {
    const { bytes } = this.#reader;
    const known = this.#memory.bounds;
    if (known.expects(bytes, from, to) && known.found.bytes.length === to - from) return known.found.meaning;
    return known.find(bytes, from, to);
  }

  #readBounds(from: number, to: number): readonly number[] {
    const bounds: number[] = [];
    while (!this.#reader.atEnd) bounds.push(this.#reader.double());
    this.#memory.bounds.keep(this.#reader.bytes, from, to, bounds);
    return bounds;
  }

  #time(): number {
    this.#reader.fixed64();
    return unixNanoMs(this.#reader.low, this.#reader.high);
  }
}
