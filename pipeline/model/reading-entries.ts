/** @module What an index of traffic holds: workloads, pods, nodes, services, and their coverage added up. */
import type { NameMap } from './name-map.ts';
import type { Identity, ResourceKind, Workload } from './resource.ts';
import type { CoverageRecord, TrafficRecord } from './traffic.ts';

/** Coverage added up over some targets. */
export interface Coverage {
  coveredSeconds: number;
  expectedSeconds: number;
  missed: number;
  /** True when a target missed a scrape, or takes back a miss from before, though others may make up for it in `missed`. */
  isMissed: boolean;
  resets: number;
  firstSight: boolean;
  targets: number;
  /** True when at least one scrape was good. */
  up: boolean;
}

/** Records of one resource by the side that counted them. `client` of a workload is what others sent to it. */
export interface Sides {
  server: readonly TrafficRecord[];
  client: readonly TrafficRecord[];
}

export interface WorkloadEntry extends Sides {
  readonly id: number;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Kind as told by whoever knows; '' while nobody did. */
  kind: ResourceKind;
  kindRank: number;
  accounts: readonly string[];
  /** Null when no target of this workload is watched. */
  coverage: Coverage | null;
  /** True when somebody sent to it, or it sent something. */
  seen: boolean;
}

/** A pod or a node: what its own proxies counted. */
export interface OwnGroup extends Sides {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  coverage: Coverage | null;
}

export interface ServiceGroup {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  client: readonly TrafficRecord[];
}

/** What one identity refers to. */
export interface OwnRef {
  readonly entry: WorkloadEntry;
  /** Coverage of this very pod; null when none came with the sum. */
  unit: Coverage | null;
  readonly pod: OwnGroup | null;
  readonly node: OwnGroup | null;
}

/** Shared by all that hold nothing yet: most lists of a reading stay empty or get one item. */
export const NONE: readonly never[] = [];

/** `list` with `item` at its end; makes a list of its own for the first one. */
export function appended<Item>(list: readonly Item[], item: Item): readonly Item[] {
  if (list.length === 0) return [item];
  // Every list but `NONE` was made here, so nobody else holds it.
  (list as Item[]).push(item);
  return list;
}

/** Whose word on a kind counts more: a target's own label, its clients, an earlier slot. */
export const OWN_RANK = 3;
export const PEER_RANK = 2;
export const REMEMBERED_RANK = 1;

/** A target that tells its pod but no owner is a workload of its own. */
export function ownWorkload(own: Identity): Workload {
  if (own.workload.name !== '' || own.pod === '') return own.workload;
  return { ...own.workload, name: own.pod, kind: 'Pod' };
}

/** Key of one life of one pod of a workload. */
export function unitText(entry: WorkloadEntry, own: Identity): string {
  return `${entry.id}:${own.pod.length}:${own.pod}${own.podUid}`;
}

/** Takes over a kind told by somebody who ranks above whoever told it before. */
export function learnKind(entry: WorkloadEntry, kind: ResourceKind, rank: number): void {
  if (kind === '' || rank <= entry.kindRank) return;
  entry.kind = kind;
  entry.kindRank = rank;
}

/** A workload nobody has told anything of yet. */
export function newEntry(id: number, { cluster, namespace, name, kind }: Workload): WorkloadEntry {
  const nominal = kind === 'ServiceAccount' || kind === 'Service';
  return {
    id,
    cluster,
    namespace,
    name,
    kind: nominal ? kind : '',
    kindRank: nominal ? OWN_RANK : 0,
    accounts: NONE,
    coverage: null,
    seen: false,
    server: NONE,
    client: NONE,
  };
}

/** The pod or node of that name, made when it is new. */
export function ownGroup(groups: NameMap<OwnGroup>, cluster: string, namespace: string, name: string): OwnGroup {
  const make = (): OwnGroup => ({ cluster, namespace, name, coverage: null, server: NONE, client: NONE });
  return groups.getOrMake(cluster, namespace, name, make);
}

/** Coverage of no target, to be added to. */
export function noCoverage(): Coverage {
  return {
    coveredSeconds: 0,
    expectedSeconds: 0,
    missed: 0,
    isMissed: false,
    resets: 0,
    firstSight: false,
    targets: 0,
    up: false,
  };
}

/** Adds one target's coverage. */
export function addCoverage(into: Coverage, record: CoverageRecord): void {
  into.coveredSeconds += record.coveredSeconds;
  into.expectedSeconds += record.expectedSeconds;
  into.missed += record.scrapesMissed;
  into.isMissed ||= record.scrapesMissed !== 0;
  into.resets += record.resets;
  into.firstSight ||= record.firstSight;
  into.targets += 1;
  into.up ||= record.coveredSeconds > 0 || record.firstSight || record.scrapesDue > record.scrapesMissed;
}
