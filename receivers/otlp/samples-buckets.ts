/**
 * @module Buckets that histograms have no more, until nothing that is held is of them any more either: they keep their ids, and
 * no page knows of them.
 */
import type { SeriesMeaning } from '../../pipeline/model/rules.ts';
import type { SeriesTable } from '../../pipeline/model/series.ts';
import type { Buckets } from './samples-series.ts';

/** Bounded by what is held, beside those that were left since pages were looked at last. */
export class LeftBuckets {
  readonly #table: SeriesTable;
  /** What each meant, by id. */
  readonly #meanings = new Map<number, SeriesMeaning>();

  constructor(table: SeriesTable) {
    this.#table = table;
  }

  get size(): number {
    return this.#meanings.size;
  }

  /** Whoever takes pages forgets these, as if they had never been. */
  leave(ids: readonly number[]): void {
    for (const id of ids) {
      this.#meanings.set(id, this.#table.meaningOf(id));
      this.#table.renew(id, null);
    }
  }

  /** Whoever takes pages takes these for new ones, if any were left. */
  enter(ids: readonly number[]): void {
    for (const id of ids) {
      const meaning = this.#meanings.get(id);
      if (meaning === undefined) continue;
      this.#table.renew(id, meaning);
      this.#meanings.delete(id);
    }
  }

  /** Takes those out that are not `kept`, to be forgotten. */
  takeBut(kept: ReadonlySet<number>): ReadonlySet<number> {
    const over = new Set([...this.#meanings.keys()].filter((id) => !kept.has(id)));
    for (const id of over) this.#meanings.delete(id);
    return over;
  }
}

/** Buckets that a histogram has, and where the same are among others. */
export interface CommonBuckets extends Buckets {
  /** Where each is among the others. */
  readonly places: readonly number[];
}

/** What a histogram has of the buckets with these finite bounds, the last one always. O(buckets). */
export function commonBuckets({ ids, bounds: had }: Buckets, others: Float64Array): CommonBuckets {
  const [common, bounds, places]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0, j = 0; i < had.length && j < others.length; ) {
    if (had[i] === others[j]) {
      common.push(ids[i]!);
      bounds.push(had[i]!);
      places.push(j);
    }
    if (had[i]! <= others[j]!) i += 1;
    else j += 1;
  }
  common.push(ids[had.length]!);
  places.push(others.length);
  return { ids: common, bounds: Float64Array.from(bounds), places };
}
