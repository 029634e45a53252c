/** @module Which of the names that nobody reads are strays: known by their end, then by a rule. */
import { Buffer } from 'node:buffer';
import type { StraySamples } from '../../model/rules.ts';
import { equalBytes } from './bytes.ts';
import { type ScanWindow, viewOf } from './window.ts';

/** Names longer than this are no strays, whatever they look like. */
const LONGEST_NAME = 256;

export class StrayNames {
  readonly #names: RegExp | null;
  readonly #end: Buffer;
  readonly #view: DataView;

  constructor(rule: StraySamples | null) {
    this.#names = rule?.names ?? null;
    this.#end = Buffer.from(rule?.end ?? '');
    this.#view = viewOf(this.#end);
  }

  /** True when the name in [start, end) of the window is one. Makes a string only of names with the right end. */
  has(window: ScanWindow, start: number, end: number): boolean {
    const { length } = this.#end;
    if (this.#names === null || end - start < length || end - start > LONGEST_NAME) return false;
    if (!equalBytes(window.view, end - length, this.#view, 0, length)) return false;
    return this.#names.test(window.bytes.toString('latin1', start, end));
  }
}
