/**
 * @module The index of one sum: every workload, pod, node and service in it once, with kinds, accounts and coverage
 * joined.
 */
import { NameMap } from './name-map.ts';
import {
  addCoverage,
  appended,
  type Coverage,
  learnKind,
  NONE,
  newEntry,
  noCoverage,
  OWN_RANK,
  type OwnGroup,
  type OwnRef,
  ownGroup,
  ownWorkload,
  PEER_RANK,
  REMEMBERED_RANK,
  type ServiceGroup,
  unitText,
  type WorkloadEntry,
} from './reading-entries.ts';
import type { Identity, Peer, Workload } from './resource.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from './traffic.ts';

/** That calls to a service went to a workload. */
export interface Served {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly workload: Workload;
}

export class TrafficIndex {
  readonly #workloads = new NameMap<WorkloadEntry>();
  /** Peers known by their account alone; they never equal a workload of the same name. */
  readonly #accountPeers = new NameMap<WorkloadEntry>();
  /** Peers known by the service they were asked as alone: no endpoint was chosen, or nobody owns it. */
  readonly #servicePeers = new NameMap<WorkloadEntry>();
  readonly #pods = new NameMap<OwnGroup>();
  /** Whose a watched pod is: clients may know it by its own name alone. */
  readonly #podOwners = new NameMap<WorkloadEntry>();
  readonly #nodes = new NameMap<OwnGroup>();
  readonly #services = new NameMap<ServiceGroup>();
  readonly #records: readonly TrafficRecord[];
  #ownsGrouped = false;
  #servicesGrouped = false;
  readonly #ownRefs = new Map<Identity, OwnRef>();
  readonly #units = new Map<string, Coverage>();
  /** Workloads known with an account. */
  readonly #accounts = new NameMap<WorkloadEntry[]>();

  /** Those known from earlier windows alone. */
  readonly #remembered = new Set<WorkloadEntry>();
  /** Workloads behind services, found when a service is first to be resolved. */
  #behind: NameMap<WorkloadEntry[]> | null = null;
  readonly #rememberedBehind: Served[] = [];

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

  /** The peer of record `i` with its account or service resolved; null when it is unknown. */
  far(i: number): WorkloadEntry | null {
    const told = this.peers[i]!;
    return told === null ? null : this.resolve(told);
  }

  /** Pods with their records. Like nodes and services, grouped when first asked for. */
  get pods(): OwnGroup[] {
    this.#groupOwns();
    return [...this.#pods.values()];
  }

  get nodes(): OwnGroup[] {
    this.#groupOwns();
    return [...this.#nodes.values()];
  }

  get services(): ServiceGroup[] {
    this.#groupServices();
    return [...this.#services.values()];
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

  /** All workloads, those known by account or service alone left out. */
  get workloads(): WorkloadEntry[] {
    return [...this.#workloads.values()];
  }

  /** Services that somebody met as a peer, whether or not they can be resolved to a workload. */
  get servicePeers(): WorkloadEntry[] {
    return [...this.#servicePeers.values()];
  }

  /** The entry of a workload, made when it is new; of a watched pod that of the workload it belongs to. */
  entryOf(workload: Workload): WorkloadEntry {
    const { cluster, namespace, name, kind } = workload;
    const owner = kind === 'Pod' ? this.#podOwners.get(cluster, namespace, name) : undefined;
    return owner ?? this.#entryIn(this.#mapOf(workload), workload);
  }

  #entryIn(map: NameMap<WorkloadEntry>, workload: Workload): WorkloadEntry {
    const { cluster, namespace, name } = workload;
    return map.getOrMake(cluster, namespace, name, () => {
      return newEntry(this.#workloads.size + this.#accountPeers.size + this.#servicePeers.size, workload);
    });
  }

  #mapOf({ kind }: Workload): NameMap<WorkloadEntry> {
    if (kind === 'ServiceAccount') return this.#accountPeers;
    return kind === 'Service' ? this.#servicePeers : this.#workloads;
  }

  /** Makes a workload known that an earlier slot told of; its kind counts only while nobody tells it now. */
  remember(workload: Workload): void {
    const entry = this.entryOf(workload);
    entry.seen = true;
    if (!isPodOf(entry, workload)) learnKind(entry, workload.kind, REMEMBERED_RANK);
  }

  /** Lets `workload` stand for an account that nobody of this sum has. O(1). */
  rememberAccount(workload: Workload, account: string): void {
    const { cluster, namespace } = workload;
    const known = this.#accounts.get(cluster, namespace, account) ?? [];
    if (known.every((entry) => this.#remembered.has(entry))) {
      const entry = this.entryOf(workload);
      this.#remembered.add(entry);
      this.#learnAccount(entry, account);
    }
  }

  serviceOf(cluster: string, namespace: string, name: string): ServiceGroup {
    return this.#services.getOrMake(cluster, namespace, name, () => ({ cluster, namespace, name, client: NONE }));
  }

  /** Lets calls to a service have gone to `workload` while nobody of this sum tells where they went. O(1). */
  rememberServed(served: Served): void {
    this.#rememberedBehind.push(served);
  }

  /** Where calls to services went, as the clients of this sum tell. O(records). */
  *served(): Generator<Served> {
    for (const { key } of this.#records) {
      const served = key.side === 'client' ? servedBy(key.peer) : null;
      if (served !== null) yield served;
    }
  }

  /**
   * The one workload that a `ServiceAccount` or `Service` entry stands for, else the entry itself: the only one known with
   * the account; the only one that clients reached by the service, or, where they reached none, the one of its name.
   */
  resolve(entry: WorkloadEntry): WorkloadEntry {
    if (entry.kind !== 'ServiceAccount' && entry.kind !== 'Service') return entry;
    const { cluster, namespace, name } = entry;
    if (entry.kind === 'ServiceAccount') {
      const known = this.#accounts.get(cluster, namespace, name);
      return known?.length === 1 ? known[0]! : entry;
    }
    const behind = this.#allBehind().get(cluster, namespace, name);
    if (behind === undefined) return this.#workloads.get(cluster, namespace, name) ?? entry;
    return behind.length === 1 ? behind[0]! : entry;
  }

  #allBehind(): NameMap<WorkloadEntry[]> {
    if (this.#behind !== null) return this.#behind;
    const behind = new NameMap<WorkloadEntry[]>();
    for (const served of this.served()) this.#addBehind(behind, served);
    const told = new Set(behind.values());
    for (const served of this.#rememberedBehind) {
      const known = behind.get(served.cluster, served.namespace, served.service);
      if (known === undefined || !told.has(known)) this.#addBehind(behind, served);
    }
    this.#behind = behind;
    return behind;
  }

  #addBehind(behind: NameMap<WorkloadEntry[]>, { cluster, namespace, service, workload }: Served): void {
    const known = behind.getOrMake(cluster, namespace, service, () => []);
    const entry = this.entryOf(workload);
    if (!known.includes(entry)) known.push(entry);
  }

  /** Whether `client` may be who stands behind an account: it has that account, or none known in its namespace. */
  mayBe(account: WorkloadEntry, client: WorkloadEntry): boolean {
    if (client.cluster !== account.cluster || client.namespace !== account.namespace) return false;
    return client.accounts.length === 0 || client.accounts.includes(account.name);
  }

  find(workload: Workload): WorkloadEntry | undefined {
    const { cluster, namespace, name } = workload;
    return this.#mapOf(workload).get(cluster, namespace, name);
  }

  findPod(cluster: string, namespace: string, name: string): OwnGroup | undefined {
    this.#groupOwns();
    return this.#pods.get(cluster, namespace, name);
  }

  findNode(cluster: string, name: string): OwnGroup | undefined {
    this.#groupOwns();
    return this.#nodes.get(cluster, '', name);
  }

  findService(cluster: string, namespace: string, name: string): ServiceGroup | undefined {
    this.#groupServices();
    return this.#services.get(cluster, namespace, name);
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
    const workload = watchedWorkload(own);
    const entry = this.entryOf(workload);
    learnKind(entry, workload.kind, OWN_RANK);
    this.#learnAccount(entry, own.serviceAccount);
    const { cluster, namespace } = workload;
    const pod = own.pod === '' ? null : ownGroup(this.#pods, cluster, namespace, own.pod);
    if (pod !== null) this.#podOwners.getOrMake(cluster, namespace, own.pod, () => entry);
    const node = own.node === '' ? null : ownGroup(this.#nodes, cluster, '', own.node);
    return { entry, unit: this.#units.get(unitText(entry, own)) ?? null, pod, node };
  }

  #peerEntry(workload: Workload, peer: Peer): WorkloadEntry {
    const entry = this.entryOf(workload);
    if (!isPodOf(entry, workload)) learnKind(entry, workload.kind, PEER_RANK);
    if (workload.kind !== 'ServiceAccount' && workload.kind !== 'Service') {
      this.#learnAccount(entry, peer.serviceAccount);
    }
    return entry;
  }

  #learnAccount(entry: WorkloadEntry, account: string): void {
    if (account === '' || entry.accounts.includes(account)) return;
    entry.accounts = appended(entry.accounts, account);
    this.#accounts.getOrMake(entry.cluster, entry.namespace, account, () => []).push(entry);
  }

  #unitOf(entry: WorkloadEntry, own: Identity): Coverage {
    const key = unitText(entry, own);
    const unit = this.#units.get(key) ?? noCoverage();
    this.#units.set(key, unit);
    return unit;
  }

  #addCoverage(record: CoverageRecord): void {
    const ref = this.ownOf(record.own);
    ref.unit ??= this.#unitOf(ref.entry, record.own);
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

/** Who counts is a workload, whatever it calls itself. */
function watchedWorkload(own: Identity): Workload {
  const workload = ownWorkload(own);
  return workload.kind === 'Service' || workload.kind === 'ServiceAccount' ? { ...workload, kind: '' } : workload;
}

/** The service and the workload that a client's peer tells together; null when it tells only one of them. */
export function servedBy({ workload, service, serviceNamespace }: Peer): Served | null {
  if (service === '' || workload === null || workload.name === '') return null;
  if (workload.kind === 'Service' || workload.kind === 'ServiceAccount') return null;
  const namespace = serviceNamespace === '' ? workload.namespace : serviceNamespace;
  return { cluster: workload.cluster, namespace, service, workload };
}

/** Whether `workload` names one pod of the workload in `entry`, and so tells nothing of that one's kind. */
function isPodOf(entry: WorkloadEntry, { kind, name }: Workload): boolean {
  return kind === 'Pod' && entry.name !== name;
}
