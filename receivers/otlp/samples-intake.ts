/**
 * @module A mesh's families from a Collector: what of a metrics request is samples, and their way into the pipeline.
 *
 * Reading applies nothing, so that a request is taken as a whole or not at all. docs/semantics.md has the rules.
 */
import type { SamplesBatch } from '../../pipeline/batch.ts';
import type { Timer } from '../../pipeline/clock/clock.ts';
import type { ReceiverSettings, TargetStatus } from '../../pipeline/component.ts';
import { Delivery, type Outcome } from '../../pipeline/delivery.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { type InSteps, ITEM_WORK, inOneGo, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import { SeriesBudget } from '../scrape/series-index.ts';
import type { OtlpConfig } from './config.ts';
import { BatchEnds } from './samples-ends.ts';
import { findSamples } from './samples-found.ts';
import { RowPool } from './samples-held.ts';
import { type ResourceIdentity, resourceIdentity } from './samples-identity.ts';
import { MetricNames } from './samples-names.ts';
import { Parts, type TargetPart } from './samples-parts.ts';
import { type FoundResource, KnownResource, KnownResources } from './samples-resources.ts';
import { PointRows } from './samples-rows.ts';
import { Settling } from './samples-settling.ts';
import type { SamplesIntake, SamplesShare } from './samples-share.ts';
import { Tally } from './samples-tally.ts';
import type { SampledTarget } from './samples-target.ts';
import type { TakeFacts, TargetEvents } from './samples-target-settings.ts';
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

/** What things cost, as work of `Pace`: a row whose series is known, one sample whose series is sought, a page. */
const ROW_WORK = 32;
const SERIES_WORK = 4 * ITEM_WORK;
const PART_WORK = 16 * ITEM_WORK;

/** More samples than others are to wait for: up to about 60 ms where none is known. */
const LONG_SAMPLES = 10_000;

/** So much of a scrape interval after the first part of a scrape came, all of it is thought to be here. */
const SETTLE_SHARE = 0.25;

class Samples implements CollectorSamples {
  readonly #settings: ReceiverSettings<OtlpConfig>;
  readonly #longSamples: number;
  readonly #names: MetricNames;
  readonly #resources: KnownResources;
  readonly #targets: SampledTargets;
  readonly #events: SamplesEvents;
  /** Those that are read into, and those of the long request that was offered last, once it has ended. */
  #rows = new PointRows();
  #spareRows: PointRows | null = null;
  #timer: Timer | null = null;
  /** What becomes of the batches of the request a step of which is being done; null while none is. */
  #ends: BatchEnds | null = null;
  /** Requests that are being offered. */
  #offers = 0;
  #isLookDue = false;
  readonly #settling: Settling;

  constructor(settings: ReceiverSettings<OtlpConfig>, tables: readonly MeshRules[], longSamples: number) {
    const { config, demand } = settings;
    const { max_series: maxSeries, max_targets: maxTargets } = config.samples;
    const budget = new SeriesBudget(maxSeries);
    this.#settings = settings;
    this.#longSamples = longSamples;
    this.#names = new MetricNames(tables, demand);
    this.#resources = new KnownResources(maxTargets, maxSeries);
    this.#events = createSamplesEvents(settings, {
      ...{ budget, targets: () => this.#targets.size, resources: this.#resources },
    });
    this.#settling = new Settling({
      ...{ clock: settings.clock, settleMs: config.scrape_interval * SETTLE_SHARE },
      settle: (target, pace) => this.#settle(target, pace),
      isBusy: () => this.#offers > 0,
      ended: () => this.#targets.forgetGone(),
    });
    this.#targets = new SampledTargets({
      ...{ receiver: settings.id, tables, budget, maxTargets, intervalMs: config.scrape_interval },
      pool: new RowPool(),
      watchStartMs: settings.startedMs,
      events: {
        emit: (...event) => this.#emit(...event),
        held: (target, timeMs) => this.#settling.add(target, this.#holdMs(timeMs)),
        settle: (target) => inOneGo(this.#settle(target, new Pace())),
        missed: (target, scrapes) => this.#events.missed(target, scrapes),
      },
      found: (target, source) => this.#events.found(target, source),
      left: (target) => this.#events.left(target),
    });
  }

  *read(body: Uint8Array): InSteps<SamplesShare | null> {
    const names = this.#names;
    const found = yield* findSamples(body, this.#rows, {
      ...{ names, resources: this.#resources, config: this.#settings.config.samples },
    });
    if (found.length === 0) return null;
    return {
      points: yield* sumsOf(found, (resource) => resource.taken()),
      unwanted: yield* sumsOf(found, (resource) => resource.unwanted()),
      admits: () => this.#settings.next.admits(this.#probe()),
      isLong: this.#rows.values.length + keptOf(found) > this.#longSamples,
      whose: () => whoseOf(found),
      offer: (isBeside) => this.#offer(found, isBeside ? this.#ownRows() : this.#rows),
    };
  }

  /** The rows that were read, which others are not to be read into while they are offered. */
  #ownRows(): PointRows {
    const rows = this.#rows;
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
    this.#settling.stop();
    this.#targets.leaveAll();
    this.#events.end();
  }

  // --- Applying -------------------------------------------------------------------------------------------------------

  /**
   * Part by part: each is known by its time, so that what was handed on is a repeat if the rest is refused and all comes again.
   * No proxy leaves meanwhile.
   */
  *#offer(found: readonly FoundResource[], rows: PointRows): InSteps<Promise<Outcome>> {
    const tally = new Tally();
    const ends = new BatchEnds();
    this.#offers += 1;
    this.#settling.cut();
    try {
      yield* this.#noting(ends, this.#apply(found, rows, tally));
    } finally {
      this.#offers -= 1;
      rows.clear();
      if (rows !== this.#rows) this.#spareRows = rows;
    }
    this.#targets.forgetGone();
    if (this.#isLookDue) this.#look();
    this.#arm();
    this.#settling.arm();
    return this.#booked(tally, ends);
  }

  /** Does the steps, the batches of which go with those of `ends`, whatever is offered between two of them. */
  *#noting(ends: BatchEnds, steps: InSteps<void>): InSteps<void> {
    for (;;) {
      const outer = this.#ends;
      this.#ends = ends;
      let isDone: boolean | undefined;
      try {
        isDone = steps.next().done;
      } finally {
        this.#ends = outer;
      }
      if (isDone === true) return;
      yield;
    }
  }

  *#apply(found: readonly FoundResource[], rows: PointRows, tally: Tally): InSteps<void> {
    const nowMs = this.#settings.time.nowMs();
    const pace = new Pace();
    const facts = { nowMs, tally, pace };
    for (const resource of found) {
      this.#bookUnfit(resource, tally);
      if (resource.isTooLong) continue;
      const known = this.#knownOf(resource, nowMs);
      for (const scrape of byTime(resource.rows, rows)) yield* this.#takeScrape(known, resource, scrape, rows, facts);
    }
  }

  /** Takes the rows of one resource that have the same time. */
  *#takeScrape(
    known: KnownResource,
    found: FoundResource,
    scrape: readonly number[],
    rows: PointRows,
    facts: TakeFacts,
  ): InSteps<void> {
    const { nowMs, pace } = facts;
    for (const { target, part } of yield* this.#parts(known, found, scrape, rows, facts)) {
      if (target.isPast(part.timeMs, nowMs)) yield* this.#settle(target, pace);
      const isWhole = yield* target.take(part, rows, facts);
      if (isWhole) yield* this.#settle(target, pace);
      if (pace.isStep(PART_WORK)) yield;
    }
  }

  /** Settles with what became of all of it, which is booked then. */
  #booked(tally: Tally, ends: BatchEnds): Promise<Outcome> {
    return new Promise((resolve) => {
      ends.close((outcome) => {
        this.#book(tally, outcome);
        resolve(outcome);
      });
    });
  }

  #bookUnfit(found: FoundResource, tally: Tally): void {
    for (const { use, reason, samples } of found.unfit) {
      if (!found.wants(use)) continue;
      if (reason === '') tally.taken += samples;
      else tally.drop(reason, samples);
    }
  }

  /** These rows of a resource by proxy. */
  *#parts(
    resource: KnownResource,
    found: FoundResource,
    scrape: readonly number[],
    rows: PointRows,
    { nowMs, tally, pace }: TakeFacts,
  ): InSteps<TargetPart[]> {
    yield* this.#settlePast(scrape, resource, rows, { nowMs, tally, pace });
    const parts = new Parts(rows);
    for (const row of scrape) {
      if (pace.isStep(resolveWork(rows, row))) yield;
      if (!found.wants(rows.uses[row]!)) continue;
      const refused = this.#resolve(resource, rows, row);
      if (refused === null) parts.join(row);
      else tally.drop(refused, rows.length[row]!);
    }
    return parts.inOrder();
  }

  /** What is remembered of a resource. One that turns out to be of another mesh begins anew. */
  #knownOf(found: FoundResource, nowMs: number): KnownResource {
    const { known } = found;
    const isKnown = known !== null && known.mesh === found.mesh;
    const resource = isKnown ? known : new KnownResource(identityOf(found), found.mesh);
    resource.heardMs = nowMs;
    if (known !== null && !isKnown) this.#targets.leaveOf(known, nowMs);
    if (!isKnown) this.#resources.add(found.key, resource);
    return resource;
  }

  /** Gives a row its series; returns why it has none, else null. */
  #resolve(resource: KnownResource, rows: PointRows, row: number): string | null {
    const known = rows.series[row] ?? null;
    const unknown = rows.unknown[row] ?? null;
    if (known !== null && (known.target.isGone || known.standing === 'forgotten')) return 'mesh_changed';
    if (unknown === null) return null;
    const use = rows.uses[row]!;
    const resolved = this.#targets.seriesOf(resource, use, unknown, rows.bounds[row] ?? null);
    if (typeof resolved === 'string') return resolved;
    rows.series[row] = resolved;
    this.#resources.remember(resource, use, unknown.key, resolved);
    return null;
  }

  // --- Parts that are held --------------------------------------------------------------------------------------------

  /** Series may have other buckets in a later scrape, so that what is held comes before those are resolved. */
  *#settlePast(scrape: readonly number[], resource: KnownResource, rows: PointRows, facts: TakeFacts): InSteps<void> {
    const { nowMs, pace } = facts;
    for (const row of scrape) {
      if (pace.isStep(ROW_WORK)) yield;
      const target = rows.series[row]?.target ?? resource.target;
      if (target?.isPast(rows.timeMs[row]!, nowMs) === true) yield* this.#settle(target, pace);
    }
  }

  /** How long a scrape of `timeMs` may be held for its slot, which closes one interval after its end: half of what is left. */
  #holdMs(timeMs: number): number {
    const { config, time } = this.#settings;
    const slotMs = config.scrape_interval;
    const nowMs = time.nowMs();
    const closesMs = (Math.floor(Math.min(timeMs, nowMs) / slotMs) + 2) * slotMs;
    return (closesMs - nowMs) / 2;
  }

  /** Applies what is held of a proxy and books it. */
  *#settle(target: SampledTarget, pace: Pace): InSteps<void> {
    const ends = new BatchEnds();
    let tally = new Tally();
    this.#settling.remove(target);
    function* steps(): InSteps<void> {
      tally = yield* target.settle(pace);
    }
    yield* this.#noting(ends, steps());
    void this.#booked(tally, ends);
  }

  // --- Batches and books ----------------------------------------------------------------------------------------------

  #emit(...[target, event, times, items, later]: Parameters<TargetEvents['emit']>): void {
    const { scheduledMs, startedMs, monoMs: startedMonoMs, nextDueMs } = times;
    const delivery = new Delivery();
    if (event.kind === 'scraped' || event.kind === 'failed')
      this.#events.scraped(event.kind === 'scraped' ? 'good' : 'failed');
    this.#ends?.add(delivery);
    this.#settings.next.consume({
      body: 'samples',
      ...{ target, event, scheduledMs, startedMs, startedMonoMs, nextDueMs, items, delivery },
      ...(later === undefined ? {} : { later }),
    });
  }

  #book(tally: Tally, outcome: Outcome): void {
    tally.book(this.#settings.balanceOf('samples'), outcome);
    for (const [reason, samples] of tally.dropped) this.#events.limited(reason, samples);
  }

  #probe(): SamplesBatch {
    const nowMs = this.#settings.time.nowMs();
    return {
      ...{ body: 'samples', target: this.#targets.any(), event: { kind: 'discovered' }, items: 0 },
      ...{ scheduledMs: null, startedMs: nowMs, startedMonoMs: nowMs, nextDueMs: null, delivery: new Delivery() },
    };
  }

  // --- Silence --------------------------------------------------------------------------------------------------------

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
    this.#isLookDue = this.#offers > 0;
    if (this.#isLookDue) return;
    this.#settling.cut();
    this.#settling.arm();
    const nowMs = this.#settings.time.nowMs();
    const sinceMs = nowMs - this.#settings.config.samples.target_expiration;
    this.#targets.look(nowMs, sinceMs);
    this.#resources.sweep(sinceMs);
  }
}

/** Rows by their time, the earliest first: in a later scrape a series may have other buckets, which are its own from then on. */
function byTime(all: readonly number[], { timeMs }: PointRows): readonly (readonly number[])[] {
  const [first] = all;
  if (all.every((row) => timeMs[row] === timeMs[first!])) return [all];
  const scrapes = Map.groupBy(all, (row) => timeMs[row]!);
  return [...scrapes].sort(([a], [b]) => a - b).map(([, rows]) => rows);
}

/** What finding the series of a row costs: little where it is known, and else that of each of its samples. */
function resolveWork({ unknown, length }: PointRows, row: number): number {
  return unknown[row] === null ? ROW_WORK : SERIES_WORK * length[row]!;
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

function identityOf({ known, labels }: FoundResource): ResourceIdentity {
  return known?.identity ?? resourceIdentity(labels);
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
