/**
 * @module Samples that were read and are handed on: part by part, each into its scrape, whatever else is offered beside them.
 *
 * Each part is known by its time, so that what was handed on is a repeat if the rest is refused and all comes again.
 */
import type { EngineTime } from '../../pipeline/clock/engine-time.ts';
import type { Outcome } from '../../pipeline/delivery.ts';
import { type InSteps, ITEM_WORK, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { SamplesBatches } from './samples-batches.ts';
import { BatchEnds } from './samples-ends.ts';
import type { Holding } from './samples-holding.ts';
import { familyName, sampleName } from './samples-names.ts';
import type { RejectedPoints } from './samples-rejected.ts';
import { identityOf, type OfferFacts, type RowSeries } from './samples-resolve.ts';
import type { FoundResource, KnownResource } from './samples-resources.ts';
import type { PointRows } from './samples-rows.ts';
import { Tally } from './samples-tally.ts';
import type { SampledTarget } from './samples-target.ts';

/** What going on to another part costs, as work of `Pace`. */
const PART_WORK = 16 * ITEM_WORK;

export interface OffersSettings {
  readonly time: EngineTime;
  readonly series: RowSeries;
  readonly holding: Holding;
  readonly batches: SamplesBatches;
}

export class SamplesOffers {
  readonly #settings: OffersSettings;
  #open = 0;

  constructor(settings: OffersSettings) {
    this.#settings = settings;
  }

  /** Whether requests are being offered. */
  get isBusy(): boolean {
    return this.#open > 0;
  }

  /**
   * Hands on what was found in one request, by steps; no proxy leaves meanwhile. What it comes to settles when it is known what
   * became of all of it. Settling is to be armed again after that. What is not taken is in `rejected` by then.
   */
  *offer(found: readonly FoundResource[], rows: PointRows, rejected: RejectedPoints): InSteps<Promise<Outcome>> {
    const { holding, batches } = this.#settings;
    const tally = new Tally();
    const ends = new BatchEnds();
    this.#open += 1;
    try {
      yield* holding.cut();
      yield* batches.noting(ends, this.#apply(found, rows, tally, rejected));
    } finally {
      this.#open -= 1;
    }
    return batches.booked(tally, ends);
  }

  *#apply(found: readonly FoundResource[], rows: PointRows, tally: Tally, rejected: RejectedPoints): InSteps<void> {
    const { time, series } = this.#settings;
    const nowMs = time.nowMs();
    const steadyMs = nowMs - time.skippedMs;
    const pace = new Pace();
    const facts = { nowMs, steadyMs, tally, pace, rejected };
    for (const resource of found) {
      bookUnfit(resource, tally, rejected);
      if (resource.isTooLong) continue;
      const known = series.knownOf(resource, nowMs);
      for (const scrape of byTime(resource.rows, rows)) yield* this.#takeScrape(known, resource, scrape, rows, facts);
    }
  }

  /** Takes the rows of one resource that have the same time. */
  *#takeScrape(
    known: KnownResource,
    found: FoundResource,
    scrape: readonly number[],
    rows: PointRows,
    facts: OfferFacts,
  ): InSteps<void> {
    const { series, holding } = this.#settings;
    const { pace } = facts;
    const room = series.room();
    const settle = (target: SampledTarget) => holding.settle(target, pace);
    try {
      for (const { target, part } of yield* series.parts(known, found, scrape, rows, facts, { settle, room })) {
        holding.changes(target);
        const isWhole = yield* target.take(part, rows, facts);
        if (isWhole) yield* settle(target);
        if (pace.isStep(PART_WORK)) yield;
      }
    } finally {
      room.end();
    }
  }
}

function bookUnfit(found: FoundResource, tally: Tally, rejected: RejectedPoints): void {
  for (const { use, reason, samples, told, detail } of found.unfit) {
    if (!found.wants(use)) continue;
    if (told > 0) rejected.add(reason, familyName(use, found.mesh), told, () => exampleOf(found, detail));
    if (reason === '') tally.taken += samples;
    else tally.drop(reason, samples, sampleName(use, found.mesh), found.known?.target?.target.key ?? '');
  }
}

function exampleOf(found: FoundResource, detail: string): string {
  const whose = found.isTooLong ? 'a resource that is too long' : identityOf(found).address;
  return detail === '' ? `of ${whose}` : `${detail} of ${whose}`;
}

/** Rows by their time, the earliest first: each is of a scrape of its own. */
function byTime(all: readonly number[], { timeMs }: PointRows): readonly (readonly number[])[] {
  const [first] = all;
  if (all.every((row) => timeMs[row] === timeMs[first!])) return [all];
  const scrapes = Map.groupBy(all, (row) => timeMs[row]!);
  return [...scrapes].sort(([a], [b]) => a - b).map(([, rows]) => rows);
}
