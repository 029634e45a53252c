/** @module Running totals: deltas added up per key since a start time, for consumers that want cumulative values. */
import { addCoverage, addRecord, copyRecord, equalBounds } from './sum.ts';
import type { CoverageRecord, LatencyHistogram, TrafficKey, TrafficRecord, TrafficSum } from './traffic.ts';

/** Since when a total counts, and when it was last told. */
interface Life {
  /** Start (ms since the epoch) of the first interval added; stays for as long as the total lives. */
  readonly startMs: number;
  /** `nowMs` of the last addition, of zeros too. */
  touchedMs: number;
}

/** Everything added under one identity. Written by `add`; nobody else writes it. */
export interface RunningRecord extends TrafficRecord, Life {}

/** How one target has been watched since `startMs`. */
export interface RunningCoverage extends CoverageRecord, Life {
  /** Intervals in which a first sight was only a baseline. */
  firstSights: number;
}

export interface RunningTotalsOptions {
  /** A total that nothing was added to for this long is forgotten, milliseconds. */
  readonly expirationMs: number;
  /** Totals kept at most, those of records and of coverage together. */
  readonly maxSeries: number;
  /** Records with equal identity share a total, whose `key` is the first one's. Default: `key.id`. Called once per id. */
  readonly identity?: (key: TrafficKey) => string;
  /** The same for coverage. Default: `target`. */
  readonly coverageIdentity?: (record: CoverageRecord) => string;
}

/** Ids remembered at most for each total allowed: several pods and peers add to the total of one workload. */
const IDS_PER_SERIES = 4;

/** Sets of bounds that one total keeps; a page whose bounds change all the time must not grow it without end. */
const MAX_BOUNDS_SETS = 32;

/** What became of the items of one sum; the three together are all of them. */
export interface Added {
  /** Began a total. */
  readonly begun: number;
  /** Were added to one. */
  readonly merged: number;
  /** Not kept, because `maxSeries` totals are there. */
  readonly refused: number;
}

/**
 * Totals of many sums. Counts are conserved: what was added is in a total, was refused, or was forgotten with its total.
 * An identity that comes back after it was forgotten begins at 0 with a new start. Not thread-safe; no timers.
 */
export class RunningTotals {
  readonly #options: RunningTotalsOptions;
  readonly #records: Family<TrafficRecord, RunningRecord>;
  readonly #coverage: Family<CoverageRecord, RunningCoverage>;
  #version = 0;
  #refused = 0;
  #forgotten = 0;
  #refusedHistograms = 0;

  constructor(options: RunningTotalsOptions) {
    this.#options = options;
    const { identity = (key) => key.id, coverageIdentity = (record) => record.target } = options;
    const maxIds = options.maxSeries * IDS_PER_SERIES;
    this.#records = new Family(
      ({ key }) => key.id,
      (record) => identity(record.key),
      beginRecord,
      (total, record) => this.#addRecord(total, record),
      maxIds,
    );
    this.#coverage = new Family(({ target }) => target, coverageIdentity, beginCoverage, addRunningCoverage, maxIds);
  }

  /** Totals kept: records plus coverage. */
  get size(): number {
    return this.#records.size + this.#coverage.size;
  }
  /** Ids that lead to totals without making their identity anew; at most four for each total allowed. */
  get ids(): number {
    return this.#records.ids + this.#coverage.ids;
  }
  /** Rises whenever a total begins or is forgotten; equal versions list the same totals in the same order. */
  get version(): number {
    return this.#version;
  }
  /** Items refused since the beginning. */
  get refused(): number {
    return this.#refused;
  }
  /** Histograms left out since the beginning, because their total has 32 other sets of bounds; their counts are kept. */
  get refusedHistograms(): number {
    return this.#refusedHistograms;
  }
  /** Totals forgotten since the beginning. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Adds every record of `sum`, which is not written, as told at `nowMs`. O(items). */
  add(sum: TrafficSum, nowMs: number): Added {
    const { startMs } = sum.interval;
    const counts = { begun: 0, merged: 0, refused: 0 };
    for (const record of sum.records) counts[this.#addTo(this.#records, record, startMs, nowMs)] += 1;
    for (const record of sum.coverage) counts[this.#addTo(this.#coverage, record, startMs, nowMs)] += 1;
    this.#refused += counts.refused;
    return counts;
  }

  #addTo<Item, Total extends Item & Life>(
    family: Family<Item, Total>,
    item: Item,
    startMs: number,
    nowMs: number,
  ): keyof Added {
    if (family.add(item, nowMs)) return 'merged';
    if (this.size >= this.#options.maxSeries) return 'refused';
    family.begin(item, startMs, nowMs);
    this.#version += 1;
    return 'begun';
  }

  #addRecord(total: RunningRecord, record: TrafficRecord): void {
    const held = total.latency ?? [];
    const fits = record.latency?.filter(({ boundsMs }) => hasRoomFor(held, boundsMs)) ?? null;
    const refused = (record.latency?.length ?? 0) - (fits?.length ?? 0);
    this.#refusedHistograms += refused;
    addRecord(total, refused === 0 ? record : { ...record, latency: fits });
  }

  /** Forgets the totals that nothing was added to since `nowMs` − `expirationMs`; returns how many. O(totals). */
  expire(nowMs: number): number {
    const limitMs = nowMs - this.#options.expirationMs;
    const count = this.#records.forget(limitMs) + this.#coverage.forget(limitMs);
    if (count > 0) this.#version += 1;
    this.#forgotten += count;
    return count;
  }

  /** Totals in the order in which they began; a live view. */
  records(): Iterable<RunningRecord> {
    return this.#records.totals();
  }
  coverage(): Iterable<RunningCoverage> {
    return this.#coverage.totals();
  }
}

/** An id and the total it leads to; many ids may lead to one, and each is forgotten when it is told no more. */
interface Alias<Total> {
  readonly total: Total;
  touchedMs: number;
}

/** Totals of one kind of item, found by id without making the identity again. */
class Family<Item, Total extends Item & Life> {
  readonly #idOf: (item: Item) => string;
  readonly #identityOf: (item: Item) => string;
  readonly #start: (item: Item, life: Life) => Total;
  readonly #addTo: (total: Total, item: Item) => void;
  readonly #maxIds: number;
  readonly #byId = new Map<string, Alias<Total>>();
  readonly #byIdentity = new Map<string, Total>();

  constructor(
    idOf: (item: Item) => string,
    identityOf: (item: Item) => string,
    start: (item: Item, life: Life) => Total,
    addTo: (total: Total, item: Item) => void,
    maxIds: number,
  ) {
    this.#idOf = idOf;
    this.#identityOf = identityOf;
    this.#start = start;
    this.#addTo = addTo;
    this.#maxIds = maxIds;
  }

  get size(): number {
    return this.#byIdentity.size;
  }
  get ids(): number {
    return this.#byId.size;
  }

  /** Adds to the total there is; false when there is none. */
  add(item: Item, nowMs: number): boolean {
    const id = this.#idOf(item);
    const alias = this.#byId.get(id);
    const total = alias?.total ?? this.#byIdentity.get(this.#identityOf(item));
    if (total === undefined) return false;
    this.#addTo(total, item);
    total.touchedMs = nowMs;
    if (alias === undefined) this.#remember(id, total);
    else alias.touchedMs = nowMs;
    return true;
  }

  /** Ids beyond the limit are not remembered: they find their total by its identity, which costs more. */
  #remember(id: string, total: Total): void {
    if (this.#byId.size < this.#maxIds) this.#byId.set(id, { total, touchedMs: total.touchedMs });
  }

  begin(item: Item, startMs: number, nowMs: number): void {
    const total = this.#start(item, { startMs, touchedMs: nowMs });
    this.#byIdentity.set(this.#identityOf(item), total);
    this.#remember(this.#idOf(item), total);
  }

  /** A total is told no later than the last of its ids, so that no id outlives its total. */
  forget(limitMs: number): number {
    let count = 0;
    for (const [id, { touchedMs }] of this.#byId) if (touchedMs <= limitMs) this.#byId.delete(id);
    for (const [identity, { touchedMs }] of this.#byIdentity) {
      if (touchedMs > limitMs) continue;
      this.#byIdentity.delete(identity);
      count += 1;
    }
    return count;
  }

  *totals(): Iterable<Total> {
    yield* this.#byIdentity.values();
  }
}

function hasRoomFor(held: readonly LatencyHistogram[], boundsMs: readonly number[]): boolean {
  return held.length < MAX_BOUNDS_SETS || held.some((histogram) => equalBounds(histogram.boundsMs, boundsMs));
}

function beginRecord(record: TrafficRecord, life: Life): RunningRecord {
  return { ...copyRecord(record), ...life };
}

function beginCoverage(record: CoverageRecord, life: Life): RunningCoverage {
  return { ...record, ...life, firstSights: record.firstSight ? 1 : 0 };
}

function addRunningCoverage(into: RunningCoverage, from: CoverageRecord): void {
  addCoverage(into, from);
  if (from.firstSight) into.firstSights += 1;
}
