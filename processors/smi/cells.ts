/**
 * @module Where deltas are added: every record has cells (numbers) in flat columns, one column per open slot.
 *
 * A series is bound to its cell once, when it is first seen; from then on adding is one indexed write.
 */

import type { Measure } from '../../pipeline/model/rules.ts';
import type { TrafficKey } from '../../pipeline/model/traffic.ts';

/** Measures that have one cell per record; buckets have one per bound. */
export type PlainMeasure = Exclude<Measure, 'latency_bucket'>;

/** The cells of one record. Cell numbers index the column of any open slot. */
export interface RecordCells {
  readonly key: TrafficKey;
  /** Dense number of this record, for marks per record. */
  readonly index: number;
  readonly plain: Map<PlainMeasure, number>;
  /** Cell per upper bound in milliseconds (Infinity included); values are cumulative. */
  readonly buckets: Map<number, number>;
  /** Finite bounds ascending, made anew only when a bound joins. */
  boundsMs: readonly number[] | null;
  /** Series bound here, of all targets; a record without any is freed once no open slot has something of it. */
  series: number;
}

/** Hands out cells and takes them back. Bounded by `maxRecords`. */
export class CellTable {
  readonly #records = new Map<string, RecordCells>();
  readonly #byIndex: (RecordCells | null)[] = [];
  readonly #freeIndexes: number[] = [];
  readonly #freeCells: number[] = [];
  readonly #maxRecords: number;
  #cells = 0;

  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  /** Number of cells ever handed out: the length a slot's column needs. */
  get cells(): number {
    return this.#cells;
  }
  /** Highest record index ever handed out, plus one. */
  get indexes(): number {
    return this.#byIndex.length;
  }
  get records(): number {
    return this.#records.size;
  }

  /** Record of `key`, made when new; null when the limit is reached. */
  record(key: TrafficKey): RecordCells | null {
    const known = this.#records.get(key.id);
    if (known !== undefined) return known;
    if (this.#records.size >= this.#maxRecords) return null;
    const index = this.#freeIndexes.pop() ?? this.#byIndex.length;
    const record: RecordCells = { key, index, plain: new Map(), buckets: new Map(), boundsMs: null, series: 0 };
    this.#byIndex[index] = record;
    this.#records.set(key.id, record);
    return record;
  }

  /** Cell of a measure (and bound) of a record, made when new. */
  cell(record: RecordCells, measure: Measure, boundMs: number): number {
    if (measure === 'latency_bucket') {
      const known = record.buckets.get(boundMs);
      if (known !== undefined) return known;
      record.boundsMs = null;
      return this.#bind(record.buckets, boundMs);
    }
    return record.plain.get(measure) ?? this.#bind(record.plain, measure);
  }

  #bind<K>(cells: Map<K, number>, key: K): number {
    const cell = this.#freeCells.pop() ?? this.#cells++;
    cells.set(key, cell);
    return cell;
  }

  /** Record with this index; null when there is none now. */
  at(index: number): RecordCells | null {
    return this.#byIndex[index] ?? null;
  }

  get hasRoom(): boolean {
    return this.#records.size < this.#maxRecords;
  }

  /** Frees a record that no series is bound to any more. Its cells must be 0 in every open slot. */
  free(record: RecordCells): void {
    if (!this.#records.delete(record.key.id)) return;
    this.#byIndex[record.index] = null;
    this.#freeIndexes.push(record.index);
    for (const cell of record.plain.values()) this.#freeCells.push(cell);
    for (const cell of record.buckets.values()) this.#freeCells.push(cell);
  }

  [Symbol.iterator](): IterableIterator<RecordCells> {
    return this.#records.values();
  }
}
