/** @module The start of a line whose end has not come yet, kept from one piece of a page to the next. */
import { Buffer } from 'node:buffer';
import type { ScanWindow } from './window.ts';

/** A buffer up to this size is kept between pages. */
const SPARE_BYTES = 16 * 1024;

export class LineCarry {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get memoryBytes(): number {
    return this.#bytes.length;
  }

  /** Puts what is kept at the start of the window, then `piece`; returns the end of both. */
  loadWith(piece: Uint8Array, window: ScanWindow): number {
    const end = this.#length + piece.length;
    window.reserve(end);
    if (this.#length > 0) this.#bytes.copy(window.bytes, 0, 0, this.#length);
    window.bytes.set(piece, this.#length);
    window.closeAt(end);
    return end;
  }

  /** Keeps [start, end) of the window in place of what was kept. */
  keep(window: ScanWindow, start: number, end: number): void {
    this.#length = end - start;
    if (this.#length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(this.#length * 2 + 64);
    if (this.#length > 0) window.bytes.copy(this.#bytes, 0, start, end);
  }

  /** Keeps nothing, and no big buffer either. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > SPARE_BYTES) this.#bytes = Buffer.alloc(0);
  }
}
