/** @module `Delivery`: the receipt that rides with a batch and is settled exactly once (design §8). */

/** How a batch ended. `taken`: a branch has taken it over. `retry`: come again. `rejected`: do not. */
export type Outcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'retry'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reason: string };

export const TAKEN: Outcome = { kind: 'taken' };

const RANK = { taken: 0, retry: 1, rejected: 2 } as const;

/**
 * On what terms a batch is offered. `open`: nobody has it yet, so it may still be refused. `firm`: others may have it, so it
 * is taken, above limits if need be; whoever is offered it was asked before. `spare`: others have it, and this one said that
 * it yields to them: it drops and counts what it has no room for, and settles as taken.
 */
export type Terms = 'open' | 'firm' | 'spare';

/** Settles once; later calls are ignored. `onSettled` runs at once when it is settled already. Never throws. */
export class Delivery {
  readonly terms: Terms;
  /** The one that it is a share of, over all levels; itself when it is none. The same for all that was made of one batch. */
  readonly root: Delivery;
  #outcome: Outcome | null = null;
  #listeners: ((outcome: Outcome) => void)[] = [];

  constructor(terms: Terms = 'open', root: Delivery | null = null) {
    this.terms = terms;
    this.root = root ?? this;
  }

  get outcome(): Outcome | null {
    return this.#outcome;
  }

  settle(outcome: Outcome): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(outcome);
  }

  onSettled(listener: (outcome: Outcome) => void): void {
    if (this.#outcome !== null) listener(this.#outcome);
    else this.#listeners.push(listener);
  }

  /**
   * `count` children; this one settles with the worst of theirs once all are settled. 0 children: taken at once. Each has the
   * terms of this one unless `termsOf` says others by its index.
   */
  split(count: number, termsOf: (index: number) => Terms = () => this.terms): Delivery[] {
    const children = Array.from({ length: count }, (_, i) => new Delivery(termsOf(i), this.root));
    if (count === 0) this.settle(TAKEN);
    let open = count;
    let worst: Outcome = TAKEN;
    for (const child of children) {
      child.onSettled((outcome) => {
        if (RANK[outcome.kind] > RANK[worst.kind]) worst = outcome;
        open -= 1;
        if (open === 0) this.settle(worst);
      });
    }
    return children;
  }
}
