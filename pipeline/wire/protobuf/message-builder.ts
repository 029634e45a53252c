/** @module Protobuf messages built field by field, for parts that are made once and kept. */
import { Buffer } from 'node:buffer';
import { varintLength, writeVarint } from './varint.ts';

/** Wire types, protobuf encoding specification, "Message Structure". */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const FIXED32 = 5;

/** The tag of a field: its number and wire type. */
export function tagOf(field: number, wireType: number): number {
  return field * 8 + wireType;
}

/** Bytes that `text` writes for a text of `textBytes` bytes, or `begin` and what follows it for a message of as many. */
export function fieldLength(field: number, textBytes: number): number {
  return varintLength(tagOf(field, LENGTH_DELIMITED)) + varintLength(textBytes) + textBytes;
}

/** Grows as needed; what it gives is a copy. Names are written as UTF-8, halves of surrogate pairs as U+FFFD. */
export class MessageBuilder {
  #bytes = Buffer.alloc(256);
  #size = 0;

  text(field: number, value: string): this {
    const length = Buffer.byteLength(value);
    this.#head(field, length);
    this.#size += this.#bytes.write(value, this.#size);
    return this;
  }

  message(field: number, content: Uint8Array): this {
    this.#head(field, content.length);
    this.#bytes.set(content, this.#size);
    this.#size += content.length;
    return this;
  }

  /** Head of a message of `length` bytes, which are what is written next. */
  begin(field: number, length: number): this {
    this.#head(field, length);
    return this;
  }

  /** A safe integer from 0. */
  varint(field: number, value: number): this {
    this.#reserve(20);
    this.#size = writeVarint(this.#bytes, this.#size, tagOf(field, VARINT));
    this.#size = writeVarint(this.#bytes, this.#size, value);
    return this;
  }

  /** What was written since the last call. The caller owns it. */
  take(): Uint8Array {
    const content = new Uint8Array(this.#bytes.subarray(0, this.#size));
    this.#size = 0;
    return content;
  }

  #head(field: number, length: number): void {
    this.#reserve(5 + varintLength(length) + length);
    this.#size = writeVarint(this.#bytes, this.#size, tagOf(field, LENGTH_DELIMITED));
    this.#size = writeVarint(this.#bytes, this.#size, length);
  }

  #reserve(size: number): void {
    if (this.#size + size <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#size + size));
    larger.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = larger;
  }
}
