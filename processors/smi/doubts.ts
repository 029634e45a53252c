/**
 * @module What a sender's gaps and cut intervals say of its own targets: a part of the slot was not seen, so it counts as
 * one scrape that was due and missed, and nobody else's numbers are touched.
 */

import { emptyCoverage, type Watched } from '../../pipeline/model/coverage.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import type { CoverageRecord, TrafficSum } from '../../pipeline/model/traffic.ts';

/** Coverage that says nothing but that a scrape due was missed, or, with -1, that it was not. */
export function missedScrape(watched: Watched, expectedSeconds = 0, times: 1 | -1 = 1): CoverageRecord {
  return { ...emptyCoverage(watched), scrapesDue: times, scrapesMissed: times, expectedSeconds };
}

/**
 * A partial sum as one that is whole, but for its targets: each of which it is not said anyway that something is unknown has
 * missed one scrape more. Told of each sum alone, so that it does not matter what else came for the slot. O(coverage).
 */
export function doubtTargets(sum: TrafficSum): TrafficSum {
  return { ...sum, partial: false, coverage: sum.coverage.map(doubted) };
}

function doubted(record: CoverageRecord): CoverageRecord {
  const { scrapesDue, scrapesMissed, resets, firstSight } = record;
  if (scrapesMissed !== 0 || resets !== 0 || firstSight) return record;
  return { ...record, scrapesDue: scrapesDue + 1, scrapesMissed: 1 };
}

/**
 * Whether coverage came for every workload that partial sums count traffic of. Records and coverage of one sum may come in
 * several requests, so that it is known only in the end. Holds one entry for each sender and workload.
 */
export class Vouched {
  readonly #workloads = new Map<string, boolean>();

  add(source: string, { records, coverage }: TrafficSum): void {
    for (const { own } of coverage) this.#workloads.set(keyOf(source, own), true);
    for (const { key } of records) {
      const workload = keyOf(source, key.own);
      if (!this.#workloads.has(workload)) this.#workloads.set(workload, false);
    }
  }

  join(other: Vouched): void {
    for (const [workload, isCovered] of other.#workloads) {
      this.#workloads.set(workload, isCovered || this.#workloads.get(workload) === true);
    }
  }

  get isWhole(): boolean {
    for (const isCovered of this.#workloads.values()) if (!isCovered) return false;
    return true;
  }
}

function keyOf(source: string, { workload: { cluster, namespace, name } }: Identity): string {
  return [source, cluster, namespace, name].join('\0');
}

/**
 * Requests of a sender were lost. Whoever is told of for the first time in the interval of the loss, or in the next one, may
 * have been in them.
 */
export class Loss {
  /** Targets that the sender had told of before, by key. */
  readonly known: ReadonlyMap<string, Watched>;
  readonly #endMs: number;
  #nextEndMs: number | null = null;

  /** `endMs` is the end of the interval in which the loss was noticed. */
  constructor(known: ReadonlyMap<string, Watched>, endMs: number) {
    this.known = known;
    this.#endMs = endMs;
  }

  /** Targets of `coverage`, told for an interval that ends at `endMs`, that may have been lost before. */
  newcomers(coverage: readonly CoverageRecord[], endMs: number): Watched[] {
    if (this.#isOver(endMs)) return [];
    return coverage.filter(({ target }) => !this.known.has(target));
  }

  #isOver(endMs: number): boolean {
    if (endMs <= this.#endMs) return false;
    this.#nextEndMs ??= endMs;
    return endMs > this.#nextEndMs;
  }
}

/** True when what some of `parts` take back would hide, in their sum, what others say was missed. O(coverage). */
export function hidesMisses(parts: readonly TrafficSum[]): boolean {
  const missed = new Set<string>();
  for (const { coverage } of parts) for (const one of coverage) if (one.scrapesMissed > 0) missed.add(one.target);
  return parts.some(({ coverage }) => coverage.some((one) => one.scrapesMissed < 0 && missed.has(one.target)));
}
