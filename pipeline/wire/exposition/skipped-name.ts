/** @module The last name nobody wanted: lines of one family stand together, so the next one usually has it too. */
import { Buffer } from 'node:buffer';
import { BRACE_OPEN, equalBytes, hasControlByte, isBlank } from './bytes.ts';
import { type ScanWindow, viewOf } from './window.ts';

const LONGEST_NAME = 256;

export class SkippedName {
  readonly #bytes = Buffer.alloc(LONGEST_NAME);
  readonly #view = viewOf(this.#bytes);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  /** Remembers [start, end) of the window; a name too long or with bytes that cannot be compared clears it. */
  remember(window: ScanWindow, start: number, end: number): void {
    const fits = end - start <= LONGEST_NAME && !hasControlByte(window.bytes, window.view, start, end);
    this.#length = fits ? end - start : 0;
    if (fits) window.bytes.copy(this.#bytes, 0, start, end);
  }

  /** True when exactly this name stands at the head of the line [start, end). */
  heads(window: ScanWindow, start: number, end: number): boolean {
    const length = this.#length;
    if (length === 0 || end - start <= length) return false;
    if (!equalBytes(window.view, start, this.#view, 0, length)) return false;
    const after = window.bytes[start + length]!;
    return after === BRACE_OPEN || isBlank(after);
  }
}
