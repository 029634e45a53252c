/** @module Builds one reading: groups the records of a sum by edge and resource, picks sides, and sorts. */

import { EdgeBook } from './reading-edges.ts';
import {
  appended,
  type Coverage,
  NONE,
  type OwnGroup,
  type ServiceGroup,
  type Sides,
  type WorkloadEntry,
} from './reading-entries.ts';
import { type Explained, explainCounted } from './reading-explain.ts';
import { type Counted, counted, coveragesOf, type Frame, figuresOf, isWhole, joinCounted } from './reading-figures.ts';
import { TrafficIndex } from './reading-index.ts';
import { compareNamed, type Named } from './reading-order.ts';
import { totalsOf } from './reading-sides.ts';
import type {
  EdgeReading,
  Figures,
  ReadOptions,
  ResourceEdge,
  ResourceId,
  ResourceReading,
  TrafficReading,
} from './reading-types.ts';
import { Unheard } from './reading-unheard.ts';
import type { SideMemory } from './side-memory.ts';
import type { Interval, TrafficRecord, TrafficSum } from './traffic.ts';

/** Kinds that have lists of their own, or none. */
const NOT_WORKLOADS: ReadonlySet<string> = new Set(['ServiceAccount', 'Service', 'Pod']);

interface NamespaceGroup extends Named {
  readonly records: TrafficRecord[];
  readonly unreached: TrafficRecord[];
  readonly coverages: Set<Coverage>;
  serverRequests: number;
  clientRequests: number;
  /** False when records came from a workload that was not covered. */
  covered: boolean;
}

/** Figures are reckoned when they are first looked at: most readers want few of them. */
class LazyReading implements ResourceReading {
  readonly resource: ResourceId;
  readonly #frame: Frame;
  readonly #count: () => Counted;
  /** Records of both sides, where there was a choice between them. */
  readonly sides: Sides | null;
  #figures: Figures | null | undefined;

  constructor(resource: ResourceId, frame: Frame, count: () => Counted, sides: Sides | null = null) {
    this.resource = resource;
    this.sides = sides;
    this.#frame = frame;
    this.#count = count;
  }

  get figures(): Figures | null {
    if (this.#figures === undefined) this.#figures = figuresOf(this.#frame, this.#count());
    return this.#figures;
  }

  get counted(): Counted {
    return this.#count();
  }
}

export class Reading implements TrafficReading {
  readonly interval: Interval;
  readonly windowSeconds: number;
  readonly clockAhead: boolean;
  readonly partial: boolean;
  readonly late: boolean;
  readonly revision: number;
  readonly #frame: Frame;
  readonly #book: EdgeBook;
  readonly #listed: WorkloadEntry[];
  #workloads: readonly ResourceReading[] | null = null;
  #pods: readonly ResourceReading[] | null = null;
  #namespaces: readonly ResourceReading[] | null = null;
  #nodes: readonly ResourceReading[] | null = null;
  #services: readonly ResourceReading[] | null = null;

  constructor(sum: TrafficSum, options: ReadOptions) {
    this.interval = sum.interval;
    this.windowSeconds = options.windowMs / 1000;
    this.clockAhead = sum.clockAhead;
    this.partial = sum.partial;
    this.late = sum.late === true;
    this.revision = options.revision ?? 0;
    const index = new TrafficIndex(sum);
    const sides = options.sides ?? null;
    if (sides !== null) keepNames(index, sides, sum.records);
    const lateTotals = lateTotalsOf(index, sides?.due.totals ?? []);
    const unheard = new Unheard(index, sum, options);
    this.#frame = { index, windowSeconds: this.windowSeconds, partial: sum.partial, unheard, sides, lateTotals };
    learnKnown(index, options);
    this.#book = new EdgeBook(this.#frame, options.defaultKind, sum.records);
    groupTotals(index, sum.records);
    this.#listed = [...index.workloads, ...index.servicePeers].filter(isListed);
  }

  get edges(): readonly EdgeReading[] {
    return this.#book.edges;
  }

  get workloads(): readonly ResourceReading[] {
    this.#workloads ??= readWorkloads(this.#frame, this.#book, this.#listed);
    return this.#workloads;
  }

  get pods(): readonly ResourceReading[] {
    this.#pods ??= readPods(this.#frame, this.#book, this.#listed);
    return this.#pods;
  }

  get nodes(): readonly ResourceReading[] {
    this.#nodes ??= readNodes(this.#frame);
    return this.#nodes;
  }

  get services(): readonly ResourceReading[] {
    this.#services ??= sortNamed(this.#frame.index.services).map((service) => readService(this.#frame, service));
    return this.#services;
  }

  get namespaces(): readonly ResourceReading[] {
    this.#namespaces ??= readNamespaces(this.#frame, this.#listed, [...this.pods, ...this.services]);
    return this.#namespaces;
  }

  get complete(): boolean {
    if (this.partial) return false;
    return this.#frame.index.workloads.every(({ coverage }) => coverage === null || isWhole(coverage));
  }

  coveredSecondsOf({ kind, cluster, namespace, name }: ResourceId): number {
    const { index } = this.#frame;
    if (kind === 'Node') return index.findNode(cluster, name)?.coverage?.coveredSeconds ?? 0;
    const pod = kind === 'Pod' ? index.findPod(cluster, namespace, name) : undefined;
    const group = pod ?? index.find({ cluster, namespace, name, kind: '' });
    return group?.coverage?.coveredSeconds ?? 0;
  }

  edgesOf(resource: ResourceId): readonly ResourceEdge[] {
    return this.#book.edgesOf(resource);
  }

  joined(readings: readonly ResourceReading[]): ResourceReading {
    const parts = readings.filter((reading) => reading instanceof LazyReading);
    const count = () => joinCounted(parts.map((part) => part.counted));
    return new LazyReading(readings[0]!.resource, this.#frame, count, joinSides(parts));
  }

  explain(reading: ResourceReading): Explained {
    if (!(reading instanceof LazyReading)) throw new TypeError('explain: a reading of another sum');
    return explainCounted(this.#frame, reading.counted, reading.sides);
  }

  explainEdge(edge: EdgeReading): Explained | null {
    const told = this.#book.told(edge);
    return told === null ? null : explainCounted(this.#frame, told.from, told.sides);
  }
}

function joinSides(parts: readonly LazyReading[]): Sides {
  return {
    client: parts.flatMap(({ sides }) => sides?.client ?? NONE),
    server: parts.flatMap(({ sides }) => sides?.server ?? NONE),
  };
}

function learnKnown(index: TrafficIndex, { known }: ReadOptions): void {
  if (known === undefined) return;
  for (const workload of known.workloads) index.remember(workload);
  for (const { cluster, namespace, name } of known.services) index.serviceOf(cluster, namespace, name);
  for (const served of known.served ?? NONE) index.rememberServed(served);
}

/** Whose account and service is whose holds from window to window, so that an edge keeps its name when one end has gone. */
function keepNames(index: TrafficIndex, sides: SideMemory, records: readonly TrafficRecord[]): void {
  for (const { cluster, namespace, name, kind, accounts } of index.workloads)
    for (const account of accounts) sides.accounts.learn({ cluster, namespace, name, kind }, account);
  for (const { workload, account } of sides.accounts.known()) index.rememberAccount(workload, account);
  for (const { key } of records) if (key.side === 'client') sides.services.learn(key.peer);
  for (const served of sides.services.known()) index.rememberServed(served);
}

/** Totals of earlier windows by who received them; whoever did is seen in this window. */
function lateTotalsOf(index: TrafficIndex, records: readonly TrafficRecord[]): Map<WorkloadEntry, TrafficRecord[]> {
  const late = new Map<WorkloadEntry, TrafficRecord[]>();
  for (const record of records) {
    const { side, own, peer } = record.key;
    const entry = side === 'server' ? index.ownOf(own).entry : index.peerOf(peer, own.workload.cluster);
    if (entry === null) continue;
    entry.seen = true;
    late.set(entry, [...(late.get(entry) ?? []), record]);
  }
  return late;
}

/** Gives each record to the workload that received what it counts: its own, or on the client's side its peer. */
function groupTotals(index: TrafficIndex, records: readonly TrafficRecord[]): void {
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!;
    const me = index.owns[i]!.entry;
    const far = index.far(i);
    me.seen = true;
    if (far !== null) far.seen = true;
    if (record.key.side === 'server') me.server = appended(me.server, record);
    else if (far !== null) far.client = appended(far.client, record);
  }
}

/** Whether a workload is shown at all: it is named, and its target is up or somebody met it. */
function isListed(entry: WorkloadEntry): boolean {
  return entry.name !== '' && entry.kind !== 'ServiceAccount' && (entry.seen || (entry.coverage?.up ?? false));
}

function isAlive(group: OwnGroup): boolean {
  return group.server.length > 0 || group.client.length > 0 || (group.coverage?.up ?? false);
}

function readWorkloads(frame: Frame, book: EdgeBook, listed: readonly WorkloadEntry[]): ResourceReading[] {
  const entries = sortNamed(listed.filter((entry) => !NOT_WORKLOADS.has(entry.kind)));
  return entries.map((entry) => readTotals(frame, book, entry));
}

function readTotals(frame: Frame, book: EdgeBook, entry: WorkloadEntry): ResourceReading {
  return new LazyReading(book.idOf(entry), frame, () => totalsOf(frame, entry), entry);
}

/** Pods by what they counted themselves; a bare pod that is not watched by what its clients counted. */
function readPods(frame: Frame, book: EdgeBook, listed: readonly WorkloadEntry[]): ResourceReading[] {
  const readings = frame.index.pods.filter(isAlive).map((pod) => readOwn(frame, 'Pod', pod));
  for (const entry of listed) {
    if (entry.kind !== 'Pod' || frame.index.findPod(entry.cluster, entry.namespace, entry.name) !== undefined) continue;
    readings.push(readTotals(frame, book, entry));
  }
  return readings.sort((a, b) => compareNamed(a.resource, b.resource));
}

function readNodes(frame: Frame): ResourceReading[] {
  return sortNamed(frame.index.nodes.filter(isAlive)).map((node) => readOwn(frame, 'Node', node));
}

function readOwn(frame: Frame, kind: 'Pod' | 'Node', own: OwnGroup): ResourceReading {
  const { cluster, namespace, name } = own;
  const count = () => counted(frame, 'server', own.server, [own.coverage]);
  return new LazyReading({ kind, cluster, namespace, name }, frame, count);
}

function readService(frame: Frame, service: ServiceGroup): ResourceReading {
  const { cluster, namespace, name, client } = service;
  const count = () => counted(frame, 'client', client, coveragesOf(frame.index, client));
  return new LazyReading({ kind: 'Service', cluster, namespace, name }, frame, count);
}

/** A namespace is the sum of its workloads, each from the side that was believed for it. */
function readNamespaces(
  frame: Frame,
  listed: readonly WorkloadEntry[],
  others: readonly ResourceReading[],
): ResourceReading[] {
  const groups = new Map<string, NamespaceGroup>();
  for (const entry of listed) {
    if (entry.namespace !== '') addTotal(frame, namespaceOf(groups, entry), totalsOf(frame, entry), entry);
  }
  for (const { resource } of others) if (resource.namespace !== '') namespaceOf(groups, resource);
  return sortNamed([...groups.values()]).map((group) => readNamespace(frame, group));
}

function addTotal(frame: Frame, group: NamespaceGroup, total: Counted, entry: WorkloadEntry): void {
  for (const record of total.records) group.records.push(record);
  for (const record of total.unreached ?? NONE) group.unreached.push(record);
  if (total.side === 'server') group.serverRequests += total.requests;
  else group.clientRequests += total.requests;
  const coverages = total.side === 'server' ? [entry.coverage] : coveragesOf(frame.index, total.records);
  for (const coverage of coverages) {
    if (coverage !== null) group.coverages.add(coverage);
    else if (total.records.length > 0) group.covered = false;
  }
}

function readNamespace(frame: Frame, group: NamespaceGroup): ResourceReading {
  const side = group.clientRequests > group.serverRequests ? 'client' : 'server';
  const coverages: (Coverage | null)[] = [...group.coverages];
  if (!group.covered) coverages.push(null);
  const resource = { kind: 'Namespace', cluster: group.cluster, namespace: '', name: group.name };
  const count = () => ({ ...counted(frame, side, group.records, coverages), unreached: group.unreached });
  return new LazyReading(resource, frame, count, { server: NONE, client: NONE });
}

function namespaceKey({ cluster, namespace }: Named): string {
  return `${cluster.length}:${cluster}${namespace}`;
}

function namespaceOf(groups: Map<string, NamespaceGroup>, member: Named): NamespaceGroup {
  const key = namespaceKey(member);
  let group = groups.get(key);
  if (group === undefined) {
    const { cluster, namespace } = member;
    const sums = { serverRequests: 0, clientRequests: 0, covered: true };
    group = { cluster, namespace: '', name: namespace, records: [], unreached: [], coverages: new Set(), ...sums };
    groups.set(key, group);
  }
  return group;
}

function sortNamed<Item extends Named>(items: Item[]): Item[] {
  return items.sort(compareNamed);
}
