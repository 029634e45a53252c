/**
 * @module Bucket counts as the 64-bit integers of a message: half the time of writing each of them at its unaligned place.
 */
import { Buffer } from 'node:buffer';
import { isLargeWhole } from './told-histograms.ts';

const WORD = 0x1_0000_0000;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

export class CountWords {
  /** The counts last filled in, 8 bytes each, little-endian. Valid until the next ones. */
  bytes = Buffer.alloc(0);
  #words = new Uint32Array(0);
  /** True while all upper halves are 0, as they are for counts below 2³². */
  #isSmall = true;

  /** Takes `counts` and returns their sum; −1 when one is no whole number that OTLP can tell exactly. */
  fill(counts: Float64Array): number {
    if (counts.length * 2 !== this.#words.length) this.#resize(counts.length);
    const words = this.#words;
    let total = 0;
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i]!;
      const low = count >>> 0;
      if (low !== count) return this.#fillLarge(counts);
      words[2 * i] = low;
      total += count;
    }
    if (!this.#isSmall) this.#clearUpper();
    this.#finish();
    return total;
  }

  #fillLarge(counts: Float64Array): number {
    // Also when it gives up in its middle.
    this.#isSmall = false;
    let total = 0;
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i]!;
      if (!isLargeWhole(count)) return -1;
      this.#words[2 * i] = count;
      this.#words[2 * i + 1] = Math.floor(count / WORD);
      total += count;
    }
    this.#finish();
    return total;
  }

  #clearUpper(): void {
    for (let i = 1; i < this.#words.length; i += 2) this.#words[i] = 0;
    this.#isSmall = true;
  }

  #finish(): void {
    if (!IS_LITTLE_ENDIAN) this.bytes.swap32();
  }

  #resize(counts: number): void {
    this.#words = new Uint32Array(counts * 2);
    this.bytes = Buffer.from(this.#words.buffer);
    this.#isSmall = true;
  }
}
