/**
 * @module Tokens of a JSON text (RFC 8259), found in its bytes. What is long is not read in one go: whoever reads it goes on
 * with it step by step (json-long.ts).
 */
import { MalformedJson } from './json-fields.ts';
import type { MessageOutput } from './message-output.ts';

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
export const MINUS = 0x2d;
export const PLUS = 0x2b;
export const POINT = 0x2e;
const REPLACEMENT = 0xfffd;
const SHOWN_BYTES = 24;

/** Bytes that one call reads of a token or of white space; what is longer is long. */
export const SHORT_BYTES = 32 * 1024;

/** What `peek` gives where so much white space stands that there is more of it. */
export const MORE = -2;

/** What stands at a place. */
export const NONE = 0;
/** A number, or a text without escapes, so that its bytes are its content. */
export const PLAIN = 1;
export const ESCAPED = 2;
/** The beginning of a text or number whose end was not looked for. */
export const LONG = 3;
export type Token = typeof NONE | typeof PLAIN | typeof ESCAPED | typeof LONG;

/** Characters after a backslash and what they stand for. */
const ESCAPES = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }).map(
    ([letter, meaning]) => [letter.charCodeAt(0), meaning.charCodeAt(0)],
  ),
);
/** 1 for bytes that stand for themselves in a text. */
const IN_TEXT = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < SPACE || byte === QUOTE || byte === BACKSLASH ? 0 : 1,
);
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]));

/** Reads one token after another from `at` on. Throws MalformedJson. */
export class JsonScanner {
  readonly bytes: Uint8Array;
  at = 0;
  /** Whether `textEnd` has met no escape since this was set. */
  isPlain = true;

  /** Whether `bytes` are UTF-8 is for the caller to find out. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Goes to the next character that is no space and returns it; −1 at the end, MORE after much white space. */
  peek(): number {
    const byte = this.bytes[this.at] ?? 0;
    return byte > SPACE ? byte : this.#pastSpace();
  }

  #pastSpace(): number {
    const { bytes } = this;
    let at = this.at;
    const limit = Math.min(bytes.length, at + SHORT_BYTES);
    while (at < limit) {
      const byte = bytes[at]!;
      if (byte > SPACE) {
        this.at = at;
        return byte;
      }
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at += 1;
    }
    this.at = at;
    if (at === bytes.length) return -1;
    return at === limit ? MORE : this.fail('a character that JSON has not');
  }

  /** Goes over `found`, which is what `peek` gave, when it is `expected`, a character that people know as `shown`. */
  take(found: number, expected: number, shown: string): void {
    if (found !== expected) this.fail(`expected ${shown}`);
    this.at += 1;
  }

  /** Goes behind the text that begins here, unless it is LONG. */
  text(): Token {
    const { bytes } = this;
    const from = this.at + 1;
    const limit = Math.min(bytes.length, from + SHORT_BYTES);
    let at = from;
    while (at < limit && IN_TEXT[bytes[at]!] === 1) at += 1;
    if (at < limit && bytes[at] === QUOTE) {
      this.at = at + 1;
      return PLAIN;
    }
    return this.#otherText(from, at);
  }

  #otherText(from: number, reached: number): Token {
    this.isPlain = true;
    const end = this.textEnd(reached, SHORT_BYTES - (reached - from));
    if (end < 0) return LONG;
    this.at = end;
    return ESCAPED;
  }

  /** Where the text ends in which `from` is, seen `most` bytes far; otherwise the complement (~) of where to go on. */
  textEnd(from: number, most: number): number {
    const { bytes } = this;
    const limit = Math.min(bytes.length, from + most);
    let at = from;
    for (; at < limit; at++) {
      const byte = bytes[at]!;
      if (IN_TEXT[byte] === 1) continue;
      if (byte === QUOTE) return at + 1;
      if (byte !== BACKSLASH) {
        this.at = at;
        this.fail('a control character within a text');
      }
      this.isPlain = false;
      at += 1;
    }
    return at < bytes.length ? ~at : this.fail('a text that does not end');
  }

  /**
   * Writes the content of a text from its character at `from` to that at `to`, where room was reserved for as many bytes.
   * Returns where it ended, up to 11 bytes behind `to`: an escape is read whole.
   */
  unescape(from: number, to: number, output: MessageOutput): number {
    let at = from;
    while (at < to) at = this.#character(at, output);
    return at;
  }

  /** Goes behind the number that begins here, unless it is LONG or NONE. */
  number(): Token {
    const { bytes } = this;
    let at = this.at;
    if (bytes[at] === MINUS) at += 1;
    const whole = this.digitsEnd(at);
    if (whole === at || (bytes[at] === 0x30 && whole > at + 1)) return NONE;
    let isLong = whole - at > SHORT_BYTES;
    at = whole;
    if (!isLong && bytes[at] === POINT) {
      at = this.digitsEnd(whole + 1);
      if (at === whole + 1) return NONE;
      isLong = at - whole > SHORT_BYTES;
    }
    if (!isLong && isExponent(bytes[at])) {
      const from = bytes[at + 1] === MINUS || bytes[at + 1] === PLUS ? at + 2 : at + 1;
      at = this.digitsEnd(from);
      if (at === from) return NONE;
      isLong = at - from > SHORT_BYTES;
    }
    if (isLong) return LONG;
    this.at = at;
    return PLAIN;
  }

  /** Behind the digits at `from`, or behind the first SHORT_BYTES and one. */
  digitsEnd(from: number): number {
    const { bytes } = this;
    const limit = Math.min(bytes.length, from + SHORT_BYTES + 1);
    let at = from;
    while (at < limit && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at += 1;
    return at;
  }

  /** Goes behind `true`, `false` or `null` and returns it; '' when none is here. */
  literal(): string {
    const word = LITERALS.get(this.bytes[this.at] ?? 0);
    if (word === undefined) return '';
    for (let i = 1; i < word.length; i++) if (this.bytes[this.at + i] !== word.charCodeAt(i)) return '';
    this.at += word.length;
    return word;
  }

  /** What stands here, shortened, for people. */
  shown(from = this.at): string {
    if (from >= this.bytes.length) return 'the end';
    const text = String.fromCharCode(...this.bytes.subarray(from, from + SHOWN_BYTES));
    return JSON.stringify(text.replace(/[^ -~]/g, '?'));
  }

  fail(problem: string): never {
    throw new MalformedJson(`this is no JSON: ${problem} at byte ${this.at}, where ${this.shown()} stands`);
  }

  /** One character of a text; returns where the next one is. */
  #character(at: number, output: MessageOutput): number {
    const byte = this.bytes[at]!;
    if (byte !== BACKSLASH) {
      output.bytes[output.size++] = byte;
      return at + 1;
    }
    const letter = this.bytes[at + 1]!;
    if (letter === 0x75) return this.#unicode(at, output);
    const meaning = ESCAPES.get(letter);
    if (meaning === undefined) {
      this.at = at;
      this.fail('an unknown escape');
    }
    output.bytes[output.size++] = meaning;
    return at + 2;
  }

  /** A \uXXXX or two that make one character; half of one becomes U+FFFD. */
  #unicode(at: number, output: MessageOutput): number {
    const unit = this.#unit(at);
    const isHigh = unit >= 0xd800 && unit < 0xdc00;
    const isPair = isHigh && this.bytes[at + 6] === BACKSLASH && this.bytes[at + 7] === 0x75;
    const next = isPair ? this.#unit(at + 6) : 0;
    if (next >= 0xdc00 && next < 0xe000) {
      writeUtf8(output, 0x10000 + (unit - 0xd800) * 0x400 + next - 0xdc00);
      return at + 12;
    }
    writeUtf8(output, unit >= 0xd800 && unit < 0xe000 ? REPLACEMENT : unit);
    return at + 6;
  }

  #unit(at: number): number {
    let unit = 0;
    for (let i = 2; i < 6; i++) {
      const digit = hexDigit(this.bytes[at + i] ?? 0);
      if (digit < 0) {
        this.at = at;
        this.fail('an escape without four hexadecimal digits');
      }
      unit = unit * 16 + digit;
    }
    return unit;
  }
}

/** Whether an exponent begins with it. */
export function isExponent(byte = 0): boolean {
  return (byte | 0x20) === 0x65;
}

/** The value of a hexadecimal digit of either case, −1 for none. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function writeUtf8(output: MessageOutput, point: number): void {
  const { bytes } = output;
  if (point < 0x80) {
    bytes[output.size++] = point;
    return;
  }
  const more = point < 0x800 ? 1 : point < 0x1_0000 ? 2 : 3;
  bytes[output.size++] = ((0xff << (7 - more)) & 0xff) | (point >> (6 * more));
  for (let i = more - 1; i >= 0; i--) bytes[output.size++] = 0x80 | ((point >> (6 * i)) & 0x3f);
}
