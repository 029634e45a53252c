/** @module What Weir must have counted, reckoned from the world's truth at the scrape instants, sharing no code with it. */
import type { ScrapeRecord } from '../../demo/proxies/serve.ts';
import type { MeshName, WorkloadSpec } from '../../demo/world/topology.ts';
import type { TrueMark, TrueTcp, TruthDelta, TruthSnapshot } from '../../demo/world/truth.ts';
import { observable } from '../../demo/world/truth.ts';
import type { TcpTotals, TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { CoverageBook } from './expected-coverage.ts';

/** Counts of one side of one pod towards one peer as far as a page can tell it. */
export interface ExpectedCounts {
  successes: number;
  failures: number;
  /** Part of `failures` that the page tells no server saw. */
  unreached: number;
  latenciesMs: number[];
  readonly tcp: TcpTotals;
}

/** Nothing counted so far. */
export function noCounts(): ExpectedCounts {
  const tcp = { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
  return { successes: 0, failures: 0, unreached: 0, latenciesMs: [], tcp };
}

export function addTcp(into: TcpTotals, from: Readonly<TrueTcp>): void {
  into.opened += from.opened;
  into.closed += from.closed;
  into.readBytes += from.readBytes;
  into.writtenBytes += from.writtenBytes;
}

export const hasTcp = ({ opened, closed, readBytes, writtenBytes }: TcpTotals) =>
  opened + closed + readBytes + writtenBytes > 0;

/** Default bounds of every Envoy (envoyproxy/envoy: source/common/stats/histogram_impl.cc). */
const ENVOY_BOUNDS_MS = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2500, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 18e5, 36e5];

/** Bounds by mesh; Linkerd's are in whole milliseconds (linkerd2-proxy: linkerd/metrics/src/latency.rs). */
const BOUNDS_MS: Readonly<Record<MeshName, readonly number[]>> = {
  linkerd: [
    1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1e3, 2e3, 3e3, 4e3, 5e3, 1e4, 2e4, 3e4, 4e4, 5e4,
  ],
  istio: ENVOY_BOUNDS_MS,
  envoy: ENVOY_BOUNDS_MS,
};

/** Counts of how many samples fall into each of a mesh's buckets, the open one last. */
export function bucketsOf(latenciesMs: readonly number[], mesh: MeshName): number[] {
  const bounds = BOUNDS_MS[mesh];
  const counts = new Array<number>(bounds.length + 1).fill(0);
  for (const ms of latenciesMs) {
    const at = bounds.findIndex((bound) => ms <= bound);
    counts[at === -1 ? bounds.length : at]! += 1;
  }
  return counts;
}

/**
 * Between which bounds of all these meshes a response time lies, milliseconds; above the highest one it is told as that
 * bound, as quantiles are.
 */
export function bucketOf(ms: number, meshes: Iterable<MeshName>): { readonly lo: number; readonly hi: number } {
  const buckets = [...meshes].map((mesh) => {
    const bounds = BOUNDS_MS[mesh];
    const at = bounds.findIndex((bound) => ms <= bound);
    const highest = bounds.at(-1)!;
    return at === -1 ? { lo: highest, hi: highest } : { lo: bounds[at - 1] ?? 0, hi: bounds[at]! };
  });
  return { lo: Math.min(...buckets.map(({ lo }) => lo)), hi: Math.max(...buckets.map(({ hi }) => hi)) };
}

export interface ExpectedLife {
  readonly pod: string;
  readonly life: number;
  /** First sight when it was a baseline only, else null. */
  readonly baseline: TruthSnapshot | null;
  /** The last good page of each epoch: what counters stood at before they were set back is not on a later one. */
  readonly epochs: Map<number, TruthSnapshot>;
  /** Slots in which a good page of this life was scraped. */
  readonly slots: Set<number>;
}

/** Follows all good scrapes of a run and books what each must add, by slot. */
export class ExpectedTraffic {
  readonly #slotMs: number;
  readonly #watchStartMs: number;
  readonly #previous = new Map<string, TruthSnapshot>();
  /** Workload of each pod scraped. */
  readonly #owners = new Map<string, WorkloadSpec>();
  readonly slots = new Map<number, Map<string, ExpectedCounts>>();
  readonly lives = new Map<string, ExpectedLife>();
  readonly outcomes = new Map<string, number>();
  readonly #records: ScrapeRecord[] = [];
  readonly coverage: CoverageBook;
  /** By slot, what stood on some good page of it, whether or not it had grown. */
  readonly present = new Map<number, Set<string>>();

  constructor(slotMs: number, watchStartMs: number) {
    this.#slotMs = slotMs;
    this.#watchStartMs = watchStartMs;
    this.coverage = new CoverageBook(slotMs);
  }

  /**
   * The same, had every page come that was asked for in slots [from, to): what is missing in them, and nothing else, is there.
   * O(scrapes).
   */
  filled({ from, to }: { readonly from: number; readonly to: number }): ExpectedTraffic {
    const filled = new ExpectedTraffic(this.#slotMs, this.#watchStartMs);
    for (const record of this.#records) {
      const slot = Math.floor(record.atMs / this.#slotMs);
      if (slot < to) filled.scraped(slot < from ? record : { ...record, outcome: 'good' });
    }
    return filled;
  }

  scraped(record: ScrapeRecord): void {
    this.#records.push(record);
    this.outcomes.set(record.outcome, (this.outcomes.get(record.outcome) ?? 0) + 1);
    const { snapshot, pod } = record;
    if (record.outcome !== 'good') {
      this.coverage.note(record, { reset: false, baseline: false });
      return;
    }
    this.#owners.set(pod, snapshot.workload);
    const before = this.#previous.get(pod) ?? null;
    this.#previous.set(pod, snapshot);
    const baseline = before === null && snapshot.startedMs <= this.#watchStartMs - 1000;
    const reset = before !== null && (before.life !== snapshot.life || before.epoch !== snapshot.epoch);
    this.coverage.note(record, { reset, baseline });
    const slot = Math.floor(record.atMs / this.#slotMs);
    this.#noteLife(snapshot, baseline, slot);
    this.#notePresent(snapshot, slot);
    if (!baseline) for (const delta of observable(before, snapshot)) this.#book(slot, snapshot, delta);
  }

  #noteLife(snapshot: TruthSnapshot, baseline: boolean, slot: number): void {
    const { pod, life, epoch } = snapshot;
    const key = `${pod}#${life}`;
    const first = { pod, life, baseline: baseline ? snapshot : null, epochs: new Map(), slots: new Set<number>() };
    const held: ExpectedLife = this.lives.get(key) ?? first;
    this.lives.set(key, held);
    held.epochs.set(epoch, snapshot);
    held.slots.add(slot);
  }

  #notePresent(snapshot: TruthSnapshot, slot: number): void {
    const present = this.present.get(slot) ?? new Set<string>();
    this.present.set(slot, present);
    for (const entry of snapshot.entries) if (isPresent(entry)) present.add(keyOf(snapshot, entry.counts));
  }

  #book(slot: number, snapshot: TruthSnapshot, delta: TruthDelta): void {
    const counts = this.slots.get(slot) ?? new Map<string, ExpectedCounts>();
    this.slots.set(slot, counts);
    const key = keyOf(snapshot, delta);
    const at = counts.get(key) ?? noCounts();
    at.successes += delta.successes;
    at.failures += delta.failures;
    // Of the three, only Istio's labels tell why a request failed.
    if (snapshot.workload.mesh === 'istio') at.unreached += delta.unreached;
    at.latenciesMs.push(...delta.latenciesMs);
    addTcp(at.tcp, delta.tcp);
    counts.set(key, at);
  }

  /** Edge `namespace/name -> namespace/name` of a client-side key; null for a server-side one. */
  edgeOf(key: string): string | null {
    const match = /^client (\S+) → (\S+) by /.exec(key);
    return match === null ? null : `${this.ownerOf(match[1]!)} -> ${match[2]}`;
  }

  /** Workload `namespace/name` that a pod scraped belongs to. */
  ownerOf(pod: string): string {
    const owner = this.#owners.get(pod);
    return owner === undefined ? '' : `${owner.namespace}/${owner.name}`;
  }

  /** Mesh of a pod scraped. */
  meshOf(pod: string): MeshName {
    return this.#owners.get(pod)?.mesh ?? 'linkerd';
  }

  get watchStartMs(): number {
    return this.#watchStartMs;
  }
}

/** Whether a page can have series of it: those of Istio's requests come with the first end of one. */
function isPresent({ successes, failures, latencies, tcp }: TrueMark): boolean {
  return successes + failures + latencies > 0 || hasTcp(tcp);
}

/**
 * The peer as the page tells it. Clients: Linkerd's and Istio's name the workload they reached, Istio's only the Service
 * where there was no endpoint, Envoy's always only that. Servers: Linkerd's name the caller's account, Istio's its
 * workload, both within their mesh alone; Envoy's name nobody.
 */
export function keyOf(
  { pod, workload: { mesh } }: Pick<TruthSnapshot, 'pod' | 'workload'>,
  { side, peer, service }: Pick<TruthDelta, 'side' | 'peer' | 'service'>,
): string {
  const { namespace, name, serviceAccount } = peer.workload;
  if (side === 'client') {
    const reached = mesh !== 'envoy' && peer.pod !== '';
    return `client ${pod} → ${reached ? '' : 'service '}${namespace}/${reached ? name : service} by ${service}`;
  }
  if (mesh === 'envoy' || peer.workload.mesh !== mesh) return `server ${pod} ← unknown`;
  return `server ${pod} ← ${mesh === 'linkerd' ? `account ${namespace}/${serviceAccount}` : `${namespace}/${name}`}`;
}

export interface ObservedCounts {
  successes: number;
  failures: number;
  unreached: number;
  /** Of one set of bounds; empty when nothing was timed. */
  buckets: number[];
  readonly tcp: TcpTotals;
}

/** Rows of a closed slot under the same keys. Rows with nothing counted are left out. */
export function observedCounts(sum: TrafficSum): Map<string, ObservedCounts> {
  const rows = new Map<string, ObservedCounts>();
  for (const record of sum.records) {
    const { successes, failures, unreached, latency, tcp } = record;
    const timed = latency?.some(({ counts }) => counts.some((count) => count > 0)) === true;
    if (successes + failures === 0 && tcp === null && !timed) continue;
    const name = rowName(record);
    const held = rows.get(name) ?? { successes: 0, failures: 0, unreached: 0, buckets: [], tcp: noCounts().tcp };
    rows.set(name, held);
    held.successes += successes;
    held.failures += failures;
    held.unreached += unreached;
    if (timed) held.buckets = latency![0]!.counts.reduce<number[]>(added(held.buckets), []);
    if (tcp !== null) addTcp(held.tcp, tcp);
  }
  return rows;
}

function added(to: readonly number[]) {
  return (sums: number[], count: number, i: number) => [...sums, count + (to[i] ?? 0)];
}

function rowName({ key }: TrafficRecord): string {
  const { workload, service } = key.peer;
  if (key.side === 'server') {
    if (workload === null) return `server ${key.own.pod} ← unknown`;
    const account = workload.kind === 'ServiceAccount' ? 'account ' : '';
    return `server ${key.own.pod} ← ${account}${workload.namespace}/${workload.name}`;
  }
  const kind = workload?.kind === 'Service' ? 'service ' : '';
  return `client ${key.own.pod} → ${kind}${workload?.namespace}/${workload?.name} by ${service}`;
}
