/** @module Protobuf written while the lengths of its messages are not known yet. */
import { varintLength, writeVarint } from '../protobuf/varint.ts';

/** What one value needs beside its text: tag, length, number. */
const SLACK_BYTES = 32;
/** Bytes that are moved in one go. */
const MOVE_BYTES = 1024 * 1024;

/** Grows by doubling, which copies what is there. Whoever writes reserves first. */
export class MessageOutput {
  bytes: Uint8Array;
  size = 0;
  /** Bytes that had to make room for lengths, in all. */
  moved = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity + SLACK_BYTES);
  }

  /** Makes room for one value with `contentBytes` of text. */
  reserve(contentBytes: number): void {
    const needed = this.size + contentBytes + SLACK_BYTES;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }

  /** A number below 2³². */
  varint(value: number): void {
    this.size = writeVarint(this.bytes, this.size, value);
  }

  varint64(high: number, low: number): void {
    const { bytes } = this;
    let size = this.size;
    while (high !== 0 || low >= 0x80) {
      bytes[size++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[size++] = low;
    this.size = size;
  }

  fixed32(value: number): void {
    const { bytes, size } = this;
    bytes[size] = value;
    bytes[size + 1] = value >>> 8;
    bytes[size + 2] = value >>> 16;
    bytes[size + 3] = value >>> 24;
    this.size = size + 4;
  }

  /** Leaves a place for a length and returns where its content begins. */
  begin(): number {
    this.size += 1;
    return this.size;
  }

  /** Writes the length of what was written since `begin`, whose result is `from`. Moves it: see `isLong`. */
  end(from: number): void {
    const length = this.size - from;
    if (length < 0x80) {
      this.bytes[from - 1] = length;
      return;
    }
    const extra = varintLength(length) - 1;
    this.reserve(extra);
    this.bytes.copyWithin(from + extra, from, this.size);
    this.#writeLength(from, length, extra);
  }

  /** Whether so much was written since `begin` that `endInSteps` is to end it. */
  isLong(from: number): boolean {
    return this.size - from > MOVE_BYTES;
  }

  /** As `end`; nothing may be written before it is done. */
  *endInSteps(from: number): Generator<void, void, void> {
    const length = this.size - from;
    const extra = varintLength(length) - 1;
    this.reserve(extra);
    for (let to = this.size; extra > 0 && to > from; to -= MOVE_BYTES) {
      this.bytes.copyWithin(Math.max(from, to - MOVE_BYTES) + extra, Math.max(from, to - MOVE_BYTES), to);
      yield;
    }
    this.#writeLength(from, length, extra);
  }

  #writeLength(from: number, length: number, extra: number): void {
    writeVarint(this.bytes, from - 1, length);
    this.size += extra;
    this.moved += length;
  }
}
