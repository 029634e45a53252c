/** @module The one place in which all scanners of a thread read: a piece where it lies, or memory of their own. */
import { Buffer } from 'node:buffer';

/** Room for a line put together from pieces, to begin with. */
export const OWN_BYTES = 64 * 1024;

/**
 * `bytes` and `view` show all of the memory in which the text at hand lies, whatever else is there, so that no view is
 * made per piece; places are offsets in it. Used only within one synchronous call. The memory of the last piece stays
 * referenced until another one comes.
 */
export class ScanWindow {
  #own: Buffer = Buffer.alloc(OWN_BYTES);
  #ownView = viewOf(this.#own);
  #lent: Buffer = Buffer.alloc(0);
  #lentView = viewOf(this.#lent);
  bytes: Buffer = this.#own;
  view = this.#ownView;

  /** Looks into the memory of `piece`, which is read only; returns where the piece begins there. */
  lookInto(piece: Uint8Array): number {
    const memory = piece.buffer;
    if (this.#lent.buffer !== memory || this.#lent.length !== memory.byteLength) {
      this.#lent = Buffer.from(memory, 0, memory.byteLength);
      this.#lentView = viewOf(this.#lent);
    }
    this.bytes = this.#lent;
    this.view = this.#lentView;
    return piece.byteOffset;
  }

  /** Looks into own memory, with room for `size` bytes; what was there is lost when it grows. */
  lookHome(size = 0): void {
    if (size > this.#own.length) {
      this.#own = Buffer.alloc(size + (size >>> 1));
      this.#ownView = viewOf(this.#own);
    }
    this.bytes = this.#own;
    this.view = this.#ownView;
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The window of this thread. Scanners must not be fed from inside a `resolve` of another. */
export const WINDOW = new ScanWindow();
