/** @module One data point of any metric, read into fields that are used again for the next one. */
import type { ProtobufReader } from '../protobuf/reader.ts';
import { AttributeList } from './attribute-reader.ts';
import { exactOf } from './exact-counts.ts';
import { NO_RECORDED_VALUE } from './fields.ts';
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
import { unixNanoMs } from './unix-nano.ts';

/** Numbers in a row that grows as it must and is used again. */
export class NumberRow {
  values = new Float64Array(32);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const longer = new Float64Array(this.length * 2);
      longer.set(this.values);
      this.values = longer;
    }
    this.values[this.length++] = value;
  }
}

export class MetricPoint {
  /** Milliseconds since the epoch, the doubles nearest to the nanoseconds told; 0: not told. */
  startMs = 0;
  timeMs = 0;
  /** False when the point says that nothing was recorded: its series has ended, or was not there. */
  isRecorded = true;
  /** Of number points; NaN without one. */
  value = Number.NaN;
  /** Of histograms: observations in all, and in each bucket, with the upper bounds of all but the last. */
  count = 0;
  readonly counts = new NumberRow();
  readonly bounds = new NumberRow();
  readonly #reader: ProtobufReader;
  /** Where attributes stand: beginnings and ends in turns. */
  readonly #attributes: number[] = [];

  constructor(reader: ProtobufReader) {
    this.#reader = reader;
  }

  /** Reads the NumberDataPoint of the reader's field and goes behind it. */
  readNumber(): void {
    const outer = this.#begin();
    this.value = Number.NaN;
    while (this.#reader.next()) if (!this.#isCommon(NUMBER_ATTRIBUTES, NUMBER_FLAGS)) this.#numberField();
    this.#reader.leave(outer);
  }

  /** Reads the HistogramDataPoint of the reader's field and goes behind it. */
  readHistogram(): void {
    const outer = this.#begin();
    this.count = 0;
    this.counts.length = 0;
    this.bounds.length = 0;
    while (this.#reader.next()) if (!this.#isCommon(HISTOGRAM_ATTRIBUTES, HISTOGRAM_FLAGS)) this.#histogramField();
    this.#reader.leave(outer);
  }

  /** Length of all attributes, bytes. */
  get attributeBytes(): number {
    let length = 0;
    for (let i = 0; i < this.#attributes.length; i += 2) length += this.#attributes[i + 1]! - this.#attributes[i]!;
    return length;
  }

  /** The bytes of the attributes as characters: equal for points whose attributes were written alike. */
  attributeKey(): string {
    const { bytes } = this.#reader;
    let key = '';
    for (let i = 0; i < this.#attributes.length; i += 2)
      key += bytes.toString('latin1', this.#attributes[i]!, this.#attributes[i + 1]!);
    return key;
  }

  /** The attributes as labels; empty ones are left out, as lists and maps are. Goes elsewhere and comes back. */
  labels(): Map<string, string> {
    const reader = this.#reader;
    const [position, end] = [reader.position, reader.position + reader.left];
    const list = new AttributeList();
    for (let i = 0; i < this.#attributes.length; i += 2) {
      reader.visit(this.#attributes[i]!, this.#attributes[i + 1]!);
      while (reader.next()) list.read(reader);
    }
    reader.visit(position, end);
    return labelsOf(list);
  }

  #begin(): number {
    this.startMs = 0;
    this.timeMs = 0;
    this.isRecorded = true;
    this.#attributes.length = 0;
    return this.#reader.enter();
  }

  /** Reads the field if numbers and histograms have it alike: times, and under tags of their own attributes and flags. */
  #isCommon(attributes: number, flags: number): boolean {
    const { tag } = this.#reader;
    if (tag === attributes) this.#attribute();
    else if (tag === TIME) this.timeMs = this.#time();
    else if (tag === START) this.startMs = this.#time();
    else if (tag === flags) this.#flags();
    else return false;
    return true;
  }

  #numberField(): void {
    const reader = this.#reader;
    switch (reader.tag) {
      case AS_DOUBLE:
        this.value = reader.double();
        break;
      case AS_INT:
        this.value = exactOf(reader.signed64(), reader.low);
        break;
      default:
        reader.skip();
    }
  }

  #histogramField(): void {
    const reader = this.#reader;
    switch (reader.tag) {
      case COUNT:
        this.count = exactOf(reader.unsigned64(), reader.low);
        break;
      case BUCKET_COUNTS: {
        const outer = reader.enter();
        while (!reader.atEnd) this.counts.push(exactOf(reader.unsigned64(), reader.low));
        reader.leave(outer);
        break;
      }
      case BUCKET_COUNT:
        this.counts.push(exactOf(reader.unsigned64(), reader.low));
        break;
      case BOUNDS: {
        const outer = reader.enter();
        while (!reader.atEnd) this.bounds.push(reader.double());
        reader.leave(outer);
        break;
      }
      case BOUND:
        this.bounds.push(reader.double());
        break;
      default:
        reader.skip();
    }
  }

  #time(): number {
    this.#reader.fixed64();
    return unixNanoMs(this.#reader.low, this.#reader.high);
  }

  #flags(): void {
    this.isRecorded = this.#reader.varint() % 2 !== NO_RECORDED_VALUE;
  }

  #attribute(): void {
    const from = this.#reader.fieldStart;
    const to = this.#reader.pass();
    const last = this.#attributes.length - 1;
    if (this.#attributes[last] === from) this.#attributes[last] = to;
    else this.#attributes.push(from, to);
  }
}

/** Attributes as labels are: texts, and what is none written as Prometheus' exporters write it. */
export function labelsOf({ texts, numbers, marks }: AttributeList): Map<string, string> {
  const labels = new Map<string, string>();
  for (const [name, text] of texts) if (text !== '') labels.set(name, text);
  for (const [name, value] of numbers) labels.set(name, String(value));
  for (const name of marks) labels.set(name, 'true');
  return labels;
}
