/** @module Memory of a message that nobody looks at any more, for the next one: fresh memory costs more than writing. */

/** What is at most this large is kept for messages however small. */
const SMALL_BYTES = 0x10000;
/** Memory so much larger than what is to go there is let go. */
const MUCH_LARGER = 8;

/** Kept by one writer of messages, or by several whose messages go one after another: one piece of memory for all of them. */
export class SpareMemory {
  #spare: Uint8Array | null = null;
  /** Memory that `copy` gave away; not kept alive by this. */
  readonly #given = new WeakSet<ArrayBufferLike>();

  /** A copy of `content`, in the memory last given back when it has room. The caller owns it. */
  copy(content: Uint8Array): Uint8Array {
    const spare = this.#spare;
    this.#spare = null;
    if (spare === null || !isFit(spare.length, content.length)) {
      const message = content.slice();
      this.#given.add(message.buffer);
      return message;
    }
    spare.set(content);
    return spare.subarray(0, content.length);
  }

  /** Takes back what `copy` gave, and nothing else; nobody may look at it any more. Of several the last one is kept. */
  giveBack(message: Uint8Array): void {
    if (this.#given.has(message.buffer)) this.#spare = new Uint8Array(message.buffer);
  }
}

function isFit(spareBytes: number, neededBytes: number): boolean {
  return spareBytes >= neededBytes && (spareBytes <= SMALL_BYTES || spareBytes <= neededBytes * MUCH_LARGER);
}
