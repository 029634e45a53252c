/**
 * @module Attributes read from OTLP messages. Points of one record repeat them byte by byte, so equal bytes are read once.
 */
import { MalformedProtobuf, type ProtobufReader } from '../protobuf/reader.ts';
import { ANY_VALUE, KEY_VALUE } from './fields.ts';
import { POINT_NAMES, type PointAttributes, PointSubject } from './point-attributes.ts';
import type { PointDigest } from './point-digest.ts';
import { ANY_VALUE_SHAPE, passOver } from './skipped-fields.ts';
import type { TrafficMemory } from './traffic-memory.ts';

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
    else if (reader.tag === INT) value = reader.signedVarint();
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
const NONE = new PointSubject(NO_TEXTS, new Set());
/** Lengths of the names that `POINT_NAMES` has, so that few attributes are looked at twice. */
const POINT_NAME_LENGTHS: ReadonlySet<number> = new Set([...POINT_NAMES].map(({ length }) => length));
const MAX_SHORT_LENGTH = 0x7f;

/** Where the attributes of the point at hand stand, and what equal bytes were read as before. */
export class AttributeRanges {
  readonly #reader: ProtobufReader;
  readonly #memory: TrafficMemory;
  /** What this request has that the memory has no place for. */
  readonly #known = new Map<string, PointSubject>();
  /** Beginnings and ends in turns; attributes that follow one another are one range. */
  readonly #shared: number[] = [];
  readonly #own: number[] = [];
  /** One object for all points. */
  readonly #attributes: { subject: PointSubject; own: ReadonlyMap<string, string> } = { subject: NONE, own: NO_TEXTS };

  constructor(reader: ProtobufReader, memory: TrafficMemory) {
    this.#reader = reader;
    this.#memory = memory;
  }

  /** Length of the attributes of the point at hand, bytes. */
  get bytes(): number {
    return lengthOf(this.#shared) + lengthOf(this.#own);
  }

  clear(): void {
    this.#shared.length = 0;
    this.#own.length = 0;
  }

  /** Takes the reader's field as an attribute, unread, and all that follow it as they did before; goes behind them. */
  add(): void {
    const reader = this.#reader;
    const from = reader.fieldStart;
    const end = reader.position + reader.left;
    if (this.#own.length === 0 && this.#memory.ownTexts.expects(reader.bytes, from, end)) {
      this.#expect(this.#own, from, this.#memory.ownTexts.found.bytes.length);
    } else if (this.#shared.length === 0 && this.#memory.subjects.expects(reader.bytes, from, end)) {
      this.#expect(this.#shared, from, this.#memory.subjects.found.bytes.length);
    } else this.#addOne(from);
  }

  #expect(ranges: number[], from: number, length: number): void {
    ranges.push(from, from + length);
    this.#reader.position = from + length;
  }

  #addOne(from: number): void {
    const content = this.#reader.position;
    const to = this.#reader.pass();
    const ranges = this.#isOwn(content, to) ? this.#own : this.#shared;
    const { length } = ranges;
    if (length > 0 && ranges[length - 1] === from) ranges[length - 1] = to;
    else ranges.push(from, to);
  }

  /** The attributes of the point, valid until the next one's. Leaves the reader elsewhere: go where you want to read on. */
  read(): PointAttributes {
    const attributes = this.#attributes;
    attributes.subject = this.#subject();
    if (attributes.subject.namesPoint) attributes.own = this.#parse(inOrder([...this.#shared, ...this.#own])).texts;
    else attributes.own = this.#own.length === 0 ? NO_TEXTS : this.#ownTexts();
    return attributes;
  }

  /** Adds the attributes' bytes to a digest. */
  digest(digest: PointDigest): void {
    const { bytes } = this.#reader;
    for (const ranges of [this.#own, this.#shared])
      for (let i = 0; i < ranges.length; i += 2) digest.bytes(bytes, ranges[i]!, ranges[i + 1]!);
  }

  #subject(): PointSubject {
    const { subjects } = this.#memory;
    if (this.#shared.length !== 2) return this.#scattered();
    const { bytes } = this.#reader;
    const [from, to] = this.#shared as [number, number];
    if (subjects.expects(bytes, from, to) && subjects.found.bytes.length === to - from) return subjects.found.meaning;
    const known = subjects.find(bytes, from, to);
    if (known !== null) return known;
    const subject = this.#made();
    subjects.keep(bytes, from, to, subject);
    return subject;
  }

  /** Attributes that do not follow one another, which Weir does not write; or none. */
  #scattered(): PointSubject {
    if (this.#shared.length === 0) return NONE;
    const id = this.#id();
    const known = this.#known.get(id) ?? this.#made();
    this.#known.set(id, known);
    return known;
  }

  #made(): PointSubject {
    const { texts, marks } = this.#parse(this.#shared);
    return new PointSubject(texts, marks);
  }

  #ownTexts(): ReadonlyMap<string, string> {
    const { ownTexts } = this.#memory;
    if (this.#own.length !== 2) return this.#parse(this.#own).texts;
    const { bytes } = this.#reader;
    const [from, to] = this.#own as [number, number];
    if (ownTexts.expects(bytes, from, to) && ownTexts.found.bytes.length === to - from) return ownTexts.found.meaning;
    const known = ownTexts.find(bytes, from, to);
    if (known !== null) return known;
    const { texts } = this.#parse(this.#own);
    ownTexts.keep(bytes, from, to, texts);
    return texts;
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

function lengthOf(ranges: readonly number[]): number {
  let length = 0;
  for (let i = 0; i < ranges.length; i += 2) length += ranges[i + 1]! - ranges[i]!;
  return length;
}

/** Ranges in the order in which they stand. */
function inOrder(ranges: readonly number[]): number[] {
  const pairs = ranges.flatMap((from, i) => (i % 2 === 0 ? [[from, ranges[i + 1]!] as const] : []));
  return pairs.sort(([a], [b]) => a - b).flat();
}
