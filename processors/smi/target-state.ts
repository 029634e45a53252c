/** @module What `smi` remembers of one target: the last good values, and which cell each series adds to. */
import type { Target } from '../../pipeline/batch.ts';
import { type KnownLife, LifeSeries } from '../../pipeline/model/lives.ts';
import { resized } from '../../pipeline/model/room.ts';
import { Groups } from './groups.ts';
import { Owns } from './owns.ts';
import { Proofs } from './proofs.ts';

/** Memory of a series. */
export const NEW = 0;
/** `last` holds its last good value. */
export const KNOWN = 1;
/** Evicted by the proxy: back later, it counts from 0. */
export const GONE = 2;
/** On the page before it could be read: its next good value is only a baseline. */
export const UNREAD = 3;
/** Absent once while the rest of its counter was on the page: `last` stands for one page more. */
export const MISSING = 4;

/** A series without a cell: not traffic, filtered, or beyond a limit. */
export const NO_CELL = -1;

export class TargetState {
  readonly target: Target;
  last = new Float64Array(64);
  memory = new Uint8Array(64);
  repeats = new Uint16Array(64);
  /** Cell each series adds to. */
  cell = new Int32Array(64).fill(NO_CELL);
  /** Index of the record each series belongs to, -1 without one. */
  record = new Int32Array(64).fill(-1);
  /** Number of the counter (histogram) a series is part of, -1 when it stands alone. */
  group = new Int32Array(64).fill(-1);
  readonly groups = new Groups();
  /** Series bound so far, and the table's version then. */
  bound = 0;
  version = 0;
  /** Series that tell of the process. */
  readonly lifeSeries = new LifeSeries();
  readonly proofs = new Proofs();
  /** Workloads that the series tell, other than the target's own. */
  readonly owns: Owns;
  /** Series of this Weir's own exports, and those that `max_records` had no room for. */
  readonly ownExports = new Set<number>();
  readonly overLimit = new Set<number>();

  /** Engine time (ms) of discovery, and of the end of the target's life (null while it lives). */
  readonly discoveredMs: number;
  goneMs: number | null = null;
  /** Engine time (ms) from which its life counts; null until the first good scrape. */
  lifeStartMs: number | null = null;
  /** It lived before it was discovered, nobody knows since when. */
  isOlder = false;
  /** The life of the process behind it as last seen; null until the first good scrape. */
  life: KnownLife | null = null;
  /** False until a page without skipped lines was seen: until then an unknown series may be an old one. */
  sawWholePage = false;
  nextDueMs: number | null;
  /** True between discovery and the end of the first, unscheduled scrape. */
  firstPending = true;
  /** Scheduled time already counted as missed because its slot closed before it ended. */
  countedDueMs: number | null = null;

  constructor(target: Target, discoveredMs: number, nextDueMs: number | null) {
    this.target = target;
    this.owns = new Owns(target.own);
    this.discoveredMs = discoveredMs;
    this.nextDueMs = nextDueMs;
  }

  /** Makes the columns as long as the table's. O(series) when they are not. */
  fit(): void {
    const { capacity } = this.target.series;
    const length = this.last.length;
    if (capacity === length) return;
    this.last = resized(this.last, capacity);
    this.memory = resized(this.memory, capacity);
    this.repeats = resized(this.repeats, capacity);
    this.cell = resized(this.cell, capacity).fill(NO_CELL, length);
    this.record = resized(this.record, capacity).fill(-1, length);
    this.group = resized(this.group, capacity).fill(-1, length);
  }
}
