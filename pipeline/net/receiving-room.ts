/** @module Memory that bodies may take while they arrive and are unpacked, over all connections of a receiver. */

/** Asked before anything is kept, so that what comes at once cannot take more than there is. */
export class ReceivingRoom {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes taken now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that may still be taken. */
  get freeBytes(): number {
    return this.#maxBytes - this.#bytes;
  }

  /** Takes `bytes`, or nothing and false when they are not free. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
