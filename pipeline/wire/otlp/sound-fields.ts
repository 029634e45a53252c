/** @module Fields of messages that were found sound before, walked without checking anything again. */
import { END_GROUP, FIXED32, FIXED64, LENGTH_DELIMITED, START_GROUP, VARINT } from '../protobuf/message-builder.ts';

const SCRATCH = new DataView(new ArrayBuffer(8));

/**
 * Walks the fields of one message at a time. For a field of a message or text, [from, to) is its content; for a fixed
 * number, its bytes; for a varint, its
 * bytes too; `low` and `high` give the value.
 */
export class SoundFields {
  readonly bytes: Uint8Array;
  /** Tag of the present field: number · 8 + wire type. */
  tag = 0;
  /** Where its tag stands. */
  start = 0;
  from = 0;
  to = 0;
  #end = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Goes before the first field of the message at [from, to). */
  visit(from: number, to: number): this {
    this.to = from;
    this.#end = to;
    return this;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.to >= this.#end) return false;
    this.start = this.to;
    this.from = this.to;
    this.tag = this.#varint32();
    this.#findEnd();
    return true;
  }

  /** The last 32 bits of a varint or fixed number, unsigned. */
  get low(): number {
    const wireType = this.tag & 7;
    if (wireType !== VARINT) return wordAt(this.bytes, this.from);
    let value = 0;
    for (let at = this.from, shift = 0; at < this.to && shift < 32; at++, shift += 7)
      value |= (this.bytes[at]! & 0x7f) << shift;
    return value >>> 0;
  }

  /** The 32 bits above, of a number of 64. */
  get high(): number {
    const wireType = this.tag & 7;
    if (wireType === FIXED64) return wordAt(this.bytes, this.from + 4);
    let value = 0;
    if (wireType !== VARINT) return 0;
    if (this.to - this.from > 4) value = (this.bytes[this.from + 4]! & 0x7f) >>> 4;
    for (let at = this.from + 5, shift = 3; at < this.to; at++, shift += 7) value |= (this.bytes[at]! & 0x7f) << shift;
    return value >>> 0;
  }

  /** The double of a fixed number of 64 bits. */
  get double(): number {
    SCRATCH.setUint32(0, wordAt(this.bytes, this.from), true);
    SCRATCH.setUint32(4, wordAt(this.bytes, this.from + 4), true);
    return SCRATCH.getFloat64(0, true);
  }

  #findEnd(): void {
    const wireType = this.tag & 7;
    if (wireType === LENGTH_DELIMITED) {
      const length = this.#varint32();
      this.to = this.from + length;
    } else if (wireType === FIXED64) this.to = this.from + 8;
    else if (wireType === FIXED32) this.to = this.from + 4;
    else if (wireType === START_GROUP) this.to = this.#groupEnd();
    else if (wireType === END_GROUP) this.to = this.from;
    else {
      let at = this.from;
      while (this.bytes[at]! >= 0x80) at += 1;
      this.to = at + 1;
    }
  }

  /** Reads at `from` and goes behind. */
  #varint32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.from++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  #groupEnd(): number {
    const inner = new SoundFields(this.bytes).visit(this.from, this.#end);
    while (inner.next()) if ((inner.tag & 7) === END_GROUP) return inner.from;
    return this.#end;
  }
}

/** The unsigned little-endian number of 32 bits at `at`. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
