/** @module Strings of short ASCII texts met before: label names and most values repeat from line to line. */
import { Buffer } from 'node:buffer';
import { equalBytes } from './bytes.ts';
import { type ScanWindow, viewOf } from './window.ts';

const SLOTS = 1024;
const LONGEST = 64;
const MULTIPLIER = 0x01000193;

/** Goes on with the hash that `TextCache.read` wants: start at 0, one call per byte. */
export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, MULTIPLIER);
}

/** Direct-mapped and of fixed size (64 KiB). Saves most of the strings of a first sight, and their copies afterwards. */
export class TextCache {
  readonly #texts: string[] = new Array<string>(SLOTS).fill('');
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #bytes = Buffer.alloc(SLOTS * LONGEST);
  readonly #view = viewOf(this.#bytes);

  /** String of the ASCII bytes [start, end) of the window, whose `hashByte` over all bytes is `hash`. */
  read(window: ScanWindow, start: number, end: number, hash: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > LONGEST) return window.bytes.toString('latin1', start, end);
    const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
    const at = slot * LONGEST;
    if (this.#lengths[slot] === length && equalBytes(window.view, start, this.#view, at, length))
      return this.#texts[slot]!;
    const text = window.bytes.toString('latin1', start, end);
    this.#texts[slot] = text;
    this.#lengths[slot] = length;
    window.bytes.copy(this.#bytes, at, start, end);
    return text;
  }
}

/** The cache of this thread. */
export const TEXTS = new TextCache();
