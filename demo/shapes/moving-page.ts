/**
 * @module A page of a shape whose counters grow in place: what a busy proxy shows scrape after scrape, at the cost of
 * writing the digits that change.
 */
import { Buffer } from 'node:buffer';
import type { Shape } from './shapes.ts';

const ZERO = 0x30;
/** A counter has room for so many steps; then it stands still. */
const STEPS = 1000;

export class MovingPage {
  /** The page as it is now; changed by `advance`. */
  readonly bytes: Buffer;
  readonly #values: Float64Array;
  readonly #steps: Float64Array;
  /** Where the last digit of each counter lies. */
  readonly #places: Int32Array;
  #left = STEPS;

  /** Moves `shape` on once, to see which of its values move and how fast. */
  constructor(shape: Shape) {
    const before = linesOf(shape);
    shape.next();
    const after = linesOf(shape);
    const lines: string[] = [];
    const moving: { value: number; step: number; place: number }[] = [];
    let bytes = 0;
    before.forEach((line, i) => {
      const counter = counterOf(line, after[i]!);
      const text = counter === null ? line : `${counter.series} ${counter.value}`;
      lines.push(text);
      bytes += text.length + 1;
      if (counter !== null) moving.push({ ...counter, place: bytes - 2 });
    });
    this.bytes = Buffer.from(lines.join('\n'), 'latin1');
    this.#values = Float64Array.from(moving, ({ value }) => value);
    this.#steps = Float64Array.from(moving, ({ step }) => step);
    this.#places = Int32Array.from(moving, ({ place }) => place);
  }

  /** Counters that move. */
  get moving(): number {
    return this.#values.length;
  }

  /** Adds to each moving counter what it grows by in a scrape, and says whether any did. */
  advance(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    for (let i = 0; i < this.#values.length; i++) {
      const value = this.#values[i]! + this.#steps[i]!;
      this.#values[i] = value;
      this.#write(value, this.#places[i]!);
    }
    return true;
  }

  /** As many digits as before, by choice of the first value. */
  #write(value: number, place: number): void {
    while (value > 0) {
      const rest = Math.floor(value / 10);
      this.bytes[place--] = ZERO + value - rest * 10;
      value = rest;
    }
  }
}

function linesOf(shape: Shape): string[] {
  return Buffer.concat(shape.page()).toString('latin1').split('\n');
}

/** The counter of a line that is another one after a scrape; null when it stands still or is no integer. */
function counterOf(before: string, after: string): { series: string; value: number; step: number } | null {
  const space = before.lastIndexOf(' ');
  const value = Number(before.slice(space + 1));
  const step = Number(after.slice(after.lastIndexOf(' ') + 1)) - value;
  if (before === after || !Number.isInteger(value) || !Number.isInteger(step)) return null;
  return { series: before.slice(0, space), value: roomyStart(value, step), step };
}

/** `value`, or the least one above it that keeps its number of digits for all steps. */
function roomyStart(value: number, step: number): number {
  const digits = String(value + STEPS * step).length;
  const start = Math.max(value, 10 ** (digits - 1));
  return String(start + STEPS * step).length === digits ? start : 10 ** digits;
}
