/** @module Tokens of a JSON text (RFC 8259), found in its bytes. */
import { isUtf8 } from 'node:buffer';
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
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const REPLACEMENT = 0xfffd;
const SHOWN_BYTES = 24;

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

  /** Throws when `bytes` are not UTF-8 as a whole. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    if (!isUtf8(bytes)) throw new MalformedJson('this is no JSON: it is not UTF-8');
  }

  /** Goes to the next character that is no space and returns it; −1 at the end. */
  peek(): number {
    const { bytes } = this;
    let at = this.at;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      if (byte > SPACE) {
        this.at = at;
        return byte;
      }
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at += 1;
    }
    this.at = at;
    return at < bytes.length ? this.fail('a character that JSON has not') : -1;
  }

  /** Goes over `expected`, a character that people know as `shown`. */
  take(expected: number, shown: string): void {
    if (this.peek() !== expected) this.fail(`expected ${shown}`);
    this.at += 1;
  }

  /** Goes behind the text that begins here; true when there is no escape in it, so that its bytes are its content. */
  text(): boolean {
    const { bytes } = this;
    const size = bytes.length;
    let plain = true;
    for (let at = this.at + 1; at < size; at++) {
      const byte = bytes[at]!;
      if (IN_TEXT[byte] === 1) continue;
      if (byte === QUOTE) {
        this.at = at + 1;
        return plain;
      }
      if (byte !== BACKSLASH) {
        this.at = at;
        this.fail('a control character within a text');
      }
      plain = false;
      at += 1;
    }
    return this.fail('a text that does not end');
  }

  /** Writes the content of the text whose quotes are at [from, to), where room was reserved for as many bytes. */
  unescape(from: number, to: number, output: MessageOutput): void {
    for (let at = from + 1; at < to - 1; ) at = this.#character(at, output);
  }

  /** Goes behind the number that begins here; false when none does. */
  number(): boolean {
    const { bytes } = this;
    let at = this.at;
    if (bytes[at] === MINUS) at += 1;
    const whole = digitsEnd(bytes, at);
    if (whole === at || (bytes[at] === 0x30 && whole > at + 1)) return false;
    at = whole;
    if (bytes[at] === POINT) {
      const end = digitsEnd(bytes, at + 1);
      if (end === at + 1) return false;
      at = end;
    }
    if (((bytes[at] ?? 0) | 0x20) === 0x65) {
      const signed = bytes[at + 1] === MINUS || bytes[at + 1] === PLUS ? at + 2 : at + 1;
      const end = digitsEnd(bytes, signed);
      if (end === signed) return false;
      at = end;
    }
    this.at = at;
    return true;
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

function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at += 1;
  return at;
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
