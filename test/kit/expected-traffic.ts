/** @module What Weir must have counted, reckoned from the world's truth at the scrape instants, sharing no code with it. */
import type { ScrapeRecord } from '../../demo/proxies/serve.ts';
import type { TrueTcp, TruthDelta, TruthSnapshot } from '../../demo/world/truth.ts';
import { observable } from '../../demo/world/truth.ts';
import type { World } from '../../demo/world/world.ts';
import type { TcpTotals, TrafficSum } from '../../pipeline/model/traffic.ts';
import { CoverageBook } from './expected-coverage.ts';

/** Counts of one side of one pod towards one peer as far as a page can tell it. */
export interface ExpectedCounts {
  successes: number;
  failures: number;
  latenciesMs: number[];
  readonly tcp: TcpTotals;
}

/** Nothing counted so far. */
export function noCounts(): ExpectedCounts {
  return { successes: 0, failures: 0, latenciesMs: [], tcp: { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 } };
}

export function addTcp(into: TcpTotals, from: Readonly<TrueTcp>): void {
  into.opened += from.opened;
  into.closed += from.closed;
  into.readBytes += from.readBytes;
  into.writtenBytes += from.writtenBytes;
}

export const hasTcp = ({ opened, closed, readBytes, writtenBytes }: TcpTotals) =>
  opened + closed + readBytes + writtenBytes > 0;

/** Linkerd's bounds in whole milliseconds (linkerd2-proxy: linkerd/metrics/src/latency.rs). */
const BOUNDS_MS = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1e3, 2e3, 3e3, 4e3, 5e3, 1e4, 2e4, 3e4, 4e4, 5e4,
];

/** Counts of how many samples fall into each of Linkerd's buckets, the open one last. */
export function bucketsOf(latenciesMs: readonly number[]): number[] {
  const counts = new Array<number>(BOUNDS_MS.length + 1).fill(0);
  for (const ms of latenciesMs) {
    const at = BOUNDS_MS.findIndex((bound) => ms <= bound);
    counts[at === -1 ? BOUNDS_MS.length : at]! += 1;
  }
  return counts;
}

/** The bucket a response time falls into, milliseconds; the open one is told as its lower bound, as quantiles are. */
export function bucketOf(ms: number): { readonly lo: number; readonly hi: number } {
  const at = BOUNDS_MS.findIndex((bound) => ms <= bound);
  const highest = BOUNDS_MS.at(-1)!;
  return at === -1 ? { lo: highest, hi: highest } : { lo: BOUNDS_MS[at - 1] ?? 0, hi: BOUNDS_MS[at]! };
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
  readonly #world: World;
  readonly #slotMs: number;
  readonly #watchStartMs: number;
  readonly #previous = new Map<string, TruthSnapshot>();
  /** Workload `namespace/name` of each pod scraped. */
  readonly #owners = new Map<string, string>();
  readonly slots = new Map<number, Map<string, ExpectedCounts>>();
  readonly lives = new Map<string, ExpectedLife>();
  readonly outcomes = new Map<string, number>();
  readonly coverage: CoverageBook;
  /** By slot, what stood on some good page of it, whether or not it had grown. */
  readonly present = new Map<number, Set<string>>();

  constructor(world: World, slotMs: number, watchStartMs: number) {
    this.#world = world;
    this.#slotMs = slotMs;
    this.#watchStartMs = watchStartMs;
    this.coverage = new CoverageBook(slotMs);
  }

  scraped(record: ScrapeRecord): void {
    this.outcomes.set(record.outcome, (this.outcomes.get(record.outcome) ?? 0) + 1);
    const { snapshot, pod } = record;
    if (record.outcome !== 'good') {
      this.coverage.note(record, { reset: false, baseline: false });
      return;
    }
    const workload = this.#world.pods().find(({ name }) => name === pod)?.workload;
    if (workload !== undefined) this.#owners.set(pod, `${workload.namespace}/${workload.name}`);
    const before = this.#previous.get(pod) ?? null;
    this.#previous.set(pod, snapshot);
    const baseline = before === null && snapshot.startedMs <= this.#watchStartMs - 1000;
    const reset = before !== null && (before.life !== snapshot.life || before.epoch !== snapshot.epoch);
    this.coverage.note(record, { reset, baseline });
    const slot = Math.floor(record.atMs / this.#slotMs);
    this.#noteLife(snapshot, baseline, slot);
    this.#notePresent(snapshot, slot);
    if (!baseline) for (const delta of observable(before, snapshot)) this.#book(slot, pod, delta);
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

  #notePresent({ pod, entries }: TruthSnapshot, slot: number): void {
    const present = this.present.get(slot) ?? new Set<string>();
    this.present.set(slot, present);
    for (const { counts } of entries) present.add(this.keyOf(pod, counts));
  }

  #book(slot: number, pod: string, delta: TruthDelta): void {
    const counts = this.slots.get(slot) ?? new Map<string, ExpectedCounts>();
    this.slots.set(slot, counts);
    const key = this.keyOf(pod, delta);
    const at = counts.get(key) ?? noCounts();
    at.successes += delta.successes;
    at.failures += delta.failures;
    at.latenciesMs.push(...delta.latenciesMs);
    addTcp(at.tcp, delta.tcp);
    counts.set(key, at);
  }

  /** The peer as the page tells it: a client names the workload it called, a server the caller's account or nobody. */
  keyOf(pod: string, { side, peer, service }: Pick<TruthDelta, 'side' | 'peer' | 'service'>): string {
    const { namespace, name, serviceAccount, mesh } = peer.workload;
    if (side === 'client') return `client ${pod} → ${namespace}/${name} by ${service}`;
    return mesh === 'linkerd' ? `server ${pod} ← account ${namespace}/${serviceAccount}` : `server ${pod} ← unknown`;
  }

  /** Edge `namespace/name -> namespace/name` of a client-side key; null for a server-side one. */
  edgeOf(key: string): string | null {
    const match = /^client (\S+) → (\S+) by /.exec(key);
    if (match === null) return null;
    const owner = this.#owners.get(match[1]!);
    return owner === undefined ? null : `${owner} -> ${match[2]}`;
  }

  /** Workload `namespace/name` that a pod scraped belongs to. */
  ownerOf(pod: string): string {
    return this.#owners.get(pod) ?? '';
  }

  get watchStartMs(): number {
    return this.#watchStartMs;
  }
}

export interface ObservedCounts {
  successes: number;
  failures: number;
  buckets: number[];
  readonly tcp: TcpTotals;
}

/** Rows of a closed slot under the same keys. Rows without responses and without TCP are left out. */
export function observedCounts(sum: TrafficSum): Map<string, ObservedCounts> {
  const rows = new Map<string, ObservedCounts>();
  for (const { key, successes, failures, latency, tcp } of sum.records) {
    if (successes + failures === 0 && tcp === null) continue;
    const peer = key.peer.workload;
    const name =
      key.side === 'client'
        ? `client ${key.own.pod} → ${peer?.namespace}/${peer?.name} by ${key.peer.service}`
        : peer === null
          ? `server ${key.own.pod} ← unknown`
          : `server ${key.own.pod} ← account ${peer.namespace}/${peer.name}`;
    const held = rows.get(name) ?? { successes: 0, failures: 0, buckets: bucketsOf([]), tcp: noCounts().tcp };
    rows.set(name, held);
    held.successes += successes;
    held.failures += failures;
    if (latency !== null) held.buckets = held.buckets.map((count, i) => count + latency[0]!.counts[i]!);
    if (tcp !== null) addTcp(held.tcp, tcp);
  }
  return rows;
}
