/** @module Decimal integers of 64 bits read exactly, as two halves. */

const WORD = 0x1_0000_0000;
const LIMB = 0x1_0000;
const HALF_DIGITS = 10;
const MOST_DIGITS = 20;
const MINUS = 0x2d;
const ZERO = 0x30;

/** The integer read last, reused from read to read. */
export class Decimal64 {
  negative = false;
  /** Halves of its magnitude. */
  high = 0;
  low = 0;

  /** Reads `-?\d{1,20}` at [from, to); false when it is none, or none of 64 bits. */
  read(bytes: Uint8Array, from: number, to: number): boolean {
    this.negative = bytes[from] === MINUS;
    const first = this.negative ? from + 1 : from;
    if (to <= first || to - first > MOST_DIGITS) return false;
    const middle = Math.max(first, to - HALF_DIGITS);
    const upper = digitsOf(bytes, first, middle);
    const lower = digitsOf(bytes, middle, to);
    return upper >= 0 && lower >= 0 && this.#set(upper, lower);
  }

  /** Takes an integer within ±2⁵³. */
  set(value: number): void {
    this.negative = value < 0;
    const magnitude = Math.abs(value);
    this.high = Math.floor(magnitude / WORD);
    this.low = magnitude % WORD;
  }

  /** Whether it is in the range of `bits` bits, with a sign or without one. */
  fits(bits: 32 | 64, signed: boolean): boolean {
    const { high, low } = this;
    const zero = high === 0 && low === 0;
    if (!signed) return (!this.negative || zero) && (bits === 64 || high === 0);
    const top = bits === 64 ? high : low;
    const rest = bits === 64 ? low : 0;
    if (bits === 32 && high !== 0) return false;
    return top < 0x8000_0000 || (this.negative && top === 0x8000_0000 && rest === 0);
  }

  /** Makes the halves those of its two's complement. */
  complement(): void {
    if (!this.negative) return;
    this.high = (~this.high + (this.low === 0 ? 1 : 0)) >>> 0;
    this.low = -this.low >>> 0;
  }

  /** Multiplies by parts of 16 bits, so that every step is exact. */
  #set(upper: number, lower: number): boolean {
    const scale = 10 ** HALF_DIGITS;
    const coarse = Math.floor(upper / LIMB) * scale;
    const fine = (coarse % LIMB) * LIMB + (upper % LIMB) * scale + lower;
    this.low = fine % WORD;
    this.high = Math.floor(coarse / LIMB) + Math.floor(fine / WORD);
    return this.high < WORD;
  }
}

/** The number of at most 10 digits; −1 when other characters are among them. */
function digitsOf(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
