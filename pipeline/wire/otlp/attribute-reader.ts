/**
 * @module Attributes read from OTLP messages. Points of one record repeat them byte by byte, so equal bytes are read once.
 */
import { MalformedProtobuf, type ProtobufReader } from '../protobuf/reader.ts';
import { ANY_VALUE, KEY_VALUE } from './fields.ts';
import { POINT_NAMES, type PointAttributes, PointSubject } from './point-attributes.ts';
import { ANY_VALUE_SHAPE, passOver } from './skipped-fields.ts';

const KEY = KEY_VALUE.key * 8 + 2;
const VALUE = KEY_VALUE.value * 8 + 2;
const STRING = ANY_VALUE.string * 8 + 2;
const BOOL = ANY_VALUE.bool * 8;
const INT = ANY_VALUE.int * 8;
const DOUBLE = ANY_VALUE.double * 8 + 1;
/** Lists, maps and bytes: values that Weir has no use for. */
const OTHERS: ReadonlySet<number> = new Set(
  [ANY_VALUE.array, ANY_VALUE.keyValues, ANY_VALUE.bytes].map((field) => field * 8 + 2),
);

type Value = string | boolean | number | null;

/** Attributes in the order read; a later one of the same name replaces an earlier one. */
export class AttributeList {
  readonly texts = new Map<string, string>();
  readonly marks = new Set<string>();
  readonly numbers = new Map<string, number>();

  /** Reads the KeyValue message of the reader's field. */
  read(reader: ProtobufReader): void {
    const outer = reader.enter();
    let name = '';
    let value: Value = null;
    let values = 0;
    while (reader.next()) {
      if (reader.tag === KEY) name = reader.text();
      else if (reader.tag === VALUE) {
        values += 1;
        value = anyValue(reader);
      } else reader.skip();
    }
    if (values > 1) throw new MalformedProtobuf('an attribute of two values', reader.position);
    reader.leave(outer);
    this.#set(name, value);
  }

  #set(name: string, value: Value): void {
    if (typeof value === 'string') {
      this.texts.set(name, value);
      if (this.marks.size > 0) this.marks.delete(name);
      if (this.numbers.size > 0) this.numbers.delete(name);
      return;
    }
    this.texts.delete(name);
    this.marks.delete(name);
    this.numbers.delete(name);
    if (typeof value === 'number') this.numbers.set(name, value);
    else if (value === true) this.marks.add(name);
  }
}

/** Value of an AnyValue; null for lists, bytes and none. */
function anyValue(reader: ProtobufReader): Value {
  const outer = reader.enter();
  let value: Value = null;
  let values = 0;
  while (reader.next()) {
    values += 1;
    if (reader.tag === STRING) value = reader.text();
    else if (reader.tag === BOOL) value = reader.varint() !== 0;
    else if (reader.tag === INT) value = reader.varint();
    else if (reader.tag === DOUBLE) value = reader.double();
    else {
      if (!OTHERS.has(reader.tag)) values -= 1;
      passOver(reader, ANY_VALUE_SHAPE);
    }
  }
  if (values > 1) throw new MalformedProtobuf('two values where one of several may stand', reader.position);
  reader.leave(outer);
  return value;
}

const NO_TEXTS: ReadonlyMap<string, string> = new Map();
/** Lengths of the names that `POINT_NAMES` has, so that few attributes are looked at twice. */
const POINT_NAME_LENGTHS: ReadonlySet<number> = new Set([...POINT_NAMES].map(({ length }) => length));
const MAX_SHORT_LENGTH = 0x7f;

/** Where the attributes of the point at hand stand, and what equal bytes were read as before. Lives as long as a request. */
export class AttributeRanges {
  readonly #reader: ProtobufReader;
  readonly #known = new Map<string, PointSubject>();
  /** Beginnings and ends in turns; attributes that follow one another are one range. */
  readonly #shared: number[] = [];
  readonly #own: number[] = [];

  constructor(reader: ProtobufReader) {
    this.#reader = reader;
  }

  clear(): void {
    this.#shared.length = 0;
    this.#own.length = 0;
  }

  /** Takes the reader's field as an attribute, unread, and goes behind it. */
  add(): void {
    const from = this.#reader.fieldStart;
    const content = this.#reader.position;
    const to = this.#reader.pass();
    const ranges = this.#isOwn(content, to) ? this.#own : this.#shared;
    const { length } = ranges;
    if (length > 0 && ranges[length - 1] === from) ranges[length - 1] = to;
    else ranges.push(from, to);
  }

  /** The attributes of the point. Leaves the reader elsewhere: go where you want to read on. */
  read(): PointAttributes {
    const subject = this.#subject();
    if (subject.namesPoint) return { subject, own: this.#parse(inOrder([...this.#shared, ...this.#own])).texts };
    return { subject, own: this.#own.length === 0 ? NO_TEXTS : this.#parse(this.#own).texts };
  }

  #subject(): PointSubject {
    const id = this.#id();
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const { texts, marks } = this.#parse(this.#shared);
    const subject = new PointSubject(texts, marks);
    this.#known.set(id, subject);
    return subject;
  }

  /** Whether the attribute whose length stands at `at` has a name of `POINT_NAMES`, the name first as every encoder does. */
  #isOwn(at: number, to: number): boolean {
    const { bytes } = this.#reader;
    while (at < to && bytes[at]! > MAX_SHORT_LENGTH) at += 1;
    if (bytes[at + 1] !== KEY || !POINT_NAME_LENGTHS.has(bytes[at + 2]!)) return false;
    return POINT_NAMES.has(bytes.toString('latin1', at + 3, at + 3 + bytes[at + 2]!));
  }

  #id(): string {
    let id = '';
    for (let i = 0; i < this.#shared.length; i += 2) {
      id += this.#reader.bytes.toString('latin1', this.#shared[i], this.#shared[i + 1]);
    }
    return id;
  }

  #parse(ranges: readonly number[]): AttributeList {
    const list = new AttributeList();
    for (let i = 0; i < ranges.length; i += 2) {
      this.#reader.visit(ranges[i]!, ranges[i + 1]!);
      while (this.#reader.next()) list.read(this.#reader);
    }
    return list;
  }
}

/** Ranges in the order in which they stand. */
function inOrder(ranges: readonly number[]): number[] {
  const pairs = ranges.flatMap((from, i) => (i % 2 === 0 ? [[from, ranges[i + 1]!] as const] : []));
  return pairs.sort(([a], [b]) => a - b).flat();
}
