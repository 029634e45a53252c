/**
 * @module Protobuf read field by field straight from the bytes, every length checked against what encloses it.
 *
 * Protobuf encoding specification. Fields that nobody asks for are skipped by their wire type. Messages and groups within
 * each other are gone into to a bounded depth.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { END_GROUP, FIXED32, FIXED64, LENGTH_DELIMITED, START_GROUP, VARINT } from './message-builder.ts';
import { TextMemory } from './text-memory.ts';

const WORD = 0x1_0000_0000;
/** Messages and groups within each other where no other limit is given: few enough for the stack. */
const MAX_DEPTH = 100;
/** Texts from this length are checked faster where they stand than by making them, bytes. */
const LONG_TEXT = 64;

/** Bytes that are no message, and where in them that shows. */
export class MalformedProtobuf extends Error {
  override readonly name = 'MalformedProtobuf';
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`${problem}, at byte ${offset}`);
    this.offset = offset;
  }
}

/** Walks one message at a time; `enter` and `leave` go into embedded ones and out again. */
export class ProtobufReader {
  readonly bytes: Buffer;
  readonly #view: DataView;
  position = 0;
  /** Tag of the field that `next` found: number · 8 + wire type. Fields of another wire type are so other fields. */
  tag = 0;
  /** Where the field's tag stands. */
  fieldStart = 0;
  /** Messages around the present place, the outermost one, which is 1, included. Packed lists count while they are read. */
  depth = 1;
  /** Halves of the last `fixed64`. */
  low = 0;
  high = 0;
  readonly #texts: TextMemory;
  readonly #maxDepth: number;
  #end: number;

  /** `maxDepth`: messages and groups within each other, the outermost one included. */
  constructor(bytes: Uint8Array, maxDepth = MAX_DEPTH) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#texts = new TextMemory(this.bytes);
    this.#maxDepth = maxDepth;
    this.#end = bytes.byteLength;
  }

  /** True when nothing of the message is left. */
  get atEnd(): boolean {
    return this.position >= this.#end;
  }

  /** Bytes of the message that are not read yet. */
  get left(): number {
    return this.#end - this.position;
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.position >= this.#end) return false;
    this.fieldStart = this.position;
    const tag = this.varint();
    if (tag < 8 || tag >= WORD) this.#fail(`a tag of ${tag}, which no field has`);
    this.tag = tag;
    return true;
  }

  /** Goes into the embedded message of this field; give what it returns to `leave`. */
  enter(): number {
    const outer = this.#end;
    this.#goDeeper();
    this.#end = this.#lengthEnd();
    return outer;
  }

  /** Goes behind the embedded message, whether it was read or not. */
  leave(outer: number): void {
    this.position = this.#end;
    this.#end = outer;
    this.depth -= 1;
  }

  /** Goes to a message found before, from `from` to `to`, which lies inside these bytes, or to a part of it, at `depth`. */
  visit(from: number, to: number, depth = this.depth): void {
    this.position = from;
    this.#end = to;
    this.depth = depth;
  }

  /** Length of this length-delimited field, bytes; stays before it. */
  length(): number {
    const { position } = this;
    const length = this.#lengthEnd() - this.position;
    this.position = position;
    return length;
  }

  /** Goes behind this length-delimited field and returns where its content ends. */
  pass(): number {
    this.position = this.#lengthEnd();
    return this.position;
  }

  /** A number from 0; above 2⁵³ the nearest one. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length++) {
      if (this.position >= this.#end) this.#fail('a number that is cut off');
      const byte = this.bytes[this.position++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    return this.#fail('a number of more than 10 bytes');
  }

  /** A number of 64 bits with its sign; beyond ±2⁵³ the nearest one. */
  signedVarint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.#end) this.#fail('a number that is cut off');
      const byte = this.bytes[this.position++]!;
      const bits = byte & 0x7f;
      if (shift <= 28) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte < 0x80) return high * WORD + (low >>> 0);
    }
    return this.#fail('a number of more than 10 bytes');
  }

  /** Reads 8 bytes into `low` and `high`. */
  fixed64(): void {
    const at = this.#take(8);
    this.low = this.#view.getUint32(at, true);
    this.high = this.#view.getUint32(at + 4, true);
  }

  /** An unsigned 64-bit integer as the nearest double. */
  unsigned64(): number {
    this.fixed64();
    return this.high * WORD + this.low;
  }

  /** A signed 64-bit integer as the nearest double. */
  signed64(): number {
    this.fixed64();
    return (this.high | 0) * WORD + this.low;
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** The text of this field, which has to be UTF-8. */
  text(): string {
    const to = this.#lengthEnd();
    const from = this.position;
    this.position = to;
    return this.#texts.text(from, to, this.#read);
  }

  /** The text of this field, or as much of it as stands in its first `maxBytes` bytes; all of it has to be UTF-8. */
  textUpTo(maxBytes: number): string {
    const to = this.#lengthEnd();
    const from = this.position;
    this.position = to;
    if (to - from <= maxBytes) return this.#texts.text(from, to, this.#read);
    this.#checkText(from, to);
    return this.bytes.toString('utf8', from, from + maxBytes);
  }

  /** Goes behind this field, which has to be UTF-8. Makes no text of a long one: 20 MiB take 2 ms. */
  passText(): void {
    const to = this.#lengthEnd();
    const from = this.position;
    this.position = to;
    if (to - from < LONG_TEXT) this.#texts.text(from, to, this.#read);
    else this.#checkText(from, to);
  }

  #checkText(from: number, to: number): void {
    if (!isUtf8(this.bytes.subarray(from, to))) this.#fail('a text that is not UTF-8');
  }

  /** Reads UTF-8; kept as a value so that no function is made for each text. */
  readonly #read = (from: number, to: number): string => {
    const text = this.bytes.toString('utf8', from, to);
    // What is not UTF-8 shows as U+FFFD, which may also stand there itself.
    if (text.includes('\ufffd')) this.#checkText(from, to);
    return text;
  };

  /** Goes behind a field that is of no interest. */
  skip(): void {
    const wireType = this.tag % 8;
    if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.#take(8);
    else if (wireType === FIXED32) this.#take(4);
    else if (wireType === LENGTH_DELIMITED) this.pass();
    else if (wireType === START_GROUP) this.#skipGroup();
    else this.#fail(wireType === END_GROUP ? 'the end of a group that did not begin' : `a wire type of ${wireType}`);
  }

  #skipGroup(): void {
    const end = this.enterGroup();
    while (this.nextInGroup(end)) this.skip();
  }

  /** Goes into the group of this field; give what it returns to `nextInGroup`. */
  enterGroup(): number {
    this.#goDeeper();
    return this.tag - START_GROUP + END_GROUP;
  }

  /** Goes to the next field of a group; false when that is its end, behind which the reader is then. */
  nextInGroup(end: number): boolean {
    if (!this.next()) this.#fail('a group that does not end');
    if (this.tag !== end) return true;
    this.depth -= 1;
    return false;
  }

  #goDeeper(): void {
    if (this.depth >= this.#maxDepth) this.#fail(`messages nested deeper than ${this.#maxDepth}`);
    this.depth += 1;
  }

  /** Reads a length and returns where what it tells of ends. */
  #lengthEnd(): number {
    const length = this.varint();
    if (length > this.#end - this.position)
      this.#fail(`a length of ${length} where ${this.#end - this.position} are left`);
    return this.position + length;
  }

  #take(size: number): number {
    const at = this.position;
    if (size > this.#end - at) this.#fail('a number that is cut off');
    this.position = at + size;
    return at;
  }

  #fail(problem: string): never {
    throw new MalformedProtobuf(problem, this.position);
  }
}
