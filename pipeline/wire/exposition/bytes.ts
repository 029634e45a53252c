/** @module Comparing and hashing ranges of bytes eight and sixteen at a time, without calls out of JavaScript. */

export const NEWLINE = 0x0a;
export const CARRIAGE_RETURN = 0x0d;
export const TAB = 0x09;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const HASH = 0x23;
export const COMMA = 0x2c;
export const LESS_THAN = 0x3c;
export const EQUALS = 0x3d;
export const BACKSLASH = 0x5c;
export const BRACE_OPEN = 0x7b;
export const BRACE_CLOSE = 0x7d;
const DELETE = 0x7f;

export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** First position in [start, end) that holds no space or tab; `end` when there is none. */
export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  while (start < end && isBlank(bytes[start]!)) start++;
  return start;
}

/** First space or tab in [start, end); `end` when there is none. */
export function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  while (start < end && !isBlank(bytes[start]!)) start++;
  return start;
}

/** True for bytes below space other than a tab, and for DEL: no line that is read may hold one. */
export function isControlByte(byte: number): boolean {
  return (byte < SPACE && byte !== TAB) || byte === DELETE;
}

/** True when [start, end) of `bytes` (seen by `view`) holds a control byte. */
export function hasControlByte(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  let i = start;
  for (; i + 4 <= end; i += 4) if (mayHoldControlByte(view.getInt32(i, true))) break;
  for (; i < end; i++) if (isControlByte(bytes[i]!)) return true;
  return false;
}

/** Never false when one of the four bytes is below space or DEL; the usual carry trick, true for some others too. */
function mayHoldControlByte(word: number): boolean {
  const isDelete = word ^ 0x7f7f7f7f;
  return ((((word - 0x20202020) & ~word) | ((isDelete - 0x01010101) & ~isDelete)) & 0x80808080) !== 0;
}

/**
 * True when `length` bytes of `text` from `at` equal those of `stored` from `from`. Both ranges must lie inside.
 *
 * Eight bytes are compared as one double, which costs half of a call to `Buffer.compare` at the lengths of label sets.
 * That is exact only because stored text never holds NUL, DEL or 0xff: it can be neither a zero nor a NaN, the only
 * doubles whose equality is not that of their bytes. What this loop costs is its branches: `| 0` spares the check of
 * each sum for overflow, and 64 bytes a turn most of the others, so that it takes half the time of the plain one.
 */
export function equalBytes(text: DataView, at: number, stored: DataView, from: number, length: number): boolean {
  let i = 0;
  for (const last = (length - 64) | 0; i <= last; i = (i + 64) | 0) {
    if (!equalBlock(text, (at + i) | 0, stored, (from + i) | 0)) return false;
  }
  for (const last = (length - 8) | 0; i <= last; i = (i + 8) | 0) {
    if (text.getFloat64((at + i) | 0, true) !== stored.getFloat64((from + i) | 0, true)) return false;
  }
  if (i === length) return true;
  if (length >= 8) {
    const last = (length - 8) | 0;
    return text.getFloat64((at + last) | 0, true) === stored.getFloat64((from + last) | 0, true);
  }
  for (; i < length; i++) if (text.getUint8((at + i) | 0) !== stored.getUint8((from + i) | 0)) return false;
  return true;
}

/** The same for exactly 64 bytes. */
function equalBlock(text: DataView, at: number, stored: DataView, from: number): boolean {
  return (
    text.getFloat64(at, true) === stored.getFloat64(from, true) &&
    text.getFloat64((at + 8) | 0, true) === stored.getFloat64((from + 8) | 0, true) &&
    text.getFloat64((at + 16) | 0, true) === stored.getFloat64((from + 16) | 0, true) &&
    text.getFloat64((at + 24) | 0, true) === stored.getFloat64((from + 24) | 0, true) &&
    text.getFloat64((at + 32) | 0, true) === stored.getFloat64((from + 32) | 0, true) &&
    text.getFloat64((at + 40) | 0, true) === stored.getFloat64((from + 40) | 0, true) &&
    text.getFloat64((at + 48) | 0, true) === stored.getFloat64((from + 48) | 0, true) &&
    text.getFloat64((at + 56) | 0, true) === stored.getFloat64((from + 56) | 0, true)
  );
}

/** Bytes, at most `limit`, in which `text` from `at` and `stored` from `from` agree. Stored text as in `equalBytes`. */
export function sharedPrefix(text: DataView, at: number, stored: DataView, from: number, limit: number): number {
  let i = 0;
  while (i + 8 <= limit && text.getFloat64(at + i, true) === stored.getFloat64(from + i, true)) i += 8;
  while (i < limit && text.getUint8(at + i) === stored.getUint8(from + i)) i++;
  return i;
}

/** Bytes, at most `limit`, in which `text` before `end` and `stored` before `until` agree. */
export function sharedSuffix(text: DataView, end: number, stored: DataView, until: number, limit: number): number {
  let i = 0;
  while (i < limit && text.getUint8(end - 1 - i) === stored.getUint8(until - 1 - i)) i++;
  return i;
}

/**
 * 32-bit hash of `length` bytes of `text` from `at`: four lanes of four bytes, so that no multiplication waits for the
 * one before it (about 0.15 ns per byte). `multiplier` must be odd; one that outsiders cannot know keeps them from
 * crafting label values that collide.
 */
export function hashBytes(text: DataView, at: number, length: number, multiplier: number): number {
  if (length < 16) return hashShort(text, at, length, multiplier);
  let a = length;
  let b = 0x2545f491;
  let c = 0x61c88647;
  let d = 0x1b873593;
  const last = at + length - 16;
  for (let i = at; i < last; i += 16) {
    a = Math.imul(a ^ text.getInt32(i, true), multiplier);
    b = Math.imul(b ^ text.getInt32(i + 4, true), multiplier);
    c = Math.imul(c ^ text.getInt32(i + 8, true), multiplier);
    d = Math.imul(d ^ text.getInt32(i + 12, true), multiplier);
    a ^= a >>> 15;
    b ^= b >>> 14;
    c ^= c >>> 13;
    d ^= d >>> 16;
  }
  a = mix(a ^ text.getInt32(last, true), multiplier);
  b = mix(a ^ b ^ text.getInt32(last + 4, true), multiplier);
  c = mix(b ^ c ^ text.getInt32(last + 8, true), multiplier);
  return mix(c ^ d ^ text.getInt32(last + 12, true), multiplier);
}

function hashShort(text: DataView, at: number, length: number, multiplier: number): number {
  let hash = length;
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ text.getUint8(i), multiplier);
  return mix(hash, multiplier);
}

function mix(hash: number, multiplier: number): number {
  hash = Math.imul(hash ^ (hash >>> 15), multiplier);
  return hash ^ (hash >>> 13);
}
