/** @module Rows that were read and the series they are of: which proxy's, and which of them there is no room for. */
import { type InSteps, ITEM_WORK } from '../../pipeline/wire/otlp-traffic.ts';
import { type ResourceIdentity, resourceIdentity } from './samples-identity.ts';
import { familyName, sampleName } from './samples-names.ts';
import { Parts, type TargetPart } from './samples-parts.ts';
import { isCount, type RejectedPoints } from './samples-rejected.ts';
import { type FoundResource, KnownResource, type KnownResources } from './samples-resources.ts';
import type { PointRows } from './samples-rows.ts';
import type { TakeFacts } from './samples-target-settings.ts';
import type { SampledTargets } from './samples-targets.ts';

/** What things cost, as work of `Pace`: a row whose series is known, one sample whose series is sought. */
export const ROW_WORK = 32;
const SERIES_WORK = 4 * ITEM_WORK;

/** What goes with the rows of one request on their way into series. */
export interface OfferFacts extends TakeFacts {
  readonly rejected: RejectedPoints;
}

export class RowSeries {
  readonly #resources: KnownResources;
  readonly #targets: SampledTargets;

  constructor(resources: KnownResources, targets: SampledTargets) {
    this.#resources = resources;
    this.#targets = targets;
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

  /** These rows of a resource by proxy. What has no series is dropped. */
  *parts(
    resource: KnownResource,
    found: FoundResource,
    scrape: readonly number[],
    rows: PointRows,
    facts: OfferFacts,
  ): InSteps<TargetPart[]> {
    const { tally, pace, rejected } = facts;
    const parts = new Parts(rows);
    for (const row of scrape) {
      if (pace.isStep(resolveWork(rows, row))) yield;
      if (!found.wants(rows.uses[row]!)) continue;
      const refused = this.#resolve(resource, rows, row);
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
    return parts.inOrder();
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
