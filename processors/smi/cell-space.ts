/** @module Cell numbers by the run: a histogram has as many next to each other as it has bounds. */

/** Hands out runs of consecutive cell numbers and takes them back; a number given back is handed out again. */
export class CellSpace {
  /** First numbers of free runs by the length of the run. */
  readonly #free = new Map<number, number[]>();
  #size = 0;

  /** Cells ever handed out: the length a column needs. */
  get size(): number {
    return this.#size;
  }

  /** First of `length` consecutive numbers that nobody has. */
  take(length: number): number {
    const run = roomyLength(length);
    const known = this.#free.get(run)?.pop();
    if (known !== undefined) return known;
    const first = this.#size;
    this.#size += run;
    return first;
  }

  /** Gives back what `take(length)` handed out. */
  give(first: number, length: number): void {
    const run = roomyLength(length);
    const runs = this.#free.get(run);
    if (runs === undefined) this.#free.set(run, [first]);
    else runs.push(first);
  }
}

/** Few different lengths, so that a free run is soon of use again whatever bounds come and go. */
function roomyLength(length: number): number {
  return length <= 64 ? Math.ceil(length / 4) * 4 : 2 ** Math.ceil(Math.log2(length));
}
