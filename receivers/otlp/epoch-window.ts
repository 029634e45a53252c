/** @module Which numbered requests of one life of a Weir were taken: one bit each, in rings (docs/adr/0013). */

/** `new`: not taken yet. `repeat`: taken before. `too_old`: below the window, so nobody knows; it counts as a repeat. */
export type Standing = 'new' | 'repeat' | 'too_old';

/** Numbers as runs: from, below which, from, below which, and so on, ascending. */
export type Runs = readonly number[];

/** All that a window knows, for another one that goes on with it. */
export interface WindowState {
  /** Above the highest number met. */
  readonly end: number;
  /** Below this number every hole was told of. */
  readonly checked: number;
  /** Something is known to be lost and was not told yet. */
  readonly lost: boolean;
  /** Taken themselves, or in parts that came in their place; all below `end`. */
  readonly known: Runs;
  /** Taken themselves. */
  readonly whole: Runs;
}

/** A number that was marked as taken. */
export interface Marked {
  /** True when something that was sent before this never came, and nobody was told yet. */
  readonly gap: boolean;
  /** Takes the mark back. */
  undo(): void;
}

/**
 * Where a request stands in the order of sending. Requests are sent one at a time in ascending order of this, so whatever
 * is below it and did not come will not come any more.
 */
export function placeOf(seq: number, replaces: readonly number[]): number {
  let place = seq;
  for (const number of replaces) if (number < place) place = number;
  return place;
}

export class EpochWindow {
  readonly #size: number;
  readonly #known: Uint32Array;
  readonly #whole: Uint32Array;
  #end = 0;
  #checked: number;
  #lost = false;

  /** `size` is rounded up to a multiple of 32. */
  constructor(size: number, checked: number) {
    this.#known = new Uint32Array(Math.ceil(size / 32));
    this.#whole = new Uint32Array(this.#known.length);
    this.#size = this.#known.length * 32;
    this.#checked = checked;
  }

  /** A window that goes on where another one ended; what lies below its own size is too old here. */
  static restored(size: number, { end, checked, lost, known, whole }: WindowState): EpochWindow {
    const window = new EpochWindow(size, checked);
    window.#end = end;
    window.#lost = lost;
    window.#setRuns(window.#known, known);
    window.#setRuns(window.#whole, whole);
    return window;
  }

  /** O(window). */
  state(): WindowState {
    const { known, whole } = { known: this.#runs(this.#known), whole: this.#runs(this.#whole) };
    return { end: this.#end, checked: this.#checked, lost: this.#lost, known, whole };
  }

  /**
   * A part of what was taken whole is a repeat: its sender never got the answer to the whole, and was told later that it is
   * too large.
   */
  standing(seq: number, replaces: readonly number[]): Standing {
    if (replaces.some((number) => number < seq && this.#has(this.#whole, number))) return 'repeat';
    if (seq < this.#end - this.#size) return 'too_old';
    return this.#has(this.#known, seq) ? 'repeat' : 'new';
  }

  claim(seq: number, replaces: readonly number[]): Marked {
    const place = placeOf(seq, replaces);
    const { checked, lost } = { checked: this.#checked, lost: this.#lost };
    const gap = lost || this.#hasHole(place);
    const marked = [seq, ...replaces.filter((number) => number < seq)].filter((number) => this.#mark(number));
    if (this.#isInWindow(seq)) this.#set(this.#whole, seq);
    this.#checked = Math.max(checked, place);
    this.#lost = false;
    return {
      gap,
      undo: () => {
        for (const number of marked) if (this.#isInWindow(number)) this.#clear(number);
        this.#checked = Math.min(this.#checked, checked);
        this.#lost ||= lost;
      },
    };
  }

  pass(seq: number): void {
    this.#mark(seq);
  }

  lose(): void {
    this.#lost = true;
  }

  /**
   * Whether a number from `checked` to below `place` was never taken. Above the highest one nothing was, and below the window
   * nobody knows, so that no more is looked at than the window.
   */
  #hasHole(place: number): boolean {
    for (let number = this.#checked; number < place; number++) if (!this.#has(this.#known, number)) return true;
    return false;
  }

  #isInWindow(number: number): boolean {
    return number < this.#end && number >= this.#end - this.#size;
  }

  #has(bits: Uint32Array, number: number): boolean {
    const at = number % this.#size;
    return this.#isInWindow(number) && (bits[at >>> 5]! & (1 << (at & 31))) !== 0;
  }

  #set(bits: Uint32Array, number: number): void {
    const at = number % this.#size;
    bits[at >>> 5]! |= 1 << (at & 31);
  }

  /** True when the number was not marked and is now; below the window there is nothing to mark. */
  #mark(number: number): boolean {
    if (number >= this.#end) this.#slide(number + 1);
    if (!this.#isInWindow(number) || this.#has(this.#known, number)) return false;
    this.#set(this.#known, number);
    return true;
  }

  #clear(number: number): void {
    const at = number % this.#size;
    this.#known[at >>> 5]! &= ~(1 << (at & 31));
    this.#whole[at >>> 5]! &= ~(1 << (at & 31));
  }

  /** Makes `end` the number above the highest; what comes into the window is not taken. */
  #slide(end: number): void {
    if (end - this.#end >= this.#size) {
      this.#known.fill(0);
      this.#whole.fill(0);
    } else for (let number = this.#end; number < end; number++) this.#clear(number);
    this.#end = end;
  }

  #runs(bits: Uint32Array): number[] {
    const runs: number[] = [];
    for (let number = this.#from; number < this.#end; ) {
      const length = this.#wordIsFull(bits, number) ? 32 : 1;
      if (this.#has(bits, number)) {
        if (runs.at(-1) === number) runs[runs.length - 1] = number + length;
        else runs.push(number, number + length);
      }
      number += length;
    }
    return runs;
  }

  get #from(): number {
    return Math.max(0, this.#end - this.#size);
  }

  /** Whether 32 numbers from here on are all marked, or none of them is, as nearly always. */
  #wordIsFull(bits: Uint32Array, number: number): boolean {
    if (number % 32 !== 0 || number + 32 > this.#end) return false;
    const word = bits[(number % this.#size) >>> 5]!;
    return word === 0 || word === 0xffff_ffff;
  }

  #setRuns(bits: Uint32Array, runs: Runs): void {
    for (let i = 0; i + 1 < runs.length; i += 2) {
      const below = Math.min(runs[i + 1]!, this.#end);
      for (let number = Math.max(runs[i]!, this.#from); number < below; number++) this.#set(bits, number);
    }
  }
}
