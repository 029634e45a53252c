/** @module Edges of one reading: records grouped by their two ends, sides picked, and the same seen from one end. */

import { requestsOf } from './reached.ts';
import {
  clientsByDestination,
  type EdgeGroup,
  edgeKey,
  groupOf,
  groupsByEntry,
  servicesOf,
} from './reading-edge-groups.ts';
import { appended, type Coverage, NONE, type OwnGroup, type Sides, type WorkloadEntry } from './reading-entries.ts';
import { counted, coveragesOf, type Frame, figuresOf, weighBy } from './reading-figures.ts';
import { compareNamed, type Named } from './reading-order.ts';
import { type Believed, believe, countedLate, viewOf, withUnreached } from './reading-sides.ts';
import {
  connectionsLeft,
  type Explained,
  explainStrangers,
  meshesThatNameCallers,
  restOf,
} from './reading-strangers.ts';
import type { EdgeReading, ResourceEdge, ResourceId } from './reading-types.ts';
import type { ResourceKind, Workload } from './resource.ts';
import type { Side } from './rules.ts';
import type { SideView } from './side-memory.ts';
import type { TrafficRecord } from './traffic.ts';

type Group = EdgeGroup<Edge>;

interface Edge {
  readonly source: WorkloadEntry | null;
  readonly destination: WorkloadEntry | null;
  readonly from: Believed;
  readonly sides: Sides;
  readonly reading: EdgeReading;
}

export class EdgeBook {
  readonly #frame: Frame;
  readonly #defaultKind: ResourceKind;
  readonly #records: readonly TrafficRecord[];
  #groups: Map<number, Group> | null = null;
  readonly #workloads = new Map<WorkloadEntry, Workload>();
  #edges: readonly Edge[] | null = null;
  #readings: readonly EdgeReading[] | null = null;
  #byEntry: Map<WorkloadEntry, Group[]> | null = null;
  #clients: Map<WorkloadEntry, Group[]> | null = null;
  #namesCallers: ReadonlySet<string> | null = null;

  constructor(frame: Frame, defaultKind: ResourceKind, records: readonly TrafficRecord[]) {
    this.#frame = frame;
    this.#defaultKind = defaultKind;
    this.#records = records;
  }

  /** All edges with traffic, sorted. */
  get edges(): readonly EdgeReading[] {
    this.#readings ??= this.#all().map((edge) => edge.reading);
    return this.#readings;
  }

  /** What an edge was told from, and the records of both its sides; null for one this book does not have. */
  told(reading: EdgeReading): { readonly from: Believed; readonly sides: Sides } | null {
    return this.#all().find((edge) => edge.reading === reading) ?? null;
  }

  #all(): readonly Edge[] {
    this.#edges ??= this.#shown(this.#grouped().values()).sort(compareEdges);
    return this.#edges;
  }

  #grouped(): Map<number, Group> {
    if (this.#groups !== null) return this.#groups;
    const groups = new Map<number, Group>();
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

  #shown(groups: Iterable<Group>): Edge[] {
    const edges: Edge[] = [];
    for (const group of groups) {
      if (group.edge === undefined) group.edge = this.#read(group);
      if (group.edge !== null) edges.push(group.edge);
    }
    return edges;
  }

  /** The workload an entry stands for, with its kind resolved; one object per entry. */
  workloadOf(entry: WorkloadEntry): Workload {
    let workload = this.#workloads.get(entry);
    if (workload === undefined) {
      const { cluster, namespace, name } = entry;
      workload = { cluster, namespace, name, kind: entry.kind === '' ? this.#defaultKind : entry.kind };
      this.#workloads.set(entry, workload);
    }
    return workload;
  }

  idOf(entry: WorkloadEntry): ResourceId {
    return this.workloadOf(entry);
  }

  /** What `resource` receives, then what it sends; neighbours in its own namespace first, then by name. */
  edgesOf(resource: ResourceId): readonly ResourceEdge[] {
    return this.#findEdges(resource).sort((a, b) => compareSeen(resource, a, b));
  }

  #findEdges(resource: ResourceId): ResourceEdge[] {
    const { index } = this.#frame;
    const { kind, cluster, namespace, name } = resource;
    const own = kind === 'Pod' ? index.findPod(cluster, namespace, name) : index.findNode(cluster, name);
    if (kind === 'Node' || (kind === 'Pod' && own !== undefined)) return own === undefined ? [] : this.#ofOwn(own);
    if (kind === 'Namespace') return this.#ofNamespace(resource);
    if (kind === 'Service') return this.#ofService(resource);
    const entry = index.find({ cluster, namespace, name, kind: kind === 'ServiceAccount' ? kind : '' });
    return entry === undefined || this.workloadOf(entry).kind !== kind ? [] : this.#ofEntry(entry);
  }

  #read(group: Group): Edge | null {
    const { source, destination } = group;
    const from = this.#sideOf(group);
    const figures = from === null ? null : figuresOf(this.#frame, from);
    if (from === null || figures === null) return null;
    const reading: EdgeReading = {
      source: source === null ? null : this.workloadOf(source),
      destination: destination === null ? null : this.workloadOf(destination),
      mesh: (from.records[0] ?? from.late?.[0] ?? from.unreached?.[0])?.key.mesh ?? '',
      services: servicesOf(group),
      figures,
    };
    return { source, destination, from, sides: group, reading };
  }

  /** The side that tells this edge; null when the edge is told by others. */
  #sideOf(group: Group): Believed | null {
    const { source, destination } = group;
    if (source === null && destination !== null) return this.#ofStrangers(group, destination);
    const account = source?.kind === 'ServiceAccount' && destination !== null ? source : null;
    if (this.#frame.sides !== null) return this.#toldOf(group, account);
    if (account !== null && this.#behind(account, destination).length > 0) return null;
    const client = () => counted(this.#frame, 'client', group.client, source === null ? [] : [source.coverage]);
    const server = () =>
      counted(this.#frame, 'server', group.server, destination === null ? [] : [destination.coverage]);
    return withUnreached(believe(client(), group.server, server, weighBy(this.#frame)), group.client);
  }

  /** What a server counted of callers it cannot name, less what clients it cannot name told themselves. */
  #ofStrangers(group: Group, destination: WorkloadEntry): Believed | null {
    const { sides } = this.#frame;
    const clients = this.#clientsOf(destination);
    const explained = clients.length === 0 ? null : this.#explained(group, destination, clients);
    const key = edgeKey(null, destination);
    if (sides !== null) {
      if (explained === null && !sides.strangers.has(key)) return this.#toldOf(group, null);
      return this.#toldOfStrangers(group, destination, explained);
    }
    const records = explained === null ? group.server : restOf(group.server, explained);
    if (records.length === 0) return null;
    const reason = explained === null ? ('only' as const) : ('strangers' as const);
    return { ...counted(this.#frame, 'server', records, [destination.coverage]), reason };
  }

  #explained(group: Group, destination: WorkloadEntry, clients: readonly Group[]): Explained | null {
    this.#namesCallers ??= meshesThatNameCallers(this.#records);
    const accounts = this.#groupsOf(destination).filter(
      ({ source, server }) => source?.kind === 'ServiceAccount' && server.length > 0,
    );
    const { index, sides } = this.#frame;
    // A stream compares over many windows, in which what one scrape lacks the next one brings.
    const weigh = sides === null ? weighBy(this.#frame) : undefined;
    return explainStrangers(index, group.server, clients, accounts, this.#namesCallers, weigh);
  }

  #toldOfStrangers(group: Group, destination: WorkloadEntry, explained: Explained | null): Believed | null {
    const { index, sides } = this.#frame;
    const { server, late } = group;
    const missing = index.workloads.some(
      (client) => (client.coverage?.missed ?? 0) > 0 && sides!.isTold(edgeKey(client, destination), 'client'),
    );
    const outcomes = explained?.outcomes ?? { successes: 0, failures: 0 };
    const requests = requestsOf(server);
    const seen = explained?.seen ?? { client: 0, server: requests, serverAtLeast: requests };
    const view = { records: server, explained: outcomes, seen, whole: !missing };
    const told = sides!.strangers.choose(edgeKey(null, destination), view);
    const calls = (told?.records ?? NONE).filter((record) => requestsOf([record]) > 0);
    const records = [...calls, ...connectionsLeft(server, explained, calls)];
    if (told === null && late.length === 0 && records.length === 0) return null;
    const all = { side: 'server' as const, records, late: told?.late ?? NONE };
    return countedLate(this.#frame, all, [destination.coverage], late, NONE);
  }

  #toldOf(group: Group, account: WorkloadEntry | null): Believed | null {
    const { source, destination, late } = group;
    const sides = this.#frame.sides!;
    const key = edgeKey(source, destination);
    const coverages = {
      client: source === null ? [] : [source.coverage],
      server: destination === null ? [] : [destination.coverage],
    };
    const server = viewOf(group.server, coverages.server, source);
    const told =
      account === null
        ? sides.choose(key, 'client', viewOf(group.client, coverages.client, destination), server)
        : sides.standIn(key, this.#clientsBehind(account, destination), server);
    // What others tell now may still be due from when they did not.
    if (told === null && late.length === 0) return null;
    const { side, records, late: withheld } = told ?? { side: 'server' as const, records: NONE, late: NONE };
    return countedLate(
      this.#frame,
      { side, records, late: withheld },
      coverages[side],
      late,
      account === null ? group.client : NONE,
    );
  }

  /** Edges to `destination` that its clients' proxies counted and that may be behind `account` (design §6, Sides). */
  #behind(account: WorkloadEntry, destination: WorkloadEntry | null): Group[] {
    const met = destination === null ? [] : this.#clientsOf(destination);
    return met.filter(({ source }) => source !== null && this.#frame.index.mayBe(account, source));
  }

  #clientsOf(destination: WorkloadEntry): readonly Group[] {
    this.#clients ??= clientsByDestination(this.#grouped().values());
    return this.#clients.get(destination) ?? [];
  }

  /** A client whose scrape was missed brings both shares with the next one: until then its account does not stand in. */
  #clientsBehind(account: WorkloadEntry, destination: WorkloadEntry | null): SideView {
    const { index, sides } = this.#frame;
    const met = this.#behind(account, destination);
    const watched = index.workloads.filter(
      (client) =>
        client.coverage !== null &&
        index.mayBe(account, client) &&
        sides?.isTold(edgeKey(client, destination), 'client') === true,
    );
    const records = met.flatMap((group) => group.client);
    return viewOf(
      records,
      watched.map((client) => client.coverage),
      destination,
    );
  }

  #ofEntry(entry: WorkloadEntry): ResourceEdge[] {
    const seen: ResourceEdge[] = [];
    for (const edge of this.#shown(this.#groupsOf(entry))) {
      const { source, destination, figures } = edge.reading;
      if (edge.destination === entry) seen.push({ direction: 'from', side: figures.side, other: source, figures });
      if (edge.source === entry) seen.push({ direction: 'to', side: figures.side, other: destination, figures });
    }
    return seen;
  }

  #groupsOf(entry: WorkloadEntry): readonly Group[] {
    this.#byEntry ??= groupsByEntry(this.#grouped().values());
    return this.#byEntry.get(entry) ?? [];
  }

  /** Edges between namespaces: sums of workload edges, each from the side that was believed for it. */
  #ofNamespace({ cluster, name }: ResourceId): ResourceEdge[] {
    const inside = (entry: WorkloadEntry | null) => entry?.namespace === name && entry.cluster === cluster;
    const received = this.#all().filter((edge) => inside(edge.destination));
    const sent = this.#all().filter((edge) => inside(edge.source));
    return [
      ...this.#byFarNamespace('from', received, (edge) => edge.source),
      ...this.#byFarNamespace('to', sent, (edge) => edge.destination),
    ];
  }

  #byFarNamespace(
    direction: 'to' | 'from',
    edges: readonly Edge[],
    far: (edge: Edge) => WorkloadEntry | null,
  ): ResourceEdge[] {
    return groupBy(edges, (edge) => namespaceId(far(edge))).flatMap(([other, members]) => {
      const records = members.flatMap((edge) => edge.from.records);
      const unreached = members.flatMap((edge) => edge.from.unreached ?? NONE);
      const client = members.reduce((sum, { from }) => sum + (from.side === 'client' ? from.requests : 0), 0);
      const all = members.reduce((sum, { from }) => sum + from.requests, 0);
      return this.#seen(direction, client * 2 >= all ? 'client' : 'server', other, records, { unreached });
    });
  }

  #ofService({ cluster, namespace, name }: ResourceId): ResourceEdge[] {
    const { index } = this.#frame;
    const records = index.findService(cluster, namespace, name)?.client ?? [];
    const byClient = groupBy(records, (record) => this.idOf(index.ownOf(record.key.own).entry));
    return byClient.flatMap(([other, members]) => this.#seen('from', 'client', other, members));
  }

  /** Edges of a pod or node by its own records only. */
  #ofOwn(own: OwnGroup): ResourceEdge[] {
    const edges: ResourceEdge[] = [];
    for (const [direction, side] of [
      ['from', 'server'],
      ['to', 'client'],
    ] as const) {
      for (const [other, records] of groupBy(own[side], (record) => this.#peerId(record))) {
        edges.push(...this.#seen(direction, side, other, records, { coverages: [own.coverage] }));
      }
    }
    return edges;
  }

  #peerId(record: TrafficRecord): ResourceId | null {
    const { own, peer } = record.key;
    const entry = this.#frame.index.peerOf(peer, own.workload.cluster);
    if (entry === null) return null;
    const { cluster, namespace } = entry;
    if (peer.pod !== '') return { kind: 'Pod', cluster, namespace, name: peer.pod };
    return this.idOf(this.#frame.index.resolve(entry));
  }

  #seen(
    direction: 'to' | 'from',
    side: Side,
    other: ResourceId | null,
    records: readonly TrafficRecord[],
    more: { readonly coverages?: readonly (Coverage | null)[]; readonly unreached?: readonly TrafficRecord[] } = {},
  ): ResourceEdge[] {
    const { coverages = coveragesOf(this.#frame.index, records), unreached = NONE } = more;
    const figures = figuresOf(this.#frame, { ...counted(this.#frame, side, records, coverages), unreached });
    return figures === null ? [] : [{ direction, side, other, figures }];
  }
}

function namespaceId(entry: WorkloadEntry | null): ResourceId | null {
  if (entry === null) return null;
  return { kind: 'Namespace', cluster: entry.cluster, namespace: '', name: entry.namespace };
}

/** Items by the resource they belong to, null for those of nobody known. */
function groupBy<Item>(
  items: readonly Item[],
  resourceOf: (item: Item) => ResourceId | null,
): [ResourceId | null, Item[]][] {
  const groups = new Map<string, [ResourceId | null, Item[]]>();
  for (const item of items) {
    const id = resourceOf(item);
    const key = id === null ? '' : JSON.stringify([id.kind, id.cluster, id.namespace, id.name]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [id, [item]]);
    else group[1].push(item);
  }
  return [...groups.values()];
}

/** By source, then destination; unknown ends last. */
function compareEdges(a: Edge, b: Edge): number {
  return compareEnds(a.source, b.source) || compareEnds(a.destination, b.destination);
}

function compareEnds(a: Named | null, b: Named | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return compareNamed(a, b);
}

function compareSeen(self: ResourceId, a: ResourceEdge, b: ResourceEdge): number {
  if (a.direction !== b.direction) return a.direction === 'from' ? -1 : 1;
  return foreign(self, a.other) - foreign(self, b.other) || compareEnds(a.other, b.other);
}

function foreign(self: ResourceId, other: ResourceId | null): number {
  if (self.kind === 'Namespace') return other?.name === self.name ? 0 : 1;
  return other?.namespace === self.namespace ? 0 : 1;
}
