/**
 * @module What each series of one target means, as a few bytes: most series are buckets, and those of one histogram
 * differ in their bound only.
 */
import { grown, isRoomy, resized, trimmed } from './room.ts';
import type { SeriesMeaning, TrafficSeries } from './rules.ts';

/** Bounds that are told apart by number; a bucket with one more holds its meaning alone. */
const MOST_BOUNDS = 0xffff;

export class SeriesMeanings {
  /** By number: meanings held once, and the series of each. A number nobody has is given again. */
  readonly #held: SeriesMeaning[] = [];
  readonly #users: number[] = [];
  readonly #free: number[] = [];
  /** Number of the meaning that a bucket was last found to share, or that was added last. */
  #last = 0;
  /** Different bounds of buckets that share a meaning, by number from 1. Never forgotten: a target has few, or MOST_BOUNDS. */
  readonly #bounds: number[] = [0];
  readonly #boundNumbers = new Map<number, number>();
  /** By id: number of its meaning, and of the bound that it has instead; 0: the meaning is its own. */
  #meaning = new Uint32Array(64);
  #bound = new Uint16Array(64);
  #size = 0;

  /** One more than the highest id. */
  get size(): number {
    return this.#size;
  }

  /** Meaning of `id`. O(1). */
  of(id: number): SeriesMeaning {
    const held = this.#held[this.#meaning[id]!]!;
    const bound = this.#bound[id]!;
    return bound === 0 ? held : { ...(held as TrafficSeries), boundMs: this.#bounds[bound]! };
  }

  /** `id` means this from now on; ids are given in a row. Amortised O(1). */
  set(id: number, meaning: SeriesMeaning): void {
    const bound = this.#sharedBound(meaning);
    const number = bound > 0 ? this.#last : this.#hold(meaning);
    // Joined before the old one is left, which may be the same.
    this.#users[number]! += 1;
    if (id < this.#size) this.#leave(this.#meaning[id]!);
    else this.#size = id + 1;
    if (id >= this.#meaning.length) this.#resize(grown(this.#meaning.length));
    this.#last = number;
    this.#meaning[id] = number;
    this.#bound[id] = bound;
  }

  /** Every meaning held. */
  *inUse(): IterableIterator<SeriesMeaning> {
    for (const [number, meaning] of this.#held.entries()) if (this.#users[number]! > 0) yield meaning;
  }

  /** Gives back the room that growing left over. */
  trim(): void {
    if (isRoomy(this.#meaning.length, this.#size)) this.#resize(trimmed(this.#size));
  }

  /** Number of the bound with which `meaning` is the last one; 0 when it is not. The buckets of one stand in a row. */
  #sharedBound(meaning: SeriesMeaning): number {
    const last = this.#held[this.#last];
    if (last === undefined || this.#users[this.#last] === 0 || !areOfOne(last, meaning)) return 0;
    const { boundMs } = meaning as TrafficSeries;
    const known = this.#boundNumbers.get(boundMs);
    if (known !== undefined) return known;
    const number = this.#bounds.length;
    if (number > MOST_BOUNDS) return 0;
    this.#bounds.push(boundMs);
    this.#boundNumbers.set(boundMs, number);
    return number;
  }

  #hold(meaning: SeriesMeaning): number {
    const number = this.#free.pop() ?? this.#held.length;
    this.#held[number] = meaning;
    this.#users[number] = 0;
    return number;
  }

  #leave(number: number): void {
    this.#users[number]! -= 1;
    if (this.#users[number]! > 0) return;
    this.#held[number] = NOTHING;
    this.#free.push(number);
  }

  #resize(length: number): void {
    this.#meaning = resized(this.#meaning, length);
    this.#bound = resized(this.#bound, length);
  }
}

const NOTHING: SeriesMeaning = { role: 'filtered', reason: '' };

/** True for buckets of one histogram. */
function areOfOne(a: SeriesMeaning, b: SeriesMeaning): boolean {
  if (a.role !== 'traffic' || b.role !== 'traffic' || b.measure !== 'latency_bucket') return false;
  return (
    a.measure === b.measure &&
    a.group !== '' &&
    a.group === b.group &&
    a.own === b.own &&
    a.peer === b.peer &&
    a.side === b.side &&
    a.protocol === b.protocol &&
    a.counts === b.counts
  );
}
