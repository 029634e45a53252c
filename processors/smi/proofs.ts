/**
 * @module Series of one target that count only while others of it prove what they are of: a family that counts
 * connections and requests alike tells of requests only where there are any.
 */
/** A series that needs a proof, and whether it had it when last settled. */
interface Need {
  readonly name: string;
  isProven: boolean;
}

const NOTHING_CHANGED: ReadonlyMap<number, boolean> = new Map();

/** Bounded by the target's series. */
export class Proofs {
  /** By id of a series. */
  readonly #needs = new Map<number, Need>();
  readonly #proves = new Map<number, string>();
  /** Series that prove each name. */
  readonly #provers = new Map<string, number>();
  /** Series that need a proof and have none. */
  readonly unproven = new Set<number>();
  #isSettled = true;

  /** Series `id` proves `name`. */
  prove(id: number, name: string): void {
    const provers = this.#provers.get(name) ?? 0;
    this.#proves.set(id, name);
    this.#provers.set(name, provers + 1);
    if (provers === 0) this.#isSettled = false;
  }

  /** Series `id` needs a proof of `name`, and has none before `settle` says so. */
  need(id: number, name: string): void {
    this.#needs.set(id, { name, isProven: false });
    this.unproven.add(id);
    this.#isSettled = false;
  }

  /** Series `id` is over. */
  leave(id: number): void {
    if (this.#needs.delete(id)) this.unproven.delete(id);
    const name = this.#proves.get(id);
    if (name === undefined) return;
    this.#proves.delete(id);
    const provers = this.#provers.get(name)! - 1;
    if (provers > 0) this.#provers.set(name, provers);
    else {
      this.#provers.delete(name);
      this.#isSettled = false;
    }
  }

  /** Whether `settle` has nothing to say. O(1). */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Series whose standing changed since the last call, and what it is now. O(series that need), mostly O(1). */
  settle(): ReadonlyMap<number, boolean> {
    if (this.#isSettled) return NOTHING_CHANGED;
    const changed = new Map<number, boolean>();
    this.#isSettled = true;
    for (const [id, need] of this.#needs) {
      const isProven = this.#provers.has(need.name);
      if (isProven === need.isProven) continue;
      need.isProven = isProven;
      changed.set(id, isProven);
      if (isProven) this.unproven.delete(id);
      else this.unproven.add(id);
    }
    return changed;
  }
}
