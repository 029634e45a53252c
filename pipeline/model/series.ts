/**
 * @module One target's series: resolved once, then small integers with typed columns.
 *
 * The scanner writes a scrape's values straight into these columns; a scrape that fails is abandoned and leaves the
 * columns' contents meaningless until the next one, which is why readers go by `seen[id] === scrape`.
 */
import { grown, isRoomy, resized, trimmed } from './room.ts';
import type { SeriesMeaning } from './rules.ts';
import { SeriesMeanings } from './series-meanings.ts';

/** Rises by one per scrape, starting at 1; 0 means never. */
export type ScrapeNumber = number;

const RELEASED: SeriesMeaning = { role: 'filtered', reason: 'released' };

export class SeriesTable {
  readonly #meanings = new SeriesMeanings();
  /** Rises whenever an id is released or given anew; readers that bound ids to something look again then. */
  version = 0;
  /** By id, the version in which it was last released or given anew; null before any was. */
  #changed: Uint32Array | null = null;
  readonly #free: number[] = [];
  /** Value of series `id` in the scrape that `seen[id]` names. Replaced by another array when it grows or is trimmed. */
  values = new Float64Array(64);
  /** Scrape in which series `id` was last on the page. */
  seen = new Uint32Array(64);
  /** Times series `id` stood on the page of scrape `seen[id]`; 1 unless the page repeats it. */
  repeats = new Uint16Array(64);

  /** Ids ever handed out: what readers' own columns must hold at least. */
  get size(): number {
    return this.#meanings.size;
  }
  /** Length of the columns: what readers' own columns may be as long as. */
  get capacity(): number {
    return this.values.length;
  }
  /** Series kept now. */
  get live(): number {
    return this.size - this.#free.length;
  }

  /** Adds a series and returns its id, one released before if there is any. Amortised O(1). */
  add(meaning: SeriesMeaning): number {
    const released = this.#free.pop();
    if (released !== undefined) {
      this.#change(released, meaning);
      return released;
    }
    const id = this.size;
    if (id >= this.values.length) this.#resize(grown(this.values.length));
    this.#meanings.set(id, meaning);
    return id;
  }

  /** Meaning of series `id`; an object of its own each time where series share most of theirs. O(1). */
  meaningOf(id: number): SeriesMeaning {
    return this.#meanings.of(id);
  }

  /** Meanings that cover those of all series but for the bounds of buckets. O(series). */
  meaningsInUse(): IterableIterator<SeriesMeaning> {
    return this.#meanings.inUse();
  }

  /** True when the id was released or given anew after `version`: what was bound to it is over. */
  changedSince(id: number, version: number): boolean {
    return this.#changed !== null && (this.#changed[id] ?? 0) > version;
  }

  /**
   * What is bound to `id` is over, and whoever reads it next takes it for a new series that means this; null: for none, until
   * it is given a meaning again. The id stays in use. Not while a page is being read. Amortised O(1).
   */
  renew(id: number, meaning: SeriesMeaning | null): void {
    this.#change(id, meaning ?? RELEASED);
  }

  /** Forgets a series. Only for one that was not on the last good page; back later it is a new series. */
  release(id: number): void {
    this.#change(id, RELEASED);
    this.seen[id] = 0;
    this.#free.push(id);
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

  /** Gives back the room that growing left over. O(series) when there is much. */
  trim(): void {
    if (isRoomy(this.values.length, this.size)) this.#resize(trimmed(this.size));
    this.#meanings.trim();
  }

  #change(id: number, meaning: SeriesMeaning): void {
    this.#meanings.set(id, meaning);
    this.version += 1;
    if (this.#changed === null || id >= this.#changed.length)
      this.#changed = resized(this.#changed ?? new Uint32Array(0), this.values.length);
    this.#changed[id] = this.version;
  }

  #resize(length: number): void {
    this.values = resized(this.values, length);
    this.seen = resized(this.seen, length);
    this.repeats = resized(this.repeats, length);
  }
}
