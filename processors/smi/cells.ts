/**
 * @module Where deltas are added: every record has cells (numbers) in flat columns, one column per open slot.
 *
 * A series is bound to its cell once, when it is first seen; from then on adding is one indexed write.
 */

import type { Measure } from '../../pipeline/model/rules.ts';
import type { TrafficKey } from '../../pipeline/model/traffic.ts';
import { type BoundSet, BoundSets } from './bounds.ts';
import { CellSpace } from './cell-space.ts';

/** Measures that have one cell per record; buckets have one per bound of their histogram. */
export type PlainMeasure = Exclude<Measure, 'latency_bucket'>;

/** Where each of them lies among the plain cells of a record. */
const PLACES: Readonly<Record<PlainMeasure, number>> = {
  success: 0,
  failure: 1,
  unreached: 2,
  latency_sum_ms: 3,
  tcp_opened: 4,
  tcp_closed: 5,
  tcp_read_bytes: 6,
  tcp_written_bytes: 7,
};
const PLAIN_CELLS = 8;
/** Key of the one record that is no record. */
const NO_KEY: TrafficKey = {
  id: '',
  mesh: '',
  side: 'client',
  own: {
    workload: { cluster: '', namespace: '', name: '', kind: '' },
    pod: '',
    podUid: '',
    node: '',
    serviceAccount: '',
  },
  peer: { workload: null, pod: '', service: '', serviceNamespace: '', serviceAccount: '' },
  protocol: '',
  counts: 'requests',
};

/** The cells of one record. Cell numbers index the column of any open slot. */
export interface RecordCells {
  readonly key: TrafficKey;
  /** Dense number of this record, for marks per record. */
  readonly index: number;
  /** First of its plain cells. */
  readonly plain: number;
  /** One per set of bounds: histograms with unlike bounds do not add up. */
  readonly latency: LatencyCells[];
  /** Series bound here, of all targets; a record without any is freed once no open slot has something of it. */
  series: number;
}

/** The cells of all histograms of one record that have the same bounds; values are cumulative. */
export interface LatencyCells {
  readonly record: RecordCells;
  readonly bounds: BoundSet;
  /** Cell of the lowest bound; the others follow. */
  readonly first: number;
  /** Histograms bound here; without any it is freed once no open slot has something in its cells. */
  histograms: number;
}

/** Hands out cells and takes them back. Bounded by `maxRecords` and the series bound. */
export class CellTable {
  readonly #records = new Map<string, RecordCells>();
  readonly #byIndex: (RecordCells | null)[] = [];
  readonly #freeIndexes: number[] = [];
  readonly #space = new CellSpace();
  readonly #bounds = new BoundSets();
  readonly #maxRecords: number;
  #nowhere: RecordCells | null = null;

  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  /** Number of cells ever handed out: the length a slot's column needs. */
  get cells(): number {
    return this.#space.size;
  }
  /** Highest record index ever handed out, plus one. */
  get indexes(): number {
    return this.#byIndex.length;
  }
  get records(): number {
    return this.#records.size;
  }
  /** Different sets of bounds in use. */
  get boundSets(): number {
    return this.#bounds.size;
  }
  get hasRoom(): boolean {
    return this.#records.size < this.#maxRecords;
  }

  /** Record of `key`, made when new; null when the limit is reached. */
  record(key: TrafficKey): RecordCells | null {
    const known = this.#records.get(key.id);
    if (known !== undefined) return known;
    if (!this.hasRoom) return null;
    const record = this.#make(key);
    this.#records.set(key.id, record);
    return record;
  }

  /** A record that nobody reads out and that is never freed, for what is followed and does not count. */
  get nowhere(): RecordCells {
    this.#nowhere ??= this.#make(NO_KEY);
    return this.#nowhere;
  }

  #make(key: TrafficKey): RecordCells {
    const index = this.#freeIndexes.pop() ?? this.#byIndex.length;
    const record: RecordCells = { key, index, plain: this.#space.take(PLAIN_CELLS), latency: [], series: 0 };
    this.#byIndex[index] = record;
    return record;
  }

  /** Record with this index; null when there is none now. */
  at(index: number): RecordCells | null {
    return this.#byIndex[index] ?? null;
  }

  /** Cells of `record` for histograms with these bounds (ascending, each once), with one histogram more. O(bounds). */
  joinLatency(record: RecordCells, allMs: readonly number[]): LatencyCells {
    const bounds = this.#bounds.join(allMs);
    let cells = record.latency.find((candidate) => candidate.bounds === bounds);
    if (cells === undefined) {
      cells = { record, bounds, first: this.#space.take(bounds.allMs.length), histograms: 0 };
      record.latency.push(cells);
    } else this.#bounds.leave(bounds);
    cells.histograms += 1;
    return cells;
  }

  /** Frees cells without histograms, unless their record is freed already. They must be 0 in every open slot. */
  freeLatency(cells: LatencyCells): void {
    const { record, bounds, first } = cells;
    const place = record.latency.indexOf(cells);
    if (place < 0) return;
    record.latency.splice(place, 1);
    this.#space.give(first, bounds.allMs.length);
    this.#bounds.leave(bounds);
  }

  /** Frees a record that no series is bound to any more. Its cells must be 0 in every open slot. */
  free(record: RecordCells): void {
    if (!this.#records.delete(record.key.id)) return;
    this.#byIndex[record.index] = null;
    this.#freeIndexes.push(record.index);
    this.#space.give(record.plain, PLAIN_CELLS);
    for (const cells of [...record.latency]) this.freeLatency(cells);
  }

  [Symbol.iterator](): IterableIterator<RecordCells> {
    return this.#records.values();
  }
}

/** True for a cell of a plain measure of the record, false for one of a histogram. */
export function isPlainCell(record: RecordCells, cell: number): boolean {
  return cell >= record.plain && cell < record.plain + PLAIN_CELLS;
}

/** Cell of a plain measure of a record. */
export function plainCell(record: RecordCells, measure: PlainMeasure): number {
  return record.plain + PLACES[measure];
}
