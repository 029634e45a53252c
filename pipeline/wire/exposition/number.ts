/**
 * @module What follows a series on its line: the value, perhaps a timestamp, perhaps an exemplar.
 *
 * Numbers are those of Go's `strconv.ParseFloat` in decimal (prometheus/prometheus
 * `model/textfile/…/promparse.go`: `parseFloat`): hexadecimal and underscores are refused, a value beyond the range of
 * a double is an error, and what is in range is rounded correctly.
 */
import type { Buffer } from 'node:buffer';
import { HASH, hasControlByte, isBlank, skipBlanks, tokenEnd } from './bytes.ts';
import type { LineFault } from './scan-types.ts';
import type { ScanWindow } from './window.ts';

/** No two runs of digits stand side by side, which would take the square of their length to refuse. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const NAMED = /^(?:nan|[+-]?inf(?:inity)?)$/i;
/** Longest number text read; a double written out in full without an exponent has 309 digits before its point. */
const MAX_NUMBER_BYTES = 400;
const DOT = 0x2e;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Integers of so many digits and powers of ten up to 22 are exact in a double, and so is their quotient rounded. */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => Number(`1e${i}`));

/**
 * Reads [start, end), the rest of a line behind its series, into `out[0]`. Returns null or what is wrong. Control bytes
 * anywhere in the rest come first. Makes no string for numbers of at most 15 digits.
 */
export function readRest(window: ScanWindow, start: number, end: number, out: Float64Array): LineFault | null {
  const { bytes, view } = window;
  if (hasControlByte(bytes, view, start, end)) return 'control_byte';
  const valueStart = skipBlanks(bytes, start, end);
  if (valueStart === end) return 'missing_value';
  const valueEnd = tokenEnd(bytes, valueStart, end);
  if (!readNumber(bytes, valueStart, valueEnd, out)) return 'bad_value';
  return readTail(bytes, skipBlanks(bytes, valueEnd, end), end);
}

function readTail(bytes: Buffer, start: number, end: number): LineFault | null {
  if (start === end || startsExemplar(bytes, start, end)) return null;
  const timestampEnd = tokenEnd(bytes, start, end);
  const isShort = timestampEnd - start <= MAX_NUMBER_BYTES;
  if (!isShort || !DECIMAL.test(bytes.toString('latin1', start, timestampEnd))) return 'bad_timestamp';
  const next = skipBlanks(bytes, timestampEnd, end);
  return next === end || startsExemplar(bytes, next, end) ? null : 'trailing_text';
}

function startsExemplar(bytes: Buffer, start: number, end: number): boolean {
  return bytes[start] === HASH && start + 1 < end && isBlank(bytes[start + 1]!);
}

/** Number text in [start, end) into `out[0]`; false when Go's parser would refuse it or it has more than 400 bytes. */
export function readNumber(bytes: Buffer, start: number, end: number, out: Float64Array): boolean {
  if (readShort(bytes, start, end, out)) return true;
  return end - start <= MAX_NUMBER_BYTES && readLong(bytes.toString('latin1', start, end), out);
}

/** A number as a page may write it in a label, such as `le`: the same grammar; null for any other text. */
export function parseNumber(text: string): number | null {
  const out = new Float64Array(1);
  return text.length <= MAX_NUMBER_BYTES && readLong(text, out) ? out[0]! : null;
}

/** Up to 15 digits with at most one point among them, perhaps a minus; false means "not of this form". */
function readShort(bytes: Buffer, start: number, end: number, out: Float64Array): boolean {
  const negative = bytes[start] === MINUS;
  let i = negative ? start + 1 : start;
  if (end - i > EXACT_DIGITS + 1 || i === end) return false;
  let digits = 0;
  let point = -1;
  let number = 0;
  for (; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === DOT && point < 0) point = digits;
    else if (byte >= ZERO && byte <= ZERO + 9) {
      number = number * 10 + byte - ZERO;
      digits += 1;
    } else return false;
  }
  if (digits === 0 || digits > EXACT_DIGITS) return false;
  if (point >= 0) number /= POWERS[digits - point]!;
  out[0] = negative ? -number : number;
  return true;
}

function readLong(text: string, out: Float64Array): boolean {
  if (DECIMAL.test(text)) {
    const number = Number(text);
    if (!Number.isFinite(number)) return false;
    out[0] = number;
    return true;
  }
  if (!NAMED.test(text)) return false;
  const first = text[0];
  if (first === 'n' || first === 'N') out[0] = Number.NaN;
  else out[0] = first === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return true;
}
