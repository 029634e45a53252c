/** @module Whose pages the series of targets tell, where no label does (a ztunnel's, a waypoint's, a sidecar without labels). */
import type { SeriesListing, SeriesQuery, SeriesSource, TargetStatus } from '../../pipeline/component.ts';
import type { Identity } from '../../pipeline/model/resource.ts';

/** What the series of one target tell. */
export interface Told {
  /** Series of traffic that tell whose they are … */
  readonly series: number;
  /** … and that do not, so that the target's address stands for their workload. */
  readonly silent: number;
  /** Each workload or pod once. */
  readonly owners: readonly Identity[];
}

interface Tally {
  series: number;
  silent: number;
  readonly owners: Map<string, Identity>;
}

type List = (query: SeriesQuery) => SeriesListing;

/** Looks targets up; all their series are gone through once, when the first is asked for. O(series of all targets). */
export function createTold(list: List): (target: Pick<TargetStatus, 'receiver' | 'address'>) => Told {
  let all: ReadonlyMap<string, Tally> | null = null;
  return ({ receiver, address }) => {
    all ??= tally(list);
    const found = all.get(keyOf(receiver, address));
    if (found === undefined) return { series: 0, silent: 0, owners: [] };
    return { series: found.series, silent: found.silent, owners: [...found.owners.values()] };
  };
}

function tally(list: List): ReadonlyMap<string, Tally> {
  const all = new Map<string, Tally>();
  // Series come target by target, each with one source: most of them cost no look-up.
  let source: SeriesSource | null = null;
  let held: Tally = newTally();
  list({
    limit: 0,
    // Nothing is wanted: the labels of the series need not be read.
    wants: (meaning, from) => {
      if (meaning.role !== 'traffic') return false;
      if (from !== source) {
        source = from;
        held = tallyOf(all, from);
      }
      if (meaning.own === null) held.silent += 1;
      else addOwner(held, meaning.own);
      return false;
    },
  });
  return all;
}

function newTally(): Tally {
  return { series: 0, silent: 0, owners: new Map() };
}

function tallyOf(all: Map<string, Tally>, { receiver, address }: SeriesSource): Tally {
  const key = keyOf(receiver, address);
  const held = all.get(key) ?? newTally();
  all.set(key, held);
  return held;
}

function addOwner(into: Tally, own: Identity): void {
  into.series += 1;
  const { cluster, namespace, name } = own.workload;
  // No name of Kubernetes has NUL in it; of others that do, two may be listed as one.
  const key = `${cluster}\0${namespace}\0${name}\0${own.pod}`;
  if (!into.owners.has(key)) into.owners.set(key, own);
}

function keyOf(receiver: string, address: string): string {
  return `${receiver} ${address}`;
}
