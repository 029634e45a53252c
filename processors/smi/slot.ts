/** @module One open slot: a column of cells, who was on a page, and how well each target was watched. */
import type { Target } from '../../pipeline/batch.ts';
import { emptyCoverage } from '../../pipeline/model/coverage.ts';
import { MAX_COUNT, type Overflow, plus } from '../../pipeline/model/sum.ts';
import type {
  CoverageRecord,
  Interval,
  LatencyHistogram,
  TcpTotals,
  TrafficRecord,
  TrafficSum,
} from '../../pipeline/model/traffic.ts';
import { type CellTable, type LatencyCells, type PlainMeasure, plainCell, type RecordCells } from './cells.ts';
import type { Owns } from './owns.ts';

/** A slot into which nothing goes any more. */
export interface ClosingSlot {
  readonly interval: Interval;
  /** Read it out; each reads some thousand records. What they come to is there with the last one, as a whole. */
  readonly steps: Generator<void, TrafficSum, void>;
}

/** Records read out in one step: up to about 1 µs each. */
const STEP_RECORDS = 2048;

export class Slot {
  /** Number of the slot: its start divided by the slot length. */
  readonly number: number;
  /** Earlier once others told of what came before the cut. */
  startMs: number;
  readonly endMs: number;
  /** True when the watch began inside it. */
  readonly cut: boolean;
  column = new Float64Array(256);
  /** Marks records with a series on some page of this slot: `recordMark[index] === mark`. */
  recordMark = new Float64Array(64);
  readonly mark: number;
  readonly coverage = new Map<string, CoverageRecord>();
  clockAhead = false;
  /** Pages that are being added by steps. */
  pages = 0;
  readonly #cutMs: number;
  #lost: Overflow = { counts: 0 };

  /** `watchStartMs` cuts the slot in which the watch began: what came before it is nobody's, unless others tell of it. */
  constructor(number: number, slotMs: number, watchStartMs: number, mark: number) {
    this.number = number;
    this.#cutMs = watchStartMs;
    this.endMs = (number + 1) * slotMs;
    this.cut = watchStartMs > number * slotMs && watchStartMs < this.endMs;
    this.startMs = this.cut ? watchStartMs : number * slotMs;
    this.mark = mark;
  }

  /** True when others told of what came before the watch began inside it. */
  get reachesBack(): boolean {
    return this.cut && this.startMs < this.#cutMs;
  }

  /** Begins where what others told of it (`told`) begins, so that its length is that of its counts. It stays cut. */
  reachBack(told: Interval, slotMs: number): void {
    this.startMs = Math.min(this.startMs, Math.max(told.startMs, this.number * slotMs));
  }

  /**
   * End (ms) when it closes at `nowMs`. A slot that is cut there goes on to where what others told of it (`told`) ends, but not to
   * its whole end: by that whoever hears of it knows that it is the last.
   */
  endAt(nowMs: number, told: Interval | null): number {
    const cutMs = Math.max(nowMs, this.startMs + 1);
    if (cutMs >= this.endMs) return this.endMs;
    return Math.max(cutMs, Math.min(told?.endMs ?? cutMs, this.endMs - 1));
  }

  /** True when something of this record was added here. */
  has(record: RecordCells): boolean {
    return this.recordMark[record.index] === this.mark;
  }

  /** True when something was added to these cells here. O(bounds). */
  hasLatency({ first, bounds }: LatencyCells): boolean {
    return this.column.subarray(first, first + bounds.allMs.length).some((count) => count !== 0);
  }

  /** Makes room for every cell and record handed out so far. */
  grow(cells: number, indexes: number): void {
    if (cells > this.column.length) this.column = longer(this.column, cells);
    if (indexes > this.recordMark.length) this.recordMark = longer(this.recordMark, indexes);
  }

  /** Coverage record of a target in this slot, made when new. */
  cover(target: Target): CoverageRecord {
    const known = this.coverage.get(target.key);
    if (known !== undefined) return known;
    const record = emptyCoverage({ target: target.key, mesh: target.rules.mesh, own: target.own });
    this.coverage.set(target.key, record);
    return record;
  }

  /** Covers every workload that the target's series tell as well as the target is. Call once, when all else is settled. */
  coverOwns(target: Target, owns: Owns): void {
    const record = this.coverage.get(target.key);
    if (record === undefined) return;
    for (const [key, { own }] of owns) {
      const id = `${target.key} ${key}`;
      this.coverage.set(id, { ...record, target: id, own });
    }
  }

  /**
   * Records of every key that was on a page, idle ones with zeros, read out of the column by steps. `lost` grows by what no sum
   * holds. Meanwhile nothing may be added here, and nothing of what is here may be freed; records may come to the table and go
   * from it. O(records).
   */
  *readOutInSteps(table: CellTable, lost: Overflow): Generator<void, TrafficRecord[], void> {
    this.#lost = lost;
    const records: TrafficRecord[] = [];
    let looked = 0;
    for (const cells of table) {
      if (this.has(cells)) records.push(this.#record(cells));
      if (++looked % STEP_RECORDS === 0) yield;
    }
    return records;
  }

  #record(cells: RecordCells): TrafficRecord {
    const unreached = this.#plain(cells, 'unreached');
    return {
      key: cells.key,
      successes: this.#plain(cells, 'success'),
      failures: plus(this.#plain(cells, 'failure'), unreached, this.#lost),
      unreached,
      latency: this.#latency(cells),
      tcp: this.#tcp(cells),
    };
  }

  #plain(cells: RecordCells, measure: PlainMeasure): number {
    return plus(this.column[plainCell(cells, measure)] ?? 0, 0, this.#lost);
  }

  #latency({ latency }: RecordCells): LatencyHistogram[] | null {
    const histograms: LatencyHistogram[] = [];
    for (const cells of latency) {
      const histogram = this.#histogram(cells);
      if (histogram !== null) histograms.push(histogram);
    }
    return histograms.length === 0 ? null : histograms;
  }

  /** Null when nothing was added to it here. */
  #histogram({ bounds, first }: LatencyCells): LatencyHistogram | null {
    const { allMs, finiteMs } = bounds;
    const counts = new Float64Array(finiteMs.length + 1);
    let below = 0;
    // Cumulative to single buckets. A bucket may trail the one before only through unreadable lines: then it adds none.
    for (let i = 0; i < allMs.length; i++) {
      const upTo = Math.max(below, Math.min(MAX_COUNT, this.column[first + i] ?? 0));
      counts[i] = upTo - below;
      below = upTo;
    }
    plus(this.column[first + allMs.length - 1] ?? 0, 0, this.#lost);
    return below === 0 ? null : { boundsMs: finiteMs, counts };
  }

  #tcp(cells: RecordCells): TcpTotals | null {
    const totals: TcpTotals = {
      opened: this.#plain(cells, 'tcp_opened'),
      closed: this.#plain(cells, 'tcp_closed'),
      readBytes: this.#plain(cells, 'tcp_read_bytes'),
      writtenBytes: this.#plain(cells, 'tcp_written_bytes'),
    };
    return totals.opened + totals.closed + totals.readBytes + totals.writtenBytes === 0 ? null : totals;
  }
}

function longer(array: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(Math.max(length, array.length * 2));
  grown.set(array);
  return grown;
}
