/** @module Which earlier label text a new one is best kept as a difference to. */
import { hashBytes, sharedPrefix, sharedSuffix } from './bytes.ts';

/** An own middle longer than this makes a text a base of its own: its neighbours will share more with it. */
const LONGEST_OWN = 64;
/** A shared end shorter than this is cheaper to keep and compare as part of the middle. */
const SHORTEST_SUFFIX = 16;
/** Texts of one edge agree in so many bytes whatever their family; those of two edges hardly ever do. */
const KEY_BYTES = 128;
const MULTIPLIER = 0x2c1b3c6d;

/**
 * The last text stored whole, and a cache of others by their first bytes, so that the families of one edge find each
 * other though hundreds of lines lie between. A miss costs memory, never correctness.
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

  /** Chooses a base for the text in [start, end) and says whether one was good enough; if not, nothing is shared. */
  share(view: DataView, start: number, end: number, arena: DataView): boolean {
    if (this.#try(view, start, end, arena, this.#lastStart, this.#lastLength)) return true;
    if (end - start > KEY_BYTES) {
      const slot = this.#slotOf(view, start);
      if (this.#try(view, start, end, arena, this.#cache[slot]!, this.#cache[slot + 1]!)) return true;
    }
    this.start = 0;
    this.length = 0;
    this.prefixLength = 0;
    this.suffixLength = 0;
    return end - start <= LONGEST_OWN;
  }

  /** The text in [start, end) of the window was stored whole at `at` of the arena. */
  add(view: DataView, start: number, end: number, at: number): void {
    this.#lastStart = at;
    this.#lastLength = end - start;
    if (end - start <= KEY_BYTES) return;
    this.#count += 1;
    // A cache that grows starts empty: cheaper than moving it, and bases come in runs.
    if (this.#count * 2 > this.#cache.length) this.#cache = new Int32Array(this.#cache.length * 2);
    const slot = this.#slotOf(view, start);
    this.#cache[slot] = at;
    this.#cache[slot + 1] = end - start;
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

  #slotOf(view: DataView, start: number): number {
    return (hashBytes(view, start, KEY_BYTES, MULTIPLIER) & (this.#cache.length / 2 - 1)) * 2;
  }
}
