/** @module JSON text written as bytes: texts, exact 64-bit integers, doubles, ids and base64 of OTLP/JSON. */
import { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = [...'0123456789abcdef'].map((digit) => digit.charCodeAt(0));
/** Letters after the backslash of characters that have one of their own; 0 where \u00XX is needed. */
const SHORT_ESCAPES = new Map([
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [QUOTE, '"'],
  [BACKSLASH, '\\'],
]);
/** Longest number: a double has 25 characters at most, an integer of 64 bits 20. */
const NUMBER_BYTES = 32;
const LIMB = 0x1_0000;
const BILLION = 1_000_000_000;

/** Grows as needed. */
export class JsonText {
  bytes: Uint8Array;
  size = 0;

  /** `capacity`: bytes to begin with. */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** What was written; belongs to the caller, who then lets go of this. */
  take(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  /** Bytes until it has to grow. */
  get room(): number {
    return this.bytes.length - this.size;
  }

  /** What was written, which is the caller's; what follows is written elsewhere, with as much room. */
  cut(): Uint8Array {
    const written = this.take();
    this.bytes = new Uint8Array(this.bytes.length);
    this.size = 0;
    return written;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.size++] = value;
  }

  raw(text: Uint8Array): void {
    this.reserve(text.length);
    const { bytes, size } = this;
    for (let i = 0; i < text.length; i++) bytes[size + i] = text[i]!;
    this.size = size + text.length;
  }

  /** The text in UTF-8 at [from, to) of `source`, in quotes. */
  text(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from + 2);
    let { bytes, size } = this;
    bytes[size++] = QUOTE;
    for (let at = from; at < to; at++) {
      const byte = source[at]!;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
        bytes[size++] = byte;
        continue;
      }
      this.size = size;
      this.#escape(byte);
      this.reserve(to - at + 1);
      bytes = this.bytes;
      size = this.size;
    }
    bytes[size++] = QUOTE;
    this.size = size;
  }

  /** Hexadecimal digits of the bytes at [from, to), in quotes. */
  hex(source: Uint8Array, from: number, to: number): void {
    this.reserve((to - from) * 2 + 2);
    const { bytes } = this;
    let size = this.size;
    bytes[size++] = QUOTE;
    for (let at = from; at < to; at++) {
      const byte = source[at]!;
      bytes[size++] = HEX[byte >> 4]!;
      bytes[size++] = HEX[byte & 0x0f]!;
    }
    bytes[size++] = QUOTE;
    this.size = size;
  }

  base64(source: Uint8Array, from: number, to: number): void {
    this.#ascii(`"${Buffer.from(source.buffer, source.byteOffset + from, to - from).toString('base64')}"`);
  }

  /** An integer as a number. */
  integer(value: number): void {
    this.#ascii(String(value));
  }

  boolean(value: boolean): void {
    this.#ascii(String(value));
  }

  /** `high`·2³² + `low`, unsigned, as decimal text in quotes. */
  unsigned64(high: number, low: number): void {
    this.reserve(NUMBER_BYTES);
    this.bytes[this.size++] = QUOTE;
    this.#digits64(high, low);
    this.bytes[this.size++] = QUOTE;
  }

  /** The two's complement of 64 bits, as decimal text in quotes. */
  signed64(high: number, low: number): void {
    if (high < 0x8000_0000) {
      this.unsigned64(high, low);
      return;
    }
    this.reserve(NUMBER_BYTES);
    this.bytes[this.size++] = QUOTE;
    this.bytes[this.size++] = 0x2d;
    const negatedLow = -low >>> 0;
    this.#digits64((~high + (low === 0 ? 1 : 0)) >>> 0, negatedLow);
    this.bytes[this.size++] = QUOTE;
  }

  /** A number; text for what is none. */
  double(value: number): void {
    if (Number.isFinite(value)) this.#ascii(Object.is(value, -0) ? '-0' : String(value));
    else this.#ascii(`"${value}"`);
  }

  reserve(size: number): void {
    if (this.size + size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.size + size));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }

  #escape(byte: number): void {
    const short = SHORT_ESCAPES.get(byte);
    this.#ascii(short === undefined ? `\\u00${byte.toString(16).padStart(2, '0')}` : `\\${short}`);
  }

  #ascii(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.size + i] = text.charCodeAt(i);
    this.size += text.length;
  }

  /** Long division by 10⁹, 16 bits at a time, so that every step is exact. */
  #digits64(high: number, low: number): void {
    if (high === 0) {
      this.#digits(low, 1);
      return;
    }
    const [upper, lowest] = byBillion(high, low);
    if (upper < BILLION) {
      this.#digits(upper, 1);
    } else {
      this.#digits(Math.floor(upper / BILLION), 1);
      this.#digits(upper % BILLION, 9);
    }
    this.#digits(lowest, 9);
  }

  /** Decimal digits of an integer below 2⁵³, `least` at least. */
  #digits(value: number, least: number): void {
    let count = least;
    for (let limit = 10 ** least; limit <= value; limit *= 10) count += 1;
    let rest = value;
    for (let at = this.size + count - 1; at >= this.size; at--) {
      const next = Math.floor(rest / 10);
      this.bytes[at] = 0x30 + rest - next * 10;
      rest = next;
    }
    this.size += count;
  }
}

/** Quotient, below 2³⁵, and remainder of a 64-bit integer by 10⁹. */
function byBillion(high: number, low: number): readonly [number, number] {
  let rest = high % BILLION;
  const upper = Math.floor(high / BILLION);
  rest = rest * LIMB + (low >>> 16);
  const middle = Math.floor(rest / BILLION);
  rest = (rest % BILLION) * LIMB + (low & 0xffff);
  const lower = Math.floor(rest / BILLION);
  return [(upper * LIMB + middle) * LIMB + lower, rest % BILLION];
}
