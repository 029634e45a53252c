/** @module The labels of the last line parsed: the next new line usually begins with the same ones. */
import { Buffer } from 'node:buffer';
import { sharedPrefix } from './bytes.ts';
import { type ScanWindow, viewOf } from './window.ts';

const LONGEST_TEXT = 4096;

interface ReadLabel {
  readonly name: string;
  readonly value: string;
  readonly nameBytes: number;
  readonly valueBytes: number;
  /** Offset behind the comma that follows, from the end of the sample's name. */
  readonly end: number;
}

/** Only whole labels with their comma are taken over: what was read up to there depends on no byte behind it. */
export class LastLabels {
  readonly labels: ReadLabel[] = [];
  readonly #bytes = Buffer.alloc(LONGEST_TEXT);
  readonly #view = viewOf(this.#bytes);
  #length = 0;

  /** How many of `labels` the text [start, end) of the window begins with; forgets the others. */
  takeOver(window: ScanWindow, start: number, end: number): number {
    const shared = sharedPrefix(window.view, start, this.#view, 0, Math.min(this.#length, end - start));
    let count = 0;
    while (count < this.labels.length && this.labels[count]!.end <= shared) count++;
    this.labels.length = count;
    return count;
  }

  /** Keeps the text [start, end) of the window, which is well-formed and holds no control byte, with its `labels`. */
  keep(window: ScanWindow, start: number, end: number): void {
    this.#length = Math.min(end - start, LONGEST_TEXT);
    window.bytes.copy(this.#bytes, 0, start, start + this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.labels.length = 0;
  }
}
