/**
 * @module Requests with so many samples that others would wait for them: one of them at a time, beside all short ones. Only
 * who has something of the same proxies waits, so that what comes of one proxy is taken in its order.
 */

/** Bounded by the requests that are being taken. */
export class LongRequests {
  /** When the long request has ended that has something of a proxy. */
  readonly #claimed = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  /** The long requests that have something of one of `whose`, whether it is their turn or not. */
  waits(whose: Iterable<string>): Promise<void>[] {
    if (this.#claimed.size === 0) return [];
    const found = new Set<Promise<void>>();
    for (const one of whose) {
      const claim = this.#claimed.get(one);
      if (claim !== undefined) found.add(claim);
    }
    return [...found];
  }

  /** A long request that nothing of `whose` is claimed for yet. It has its turn at once when none else has. */
  claim(whose: Iterable<string>): LongTurn {
    const keys = [...whose];
    let tellEnd = () => {};
    const end = new Promise<void>((resolve) => {
      tellEnd = resolve;
    });
    for (const key of keys) this.#claimed.set(key, end);
    const hasTurn = !this.#isBusy;
    this.#isBusy = true;
    const turn = hasTurn ? Promise.resolve() : new Promise<void>((resolve) => void this.#waiting.push(resolve));
    return {
      ...{ hasTurn, turn },
      end: () => {
        for (const key of keys) this.#claimed.delete(key);
        tellEnd();
        this.#pass();
      },
    };
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isBusy = false;
    else next();
  }
}

/** The turn of one long request. */
export interface LongTurn {
  /** Whether it had its turn at once. */
  readonly hasTurn: boolean;
  readonly turn: Promise<void>;
  /** To be called once, when it has had its turn and all is done. */
  end(): void;
}
