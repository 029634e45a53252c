/**
 * @module Whose series stand on the page of one target, where the series tell it themselves: a page of a whole node
 * vouches for every workload on it, so each of them is covered as well as the target is.
 */
import type { Identity } from '../../pipeline/model/resource.ts';
import { workloadKey } from '../../pipeline/model/resource.ts';

/** One workload on the page of a target. */
export interface Owned {
  readonly own: Identity;
  /** Series bound of it. */
  series: number;
  /** Newest slot open when the last of its series was gone; its counts may lie in slots up to this one. */
  lastSlot: number;
}

/** The workloads of one target other than the target's own. Bounded by the target's series. */
export class Owns {
  readonly #targetKey: string;
  readonly #byKey = new Map<string, Owned>();
  /** Whose the last series was, and its key: the series of a histogram come one after another. */
  #last: Identity;
  #lastKey: string;

  constructor(target: Identity) {
    this.#targetKey = ownKey(target);
    this.#last = target;
    this.#lastKey = this.#targetKey;
  }

  /** A series tells that it is of `own`. O(length of the names). */
  join(own: Identity): void {
    const key = this.#keyOf(own);
    if (key === this.#targetKey) return;
    const known = this.#byKey.get(key);
    if (known === undefined) this.#byKey.set(key, { own, series: 1, lastSlot: Number.POSITIVE_INFINITY });
    else known.series += 1;
  }

  /** Some series are over: nobody has any, until those that are left join again. O(workloads). */
  leaveAll(): void {
    for (const owned of this.#byKey.values()) owned.series = 0;
  }

  #keyOf(own: Identity): string {
    if (own === this.#last) return this.#lastKey;
    this.#last = own;
    this.#lastKey = ownKey(own);
    return this.#lastKey;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Canonical text of each workload, and the workload. */
  [Symbol.iterator](): IterableIterator<[key: string, owned: Owned]> {
    return this.#byKey.entries();
  }

  /** Slot `closed` was read out while `newest` was the newest one open: forgets whoever has no series in any slot left. */
  settle(closed: number, newest: number): void {
    for (const [key, owned] of this.#byKey) {
      if (owned.series > 0) owned.lastSlot = Number.POSITIVE_INFINITY;
      else if (owned.lastSlot === Number.POSITIVE_INFINITY) owned.lastSlot = newest;
      if (owned.lastSlot <= closed) this.#byKey.delete(key);
    }
  }
}

/** Text that is equal when identities are, whatever kind the workload is said to be. */
function ownKey({ workload, pod, podUid, node, serviceAccount }: Identity): string {
  return JSON.stringify([workloadKey(workload), pod, podUid, node, serviceAccount]);
}
