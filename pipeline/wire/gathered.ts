/**
 * @module Bytes that come in pieces, gathered so that what they take in memory is in proportion to their number.
 *
 * A piece is a view into what was read from a socket at once: tiny ones cost more than they hold, and keep buffers alive
 * that hold other things. Buffers that nobody else has are freed as soon as their bytes were copied: the engine would let
 * tens of megabytes of them lie until it collects garbage.
 */
import { Buffer } from 'node:buffer';
import { freeWhole } from './free.ts';
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
  /** Whether a buffer that a piece fills is its own. */
  readonly #owns: boolean;
  /** How many bytes there will be in all; 0: not known. */
  #expectedBytes = 0;
  /** For all of them, once a quarter is here. */
  #whole: Uint8Array | null = null;

  /** `owns`: nobody else reads a buffer that a piece fills, then or later, so that it is freed when it was copied. */
  constructor(owns = false) {
    this.#owns = owns;
  }

  /** Says how many bytes there will be in all, which spares a copy of them. More may come, or fewer. */
  expect(bytes: number): void {
    this.#expectedBytes = bytes;
  }

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
    // What is freed has no length any more.
    const { length } = piece;
    const isInWhole = this.#whole !== null && this.#fits(this.#whole, piece);
    this.#bytes += length;
    if (isInWhole) return;
    if (isFirst || length >= SMALL_BYTES) this.#keep(piece);
    else this.#put(piece);
    if (this.#mayCollect()) this.#collect();
  }

  /** False when more comes than was said: then what is here is one piece, and others follow. */
  #fits(whole: Uint8Array, piece: Uint8Array): boolean {
    if (piece.length <= whole.length - this.#bytes) {
      whole.set(piece, this.#bytes);
      this.#free(piece);
      return true;
    }
    this.#whole = null;
    this.#expectedBytes = 0;
    this.#pieces.push(whole.subarray(0, this.#bytes));
    return false;
  }

  /** Only what has come gives a right to memory, not what was said to come. A body of one piece stays as it is. */
  #mayCollect(): boolean {
    const more = this.#expectedBytes - this.#bytes;
    return more > 0 && more <= 3 * this.#bytes;
  }

  #collect(): void {
    this.#seal();
    const whole = joined(this.#pieces, this.#expectedBytes);
    this.#letGo();
    this.#whole = whole;
    this.#heldBytes = whole.length;
  }

  #free(piece: Uint8Array): void {
    if (this.#owns) freeWhole(piece);
  }

  /** Most bodies are one piece, or pieces one behind the other in the same buffers: those are not copied. */
  #keep(piece: Uint8Array): void {
    this.#seal();
    const more = piece.buffer === this.#held ? 0 : piece.buffer.byteLength;
    if (this.#heldBytes + more > 2 * this.#bytes + SPARE_BYTES) {
      this.#heldBytes += piece.length;
      this.#pieces.push(new Uint8Array(piece));
      this.#free(piece);
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
    this.#free(piece);
  }

  #seal(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#buffer.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }

  /** The first bytes, at most `count`; copies. */
  head(count: number): Buffer {
    this.#seal();
    const pieces = this.#whole === null ? this.#pieces : [this.#whole];
    return Buffer.concat(pieces, Math.min(count, this.#bytes));
  }

  /** All of it, which belongs to the caller; nothing stays. Copies unless it came in one piece, or as was said. */
  take(): Uint8Array {
    const whole = this.#whole?.subarray(0, this.#bytes) ?? this.#joined();
    this.#reset();
    return withoutSlack(whole);
  }

  #joined(): Uint8Array {
    this.#seal();
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first !== undefined) return first;
    const whole = joined(this.#pieces, this.#bytes);
    this.#letGo();
    return whole;
  }

  /** Lets go of all of it; `bytes` stays what it was. */
  clear(): void {
    this.#letGo();
    if (this.#whole !== null) freeWhole(this.#whole);
    this.#reset();
  }

  #letGo(): void {
    for (const piece of this.#pieces) this.#free(piece);
    this.#reset();
  }

  #reset(): void {
    this.#whole = null;
    this.#pieces = [];
    this.#buffer = NONE;
    this.#from = 0;
    this.#to = 0;
    this.#held = null;
    this.#heldBytes = 0;
  }
}

/** The pieces and what is still to come, in a buffer of its own, never in Node's pool, which others' bytes are in. */
function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
