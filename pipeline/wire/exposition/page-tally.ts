/** @module What is counted and noted about one page while it is scanned. */
import type { Buffer } from 'node:buffer';
import { CARRIAGE_RETURN, isBlank, LESS_THAN, NEWLINE } from './bytes.ts';
import {
  excerptOf,
  type LineFault,
  type PageFailure,
  type PageFault,
  type ScanResult,
  type SkippedLine,
} from './scan-types.ts';

/** Counts of one page; made anew for each. */
export class PageTally {
  samples = 0;
  unwanted = 0;
  limited = 0;
  lines = 0;
  unexpected = 0;
  strays = 0;
  firstStray = '';
  failure: PageFailure | null = null;
  /** A line that is not blank has been met. */
  sawContent = false;
  #bytes = 0;
  #lastByte = 0;
  #skipped = 0;
  #firstSkipped: SkippedLine | null = null;
  #sawEof = false;
  /** Number of the line with `# EOF`, moved on by blank lines behind it; 0 when there was none. */
  #eofLine = 0;

  arrived(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#lastByte = piece[piece.length - 1]!;
  }

  /** Only the first failure of a page is kept. */
  fail(reason: PageFault, detail: string): void {
    this.failure ??= { reason, line: this.lines, detail };
  }

  skip(reason: LineFault, bytes: Uint8Array, start: number, end: number): void {
    this.#skipped += 1;
    this.#firstSkipped ??= { reason, line: this.lines, excerpt: excerptOf(bytes, start, end) };
  }

  sawEofLine(): void {
    this.#sawEof = true;
    this.#eofLine = this.lines;
  }

  /** A blank line behind `# EOF` leaves the page as finished as it was. */
  sawBlankLine(): void {
    if (this.#eofLine > 0 && this.#eofLine === this.lines - 1) this.#eofLine = this.lines;
  }

  /** Fails a page whose first visible byte is `<`, which it looks for in the line [start, end); true when it did. */
  failsAsHtml(bytes: Buffer, start: number, end: number): boolean {
    if (this.sawContent) return false;
    while (start < end && (isBlank(bytes[start]!) || bytes[start] === CARRIAGE_RETURN)) start++;
    if (start === end) return false;
    this.sawContent = true;
    if (bytes[start] !== LESS_THAN) return false;
    this.fail('html', `the page is HTML, expected Prometheus text: ${excerptOf(bytes, start, end)}`);
    return true;
  }

  result(): ScanResult {
    const endsInNewline = this.#lastByte === NEWLINE;
    const endsInEof = this.#eofLine > 0 && this.#eofLine === this.lines;
    return {
      samples: this.samples,
      unwantedSamples: this.unwanted,
      limitedSamples: this.limited,
      straySamples: this.strays,
      firstStray: this.firstStray,
      lines: this.lines,
      bytes: this.#bytes,
      skippedLines: this.#skipped,
      firstSkipped: this.#firstSkipped,
      failure: this.failure,
      endsInNewline,
      sawEof: this.#sawEof,
      endsMark: endsInEof ? 'eof' : endsInNewline ? 'newline' : 'none',
      unexpectedLines: this.unexpected,
    };
  }
}
