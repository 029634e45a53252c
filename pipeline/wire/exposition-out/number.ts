/** @module Numbers as digits in a buffer: the counts of an exposition, without a string for each. */

import { timestampText } from './text.ts';

/** Bytes that one number may need. */
export const NUMBER_BYTES = 32;

const ZERO = 48;
const POINT = 46;
const E9 = 1_000_000_000;
/** The two digits of 0 to 99, one after the other. */
const PAIRS = Uint8Array.from({ length: 200 }, (_, i) => ZERO + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10));

/**
 * Writes `value` as Prometheus reads it and returns where it ends. Whole numbers from 0 below 2^53 are written digit by
 * digit and make no garbage; anything else takes its shortest text. `bytes` must have `NUMBER_BYTES` at `at`.
 */
export function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 10 && value === (value | 0)) {
    bytes[at] = ZERO + value;
    return at + 1;
  }
  if (value >= 0 && value < E9 && value === (value | 0)) return writeDigits(bytes, at, value, lengthOf(value));
  if (Number.isSafeInteger(value) && value > 0) return writeLarge(bytes, at, value);
  return writeText(bytes, at, numberText(value));
}

function writeLarge(bytes: Uint8Array, at: number, value: number): number {
  const high = Math.floor(value / E9);
  return writeDigits(bytes, writeDigits(bytes, at, high, lengthOf(high)), value - high * E9, 9);
}

/** Writes `length` digits, with zeros in front. `value` is below 10^9. */
function writeDigits(bytes: Uint8Array, at: number, value: number, length: number): number {
  const end = at + length;
  let place = end;
  let rest = value;
  for (; place - at >= 2; place -= 2) {
    const above = (rest / 100) | 0;
    const pair = (rest - above * 100) << 1;
    bytes[place - 2] = PAIRS[pair]!;
    bytes[place - 1] = PAIRS[pair + 1]!;
    rest = above;
  }
  if (place > at) bytes[at] = ZERO + rest;
  return end;
}

/** Seconds since the epoch with milliseconds, from milliseconds: 1700000010000 → `1700000010.000`; returns where it ends. */
export function writeTimestamp(bytes: Uint8Array, at: number, ms: number): number {
  if (!(ms >= 0 && ms < Number.MAX_SAFE_INTEGER)) return writeText(bytes, at, timestampText(ms));
  const whole = Math.floor(ms / 1000);
  const end = writeNumber(bytes, at, whole);
  bytes[end] = POINT;
  return writeDigits(bytes, end + 1, Math.floor(ms - whole * 1000), 3);
}

function lengthOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  return value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : 9;
}

/** Any number as both formats write it. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}
