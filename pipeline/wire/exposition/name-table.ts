/** @module A fixed set of names that is searched by bytes, so that no line's name becomes a string. */
import { Buffer } from 'node:buffer';
import { equalBytes } from './bytes.ts';
import { viewOf } from './window.ts';

const MULTIPLIER = 0x01000193;

/** Names known from the start, each with a small index in the order given. Read-only, shared by nobody. */
export class NameTable {
  readonly names: readonly string[];
  /** All names, one after the other, and where each begins and how long it is. */
  readonly view: DataView;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly #slots: Int32Array;

  constructor(names: readonly string[]) {
    this.names = names;
    this.starts = new Int32Array(names.length);
    this.lengths = new Int32Array(names.length);
    const texts = names.map((name) => Buffer.from(name));
    const all = Buffer.concat(texts);
    this.view = viewOf(all);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(names.length * 2 + 2))).fill(-1);
    let start = 0;
    texts.forEach((text, index) => {
      this.starts[index] = start;
      this.lengths[index] = text.length;
      start += text.length;
      this.#insert(index, hashName(text, 0, text.length));
    });
  }

  /** Index of the name that `bytes` (seen by `view`) hold in [start, end), or -1. */
  find(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    const length = end - start;
    for (let slot = hashName(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]!;
      if (index < 0) return -1;
      if (this.lengths[index] === length && equalBytes(view, start, this.view, this.starts[index]!, length))
        return index;
    }
  }

  #insert(index: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index;
  }
}

function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, MULTIPLIER);
  return hash ^ (hash >>> 15);
}
