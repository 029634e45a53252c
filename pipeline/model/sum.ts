/** @module Adding traffic: windows, overflow, gateways and namespaces are all this one operation. */
import type { CoverageRecord, Interval, LatencyHistogram, TrafficRecord, TrafficSum } from './traffic.ts';

/** The largest number that counts, 2^53: above it a double no longer tells one number from the next. */
export const MAX_COUNT = 2 ** 53;

/** What sums have lost that stopped at `MAX_COUNT`. */
export interface Overflow {
  /** Counts of all kinds together, also those taken back; never falls. To the precision of doubles. */
  counts: number;
}

/** `a + b`, but no further from 0 than `MAX_COUNT`: what would be is no number that anybody counted. The rest is lost. */
export function plus(a: number, b: number, lost?: Overflow): number {
  const sum = a + b;
  const most = sum > 0 ? MAX_COUNT : -MAX_COUNT;
  if (!(Math.abs(sum) > MAX_COUNT)) return sum;
  if (lost !== undefined) lost.counts += Math.abs(sum - most);
  return most;
}

/** Whether some count of the record went as far as counts go, so that nobody can say what it was. O(buckets). */
export function isCapped({ successes, failures, unreached, latency, tcp }: TrafficRecord): boolean {
  if (successes >= MAX_COUNT || failures >= MAX_COUNT || unreached >= MAX_COUNT) return true;
  if (tcp !== null && Math.max(tcp.opened, tcp.closed, tcp.readBytes, tcp.writtenBytes) >= MAX_COUNT) return true;
  return latency?.some(({ counts }) => counts.some((count) => count >= MAX_COUNT)) ?? false;
}

/** Told only where it is so. */
const LATE = { late: true } as const;

/**
 * Sums any number of `TrafficSum`s in any order; owns what it returns, never writes what it was given. Their `parts` are
 * not kept apart, only that there were some: `late`.
 */
export class TrafficAccumulator {
  readonly #records = new Map<string, TrafficRecord>();
  readonly #coverage = new Map<string, CoverageRecord>();
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = Number.NEGATIVE_INFINITY;
  #partial = false;
  #clockAhead = false;
  #late = false;
  readonly #overflow: Overflow;

  /** `overflow` grows by what the sums lose. */
  constructor(overflow: Overflow = { counts: 0 }) {
    this.#overflow = overflow;
  }

  /** Records and coverage records held. */
  get items(): number {
    return this.#records.size + this.#coverage.size;
  }

  get isEmpty(): boolean {
    return this.#endMs === Number.NEGATIVE_INFINITY;
  }

  get interval(): Interval {
    return { startMs: this.#startMs, endMs: this.#endMs };
  }

  /** Adds `sum` and returns how many of its items met one already held ("merged" of the balance). O(items). */
  add(sum: TrafficSum): number {
    let merged = 0;
    this.#startMs = Math.min(this.#startMs, sum.interval.startMs);
    this.#endMs = Math.max(this.#endMs, sum.interval.endMs);
    this.#partial ||= sum.partial;
    this.#clockAhead ||= sum.clockAhead;
    this.#late ||= sum.late === true;
    for (const record of sum.records) {
      const held = this.#records.get(record.key.id);
      if (held === undefined) this.#records.set(record.key.id, copyRecord(record));
      else {
        addRecord(held, record, this.#overflow);
        merged += 1;
      }
    }
    for (const record of sum.coverage) {
      const held = this.#coverage.get(record.target);
      if (held === undefined) this.#coverage.set(record.target, { ...record });
      else {
        addCoverage(held, record, this.#overflow);
        merged += 1;
      }
    }
    return merged;
  }

  /**
   * Adds `sum` and takes all, as `add` and `take` would, without a copy of the records that only `sum` has: they must not be
   * written afterwards. `sum` tells of each record once. O(items).
   */
  takeWith(sum: TrafficSum): TrafficSum {
    const alone: TrafficRecord[] = [];
    const meeting: TrafficRecord[] = [];
    for (const record of sum.records) (this.#records.has(record.key.id) ? meeting : alone).push(record);
    this.add({ ...sum, records: meeting });
    const { records, ...taken } = this.take();
    return { ...taken, records: records.concat(alone), partial: taken.partial || alone.some(isCapped) };
  }

  /** What was added, as one sum, partial where a count would be above `MAX_COUNT`. The accumulator is empty afterwards. */
  take(): TrafficSum {
    const records = [...this.#records.values()];
    const sum: TrafficSum = {
      interval: this.interval,
      records,
      coverage: [...this.#coverage.values()],
      partial: this.#partial || records.some(isCapped),
      clockAhead: this.#clockAhead,
      ...(this.#late ? LATE : {}),
    };
    this.#records.clear();
    this.#coverage.clear();
    this.#startMs = Number.POSITIVE_INFINITY;
    this.#endMs = Number.NEGATIVE_INFINITY;
    this.#partial = false;
    this.#clockAhead = false;
    this.#late = false;
    return sum;
  }
}

/** The sum of `sums`, a new object; null when there is none. `overflow` grows by what the sum loses. */
export function sumTraffic(sums: Iterable<TrafficSum>, overflow?: Overflow): TrafficSum | null {
  const accumulator = new TrafficAccumulator(overflow);
  for (const sum of sums) accumulator.add(sum);
  return accumulator.isEmpty ? null : accumulator.take();
}

/**
 * `sum` with what came late for its interval, a new object over the same interval, or one that begins as early as `late` does. Coverage that `late` takes back whole is
 * gone, as if it had never been told. Neither is written. O(items).
 */
export function amendTraffic(sum: TrafficSum, late: TrafficSum): TrafficSum {
  const accumulator = new TrafficAccumulator();
  accumulator.add(sum);
  accumulator.add(late);
  return withoutTakenBack(accumulator.take(), amendedInterval(sum, late), late);
}

/** Interval of `sum`, beginning where `late` begins if that is earlier: a slot that was cut, of which others counted more. */
export function amendedInterval({ interval: { startMs, endMs } }: TrafficSum, { interval }: TrafficSum): Interval {
  return { startMs: Math.min(startMs, interval.startMs), endMs };
}

/** `amended`, the sum with `late`, over `interval` and without coverage that `late` took back whole. O(coverage). */
export function withoutTakenBack(amended: TrafficSum, interval: Interval, late: TrafficSum): TrafficSum {
  const touched = new Set(late.coverage.map(({ target }) => target));
  const { parts: _, late: __, ...sum } = { ...amended, interval };
  return {
    ...sum,
    coverage: sum.coverage.filter((record) => !touched.has(record.target) || tellsSomething(record)),
  };
}

/** A record of its own with the same counts. */
export function copyRecord(record: TrafficRecord): TrafficRecord {
  return {
    key: record.key,
    successes: record.successes,
    failures: record.failures,
    unreached: record.unreached,
    latency: record.latency === null ? null : record.latency.map(copyHistogram),
    tcp: record.tcp === null ? null : { ...record.tcp },
  };
}

function copyHistogram(histogram: LatencyHistogram): LatencyHistogram {
  return { boundsMs: histogram.boundsMs, counts: histogram.counts.slice() };
}

/** Adds the counts of `from` to `into`, which is written; `lost` grows by what does not fit. */
export function addRecord(into: TrafficRecord, from: TrafficRecord, lost?: Overflow): void {
  into.successes = plus(into.successes, from.successes, lost);
  into.failures = plus(into.failures, from.failures, lost);
  into.unreached = plus(into.unreached, from.unreached, lost);
  if (from.latency !== null) into.latency = addLatency(into.latency ?? [], from.latency, lost);
  if (from.tcp !== null) {
    if (into.tcp === null) into.tcp = { ...from.tcp };
    else {
      into.tcp.opened = plus(into.tcp.opened, from.tcp.opened, lost);
      into.tcp.closed = plus(into.tcp.closed, from.tcp.closed, lost);
      into.tcp.readBytes = plus(into.tcp.readBytes, from.tcp.readBytes, lost);
      into.tcp.writtenBytes = plus(into.tcp.writtenBytes, from.tcp.writtenBytes, lost);
    }
  }
}

/** Adds histograms bounds set by bounds set; different sets stay apart. Writes and returns `into`. */
export function addLatency(
  into: LatencyHistogram[],
  from: readonly LatencyHistogram[],
  lost?: Overflow,
): LatencyHistogram[] {
  for (const histogram of from) {
    const same = into.find((candidate) => equalBounds(candidate.boundsMs, histogram.boundsMs));
    if (same === undefined) into.push(copyHistogram(histogram));
    else
      for (let i = 0; i < same.counts.length; i++) same.counts[i] = plus(same.counts[i]!, histogram.counts[i]!, lost);
  }
  return into;
}

/** True when two histograms can be added bucket by bucket. O(bounds), O(1) for the same list. */
export function equalBounds(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((bound, i) => bound === b[i]));
}

/** False for coverage in which all that was told was taken back. */
function tellsSomething(record: CoverageRecord): boolean {
  const { scrapesDue, scrapesMissed, coveredSeconds, expectedSeconds, resets, firstSight } = record;
  return (
    firstSight || [scrapesDue, scrapesMissed, coveredSeconds, expectedSeconds, resets].some((value) => value !== 0)
  );
}

/** Adds what `from` says to `into`, which is written; `lost` grows by what does not fit. */
export function addCoverage(into: CoverageRecord, from: CoverageRecord, lost?: Overflow): void {
  into.scrapesDue = plus(into.scrapesDue, from.scrapesDue, lost);
  into.scrapesMissed = plus(into.scrapesMissed, from.scrapesMissed, lost);
  into.coveredSeconds = plus(into.coveredSeconds, from.coveredSeconds, lost);
  into.expectedSeconds = plus(into.expectedSeconds, from.expectedSeconds, lost);
  into.resets = plus(into.resets, from.resets, lost);
  into.firstSight ||= from.firstSight;
}
