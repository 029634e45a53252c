/** @module Base64 (RFC 4648, sections 4 and 5) that becomes bytes where it stands, in steps. */
import type { MessageOutput } from './message-output.ts';

const EQUALS = 0x3d;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** What each character stands for, −1 for all others. */
const SIXES = sixBits();

/**
 * The text that an output ends with, read as base64, also its URL form, padded or not; bits that the last character has to
 * spare are ignored. The output ends with the bytes instead once all is read.
 */
export class Base64InPlace {
  readonly #output: MessageOutput;
  /** The next character, and where the next byte goes. */
  #at: number;
  #size: number;
  /** Where the characters end, padding left out. */
  readonly #to: number;
  readonly #isWhole: boolean;

  /** `from`: where the text begins. */
  constructor(output: MessageOutput, from: number) {
    const { bytes, size } = output;
    const padding = paddingOf(bytes, from, size);
    this.#output = output;
    this.#at = from;
    this.#size = from;
    this.#to = size - padding;
    this.#isWhole = (this.#to - from) % 4 !== 1 && (padding === 0 || (size - from) % 4 === 0);
  }

  get isDone(): boolean {
    return this.#at >= this.#to;
  }

  /** Reads `most` characters on, a multiple of 4 or Infinity; false when it is no base64. */
  step(most: number): boolean {
    const { bytes } = this.#output;
    const end = Math.min(this.#to, this.#at + most);
    let at = this.#at;
    let size = this.#size;
    if (!this.#isWhole) return false;
    for (; at + 4 <= end; at += 4) {
      // A character that is none makes it negative.
      const word =
        (SIXES[bytes[at]!]! << 18) |
        (SIXES[bytes[at + 1]!]! << 12) |
        (SIXES[bytes[at + 2]!]! << 6) |
        SIXES[bytes[at + 3]!]!;
      if (word < 0) return false;
      bytes[size++] = word >> 16;
      bytes[size++] = word >> 8;
      bytes[size++] = word;
    }
    this.#at = at;
    this.#size = size;
    return end < this.#to || this.#finish();
  }

  /** Reads the last two or three characters, if there are some. */
  #finish(): boolean {
    const { bytes } = this.#output;
    const at = this.#at;
    const left = this.#to - at;
    if (left > 0) {
      const third = left === 3 ? SIXES[bytes[at + 2]!]! << 6 : 0;
      const word = (SIXES[bytes[at]!]! << 18) | (SIXES[bytes[at + 1]!]! << 12) | third;
      if (word < 0) return false;
      bytes[this.#size++] = word >> 16;
      if (left === 3) bytes[this.#size++] = word >> 8;
    }
    this.#at = this.#to;
    this.#output.size = this.#size;
    return true;
  }
}

/** Characters = at the end, two at most. */
function paddingOf(bytes: Uint8Array, from: number, to: number): number {
  let padding = 0;
  while (padding < 2 && to - padding > from && bytes[to - padding - 1] === EQUALS) padding += 1;
  return padding;
}

function sixBits(): Int8Array {
  const sixes = new Int8Array(256).fill(-1);
  for (let i = 0; i < DIGITS.length; i++) sixes[DIGITS.charCodeAt(i)] = i;
  sixes['-'.charCodeAt(0)] = 62;
  sixes['_'.charCodeAt(0)] = 63;
  return sixes;
}
