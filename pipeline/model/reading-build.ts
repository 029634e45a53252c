/** @module Builds one reading: groups the records of a sum by edge and resource, picks sides, and sorts. */
import type { ReadOptions, ResourceEdge, ResourceId, ResourceReading, TrafficReading } from './reading.ts';
import { EdgeBook } from './reading-edges.ts';
import { type Counted, counted, coveragesOf, type Frame, figuresOf, totalsOf } from './reading-figures.ts';
import { type Coverage, type OwnGroup, type ServiceGroup, TrafficIndex, type WorkloadEntry } from './reading-index.ts';
import { compareNamed, type Named } from './reading-order.ts';
import type { TrafficRecord, TrafficSum } from './traffic.ts';

/** Kinds that have lists of their own, or none. */
const NOT_WORKLOADS: ReadonlySet<string> = new Set(['ServiceAccount', 'Service', 'Pod']);

interface NamespaceGroup extends Named {
  readonly records: TrafficRecord[];
  readonly coverages: Set<Coverage>;
  serverRequests: number;
  clientRequests: number;
  /** False when records came from a workload that was not covered. */
  covered: boolean;
}

export class Reading implements TrafficReading {
  readonly interval;
  readonly windowSeconds: number;
  readonly clockAhead: boolean;
  readonly partial: boolean;
  readonly edges;
  readonly workloads: readonly ResourceReading[];
  readonly pods: readonly ResourceReading[];
  readonly namespaces: readonly ResourceReading[];
  readonly nodes: readonly ResourceReading[];
  readonly services: readonly ResourceReading[];
  readonly #book: EdgeBook;

  constructor(sum: TrafficSum, options: ReadOptions) {
    this.interval = sum.interval;
    this.windowSeconds = options.windowMs / 1000;
    this.clockAhead = sum.clockAhead;
    this.partial = sum.partial;
    const index = new TrafficIndex(sum);
    const frame: Frame = { index, windowSeconds: this.windowSeconds, partial: sum.partial };
    learnKnown(index, options);
    const book = new EdgeBook(frame, options.defaultKind);
    for (const record of sum.records) group(index, book, record);
    this.#book = book;
    this.edges = book.edges();
    const totals = new Map<WorkloadEntry, Counted>();
    for (const entry of index.entries.values()) if (isListed(entry)) totals.set(entry, totalsOf(frame, entry));
    this.workloads = readWorkloads(frame, book, totals);
    this.pods = readPods(frame, book, totals);
    this.nodes = sortNamed([...index.nodes.values()].filter(isAlive)).map((node) => readOwn(frame, 'Node', node));
    this.services = sortNamed([...index.services.values()]).map((service) => readService(frame, service));
    this.namespaces = readNamespaces(frame, totals, [...this.pods, ...this.services]);
  }

  edgesOf(resource: ResourceId): readonly ResourceEdge[] {
    return this.#book.edgesOf(resource);
  }
}

function learnKnown(index: TrafficIndex, { known }: ReadOptions): void {
  if (known === undefined) return;
  for (const workload of known.workloads) index.remember(workload);
  for (const { cluster, namespace, name } of known.services) index.serviceOf(cluster, namespace, name);
}

/** Puts one record where its own end and its peer will look for it. */
function group(index: TrafficIndex, book: EdgeBook, record: TrafficRecord): void {
  const { own, peer, side } = record.key;
  const me = index.ownOf(own);
  const other = index.peerOf(peer, own.workload.cluster);
  const far = other.entry === null ? null : index.resolve(other.entry);
  me.entry.seen = true;
  if (far !== null) far.seen = true;
  if (side === 'server') me.entry.server.push(record);
  else far?.client.push(record);
  if (side === 'client') other.service?.client.push(record);
  me.pod?.[side].push(record);
  me.node?.[side].push(record);
  book.add(side, me.entry, far, record);
}

/** Whether a workload is shown at all: it is named, and its target is up or somebody met it. */
function isListed(entry: WorkloadEntry): boolean {
  return entry.name !== '' && entry.kind !== 'ServiceAccount' && (entry.seen || (entry.coverage?.up ?? false));
}

function isAlive(group: OwnGroup): boolean {
  return group.server.length > 0 || group.client.length > 0 || (group.coverage?.up ?? false);
}

function readWorkloads(frame: Frame, book: EdgeBook, totals: ReadonlyMap<WorkloadEntry, Counted>): ResourceReading[] {
  const entries = sortNamed([...totals.keys()].filter((entry) => !NOT_WORKLOADS.has(entry.kind)));
  return entries.map((entry) => ({ resource: book.idOf(entry), figures: figuresOf(frame, totals.get(entry)!) }));
}

/** Pods by what they counted themselves; a bare pod that is not watched by what its clients counted. */
function readPods(frame: Frame, book: EdgeBook, totals: ReadonlyMap<WorkloadEntry, Counted>): ResourceReading[] {
  const readings = [...frame.index.pods.values()].filter(isAlive).map((pod) => readOwn(frame, 'Pod', pod));
  for (const [entry, total] of totals) {
    if (entry.kind !== 'Pod' || frame.index.findPod(entry.cluster, entry.namespace, entry.name) !== undefined) continue;
    readings.push({ resource: book.idOf(entry), figures: figuresOf(frame, total) });
  }
  return readings.sort((a, b) => compareNamed(a.resource, b.resource));
}

function readOwn(frame: Frame, kind: 'Pod' | 'Node', own: OwnGroup): ResourceReading {
  const { cluster, namespace, name } = own;
  const figures = figuresOf(frame, counted(frame, 'server', own.server, [own.coverage]));
  return { resource: { kind, cluster, namespace, name }, figures };
}

function readService(frame: Frame, service: ServiceGroup): ResourceReading {
  const { cluster, namespace, name, client } = service;
  const from = counted(frame, 'client', client, coveragesOf(frame.index, client));
  return { resource: { kind: 'Service', cluster, namespace, name }, figures: figuresOf(frame, from) };
}

/** A namespace is the sum of its workloads, each from the side that was believed for it. */
function readNamespaces(
  frame: Frame,
  totals: ReadonlyMap<WorkloadEntry, Counted>,
  others: readonly ResourceReading[],
): ResourceReading[] {
  const groups = new Map<string, NamespaceGroup>();
  for (const [entry, total] of totals) addTotal(frame, namespaceOf(groups, entry), total, entry);
  for (const { resource } of others) namespaceOf(groups, resource);
  groups.delete(namespaceKey({ cluster: '', namespace: '', name: '' }));
  return sortNamed([...groups.values()]).map((group) => readNamespace(frame, group));
}

function addTotal(frame: Frame, group: NamespaceGroup, total: Counted, entry: WorkloadEntry): void {
  for (const record of total.records) group.records.push(record);
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
  const figures = figuresOf(frame, counted(frame, side, group.records, coverages));
  return { resource: { kind: 'Namespace', cluster: group.cluster, namespace: '', name: group.name }, figures };
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
    group = { cluster, namespace: '', name: namespace, records: [], coverages: new Set(), ...sums };
    groups.set(key, group);
  }
  return group;
}

function sortNamed<Item extends Named>(items: Item[]): Item[] {
  return items.sort(compareNamed);
}
