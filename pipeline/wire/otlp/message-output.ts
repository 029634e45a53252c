/** @module Protobuf written while the lengths of its messages are not known yet, in pieces, so that growing copies nothing. */
import { freeWhole } from '../free.ts';
import { varintLength, writeVarint } from '../protobuf/varint.ts';

/** What one value needs beside its text: tag, length, number. */
const SLACK_BYTES = 32;
/** Longest content that is moved to make room for its length; the length of a longer one is put in at the end. */
const MOVE_BYTES = 1024 * 1024;
/** Bytes that are copied in one go when pieces are put together. */
const COPY_BYTES = 1024 * 1024;
/** How long pieces behind the first are: as long as all that is written, within these bounds, or as one value needs. */
const LEAST_PIECE_BYTES = 4096;
const MOST_PIECE_BYTES = 1024 * 1024;

/** A piece that is full; it has a buffer of its own. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** A length that is not written yet, and the place of its first byte, over all pieces. */
interface LateLength {
  readonly at: number;
  readonly length: number;
}

/** Whoever writes reserves first, and then writes at `size` of `bytes`. */
export class MessageOutput {
  /** The piece that is being written, and how much of it is. */
  bytes: Uint8Array;
  size = 0;
  /** Bytes that had to make room for lengths, in all. */
  moved = 0;
  /** Bytes that lengths which are put in at the end take beyond their first. */
  lateBytes = 0;
  #full: Piece[] = [];
  #fullBytes = 0;
  #late: LateLength[] = [];

  /** `capacity`: bytes of the first piece. */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity + SLACK_BYTES);
  }

  /** Bytes of all that is written. */
  get length(): number {
    return this.#fullBytes + this.size + this.lateBytes;
  }

  /** Makes room for one value with `contentBytes` of text, in one piece. */
  reserve(contentBytes: number): void {
    const needed = contentBytes + SLACK_BYTES;
    if (this.size + needed <= this.bytes.length) return;
    this.#full.push({ bytes: this.bytes, size: this.size });
    this.#fullBytes += this.size;
    const usual = Math.min(MOST_PIECE_BYTES, Math.max(LEAST_PIECE_BYTES, this.#fullBytes));
    this.bytes = new Uint8Array(Math.max(usual, needed));
    this.size = 0;
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

  /** Leaves a place for a length and returns where its content begins, over all pieces. */
  begin(): number {
    this.size += 1;
    return this.#fullBytes + this.size;
  }

  /**
   * Tells the length of what was written since `begin`, whose result is `from`; `lateBytes` are those of that time. Moves
   * what is short.
   */
  end(from: number, lateBytes = this.lateBytes): void {
    const late = this.lateBytes - lateBytes;
    const length = this.#fullBytes + this.size - from + late;
    const local = from - this.#fullBytes;
    if (local > 0 && length < 0x80) {
      this.bytes[local - 1] = length;
      return;
    }
    const extra = varintLength(length) - 1;
    // What is moved would leave behind the lengths that are late within it.
    const isMoved = local > 0 && late === 0 && length <= MOVE_BYTES && this.size + extra <= this.bytes.length;
    if (isMoved) this.#move(local, length, extra);
    else this.#tellLate(from - 1, length, extra);
  }

  #move(from: number, length: number, extra: number): void {
    this.bytes.copyWithin(from + extra, from, this.size);
    writeVarint(this.bytes, from - 1, length);
    this.size += extra;
    this.moved += length;
  }

  #tellLate(at: number, length: number, extra: number): void {
    this.#late.push({ at, length });
    this.lateBytes += extra;
  }

  /** All that was written, in a buffer of its own, which is the caller's; in steps of some 0.2 ms. Nothing stays. */
  *take(): Generator<void, Uint8Array, void> {
    const whole = new Uint8Array(this.length);
    const late = this.#late.sort((a, b) => a.at - b.at);
    let [next, to, begin] = [0, 0, 0];
    for (const { bytes, size } of [...this.#full, { bytes: this.bytes, size: this.size }]) {
      for (let at = 0; at < size; ) {
        const place = (late[next]?.at ?? Number.POSITIVE_INFINITY) - begin;
        if (at === place) {
          to = writeVarint(whole, to, late[next]!.length);
          next += 1;
          at += 1;
          continue;
        }
        const end = Math.min(size, at + COPY_BYTES, place);
        whole.set(bytes.subarray(at, end), to);
        to += end - at;
        at = end;
        if (at !== place) yield;
      }
      begin += size;
      freeWhole(bytes);
    }
    this.clear();
    return whole;
  }

  /** Frees all of it. */
  clear(): void {
    for (const { bytes } of this.#full) freeWhole(bytes);
    freeWhole(this.bytes);
    this.bytes = new Uint8Array();
    this.size = 0;
    this.lateBytes = 0;
    this.#full = [];
    this.#fullBytes = 0;
    this.#late = [];
  }
}
