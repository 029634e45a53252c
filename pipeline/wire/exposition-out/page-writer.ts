/** @module A page of an exposition, spliced from bytes that were made once: prefixes, labels and digits. */
import type { HistogramTails } from './bucket-tails.ts';
import { NUMBER_BYTES, writeNumber, writeTimestamp } from './number.ts';
import { putWords, WORD_SLACK, type Words } from './words.ts';

/** Size of a page's pieces but the last. Larger ones cost twice as much: the system gives fresh memory for each. */
const PIECE_BYTES = 64 * 1024;
const NEWLINE = 10;
/** What a line may take behind its prefix. */
const LINE_BYTES = NUMBER_BYTES + WORD_SLACK + 1;

/** `text` as UTF-8 in memory of its own. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}

/** Writes one page after another; `take` ends a page. Makes no garbage but the page's own pieces. */
export class PageWriter {
  /** Lines are spliced right into a piece. */
  #bytes = newPiece(PIECE_BYTES);
  #view = viewOf(this.#bytes);
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
  sample(head: Words, labels: Uint8Array, tail: Words, value: number): void {
    this.#room(head.length + labels.length + tail.length + LINE_BYTES);
    this.#endLine(writeNumber(this.#bytes, this.#prefix(head, labels, tail), value));
  }

  /** As `sample`; the value is `ms` since the epoch, in seconds. */
  timeSample(head: Words, labels: Uint8Array, tail: Words, ms: number): void {
    this.#room(head.length + labels.length + tail.length + LINE_BYTES);
    this.#endLine(writeTimestamp(this.#bytes, this.#prefix(head, labels, tail), ms));
  }

  /** Writes from left to right, since words overwrite what is behind them. Returns where it ends. */
  #prefix(head: Words, labels: Uint8Array, tail: Words): number {
    const at = putWords(this.#view, this.#at, head);
    this.#bytes.set(labels, at);
    return putWords(this.#view, at + labels.length, tail);
  }

  #endLine(at: number): void {
    this.#bytes[at] = NEWLINE;
    this.#at = at + 1;
    this.#lines += 1;
  }

  /** One line a bucket with the running sum of `counts`, which it returns. `buckets[i]` ends the prefix of `counts[i]`. */
  buckets(head: Words, labels: Uint8Array, { buckets, longest }: HistogramTails, counts: Float64Array): number {
    const prefixBytes = head.length + labels.length;
    this.#room(buckets.length * (prefixBytes + longest + LINE_BYTES));
    const [bytes, view, start] = [this.#bytes, this.#view, this.#at];
    bytes.set(labels, putWords(view, start, head));
    // All lines begin as the first does: copied in one go.
    const prefix = bytes.subarray(start, start + prefixBytes);
    let at = start;
    let sum = 0;
    for (let i = 0; i < buckets.length; i++) {
      if (i > 0) bytes.set(prefix, at);
      sum += counts[i]!;
      at = writeNumber(bytes, putWords(view, at + prefixBytes, buckets[i]!), sum);
      bytes[at++] = NEWLINE;
    }
    this.#at = at;
    this.#lines += buckets.length;
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
    if (size > this.#bytes.length) this.#renew(size);
  }

  #renew(size: number): void {
    this.#bytes = newPiece(size);
    this.#view = viewOf(this.#bytes);
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
    this.#renew(PIECE_BYTES);
  }
}

/** Memory that nobody else has; what was there before is overwritten before it is read. */
function newPiece(size: number): Uint8Array {
  return Buffer.allocUnsafeSlow(size);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
