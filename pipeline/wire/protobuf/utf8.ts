/**
 * @module Whether texts within bytes are UTF-8, asked in the order of the bytes: what is ASCII, nearly everything, costs
 * a quarter of a step a byte, however many texts it is cut into.
 */
import { isUtf8 } from 'node:buffer';

const HIGH_BITS = 0x80808080 | 0;

/** Finds bytes above 0x7f four at a time. */
export class AsciiScanner {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  /** Place of the first word. */
  readonly #shift: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#shift = Math.min(-bytes.byteOffset & 3, bytes.length);
    const words = (bytes.length - this.#shift) >> 2;
    this.#words = words === 0 ? new Int32Array(0) : new Int32Array(bytes.buffer, bytes.byteOffset + this.#shift, words);
  }

  /** Place of the next byte above 0x7f at or behind `from`, looked for to `limit`, where it stops when there is none. */
  next(from: number, limit: number): number {
    const bytes = this.#bytes;
    const size = Math.min(limit, bytes.length);
    let at = from;
    while (at < size && ((at - this.#shift) & 3) !== 0) {
      if (bytes[at]! >= 0x80) return at;
      at += 1;
    }
    const words = this.#words;
    const count = Math.min(words.length, (size - this.#shift) >> 2);
    let word = (at - this.#shift) >> 2;
    const fours = count - 3;
    while (word < fours && ((words[word]! | words[word + 1]! | words[word + 2]! | words[word + 3]!) & HIGH_BITS) === 0)
      word += 4;
    while (word < count && (words[word]! & HIGH_BITS) === 0) word += 1;
    at = Math.max(at, word * 4 + this.#shift);
    while (at < size && bytes[at]! < 0x80) at += 1;
    return at;
  }
}

/**
 * Where about `most` bytes, at least 4, of the text at [from, to) end, at its end or between characters; −1 when they are
 * not UTF-8. A text is read in steps by asking again from there; each character is looked at once.
 */
export function utf8Until(bytes: Uint8Array, from: number, to: number, most: number): number {
  let end = Math.min(to, from + most);
  for (let back = 0; back < 3 && end < to && (bytes[end]! & 0xc0) === 0x80; back++) end -= 1;
  return isUtf8Between(bytes, from, end) ? end : -1;
}

/** Below this many bytes a loop is faster than a call into the runtime. */
const SHORT_BYTES = 48;

/** Whether [from, to) of `bytes` is UTF-8, without surrogates and overlong forms. */
export function isUtf8Between(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > SHORT_BYTES) return isUtf8(bytes.subarray(from, to));
  for (let at = from; at < to; ) {
    const length = sequenceLength(bytes, at, to);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/** Bytes of the character at `at`, 0 when there is none; Unicode standard, table 3-7, "Well-Formed UTF-8". */
function sequenceLength(bytes: Uint8Array, at: number, to: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || length > to - at) return 0;
  const second = bytes[at + 1]!;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}
