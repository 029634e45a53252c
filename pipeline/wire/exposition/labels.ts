/**
 * @module The labels of a line seen for the first time: from bytes to decoded strings, with every rule checked.
 *
 * Grammar: Prometheus text format 0.0.4 (prometheus/docs `content/docs/instrumenting/exposition_formats.md`) with
 * blanks wherever Prometheus' own lexer allows them, a trailing comma, and quoted names as in its UTF-8 syntax.
 * Stricter than Prometheus in two points, because Linkerd's older families do not escape: labels need a comma between
 * them, and a backslash must begin `\\`, `\"` or `\n`.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import {
  BACKSLASH,
  BRACE_CLOSE,
  BRACE_OPEN,
  COMMA,
  EQUALS,
  isBlank,
  isControlByte,
  NEWLINE,
  QUOTE,
  SPACE,
  skipBlanks,
} from './bytes.ts';
import { LastLabels } from './last-labels.ts';
import type { LineFault } from './scan-types.ts';
import { hashByte, TEXTS } from './text-cache.ts';
import type { ScanWindow } from './window.ts';

const ESCAPED_NEWLINE = 0x6e;
const NON_ASCII = 0x80;
const NOT_KEPT = -1;

/**
 * One series, decoded. Reused for the next line except for `labels`, which is new each time. One serves all scanners of
 * a thread.
 */
export class SeriesReader {
  labels = new Map<string, string>();
  /** Just behind the series: the closing brace, or the end of a bare name. */
  end = 0;
  /** Greatest lengths among the labels, decoded, in bytes. */
  nameBytes = 0;
  valueBytes = 0;
  /** A quoted text held a byte below space other than a tab, or DEL. */
  sawControlByte = false;
  readonly #window: ScanWindow;
  #at = 0;
  #stop = 0;
  /** What `#quoted` has just read. */
  #text = '';
  #textBytes = 0;
  /** Name of the label that `#label` has just read. */
  #name = '';
  #nameTextBytes = 0;
  readonly #last = new LastLabels();

  constructor(window: ScanWindow) {
    this.#window = window;
  }

  /** Reads the labels that may follow a name which ends at `at`. The line ends at `stop`. */
  readAfterName(at: number, stop: number): LineFault | null {
    this.#begin(at, stop);
    if (!this.#takeOver(at, stop)) {
      this.#skip();
      if (this.#peek() !== BRACE_OPEN) return null;
      this.#at += 1;
    }
    const fault = this.#labelList(at);
    if (fault === null && !this.sawControlByte) this.#last.keep(this.#window, at, this.end);
    else this.#last.clear();
    return fault;
  }

  /**
   * Reads the name of a line that begins with the brace at `at`; null when there is no proper one. `readFurther` then
   * reads the labels.
   */
  readQuotedName(at: number, stop: number): string | null {
    this.#begin(at + 1, stop);
    this.#skip();
    if (this.#peek() !== QUOTE || this.#quoted() !== null) return null;
    this.#skip();
    const next = this.#peek();
    if (next !== COMMA && next !== BRACE_CLOSE) return null;
    if (next === COMMA) this.#at += 1;
    return this.#text;
  }

  readFurther(): LineFault | null {
    return this.#labelList(NOT_KEPT);
  }

  /** Takes over the labels with which the line before began in the same bytes; false when there are none. */
  #takeOver(at: number, stop: number): boolean {
    const count = this.#last.takeOver(this.#window, at, stop);
    for (let i = 0; i < count; i++) {
      const { name, value, nameBytes, valueBytes, end } = this.#last.labels[i]!;
      this.labels.set(name, value);
      this.nameBytes = Math.max(this.nameBytes, nameBytes);
      this.valueBytes = Math.max(this.valueBytes, valueBytes);
      this.#at = at + end;
    }
    return count > 0;
  }

  #begin(at: number, stop: number): void {
    this.#stop = stop;
    this.#at = at;
    this.end = at;
    this.labels = new Map();
    this.nameBytes = 0;
    this.valueBytes = 0;
    this.sawControlByte = false;
  }

  /** Reads labels up to the closing brace and keeps them as of a text that begins at `textStart`. */
  #labelList(textStart: number): LineFault | null {
    for (;;) {
      this.#skip();
      if (this.#peek() === BRACE_CLOSE) {
        this.end = this.#at + 1;
        return null;
      }
      const fault = this.#label();
      if (fault !== null) return fault;
      this.#skip();
      const next = this.#peek();
      if (next === COMMA) {
        this.#at += 1;
        if (textStart !== NOT_KEPT) this.#keepLabel(this.#at - textStart);
      } else if (next !== BRACE_CLOSE) return 'bad_labels';
    }
  }

  /** Keeps the label just read, whose comma ends `end` bytes behind the sample's name. */
  #keepLabel(end: number): void {
    this.#last.labels.push({
      name: this.#name,
      value: this.#text,
      nameBytes: this.#nameTextBytes,
      valueBytes: this.#textBytes,
      end,
    });
  }

  #label(): LineFault | null {
    const nameFault = this.#peek() === QUOTE ? this.#quoted() : this.#plainName();
    if (nameFault !== null) return nameFault;
    if (this.#textBytes === 0) return 'bad_labels';
    const name = this.#text;
    this.#name = name;
    this.#nameTextBytes = this.#textBytes;
    this.nameBytes = Math.max(this.nameBytes, this.#textBytes);
    this.#skip();
    if (this.#peek() !== EQUALS) return 'bad_labels';
    this.#at += 1;
    this.#skip();
    if (this.#peek() !== QUOTE) return 'bad_labels';
    const valueFault = this.#quoted();
    if (valueFault !== null) return valueFault;
    if (this.labels.has(name)) return 'duplicate_label';
    this.labels.set(name, this.#text);
    this.valueBytes = Math.max(this.valueBytes, this.#textBytes);
    return null;
  }

  #plainName(): LineFault | null {
    const { bytes } = this.#window;
    const start = this.#at;
    let at = start;
    let hash = 0;
    while (at < this.#stop && isNameByte(bytes[at]!, at > start)) hash = hashByte(hash, bytes[at++]!);
    if (at === start) return 'bad_labels';
    this.#text = TEXTS.read(this.#window, start, at, hash);
    this.#textBytes = at - start;
    this.#at = at;
    return null;
  }

  /** Reads a quoted text, which begins at the quote here, and stands behind its closing quote afterwards. */
  #quoted(): LineFault | null {
    const { bytes } = this.#window;
    const stop = this.#stop;
    const start = this.#at + 1;
    let escapes = 0;
    let seen = 0;
    let hash = 0;
    let at = start;
    for (; at < stop; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      seen |= byte;
      hash = hashByte(hash, byte);
      if (isControlByte(byte)) this.sawControlByte = true;
      if (byte !== BACKSLASH) continue;
      at += 1;
      escapes += 1;
      if (at < stop && !isEscape(bytes[at]!)) return 'bad_escape';
    }
    if (at >= stop) return 'bad_labels';
    this.#at = at + 1;
    this.#textBytes = at - start - escapes;
    if (seen < NON_ASCII && escapes === 0) this.#text = TEXTS.read(this.#window, start, at, hash);
    else if (!isUtf8(bytes.subarray(start, at))) return 'invalid_utf8';
    else this.#text = decodeEscaped(bytes, start, at);
    return null;
  }

  #skip(): void {
    this.#at = skipBlanks(this.#window.bytes, this.#at, this.#stop);
  }

  /** Byte here, -1 at the end of the line. */
  #peek(): number {
    return this.#at < this.#stop ? this.#window.bytes[this.#at]! : -1;
  }
}

function decodeEscaped(bytes: Buffer, start: number, end: number): string {
  const plain = Uint8Array.from(bytes.subarray(start, end));
  let length = 0;
  for (let i = 0; i < plain.length; i++) {
    let byte = plain[i]!;
    if (byte === BACKSLASH) {
      i += 1;
      byte = plain[i] === ESCAPED_NEWLINE ? NEWLINE : plain[i]!;
    }
    plain[length++] = byte;
  }
  return Buffer.from(plain.buffer, 0, length).toString('utf8');
}

function isEscape(byte: number): boolean {
  return byte === BACKSLASH || byte === QUOTE || byte === ESCAPED_NEWLINE;
}

function isNameByte(byte: number, digitsToo: boolean): boolean {
  if ((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f) return true;
  return digitsToo && byte >= 0x30 && byte <= 0x39;
}

/** End of the name that begins at `start`: the first brace or blank, or `end`. Any other byte belongs to the name. */
export function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  while (start < end && bytes[start] !== BRACE_OPEN && !isBlank(bytes[start]!)) start++;
  return start;
}

/**
 * Where the series of the line [start, end) probably ends: behind the last brace or at the name's end, if only a value
 * and perhaps a timestamp follow. -1 when it does not look so. A guess is enough, because whoever asks compares the
 * text before it with a known one.
 */
export function likelySeriesEnd(bytes: Uint8Array, endOfName: number, end: number): number {
  let at = end;
  for (let tokens = 0; tokens < 2; tokens++) {
    while (at > endOfName && bytes[at - 1]! > SPACE) at--;
    while (at > endOfName && isBlank(bytes[at - 1]!)) at--;
    if (at === endOfName || bytes[at - 1] === BRACE_CLOSE) return at;
  }
  return -1;
}
