/** @module Edges of one reading: records grouped by their two ends, sides picked, and the same seen from one end. */

import { type EdgeGroup, EdgeGroups, servicesOf } from './reading-edge-groups.ts';
import { EdgeSides } from './reading-edge-sides.ts';
import { type Coverage, NONE, type OwnGroup, type Sides, type WorkloadEntry } from './reading-entries.ts';
import { counted, coveragesOf, type Frame, figuresOf } from './reading-figures.ts';
import { compareNamed, type Named } from './reading-order.ts';
import type { Believed } from './reading-sides.ts';
import type { EdgeReading, ResourceEdge, ResourceId } from './reading-types.ts';
import type { ResourceKind, Workload } from './resource.ts';
import type { Side } from './rules.ts';
import type { TrafficRecord } from './traffic.ts';

type Group = EdgeGroup<Edge>;

interface Edge {
  readonly source: WorkloadEntry | null;
  readonly destination: WorkloadEntry | null;
  readonly from: Believed;
  readonly sides: Sides;
  readonly reading: EdgeReading;
}

/** What belongs to records beside themselves. */
interface SeenWith {
  readonly coverages?: readonly (Coverage | null)[];
  readonly unreached?: readonly TrafficRecord[];
  /** Some of them may be told by somebody else yet. */
  readonly doubted?: boolean;
}

export class EdgeBook {
  readonly #frame: Frame;
  readonly #defaultKind: ResourceKind;
  readonly #groups: EdgeGroups<Edge>;
  readonly #sides: EdgeSides;
  readonly #workloads = new Map<WorkloadEntry, Workload>();
  #edges: readonly Edge[] | null = null;
  #readings: readonly EdgeReading[] | null = null;

  constructor(frame: Frame, defaultKind: ResourceKind, records: readonly TrafficRecord[]) {
    this.#frame = frame;
    this.#defaultKind = defaultKind;
    this.#groups = new EdgeGroups(frame, records);
    this.#sides = new EdgeSides(frame, records, this.#groups);
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
    this.#edges ??= this.#shown(this.#groups.all()).sort(compareEdges);
    return this.#edges;
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
    const from = this.#sides.of(group);
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

  #ofEntry(entry: WorkloadEntry): ResourceEdge[] {
    const seen: ResourceEdge[] = [];
    for (const edge of this.#shown(this.#groups.of(entry))) {
      const { source, destination, figures } = edge.reading;
      if (edge.destination === entry) seen.push({ direction: 'from', side: figures.side, other: source, figures });
      if (edge.source === entry) seen.push({ direction: 'to', side: figures.side, other: destination, figures });
    }
    return seen;
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
      const doubted = members.some(({ from }) => from.unheard !== undefined || from.carried === true);
      const side = client * 2 >= all ? 'client' : 'server';
      return this.#seen(direction, side, other, records, { unreached, doubted });
    });
  }

  #ofService({ cluster, namespace, name }: ResourceId): ResourceEdge[] {
    const { index } = this.#frame;
    const records = index.findService(cluster, namespace, name)?.client ?? [];
    const byClient = groupBy(records, (record) => this.idOf(index.ownOf(record.key.own).entry));
    return byClient.flatMap(([other, members]) => this.#seen('from', 'client', other, members));
  }

  /** Edges of a pod or node by its own records only; those of callers it cannot name are as complete as its workload's. */
  #ofOwn(own: OwnGroup): ResourceEdge[] {
    const edges: ResourceEdge[] = [];
    for (const [direction, side] of [
      ['from', 'server'],
      ['to', 'client'],
    ] as const) {
      for (const [other, records] of groupBy(own[side], (record) => this.#peerId(record))) {
        const doubted = side === 'server' && this.#mayBeOthers(records);
        edges.push(...this.#seen(direction, side, other, records, { coverages: [own.coverage], doubted }));
      }
    }
    return edges;
  }

  /** Whether clients that were not heard whole may be among the one caller that a server's records tell of. */
  #mayBeOthers(records: readonly TrafficRecord[]): boolean {
    const { index, unheard } = this.#frame;
    const { own, peer } = records[0]!.key;
    const source = index.peerOf(peer, own.workload.cluster);
    return unheard.among(source === null ? null : index.resolve(source), records) !== null;
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
    more: SeenWith = {},
  ): ResourceEdge[] {
    const { coverages = coveragesOf(this.#frame.index, records), unreached = NONE, doubted = false } = more;
    const from = counted(this.#frame, side, records, coverages);
    const figures = figuresOf(this.#frame, { ...from, unreached, complete: from.complete && !doubted });
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
