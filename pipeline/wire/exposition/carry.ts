/** @module The start of a line whose end has not come yet, kept from one piece of a page to the next. */
import { Buffer } from 'node:buffer';
import { NEWLINE } from './bytes.ts';
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

  /** Adds [start, end) of the window, which looks into a piece. */
  keep(window: ScanWindow, start: number, end: number): void {
    this.#reserve(this.#length + end - start);
    this.#length += window.bytes.copy(this.#bytes, this.#length, start, end);
  }

  /** Gives a last line the newline it has not. */
  endLine(): void {
    this.#reserve(this.#length + 1);
    this.#bytes[this.#length++] = NEWLINE;
  }

  /** Puts what is kept at the start of the window's own memory and keeps it no longer; returns its end. */
  moveTo(window: ScanWindow): number {
    const length = this.#length;
    window.lookHome(length);
    this.#bytes.copy(window.bytes, 0, 0, length);
    this.#length = 0;
    return length;
  }

  /** Keeps nothing, and no big buffer either. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > SPARE_BYTES) this.#bytes = Buffer.alloc(0);
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const longer = Buffer.allocUnsafeSlow(length * 2 + 64);
    this.#bytes.copy(longer, 0, 0, this.#length);
    this.#bytes = longer;
  }
}
