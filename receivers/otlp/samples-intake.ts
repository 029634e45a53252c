/**
 * @module A mesh's families from a Collector: what of a metrics request is samples, and how long proxies may be silent.
 *
 * Reading applies nothing, so that a request is taken as a whole or not at all. docs/semantics.md has the rules.
 */
import type { Timer } from '../../pipeline/clock/clock.ts';
import type { ReceiverSettings, TargetStatus } from '../../pipeline/component.ts';
import type { Outcome } from '../../pipeline/delivery.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { type InSteps, inOneGo, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import { SeriesBudget } from '../scrape/series-index.ts';
import type { OtlpConfig } from './config.ts';
import { SamplesBatches } from './samples-batches.ts';
import { findSamples } from './samples-found.ts';
import { RowPool } from './samples-held.ts';
import { Holding } from './samples-holding.ts';
import { MetricNames } from './samples-names.ts';
import { SamplesOffers } from './samples-offer.ts';
import { RejectedPoints } from './samples-rejected.ts';
import { identityOf, ROW_WORK, RowSeries } from './samples-resolve.ts';
import { type FoundResource, KnownResources } from './samples-resources.ts';
import { PointRows } from './samples-rows.ts';
import type { SamplesIntake, SamplesShare } from './samples-share.ts';
import { SampledTargets } from './samples-targets.ts';
import { createSamplesEvents, type SamplesEvents } from './samples-telemetry.ts';

export interface CollectorSamples extends SamplesIntake {
  /** Proxies known, for people. */
  targets(): readonly TargetStatus[];
}

/**
 * The intake, when any mesh is configured and anybody wants metrics; else null. `tables` in the order of `meshes`. Offers
 * of more than `longSamples` samples, with those that are kept of the same proxies, are long.
 */
export function createSamplesIntake(
  settings: ReceiverSettings<OtlpConfig>,
  tables: readonly MeshRules[],
  longSamples = LONG_SAMPLES,
): CollectorSamples | null {
  return tables.length === 0 || settings.demand.size === 0 ? null : new Samples(settings, tables, longSamples);
}

/** Tables of the meshes that are configured, when anybody wants metrics. */
export async function loadTables({
  config,
  demand,
  meshTable,
}: ReceiverSettings<OtlpConfig>): Promise<readonly MeshRules[]> {
  if (demand.size === 0 || meshTable === undefined) return [];
  const tables = await Promise.all([...new Set(config.samples.meshes)].map((mesh) => meshTable(mesh)));
  return tables.filter((table) => table !== null);
}

/** More samples than others are to wait for: up to about 60 ms where none is known. */
const LONG_SAMPLES = 10_000;

class Samples implements CollectorSamples {
  readonly #settings: ReceiverSettings<OtlpConfig>;
  readonly #longSamples: number;
  readonly #names: MetricNames;
  readonly #resources: KnownResources;
  readonly #targets: SampledTargets;
  readonly #events: SamplesEvents;
  readonly #batches: SamplesBatches;
  readonly #holding: Holding;
  readonly #offers: SamplesOffers;
  /** Those that are read into, and those of the long request that was offered last, once it has ended. */
  #rows = new PointRows();
  #spareRows: PointRows | null = null;
  /** Those of a request that is to be offered beside others, as long as they are read and not applied. */
  #ownRows: PointRows | null = null;
  #timer: Timer | null = null;
  #isLookDue = false;

  constructor(settings: ReceiverSettings<OtlpConfig>, tables: readonly MeshRules[], longSamples: number) {
    const { config, demand, time } = settings;
    const { max_series: maxSeries, max_targets: maxTargets } = config.samples;
    const budget = new SeriesBudget(maxSeries);
    this.#settings = settings;
    this.#longSamples = longSamples;
    this.#names = new MetricNames(tables, demand);
    this.#resources = new KnownResources(maxTargets, maxSeries);
    this.#events = createSamplesEvents(settings, {
      ...{ budget, targets: () => this.#targets.size, resources: this.#resources },
    });
    const batches = new SamplesBatches(settings, this.#events);
    const holding = new Holding({
      ...{ receiver: settings, batches, isBusy: () => this.#offers.isBusy },
      isRead: () => this.#rows.size > 0 || this.#ownRows !== null,
      ended: () => this.#settled(),
    });
    this.#targets = new SampledTargets({
      ...{ receiver: settings.id, tables, budget, maxTargets, intervalMs: config.scrape_interval },
      pool: new RowPool(),
      watchStartMs: settings.startedMs,
      events: {
        emit: (...event) => batches.emit(...event),
        held: (target, timeMs) => holding.add(target, timeMs),
        settle: (target) => inOneGo(holding.settle(target)),
        scraped: (outcome) => this.#events.scraped(outcome),
        missed: (target, scrapes) => this.#events.missed(target, scrapes),
        clockStepped: ({ target }, ms) => this.#events.clockStepped(target, ms),
        clockOff: ({ target }, ms) => this.#events.clockOff(target, ms),
      },
      found: (target, source) => this.#events.found(target, source),
      left: (target) => this.#events.left(target),
    });
    this.#batches = batches;
    this.#holding = holding;
    const series = new RowSeries(this.#resources, this.#targets, budget);
    this.#offers = new SamplesOffers({ time, series, holding, batches });
  }

  *read(body: Uint8Array): InSteps<SamplesShare | null> {
    const names = this.#names;
    const found = yield* findSamples(body, this.#rows, {
      ...{ names, resources: this.#resources, config: this.#settings.config.samples },
    });
    if (found.length === 0) return null;
    const rejected = new RejectedPoints();
    return {
      rejected,
      points: yield* sumsOf(found, (resource) => resource.taken()),
      unwanted: yield* sumsOf(found, (resource) => resource.unwanted()),
      admits: () => this.#settings.next.admits(this.#batches.probe(this.#targets.any())),
      isLong: this.#rows.values.length + keptOf(found) > this.#longSamples,
      whose: () => whoseOf(found),
      settleLate: () => this.#settleLate(),
      offer: (isBeside) => this.#offer(found, isBeside ? this.#takeRows() : this.#rows, rejected),
    };
  }

  /** The rows that were read, which others are not to be read into while they are offered. */
  #takeRows(): PointRows {
    const rows = this.#rows;
    this.#ownRows = rows;
    this.#rows = this.#spareRows ?? new PointRows();
    this.#spareRows = null;
    return rows;
  }

  targets(): readonly TargetStatus[] {
    return this.#targets.statuses(this.#settings.config.scrape_interval);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#holding.stop();
    this.#targets.leaveAll();
    this.#events.end();
  }

  /** Where something is always being applied, what waits for a pause would wait for good. */
  *#settleLate(): InSteps<void> {
    if (!this.#offers.isBusy) yield* this.#holding.settleLate();
  }

  /** Hands on what was read, and goes back to what had to wait for that. */
  *#offer(found: readonly FoundResource[], rows: PointRows, rejected: RejectedPoints): InSteps<Promise<Outcome>> {
    let outcome: Promise<Outcome>;
    try {
      outcome = yield* this.#offers.offer(found, rows, rejected);
    } finally {
      rows.clear();
      if (rows === this.#ownRows) this.#ownRows = null;
      if (rows !== this.#rows) this.#spareRows = rows;
    }
    this.#targets.forgetGone();
    if (this.#isLookDue) this.#look();
    if (!this.#offers.isBusy) this.#holding.tidy();
    this.#arm();
    this.#holding.arm();
    return outcome;
  }

  // --- Silence --------------------------------------------------------------------------------------------------------

  #settled(): void {
    this.#targets.forgetGone();
    if (this.#isLookDue) this.#look();
  }

  /** Looks again in a while, as long as there is anybody who may fall silent. */
  #arm(): void {
    if (this.#timer !== null || this.#targets.size === 0) return;
    const { clock, config } = this.#settings;
    this.#timer = clock.after(config.scrape_interval / 2, () => {
      this.#timer = null;
      this.#look();
      this.#arm();
    });
  }

  /** Tells of scrapes that are overdue, and forgets whoever has been silent for too long. O(series) now and then. */
  #look(): void {
    this.#isLookDue = this.#offers.isBusy || this.#holding.endSoon();
    if (this.#isLookDue) return;
    const nowMs = this.#settings.time.nowMs();
    const sinceMs = nowMs - this.#settings.config.samples.target_expiration;
    const { skippedMs } = this.#settings.time;
    this.#targets.look(nowMs - skippedMs, sinceMs - skippedMs);
    this.#resources.sweep(sinceMs);
  }
}

/** Series that are kept of these proxies, all of which are on each page. */
function keptOf(found: readonly FoundResource[]): number {
  return found.reduce((kept, { known }) => kept + (known?.target?.shown.table.live ?? 0), 0);
}

/** All proxies of a resource are told by its job and instance, whatever its points say. */
function whoseOf(found: readonly FoundResource[]): Set<string> {
  const identities = found.filter(({ isTooLong }) => !isTooLong).map(identityOf);
  return new Set(identities.map(({ job, instance }) => JSON.stringify([job, instance])));
}

function* sumsOf(
  found: readonly FoundResource[],
  pointsOf: (resource: FoundResource) => Iterable<readonly [name: string, points: number]>,
): InSteps<ReadonlyMap<string, number>> {
  const points = new Map<string, number>();
  const pace = new Pace();
  for (const resource of found) {
    for (const [name, count] of pointsOf(resource)) {
      points.set(name, (points.get(name) ?? 0) + count);
      if (pace.isStep(ROW_WORK)) yield;
    }
    if (pace.isStep(ROW_WORK)) yield;
  }
  return points;
}
