/** @module Protobuf written while the lengths of its messages are not known yet. */
import { writeVarint } from '../protobuf/varint.ts';

/** What one value needs beside its text: tag, length, number. */
const SLACK_BYTES = 32;

/** Grows by doubling. Whoever writes reserves first. */
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

  /** Writes the length of what was written since `begin`, whose result is `from`. */
  end(from: number): void {
    const length = this.size - from;
    if (length < 0x80) {
      this.bytes[from - 1] = length;
      return;
    }
    const extra = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
    this.reserve(extra);
    this.bytes.copyWithin(from + extra, from, this.size);
    writeVarint(this.bytes, from - 1, length);
    this.size += extra;
    this.moved += length;
  }
}
