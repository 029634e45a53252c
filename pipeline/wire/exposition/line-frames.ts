/**
 * @module What the texts of neighbouring lines have in common, held once: the lines of a histogram differ only in a few
 * bytes between a start and an end that all of them share.
 */

import { isRoomy, trimmed } from '../../model/room.ts';

/** Fields of a frame, in 32-bit words. A frame is named by the index of its first word, which has 25 bits where it is kept. */
export const NAME = 0;
export const NAME_LENGTH = 1;
/** Places in the arena of what stands behind the name, and at the end. */
export const PREFIX = 2;
export const PREFIX_LENGTH = 3;
export const SUFFIX = 4;
export const SUFFIX_LENGTH = 5;
const FRAME_WORDS = 6;

/** A line whose own bytes become longer by no more than this goes without a frame of its own, which has 24. */
const SPARED = 16;

export class LineFrames {
  /** All frames. Replaced by another array when it grows or is trimmed. At most 5.6 million, as many lines in 2 GB of page. */
  words = new Int32Array(16 * FRAME_WORDS);
  #count = 0;
  /** What `choose` chose; the line's own bytes are what lies between. */
  prefixLength = 0;
  suffixLength = 0;

  /**
   * A frame for a text of `length` bytes behind the name, which shares `prefixLength` bytes with the arena from
   * `prefix` on and `suffixLength` before `suffixEnd`: the last one where that shares nearly as much, else a new one.
   */
  choose(
    name: number,
    nameLength: number,
    prefix: number,
    prefixLength: number,
    suffixEnd: number,
    suffixLength: number,
  ): number {
    if (this.#fitsLast(name, prefix, prefixLength, suffixEnd, suffixLength)) return (this.#count - 1) * FRAME_WORDS;
    const first = this.#count * FRAME_WORDS;
    if (first === this.words.length) this.#resize(Math.ceil(this.#count * 1.5));
    const { words } = this;
    words[first + NAME] = name;
    words[first + NAME_LENGTH] = nameLength;
    words[first + PREFIX] = prefix;
    words[first + PREFIX_LENGTH] = prefixLength;
    words[first + SUFFIX] = suffixEnd - suffixLength;
    words[first + SUFFIX_LENGTH] = suffixLength;
    this.prefixLength = prefixLength;
    this.suffixLength = suffixLength;
    this.#count += 1;
    return first;
  }

  #fitsLast(name: number, prefix: number, prefixLength: number, suffixEnd: number, suffixLength: number): boolean {
    const last = (this.#count - 1) * FRAME_WORDS;
    const { words } = this;
    if (last < 0 || words[last + NAME] !== name || words[last + PREFIX] !== prefix) return false;
    const lastSuffix = words[last + SUFFIX_LENGTH]!;
    if (lastSuffix > 0 && words[last + SUFFIX]! + lastSuffix !== suffixEnd) return false;
    const lost = prefixLength - words[last + PREFIX_LENGTH]!;
    const lostSuffix = suffixLength - lastSuffix;
    if (lost < 0 || lostSuffix < 0 || lost + lostSuffix > SPARED) return false;
    this.prefixLength = prefixLength - lost;
    this.suffixLength = lastSuffix;
    return true;
  }

  /** Gives back the room that growing left over. */
  trim(): void {
    if (isRoomy(this.words.length, this.#count * FRAME_WORDS)) this.#resize(trimmed(this.#count));
  }

  #resize(frames: number): void {
    const other = new Int32Array(frames * FRAME_WORDS);
    other.set(this.words.subarray(0, this.#count * FRAME_WORDS));
    this.words = other;
  }
}
