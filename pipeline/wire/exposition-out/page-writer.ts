/** @module A page of an exposition, spliced from bytes that were made once: prefixes, labels and digits. */
import { NUMBER_BYTES, writeNumber } from './number.ts';

/** Size of a page's pieces but the last. Larger ones cost twice as much: the system gives fresh memory for each. */
const PIECE_BYTES = 64 * 1024;
const NEWLINE = 10;

/** `text` as UTF-8 in memory of its own. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}

/** Writes one page after another; `take` ends a page. Makes no garbage but the page's own pieces. */
export class PageWriter {
  /** Lines are spliced right into a piece. */
  #bytes = newPiece(PIECE_BYTES);
  #at = 0;
  #pieces: Uint8Array[] = [];
  #lines = 0;

  /** Sample lines written so far, on all pages. */
  get lines(): number {
    return this.#lines;
  }

  append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** One sample: `head` (`name{`), labels, `tail` (up to the blank), value. */
  sample(head: Uint8Array, labels: Uint8Array, tail: Uint8Array, value: number): void {
    this.#room(head.length + labels.length + tail.length + NUMBER_BYTES + 1);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes.set(head, at);
    bytes.set(labels, at + head.length);
    at += head.length + labels.length;
    bytes.set(tail, at);
    at = writeNumber(bytes, at + tail.length, value);
    bytes[at] = NEWLINE;
    this.#at = at + 1;
    this.#lines += 1;
  }

  /** As `sample`, with a value that is text already. */
  textSample(head: Uint8Array, labels: Uint8Array, tail: Uint8Array, value: Uint8Array): void {
    this.append(head);
    this.append(labels);
    this.append(tail);
    this.append(value);
    this.#room(1);
    this.#bytes[this.#at++] = NEWLINE;
    this.#lines += 1;
  }

  /** One line a bucket with the running sum of `counts`, which it returns. `tails[i]` ends the prefix of `counts[i]`. */
  buckets(head: Uint8Array, labels: Uint8Array, tails: readonly Uint8Array[], counts: Float64Array): number {
    const prefixBytes = head.length + labels.length;
    this.#room(tails.length * (prefixBytes + longest(tails) + NUMBER_BYTES + 1));
    const bytes = this.#bytes;
    const start = this.#at;
    bytes.set(head, start);
    bytes.set(labels, start + head.length);
    // All lines begin as the first does: copied in one go.
    const prefix = bytes.subarray(start, start + prefixBytes);
    let at = start;
    let sum = 0;
    for (let i = 0; i < tails.length; i++) {
      if (i > 0) bytes.set(prefix, at);
      const tail = tails[i]!;
      bytes.set(tail, at + prefixBytes);
      sum += counts[i]!;
      at = writeNumber(bytes, at + prefixBytes + tail.length, sum);
      bytes[at++] = NEWLINE;
    }
    this.#at = at;
    this.#lines += tails.length;
    return sum;
  }

  /** The page in pieces, which are the caller's. */
  take(): Uint8Array[] {
    this.#flush();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    this.#flush();
    if (size > this.#bytes.length) this.#bytes = newPiece(size);
  }

  /** A piece that is mostly empty is copied, so that a small page takes little. */
  #flush(): void {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = 0;
    if (at === 0) return;
    if (at < bytes.length / 2) {
      this.#pieces.push(Uint8Array.prototype.slice.call(bytes, 0, at));
      return;
    }
    this.#pieces.push(bytes.subarray(0, at));
    this.#bytes = newPiece(PIECE_BYTES);
  }
}

/** Memory that nobody else has; what was there before is overwritten before it is read. */
function newPiece(size: number): Uint8Array {
  return Buffer.allocUnsafeSlow(size);
}

function longest(parts: readonly Uint8Array[]): number {
  let most = 0;
  for (const part of parts) if (part.length > most) most = part.length;
  return most;
}
