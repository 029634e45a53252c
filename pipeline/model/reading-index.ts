/**
 * @module The index of one sum: every workload, pod, node and service in it once, with kinds, accounts and coverage
 * joined.
 */
import type { Identity, Peer, ResourceKind, Workload } from './resource.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from './traffic.ts';

/** Coverage added up over some targets. */
export interface Coverage {
  coveredSeconds: number;
  expectedSeconds: number;
  missed: number;
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

/** Text that no other three parts have, cheap to make. */
function keyOf(a: string, b: string, c: string): string {
  return `${a.length}:${a}${b.length}:${b}${c}`;
}

const OWN_RANK = 4;
const PEER_RANK = 3;
const SERVICE_RANK = 2;
const REMEMBERED_RANK = 1;

export class TrafficIndex {
  readonly entries = new Map<string, WorkloadEntry>();
  readonly #pods = new Map<string, OwnGroup>();
  readonly #nodes = new Map<string, OwnGroup>();
  readonly #services = new Map<string, ServiceGroup>();
  readonly #records: readonly TrafficRecord[];
  #ownsGrouped = false;
  #servicesGrouped = false;
  readonly #ownRefs = new Map<Identity, OwnRef>();
  readonly #units = new Map<string, Coverage>();
  /** Workloads known with an account. */
  readonly #accounts = new Map<string, readonly WorkloadEntry[]>();

  /** What the own end and the peer of each record refer to, in the order of the records. */
  readonly owns: readonly OwnRef[];
  readonly peers: readonly (WorkloadEntry | null)[];

  /** Joins coverage and learns kinds and accounts; nothing is grouped yet. */
  constructor(sum: TrafficSum) {
    this.#records = sum.records;
    for (const record of sum.coverage) this.#addCoverage(record);
    this.owns = sum.records.map(({ key }) => this.ownOf(key.own));
    this.peers = sum.records.map(({ key }) => this.peerOf(key.peer, key.own.workload.cluster));
  }

  /** The peer of record `i` with its account resolved; null when it is unknown. */
  far(i: number): WorkloadEntry | null {
    const told = this.peers[i]!;
    return told === null ? null : this.resolve(told);
  }

  /** Pods with their records. Like nodes and services, grouped when first asked for. */
  get pods(): ReadonlyMap<string, OwnGroup> {
    this.#groupOwns();
    return this.#pods;
  }

  get nodes(): ReadonlyMap<string, OwnGroup> {
    this.#groupOwns();
    return this.#nodes;
  }

  get services(): ReadonlyMap<string, ServiceGroup> {
    this.#groupServices();
    return this.#services;
  }

  ownOf(own: Identity): OwnRef {
    let ref = this.#ownRefs.get(own);
    if (ref === undefined) {
      ref = this.#makeOwn(own);
      this.#ownRefs.set(own, ref);
    }
    return ref;
  }

  /** The entry of a record's peer; null when the page does not tell who it was. */
  peerOf(peer: Peer, ownCluster: string): WorkloadEntry | null {
    const { workload } = peer;
    if (workload !== null && workload.name !== '') return this.#peerEntry(workload, peer);
    if (peer.service === '') return null;
    const named = {
      cluster: ownCluster,
      namespace: peer.serviceNamespace,
      name: peer.service,
      kind: 'Service',
    } as const;
    return this.#peerEntry(named, peer);
  }

  /** The entry of a workload, made when it is new. */
  entryOf(workload: Workload): WorkloadEntry {
    const key = workloadText(workload);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = newEntry(this.entries.size, workload);
      this.entries.set(key, entry);
    }
    return entry;
  }

  /** Makes a workload known that an earlier slot told of; its kind counts only while nobody tells it now. */
  remember(workload: Workload): void {
    const entry = this.entryOf(workload);
    entry.seen = true;
    learnKind(entry, workload.kind, REMEMBERED_RANK);
  }

  serviceOf(cluster: string, namespace: string, name: string): ServiceGroup {
    return getOrMake(this.#services, keyOf(cluster, namespace, name), () => ({
      cluster,
      namespace,
      name,
      client: NONE,
    }));
  }

  /** The one workload known with the account that a `ServiceAccount` entry stands for, else the entry itself. */
  resolve(entry: WorkloadEntry): WorkloadEntry {
    if (entry.kind !== 'ServiceAccount') return entry;
    const known = this.#accounts.get(keyOf(entry.cluster, entry.namespace, entry.name));
    return known?.length === 1 ? known[0]! : entry;
  }

  /** Whether `client` may be who stands behind an account: it has that account, or none known in its namespace. */
  mayBe(account: WorkloadEntry, client: WorkloadEntry): boolean {
    if (client.cluster !== account.cluster || client.namespace !== account.namespace) return false;
    return client.accounts.length === 0 || client.accounts.includes(account.name);
  }

  find(workload: Workload): WorkloadEntry | undefined {
    return this.entries.get(workloadText(workload));
  }

  findPod(cluster: string, namespace: string, name: string): OwnGroup | undefined {
    return this.pods.get(keyOf(cluster, namespace, name));
  }

  findNode(cluster: string, name: string): OwnGroup | undefined {
    return this.nodes.get(keyOf(cluster, '', name));
  }

  findService(cluster: string, namespace: string, name: string): ServiceGroup | undefined {
    return this.services.get(keyOf(cluster, namespace, name));
  }

  #groupOwns(): void {
    if (this.#ownsGrouped) return;
    this.#ownsGrouped = true;
    for (let i = 0; i < this.#records.length; i++) {
      const record = this.#records[i]!;
      const { side } = record.key;
      const { pod, node } = this.owns[i]!;
      if (pod !== null) pod[side] = appended(pod[side], record);
      if (node !== null) node[side] = appended(node[side], record);
    }
  }

  /** Services are what clients asked for. */
  #groupServices(): void {
    if (this.#servicesGrouped) return;
    this.#servicesGrouped = true;
    for (const record of this.#records) {
      const { side, own, peer } = record.key;
      if (side !== 'client' || peer.service === '') continue;
      const namespace = peer.serviceNamespace === '' ? (peer.workload?.namespace ?? '') : peer.serviceNamespace;
      const service = this.serviceOf(peer.workload?.cluster ?? own.workload.cluster, namespace, peer.service);
      service.client = appended(service.client, record);
    }
  }

  #makeOwn(own: Identity): OwnRef {
    const workload = ownWorkload(own);
    const entry = this.entryOf(workload);
    learnKind(entry, workload.kind, OWN_RANK);
    this.#learnAccount(entry, own.serviceAccount);
    const { cluster, namespace } = workload;
    const pod = own.pod === '' ? null : ownGroup(this.#pods, cluster, namespace, own.pod);
    const node = own.node === '' ? null : ownGroup(this.#nodes, cluster, '', own.node);
    return { entry, unit: this.#units.get(unitText(entry, own)) ?? null, pod, node };
  }

  #peerEntry(workload: Workload, peer: Peer): WorkloadEntry {
    const entry = this.entryOf(workload);
    learnKind(entry, workload.kind, workload.kind === 'Service' ? SERVICE_RANK : PEER_RANK);
    if (workload.kind !== 'ServiceAccount' && workload.kind !== 'Service') {
      this.#learnAccount(entry, peer.serviceAccount);
    }
    return entry;
  }

  #learnAccount(entry: WorkloadEntry, account: string): void {
    if (account === '' || entry.accounts.includes(account)) return;
    entry.accounts = appended(entry.accounts, account);
    const key = keyOf(entry.cluster, entry.namespace, account);
    this.#accounts.set(key, appended(this.#accounts.get(key) ?? NONE, entry));
  }

  #addCoverage(record: CoverageRecord): void {
    const ref = this.ownOf(record.own);
    ref.unit ??= getOrMake(this.#units, unitText(ref.entry, record.own), noCoverage);
    ref.entry.coverage ??= noCoverage();
    addCoverage(ref.unit, record);
    addCoverage(ref.entry.coverage, record);
    for (const group of [ref.pod, ref.node]) {
      if (group === null) continue;
      group.coverage ??= noCoverage();
      addCoverage(group.coverage, record);
    }
  }
}

/** A target that tells its pod but no owner is a workload of its own. */
function ownWorkload(own: Identity): Workload {
  if (own.workload.name !== '' || own.pod === '') return own.workload;
  return { ...own.workload, name: own.pod, kind: 'Pod' };
}

function workloadText(workload: Workload): string {
  const account = workload.kind === 'ServiceAccount' ? 'a' : 'w';
  return account + keyOf(workload.cluster, workload.namespace, workload.name);
}

function unitText(entry: WorkloadEntry, own: Identity): string {
  return keyOf(String(entry.id), own.pod, own.podUid);
}

function learnKind(entry: WorkloadEntry, kind: ResourceKind, rank: number): void {
  if (kind === '' || rank <= entry.kindRank) return;
  entry.kind = kind;
  entry.kindRank = rank;
}

function newEntry(id: number, { cluster, namespace, name, kind }: Workload): WorkloadEntry {
  const account = kind === 'ServiceAccount';
  return {
    id,
    cluster,
    namespace,
    name,
    kind: account ? kind : '',
    kindRank: account ? OWN_RANK : 0,
    accounts: NONE,
    coverage: null,
    seen: false,
    server: NONE,
    client: NONE,
  };
}

function ownGroup(groups: Map<string, OwnGroup>, cluster: string, namespace: string, name: string): OwnGroup {
  const make = (): OwnGroup => ({ cluster, namespace, name, coverage: null, server: NONE, client: NONE });
  return getOrMake(groups, keyOf(cluster, namespace, name), make);
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

export function noCoverage(): Coverage {
  return { coveredSeconds: 0, expectedSeconds: 0, missed: 0, resets: 0, firstSight: false, targets: 0, up: false };
}

function addCoverage(into: Coverage, record: CoverageRecord): void {
  into.coveredSeconds += record.coveredSeconds;
  into.expectedSeconds += record.expectedSeconds;
  into.missed += record.scrapesMissed;
  into.resets += record.resets;
  into.firstSight ||= record.firstSight;
  into.targets += 1;
  into.up ||= record.coveredSeconds > 0 || record.firstSight || record.scrapesDue > record.scrapesMissed;
}
