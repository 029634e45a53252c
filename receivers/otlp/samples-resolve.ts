/** @module Rows that were read and the series they are of: which proxy's, and which of them there is no room for. */
import { type InSteps, ITEM_WORK } from '../../pipeline/wire/otlp-traffic.ts';
import type { SeriesBudget } from '../scrape/series-index.ts';
import { type ResourceIdentity, resourceIdentity } from './samples-identity.ts';
import { familyName, type MetricUse, sampleName } from './samples-names.ts';
import { Parts, type TargetPart } from './samples-parts.ts';
import { isCount, type RejectedPoints } from './samples-rejected.ts';
import { type FoundResource, KnownResource, type KnownResources } from './samples-resources.ts';
import type { PointRows } from './samples-rows.ts';
import { NO_BUCKETS, newSeriesOf, PointSeries } from './samples-series.ts';
import type { Resolved } from './samples-shown.ts';
import type { SampledTarget } from './samples-target.ts';
import { RoomPromise, type TakeFacts } from './samples-target-settings.ts';
import type { PointOwner, SampledTargets } from './samples-targets.ts';

/** What things cost, as work of `Pace`: a row whose series is known, one sample whose series is sought. */
export const ROW_WORK = 32;
const SERIES_WORK = 4 * ITEM_WORK;

/** What goes with the rows of one request on their way into series. */
export interface OfferFacts extends TakeFacts {
  readonly rejected: RejectedPoints;
}

export interface PartsContext {
  /** Applies what is held of a proxy. */
  readonly settle: (target: SampledTarget) => InSteps<void>;
  /** Of what is found, until that is held or applied. */
  readonly room: RoomPromise;
}

export class RowSeries {
  readonly #resources: KnownResources;
  readonly #targets: SampledTargets;
  readonly #budget: SeriesBudget;

  constructor(resources: KnownResources, targets: SampledTargets, budget: SeriesBudget) {
    this.#resources = resources;
    this.#budget = budget;
    this.#targets = targets;
  }

  /** For what is found of one scrape. */
  room(): RoomPromise {
    return new RoomPromise(this.#budget);
  }

  /** What is remembered of a resource. One that turns out to be of another mesh begins anew. */
  knownOf(found: FoundResource, nowMs: number): KnownResource {
    const { known } = found;
    const isKnown = known !== null && known.mesh === found.mesh;
    const resource = isKnown ? known : new KnownResource(identityOf(found), found.mesh);
    resource.heardMs = nowMs;
    if (known !== null && !isKnown) this.#targets.leaveOf(known, nowMs);
    if (!isKnown) this.#resources.add(found.key, resource);
    return resource;
  }

  /**
   * These rows of a resource, all of one time, by proxy. What has no series is dropped. What is held of a proxy, of a scrape
   * before, is settled before the series of others are sought: some of them may be new.
   */
  *parts(
    resource: KnownResource,
    found: FoundResource,
    scrape: readonly number[],
    rows: PointRows,
    facts: OfferFacts,
    { settle, room }: PartsContext,
  ): InSteps<TargetPart[]> {
    const { nowMs, tally, pace, rejected } = facts;
    const parts = new Parts(rows);
    for (const row of scrape) {
      if (pace.isStep(resolveWork(rows, row))) yield;
      if (!found.wants(rows.uses[row]!)) continue;
      const unknown = rows.unknown[row] ?? null;
      const owner = unknown === null ? null : this.#targets.ownerOf(resource, unknown);
      const target = unknown === null ? rows.series[row]!.target : owner?.target;
      if (target?.isPast(rows.timeMs[row]!, nowMs) === true) yield* settle(target);
      const refused = unknown === null ? overOf(rows.series[row]!) : this.#resolve(resource, owner, rows, row);
      if (refused === null) room.add(newSeriesOf(rows.buckets[row]!));
      tellRejected(found, rows, row, refused, rejected);
      if (refused === null) parts.join(row);
      else
        tally.drop(
          refused,
          rows.length[row]!,
          sampleName(rows.uses[row]!, found.mesh),
          resource.target?.target.key ?? '',
        );
    }
    return parts.all();
  }

  /** Gives a row that is not known its series; returns why it has none, else null. O(buckets). */
  #resolve(resource: KnownResource, owner: PointOwner | null, rows: PointRows, row: number): string | null {
    if (owner === null) return 'target_limit';
    const use = rows.uses[row]!;
    const resolved = resolvedOf(owner, use, use.samples[resource.mesh] ?? '', rows.bounds[row] ?? null);
    if (resolved === null) return 'series_limit';
    rows.series[row] = resolved.series;
    rows.buckets[row] = resolved.buckets;
    this.#resources.remember(resource, use, rows.unknown[row]!.key, resolved.series);
    return null;
  }
}

/** Why nothing may be written to a series that was known when its point was read; null while something may. */
function overOf({ target, standing }: PointSeries): string | null {
  return target.isGone || standing === 'forgotten' ? 'mesh_changed' : null;
}

/** What a point of the mesh's `sample` is of; null when there is no room. Of `up` nobody keeps series. */
function resolvedOf(
  { target, labels }: PointOwner,
  { form }: MetricUse,
  sample: string,
  bounds: Float64Array | null,
): Resolved | null {
  if (form === 'up') return { series: new PointSeries(target, { role: 'up' }, NO_BUCKETS), buckets: NO_BUCKETS };
  return bounds === null
    ? target.shown.numberSeries(sample, labels)
    : target.shown.histogramSeries(sample, labels, bounds);
}

/** What finding the series of a row costs: little where it is known, and else that of each of its samples. */
function resolveWork({ unknown, length }: PointRows, row: number): number {
  return unknown[row] === null ? ROW_WORK + length[row]! : SERIES_WORK * length[row]!;
}

/** Tells of a row that was `refused`, or whose values are no counts although it has a series. O(values). */
function tellRejected(
  found: FoundResource,
  rows: PointRows,
  row: number,
  refused: string | null,
  rejected: RejectedPoints,
): void {
  if (rows.isRecorded[row] === 0) return;
  const bad = refused === null ? badValueOf(rows, row) : null;
  const reason = bad === null ? refused : 'bad_value';
  if (reason === null) return;
  const value = bad === null ? '' : `${bad} `;
  rejected.add(reason, familyName(rows.uses[row]!, found.mesh), 1, () => `${value}of ${identityOf(found).address}`);
}

/** The first value of a row of traffic that is no count; null when there is none. */
function badValueOf({ series, values: { values }, from, length }: PointRows, row: number): number | null {
  if (series[row]!.role !== 'traffic') return null;
  for (let i = from[row]!, end = i + length[row]!; i < end; i++) if (!isCount(values[i]!)) return values[i]!;
  return null;
}

/** What the resource tells of the proxy, read anew only where it is not known. */
export function identityOf({ known, labels }: FoundResource): ResourceIdentity {
  return known?.identity ?? resourceIdentity(labels);
}
