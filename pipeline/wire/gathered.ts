/**
 * @module Bytes that come in pieces, gathered so that what they take in memory is in proportion to their number.
 *
 * A piece is a view into what was read from a socket at once: tiny ones cost more than they hold, and keep buffers alive
 * that hold other things.
 */
import { Buffer } from 'node:buffer';
import { withoutSlack } from './slack.ts';

/** Pieces shorter than this are put together. */
const SMALL_BYTES = 4096;
/** How long a buffer is into which small pieces are put: as long as all that came before, within these bounds. */
const LEAST_BUFFER_BYTES = 256;
const MOST_BUFFER_BYTES = 64 * 1024;
/** What buffers behind pieces may hold beyond twice the bytes that are wanted of them. */
const SPARE_BYTES = 1024;
const NONE = new Uint8Array();

/** Keeps buffers alive of four times its bytes at most, and 1.5 KiB. */
export class Gathered {
  #pieces: Uint8Array[] = [];
  /** Where small pieces are put; those from `#from` to `#to` are in `#pieces` not yet. */
  #buffer: Uint8Array = NONE;
  #from = 0;
  #to = 0;
  /** Bytes of the buffers that are kept alive, and the newest of those that came with a piece. */
  #heldBytes = 0;
  #held: ArrayBufferLike | null = null;
  #bytes = 0;

  /** Bytes that were added. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of all buffers that it keeps alive. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Keeps `piece`, which must not change, or a copy of it. Amortised O(its bytes). */
  add(piece: Uint8Array): void {
    const isFirst = this.#bytes === 0;
    this.#bytes += piece.length;
    if (isFirst || piece.length >= SMALL_BYTES) this.#keep(piece);
    else this.#put(piece);
  }

  /** Most bodies are one piece, or pieces one behind the other in the same buffers: those are not copied. */
  #keep(piece: Uint8Array): void {
    this.#seal();
    const more = piece.buffer === this.#held ? 0 : piece.buffer.byteLength;
    if (this.#heldBytes + more > 2 * this.#bytes + SPARE_BYTES) {
      this.#heldBytes += piece.length;
      this.#pieces.push(new Uint8Array(piece));
      return;
    }
    this.#heldBytes += more;
    this.#held = piece.buffer;
    this.#pieces.push(piece);
  }

  #put(piece: Uint8Array): void {
    if (this.#buffer.length - this.#to < piece.length) {
      this.#seal();
      const bytes = Math.min(MOST_BUFFER_BYTES, Math.max(LEAST_BUFFER_BYTES, this.#bytes));
      this.#buffer = Buffer.allocUnsafeSlow(bytes);
      this.#heldBytes += bytes;
      this.#from = 0;
      this.#to = 0;
    }
    this.#buffer.set(piece, this.#to);
    this.#to += piece.length;
  }

  #seal(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#buffer.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }

  /** The first bytes, at most `count`; copies. */
  head(count: number): Buffer {
    this.#seal();
    return Buffer.concat(this.#pieces, Math.min(count, this.#bytes));
  }

  /** All of it, which belongs to the caller; nothing stays. Copies unless it came in one piece. */
  take(): Uint8Array {
    this.#seal();
    const [first] = this.#pieces;
    const whole = this.#pieces.length === 1 && first !== undefined ? first : joined(this.#pieces, this.#bytes);
    this.clear();
    return withoutSlack(whole);
  }

  /** Lets go of all of it; `bytes` stays what it was. */
  clear(): void {
    this.#pieces = [];
    this.#buffer = NONE;
    this.#from = 0;
    this.#to = 0;
    this.#held = null;
    this.#heldBytes = 0;
  }
}

/** In a buffer of its own, never in Node's pool, which others' bytes are in. */
function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
