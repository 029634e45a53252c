/** @module What Weir must have counted, reckoned from the world's truth at the scrape instants, sharing no code with it. */
import type { ScrapeRecord } from '../../demo/proxies/serve.ts';
import type { TruthDelta, TruthSnapshot } from '../../demo/world/truth.ts';
import { observable } from '../../demo/world/truth.ts';
import type { World } from '../../demo/world/world.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';

/** Counts of one side of one pod towards one peer as far as a page can tell it. */
export interface ExpectedCounts {
  successes: number;
  failures: number;
  latenciesMs: number[];
}

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

export interface ExpectedLife {
  readonly pod: string;
  readonly life: number;
  /** First sight when it was a baseline only, else null. */
  readonly baseline: TruthSnapshot | null;
  last: TruthSnapshot;
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

  constructor(world: World, slotMs: number, watchStartMs: number) {
    this.#world = world;
    this.#slotMs = slotMs;
    this.#watchStartMs = watchStartMs;
  }

  scraped(record: ScrapeRecord): void {
    this.outcomes.set(record.outcome, (this.outcomes.get(record.outcome) ?? 0) + 1);
    if (record.outcome !== 'good') return;
    const { snapshot, pod } = record;
    const workload = this.#world.pods().find(({ name }) => name === pod)?.workload;
    if (workload !== undefined) this.#owners.set(pod, `${workload.namespace}/${workload.name}`);
    const before = this.#previous.get(pod) ?? null;
    this.#previous.set(pod, snapshot);
    const baseline = before === null && snapshot.startedMs <= this.#watchStartMs - 1000;
    const lifeKey = `${pod}#${snapshot.life}`;
    const life = this.lives.get(lifeKey);
    if (life === undefined)
      this.lives.set(lifeKey, { pod, life: snapshot.life, baseline: baseline ? snapshot : null, last: snapshot });
    else life.last = snapshot;
    if (baseline) return;
    const slot = Math.floor(record.atMs / this.#slotMs);
    for (const delta of observable(before, snapshot)) this.#book(slot, pod, delta);
  }

  #book(slot: number, pod: string, delta: TruthDelta): void {
    if (delta.successes + delta.failures === 0) return;
    const counts = this.slots.get(slot) ?? new Map<string, ExpectedCounts>();
    this.slots.set(slot, counts);
    const key = this.keyOf(pod, delta);
    const at = counts.get(key) ?? { successes: 0, failures: 0, latenciesMs: [] };
    at.successes += delta.successes;
    at.failures += delta.failures;
    at.latenciesMs.push(...delta.latenciesMs);
    counts.set(key, at);
  }

  /** The peer as the page tells it: a client names the workload it called, a server the caller's account or nobody. */
  keyOf(pod: string, { side, peer, service }: Pick<TruthDelta, 'side' | 'peer' | 'service'>): string {
    const { namespace, name, serviceAccount, meshed } = peer.workload;
    if (side === 'client') return `client ${pod} → ${namespace}/${name} by ${service}`;
    return meshed ? `server ${pod} ← account ${namespace}/${serviceAccount}` : `server ${pod} ← unknown`;
  }

  /** Edge `namespace/name -> namespace/name` of a client-side key; null for a server-side one. */
  edgeOf(key: string): string | null {
    const match = /^client (\S+) → (\S+) by /.exec(key);
    if (match === null) return null;
    const owner = this.#owners.get(match[1]!);
    return owner === undefined ? null : `${owner} -> ${match[2]}`;
  }

  get watchStartMs(): number {
    return this.#watchStartMs;
  }
}

/** Rows of a closed slot under the same keys. Rows without responses are left out. */
export function observedCounts(
  sum: TrafficSum,
): Map<string, { successes: number; failures: number; buckets: number[] }> {
  const rows = new Map<string, { successes: number; failures: number; buckets: number[] }>();
  for (const { key, successes, failures, latency } of sum.records) {
    if (successes + failures === 0) continue;
    const peer = key.peer.workload;
    const name =
      key.side === 'client'
        ? `client ${key.own.pod} → ${peer?.namespace}/${peer?.name} by ${key.peer.service}`
        : peer === null
          ? `server ${key.own.pod} ← unknown`
          : `server ${key.own.pod} ← account ${peer.namespace}/${peer.name}`;
    const buckets = latency === null ? bucketsOf([]) : [...latency[0]!.counts];
    const held = rows.get(name);
    if (held === undefined) rows.set(name, { successes, failures, buckets });
    else {
      held.successes += successes;
      held.failures += failures;
      held.buckets = held.buckets.map((count, i) => count + buckets[i]!);
    }
  }
  return rows;
}
