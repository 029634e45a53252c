/** @module The one stretch of memory in which all scanners of a thread read: pieces are copied in, lines read out. */
import { Buffer } from 'node:buffer';
import { NEWLINE } from './bytes.ts';

/** Bytes of a piece taken in at once; what lies between two line ends must fit beside it. */
export const CHUNK_BYTES = 256 * 1024;

/**
 * Copying costs about 10 ns a sample and buys that a line is always whole and in one place, that no view is made per
 * piece, and that a thousand targets share one buffer. Used only within one synchronous call.
 */
export class ScanWindow {
  bytes = Buffer.alloc(CHUNK_BYTES + 64 * 1024);
  view = viewOf(this.bytes);

  /** Makes room for `size` bytes and a mark behind them; what was in the window is lost when it grows. */
  reserve(size: number): void {
    if (size + 1 <= this.bytes.length) return;
    this.bytes = Buffer.alloc(size + 1 + (size >>> 1));
    this.view = viewOf(this.bytes);
  }

  /** Writes a newline at `end`, where each search for one stops even when the last line is incomplete. */
  closeAt(end: number): void {
    this.bytes[end] = NEWLINE;
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The window of this thread. Scanners must not be fed from inside a `resolve` of another. */
export const WINDOW = new ScanWindow();
