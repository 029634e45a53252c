/**
 * @module Texts of one message that were read before, found again by their bytes: names and short values repeat in every
 * point, and comparing bytes is a third of making a string.
 */

/** Slots, one text each; a text that falls into a slot takes it over. */
const SLOTS = 2048;
const MAX_LENGTH = 48;

export class TextMemory {
  readonly #bytes: Uint8Array;
  /** Where the text of each slot stands in the message. */
  readonly #from = new Uint32Array(SLOTS);
  readonly #texts: (string | undefined)[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The text at [from, to), as `read` makes it when it is not remembered. */
  text(from: number, to: number, read: (from: number, to: number) => string): string {
    if (to - from > MAX_LENGTH) return read(from, to);
    const slot = this.#slotOf(from, to);
    const known = this.#texts[slot];
    if (known !== undefined && this.#isAt(this.#from[slot]!, from, to, known)) return known;
    const text = read(from, to);
    // Texts that are not ASCII are longer in bytes than as strings, and then cannot be compared by their length.
    if (text.length === to - from) {
      this.#from[slot] = from;
      this.#texts[slot] = text;
    }
    return text;
  }

  #slotOf(from: number, to: number): number {
    let hash = to - from;
    for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + this.#bytes[i]!) | 0;
    return (hash ^ (hash >>> 15)) & (SLOTS - 1);
  }

  #isAt(other: number, from: number, to: number, known: string): boolean {
    if (known.length !== to - from) return false;
    for (let i = from; i < to; i++) if (this.#bytes[i] !== this.#bytes[other + i - from]) return false;
    return true;
  }
}
