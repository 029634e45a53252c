/**
 * @module One target's series: resolved once, then small integers with typed columns.
 *
 * The scanner writes a scrape's values straight into these columns; a scrape that fails is abandoned and leaves the
 * columns' contents meaningless until the next one, which is why readers go by `seen[id] === scrape`.
 */
import type { SeriesMeaning } from './rules.ts';

/** Rises by one per scrape, starting at 1; 0 means never. */
export type ScrapeNumber = number;

const RELEASED: SeriesMeaning = { role: 'filtered', reason: 'released' };

export class SeriesTable {
  /** Meaning of series `id`. An id whose series was released may later mean another one: see `version`. */
  readonly meanings: SeriesMeaning[] = [];
  /** Rises whenever an id is released or given anew; readers that bound ids to something look again then. */
  version = 0;
  readonly #free: number[] = [];
  /** Value of series `id` in the scrape that `seen[id]` names. Replaced by a longer array when it grows. */
  values = new Float64Array(64);
  /** Scrape in which series `id` was last on the page. */
  seen = new Uint32Array(64);
  /** Times series `id` stood on the page of scrape `seen[id]`; 1 unless the page repeats it. */
  repeats = new Uint16Array(64);

  /** Ids ever handed out: the length readers' own columns need. */
  get size(): number {
    return this.meanings.length;
  }
  /** Series kept now. */
  get live(): number {
    return this.meanings.length - this.#free.length;
  }

  /** Adds a series and returns its id, one released before if there is any. Amortised O(1). */
  add(meaning: SeriesMeaning): number {
    const released = this.#free.pop();
    if (released !== undefined) {
      this.meanings[released] = meaning;
      this.version += 1;
      return released;
    }
    const id = this.meanings.length;
    this.meanings.push(meaning);
    if (id >= this.values.length) this.#grow();
    return id;
  }

  /** Forgets a series. Only for one that was not on the last good page; back later it is a new series. */
  release(id: number): void {
    this.meanings[id] = RELEASED;
    this.seen[id] = 0;
    this.#free.push(id);
    this.version += 1;
  }

  /**
   * Stores one sample. A repeated series is summed (design §6); a bad value among repeats makes the sum NaN, so that
   * the reader ignores the whole series for this scrape.
   */
  store(id: number, value: number, scrape: ScrapeNumber): void {
    if (this.seen[id] !== scrape) {
      this.seen[id] = scrape;
      this.values[id] = value;
      this.repeats[id] = 1;
      return;
    }
    const sum = this.values[id]!;
    this.values[id] = value >= 0 && sum >= 0 ? sum + value : Number.NaN;
    if (this.repeats[id]! < 0xffff) this.repeats[id]!++;
  }

  #grow(): void {
    const size = this.values.length * 2;
    const values = new Float64Array(size);
    values.set(this.values);
    const seen = new Uint32Array(size);
    seen.set(this.seen);
    const repeats = new Uint16Array(size);
    repeats.set(this.repeats);
    this.values = values;
    this.seen = seen;
    this.repeats = repeats;
  }
}
