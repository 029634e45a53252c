/** @module Sets of histogram bounds, each held once however many histograms have it. */

/** One set of bounds. */
export interface BoundSet {
  /** Ascending, milliseconds, Infinity last where a histogram has it. The cells of a histogram are in this order. */
  readonly allMs: readonly number[];
  /** The finite ones of them. */
  readonly finiteMs: readonly number[];
  readonly key: string;
  /** Histograms of records that have it. */
  users: number;
}

/** All sets in use. Bounded by its users: a set that nobody has is forgotten. */
export class BoundSets {
  readonly #sets = new Map<string, BoundSet>();
  /** The set asked for last: most histograms of a mesh have the same. */
  #last: BoundSet | null = null;

  /** The set of these bounds (ascending, each once), made when new, with one user more. O(bounds). */
  join(allMs: readonly number[]): BoundSet {
    const set = this.#last !== null && isEqual(this.#last.allMs, allMs) ? this.#last : this.#find(allMs);
    set.users += 1;
    this.#last = set;
    return set;
  }

  leave(set: BoundSet): void {
    set.users -= 1;
    if (set.users > 0) return;
    this.#sets.delete(set.key);
    if (this.#last === set) this.#last = null;
  }

  get size(): number {
    return this.#sets.size;
  }

  #find(allMs: readonly number[]): BoundSet {
    const key = allMs.join(' ');
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const set: BoundSet = { allMs: [...allMs], finiteMs: allMs.filter(Number.isFinite), key, users: 0 };
    this.#sets.set(key, set);
    return set;
  }
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i]);
}
