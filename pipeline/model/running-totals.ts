/** @module Running totals: deltas added up per key since a start time, for consumers that want cumulative values. */
import { emptyCoverage } from './coverage.ts';
import { addCoverage, addRecord, copyRecord, equalBounds, type Overflow } from './sum.ts';
import type { CoverageRecord, TrafficKey, TrafficRecord, TrafficSum } from './traffic.ts';

/** Since when a total counts, and when it was last told. */
interface Life {
  /** Start (ms since the epoch) of the first interval added; stays for as long as the total lives. */
  readonly startMs: number;
  /** `nowMs` of the last addition, of zeros too. */
  touchedMs: number;
}

/** Everything added under one identity. Written by `add`; nobody else writes it. */
export interface RunningRecord extends TrafficRecord, Life {}

/** How one target has been watched since `startMs`. No number of it ever falls. */
export interface RunningCoverage extends CoverageRecord, Life {
  /** Intervals in which a first sight was only a baseline. */
  firstSights: number;
  /** What was taken back and not yet made up for by what came since; null while nothing ever was. */
  takenBack: Pick<CoverageRecord, (typeof TAKEN_BACK)[number]> | null;
}

/** Numbers of coverage that late traffic may take back. */
const TAKEN_BACK = ['scrapesDue', 'scrapesMissed', 'coveredSeconds', 'expectedSeconds', 'resets'] as const;

export interface RunningTotalsOptions {
  /** A total that nothing was added to for this long is forgotten, milliseconds. */
  readonly expirationMs: number;
  /** Totals kept at most, those of records and of coverage together. */
  readonly maxSeries: number;
  /**
   * Records with equal identity share a total, whose `key` is the first one's. Default: `key.id`. Called once for each id
   * that is remembered, which is as long as something tells it within `expirationMs`, whatever else its total is told by.
   */
  readonly identity?: (key: TrafficKey) => string;
  /** The same for coverage. Default: `target`. */
  readonly coverageIdentity?: (record: CoverageRecord) => string;
}

/** Ids remembered at most for each total allowed, all together: many pods and peers add to the total of one workload. */
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
  readonly #ids: IdRoom;
  readonly #records: Family<TrafficRecord, RunningRecord>;
  readonly #coverage: Family<CoverageRecord, RunningCoverage>;
  #version = 0;
  #refused = 0;
  #forgotten = 0;
  #refusedHistograms = 0;
  readonly #overflow: Overflow = { counts: 0 };

  constructor(options: RunningTotalsOptions) {
    this.#options = options;
    const { identity, coverageIdentity, maxSeries } = options;
    this.#ids = { held: 0, limit: maxSeries * IDS_PER_SERIES, turnedAway: 0 };
    this.#records = new Family<TrafficRecord, RunningRecord>(this.#ids, {
      idOf: ({ key }) => key.id,
      identityOf: identity === undefined ? null : ({ key }) => identity(key),
      begin: (record, life) => ({ ...copyRecord(this.#fitting(record, null)), ...life }),
      addTo: (total, record) => addRecord(total, this.#fitting(record, total), this.#overflow),
    });
    this.#coverage = new Family<CoverageRecord, RunningCoverage>(this.#ids, {
      idOf: ({ target }) => target,
      identityOf: coverageIdentity ?? null,
      begin: beginCoverage,
      addTo: (total, record) => addRunningCoverage(total, record, this.#overflow),
    });
  }

  /** Totals kept: records plus coverage. */
  get size(): number {
    return this.#records.size + this.#coverage.size;
  }
  /** Ids remembered for an `identity` that differs from them; at most four for each total allowed. */
  get ids(): number {
    return this.#ids.held;
  }
  /** Times that an id found no room among them, so that its identity will be made again; no number changes by that. */
  get idsTurnedAway(): number {
    return this.#ids.turnedAway;
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
  /** Counts lost since the beginning, because their total stands at the most that counts. */
  get cappedCounts(): number {
    return this.#overflow.counts;
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

  /** `record` with no more histograms than its total has room for; nearly always itself. */
  #fitting(record: TrafficRecord, total: TrafficRecord | null): TrafficRecord {
    const told = record.latency?.length ?? 0;
    const held = total?.latency ?? [];
    if (held.length + told <= MAX_BOUNDS_SETS || record.latency === null) return record;
    let free = MAX_BOUNDS_SETS - held.length;
    const fits = record.latency.filter(
      ({ boundsMs }) => held.some((histogram) => equalBounds(histogram.boundsMs, boundsMs)) || free-- > 0,
    );
    this.#refusedHistograms += told - fits.length;
    return { ...record, latency: fits };
  }

  /** Forgets totals and ids that nothing told since `nowMs` − `expirationMs`; returns how many totals. O(totals + ids). */
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

/** How many ids the families of one object remember together. */
interface IdRoom {
  held: number;
  readonly limit: number;
  turnedAway: number;
}

/** An id and the total it leads to; many ids may lead to one, and each is forgotten when it is told no more. */
interface Alias<Total> {
  readonly total: Total;
  touchedMs: number;
}

interface FamilyParts<Item, Total> {
  readonly idOf: (item: Item) => string;
  /** Null where the id is the identity: then no ids are remembered beside it. */
  readonly identityOf: ((item: Item) => string) | null;
  readonly begin: (item: Item, life: Life) => Total;
  readonly addTo: (total: Total, item: Item) => void;
}

/** Totals of one kind of item, found by id without making the identity again. */
class Family<Item, Total extends Item & Life> {
  readonly #room: IdRoom;
  readonly #parts: FamilyParts<Item, Total>;
  readonly #byId = new Map<string, Alias<Total>>();
  readonly #byIdentity = new Map<string, Total>();

  constructor(room: IdRoom, parts: FamilyParts<Item, Total>) {
    this.#room = room;
    this.#parts = parts;
  }

  get size(): number {
    return this.#byIdentity.size;
  }

  /** Adds to the total there is; false when there is none. */
  add(item: Item, nowMs: number): boolean {
    const total = this.#find(item, nowMs);
    if (total === undefined) return false;
    this.#parts.addTo(total, item);
    total.touchedMs = nowMs;
    return true;
  }

  #find(item: Item, nowMs: number): Total | undefined {
    const { idOf, identityOf } = this.#parts;
    const id = idOf(item);
    if (identityOf === null) return this.#byIdentity.get(id);
    const alias = this.#byId.get(id);
    if (alias !== undefined) {
      alias.touchedMs = nowMs;
      return alias.total;
    }
    const total = this.#byIdentity.get(identityOf(item));
    if (total !== undefined) this.#remember(id, total, nowMs);
    return total;
  }

  #remember(id: string, total: Total, nowMs: number): void {
    const room = this.#room;
    if (room.held >= room.limit) {
      room.turnedAway += 1;
      return;
    }
    room.held += 1;
    this.#byId.set(id, { total, touchedMs: nowMs });
  }

  begin(item: Item, startMs: number, nowMs: number): void {
    const { idOf, identityOf, begin } = this.#parts;
    const total = begin(item, { startMs, touchedMs: nowMs });
    const id = idOf(item);
    this.#byIdentity.set(identityOf?.(item) ?? id, total);
    if (identityOf !== null) this.#remember(id, total, nowMs);
  }

  /** How many totals were forgotten. An id goes with its total, or before it when only others tell that one. */
  forget(limitMs: number): number {
    for (const [id, { total, touchedMs }] of this.#byId) {
      if (touchedMs > limitMs && total.touchedMs > limitMs) continue;
      this.#byId.delete(id);
      this.#room.held -= 1;
    }
    const before = this.#byIdentity.size;
    for (const [identity, { touchedMs }] of this.#byIdentity)
      if (touchedMs <= limitMs) this.#byIdentity.delete(identity);
    return before - this.#byIdentity.size;
  }

  totals(): Iterable<Total> {
    return this.#byIdentity.values();
  }
}

function beginCoverage(record: CoverageRecord, life: Life): RunningCoverage {
  const total: RunningCoverage = { ...emptyCoverage(record), ...life, firstSights: 0, takenBack: null };
  addRunningCoverage(total, record);
  return total;
}

/** What takes back more than it brings waits for what comes next: readers take a total that falls for a new life. */
function addRunningCoverage(into: RunningCoverage, from: CoverageRecord, lost?: Overflow): void {
  if (from.firstSight) into.firstSights += 1;
  if (into.takenBack === null && !TAKEN_BACK.some((field) => from[field] < 0)) {
    addCoverage(into, from, lost);
    return;
  }
  into.firstSight ||= from.firstSight;
  into.takenBack ??= emptyCoverage(from);
  for (const field of TAKEN_BACK) {
    const rise = from[field] - into.takenBack[field];
    into[field] += Math.max(0, rise);
    into.takenBack[field] = Math.max(0, -rise);
  }
}
