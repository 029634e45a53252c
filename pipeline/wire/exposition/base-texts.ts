/** @module Which earlier label text a new one is best kept as a difference to. */
import { hashBytes, sharedPrefix, sharedSuffix } from './bytes.ts';

/** An own middle longer than this makes a text a base of its own: its neighbours will share more with it. */
const LONGEST_OWN = 64;
/** A shared end shorter than this is cheaper to keep and compare as part of the middle. */
const SHORTEST_SUFFIX = 16;
/**
 * Texts find each other by starts of so many bytes, and multiples of it. Long ones, because on some pages the start only
 * tells whose page it is; short ones, because texts of one edge may differ at the end.
 */
const KEY_BYTES = 128;
/** Of a text that is longer, only so much is tried as a key. */
const LONGEST_KEY = 1024;
const MULTIPLIER = 0x2c1b3c6d;

/**
 * The base used last, and a cache of others by their first bytes, so that the families of one edge find each other
 * though hundreds of lines lie between. A miss costs memory, never correctness.
 */
export class BaseTexts {
  /** What `share` chose: the base's place in the arena and how much of it is shared. */
  start = 0;
  length = 0;
  prefixLength = 0;
  suffixLength = 0;
  #lastStart = 0;
  #lastLength = 0;
  #count = 0;
  #cache = new Int32Array(32);

  get memoryBytes(): number {
    return this.#cache.byteLength;
  }

  /**
   * Chooses a base for the text in [start, end). False when there is none to share with: the text is to be stored whole
   * and added, and is its own base then. One so short that it is not worth that shares nothing.
   */
  share(view: DataView, start: number, end: number, arena: DataView): boolean {
    if (this.#try(view, start, end, arena, this.#lastStart, this.#lastLength)) return true;
    for (let bytes = longestKey(end - start); bytes > 0; bytes -= KEY_BYTES) {
      const slot = this.#slotOf(view, start, bytes);
      const [base, length] = [this.#cache[slot]!, this.#cache[slot + 1]!];
      if (length === 0 || !this.#try(view, start, end, arena, base, length)) continue;
      this.#lastStart = base;
      this.#lastLength = length;
      return true;
    }
    this.start = 0;
    this.length = 0;
    this.prefixLength = 0;
    this.suffixLength = 0;
    return end - start <= LONGEST_OWN;
  }

  /** A text of `length` bytes, the last one asked for, was stored whole at `at` of the arena. */
  add(arena: DataView, at: number, length: number): void {
    this.start = at;
    this.length = length;
    this.prefixLength = length;
    this.suffixLength = 0;
    this.#lastStart = at;
    this.#lastLength = length;
    if (length < KEY_BYTES) return;
    this.#count += 1;
    if (this.#count * 4 > this.#cache.length) this.#grow(arena);
    this.#enter(arena, at, length);
  }

  #grow(arena: DataView): void {
    const old = this.#cache;
    this.#cache = new Int32Array(old.length * 2);
    for (let i = 0; i < old.length; i += 2) if (old[i + 1]! > 0) this.#enter(arena, old[i]!, old[i + 1]!);
  }

  /** By its shortest start, which the newest of many may have for all, and by one that leaves out its last bytes. */
  #enter(arena: DataView, at: number, length: number): void {
    this.#place(arena, at, length, KEY_BYTES);
    const longest = longestKey(length - LONGEST_OWN);
    if (longest > KEY_BYTES) this.#place(arena, at, length, longest);
  }

  #place(arena: DataView, at: number, length: number, keyBytes: number): void {
    const slot = this.#slotOf(arena, at, keyBytes);
    this.#cache[slot] = at;
    this.#cache[slot + 1] = length;
  }

  #try(view: DataView, start: number, end: number, arena: DataView, base: number, baseLength: number): boolean {
    const length = end - start;
    const prefix = sharedPrefix(view, start, arena, base, Math.min(length, baseLength));
    let suffix = 0;
    if (length - prefix >= SHORTEST_SUFFIX) {
      suffix = sharedSuffix(view, end, arena, base + baseLength, Math.min(length - prefix, baseLength));
      if (suffix < SHORTEST_SUFFIX) suffix = 0;
    }
    if (prefix + suffix === 0 || length - prefix - suffix > LONGEST_OWN) return false;
    this.start = base;
    this.length = baseLength;
    this.prefixLength = prefix;
    this.suffixLength = suffix;
    return true;
  }

  #slotOf(view: DataView, start: number, bytes: number): number {
    return (hashBytes(view, start, bytes, MULTIPLIER) & (this.#cache.length / 2 - 1)) * 2;
  }
}

/** Bytes of the longest key that a text of `length` bytes has; 0 for none. */
function longestKey(length: number): number {
  return Math.min(length - (length % KEY_BYTES), LONGEST_KEY);
}
