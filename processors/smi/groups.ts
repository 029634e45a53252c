/** @module The counters of one target that have several series (histograms), by number, and what is known of each. */
import type { LatencyCells, RecordCells } from './cells.ts';

export class Groups {
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];
  /** Key of each, and the series bound of it. */
  readonly #keys: string[] = [];
  readonly #series: number[] = [];
  /** Record that each adds to. */
  readonly record: (RecordCells | null)[] = [];
  /** Where its buckets are added; null before the first. */
  readonly latency: (LatencyCells | null)[] = [];
  /** Groups whose buckets are others than when `latency` was chosen. */
  readonly changed = new Set<number>();
  /** Verdict of a scrape, valid while the mark equals the scrape. */
  mark = new Uint32Array(16);
  verdict = new Uint8Array(16);
  /** Scrape in which a series of it was last on the page, and one whose last value was known. */
  seen = new Uint32Array(16);
  known = new Uint32Array(16);

  /** Number of the counter with this key, made when new; null when it has none yet. */
  find(key: string): number | null {
    return this.#numbers.get(key) ?? null;
  }

  /** A series of `record` joins the counter with this key, made when new. Returns its number. */
  join(key: string, record: RecordCells): number {
    const known = this.#numbers.get(key);
    const group = known ?? this.#create(key, record);
    this.#series[group]! += 1;
    return group;
  }

  /** A series left. Returns the cells nobody of this counter needs any more, if it was the last. */
  leave(group: number): LatencyCells | null {
    this.#series[group]! -= 1;
    if (this.#series[group]! > 0) return null;
    const latency = this.latency[group]!;
    this.#numbers.delete(this.#keys[group]!);
    this.#keys[group] = '';
    this.changed.delete(group);
    this.record[group] = null;
    this.latency[group] = null;
    this.#free.push(group);
    return latency;
  }

  #create(key: string, record: RecordCells): number {
    const group = this.#free.pop() ?? this.#series.length;
    this.#numbers.set(key, group);
    this.#keys[group] = key;
    this.#series[group] = 0;
    this.record[group] = record;
    this.latency[group] = null;
    if (group >= this.mark.length) this.#grow();
    return group;
  }

  #grow(): void {
    this.mark = longer(this.mark, Uint32Array);
    this.verdict = longer(this.verdict, Uint8Array);
    this.seen = longer(this.seen, Uint32Array);
    this.known = longer(this.known, Uint32Array);
  }
}

function longer<A extends Uint32Array | Uint8Array>(array: A, Type: new (length: number) => A): A {
  const grown = new Type(array.length * 2);
  grown.set(array);
  return grown;
}
