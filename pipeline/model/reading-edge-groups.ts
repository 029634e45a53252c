/** @module Records of one reading grouped into edges by their two ends. */
import { appended, NONE, type Sides, type WorkloadEntry } from './reading-entries.ts';
import type { Frame } from './reading-figures.ts';
import { entryKey } from './reading-sides.ts';
import type { Side } from './rules.ts';
import type { SideKey } from './side-memory.ts';
import type { TrafficRecord } from './traffic.ts';

/** All records of one edge; `Edge` is what is made of them. */
export interface EdgeGroup<Edge> extends Sides {
  readonly source: WorkloadEntry | null;
  readonly destination: WorkloadEntry | null;
  /** Of earlier windows, to be told in this one. */
  late: readonly TrafficRecord[];
  /** Undefined until it is first asked for: most readers want few edges. Null when it is not shown. */
  edge: Edge | null | undefined;
}

/** Ids of workloads in one reading stay below this, so that two make one exact number. */
const MAX_ENTRIES = 2 ** 26;

/** Key of an edge from window to window. */
export function edgeKey(source: WorkloadEntry | null, destination: WorkloadEntry | null): SideKey {
  return `edge ${entryKey(source)} ${entryKey(destination)}`;
}

/** The groups of one reading, made when they are first asked for. O(records). */
export class EdgeGroups<Edge> {
  readonly #frame: Frame;
  readonly #records: readonly TrafficRecord[];
  #groups: Map<number, EdgeGroup<Edge>> | null = null;
  #byEntry: Map<WorkloadEntry, EdgeGroup<Edge>[]> | null = null;
  #clients: Map<WorkloadEntry, EdgeGroup<Edge>[]> | null = null;

  constructor(frame: Frame, records: readonly TrafficRecord[]) {
    this.#frame = frame;
    this.#records = records;
  }

  all(): Iterable<EdgeGroup<Edge>> {
    return this.#grouped().values();
  }

  /** Those with `entry` at either end. */
  of(entry: WorkloadEntry): readonly EdgeGroup<Edge>[] {
    this.#byEntry ??= groupsByEntry(this.all());
    return this.#byEntry.get(entry) ?? [];
  }

  /** Those to `destination` that clients counted. */
  clientsOf(destination: WorkloadEntry): readonly EdgeGroup<Edge>[] {
    this.#clients ??= clientsByDestination(this.all());
    return this.#clients.get(destination) ?? [];
  }

  #grouped(): Map<number, EdgeGroup<Edge>> {
    if (this.#groups !== null) return this.#groups;
    const groups = new Map<number, EdgeGroup<Edge>>();
    const { index } = this.#frame;
    for (let i = 0; i < this.#records.length; i++) {
      const record = this.#records[i]!;
      const group = groupOf(groups, record.key.side, index.owns[i]!.entry, index.far(i));
      group[record.key.side] = appended(group[record.key.side], record);
    }
    for (const record of this.#frame.sides?.due.edges ?? NONE) {
      const { own, peer, side } = record.key;
      const told = index.peerOf(peer, own.workload.cluster);
      const group = groupOf(groups, side, index.ownOf(own).entry, told === null ? null : index.resolve(told));
      group.late = appended(group.late, record);
    }
    this.#groups = groups;
    return groups;
  }
}

/** The edge between the two ends of a record, made when it is new. */
function groupOf<Edge>(
  groups: Map<number, EdgeGroup<Edge>>,
  side: Side,
  own: WorkloadEntry,
  far: WorkloadEntry | null,
): EdgeGroup<Edge> {
  const source = side === 'client' ? own : far;
  const destination = side === 'client' ? far : own;
  const key = ((source?.id ?? -1) + 1) * MAX_ENTRIES + (destination?.id ?? -1) + 1;
  let group = groups.get(key);
  if (group === undefined) {
    group = { source, destination, server: NONE, client: NONE, late: NONE, edge: undefined };
    groups.set(key, group);
  }
  return group;
}

/** Groups by both their ends; one whose ends are the same is there once. */
function groupsByEntry<Edge>(groups: Iterable<EdgeGroup<Edge>>): Map<WorkloadEntry, EdgeGroup<Edge>[]> {
  const byEntry = new Map<WorkloadEntry, EdgeGroup<Edge>[]>();
  for (const group of groups) {
    const { source, destination } = group;
    if (source !== null) append(byEntry, source, group);
    if (destination !== null && destination !== source) append(byEntry, destination, group);
  }
  return byEntry;
}

function append<Key, Item>(lists: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** Edges with records of the client side, by their destination. */
function clientsByDestination<Edge>(groups: Iterable<EdgeGroup<Edge>>): Map<WorkloadEntry, EdgeGroup<Edge>[]> {
  const clients = new Map<WorkloadEntry, EdgeGroup<Edge>[]>();
  for (const group of groups) {
    const { source, destination, client } = group;
    if (source === null || destination === null || client.length === 0) continue;
    append(clients, destination, group);
  }
  return clients;
}

/** Services the clients asked for, sorted; `name.namespace` when not in the namespace of the destination. */
export function servicesOf<Edge>({ client, destination }: EdgeGroup<Edge>): string[] {
  const services = new Set<string>();
  for (const { key } of client) {
    const { service, serviceNamespace } = key.peer;
    if (service === '') continue;
    const elsewhere = serviceNamespace !== '' && serviceNamespace !== destination?.namespace;
    services.add(elsewhere ? `${service}.${serviceNamespace}` : service);
  }
  return [...services].sort();
}
