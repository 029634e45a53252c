/** @module When each peer was last met in a slot, and each target last answered, so that readings still know who was there before their window. */
import type { KnownResources, ResourceId } from './reading.ts';
import { type Served, servedBy } from './reading-index.ts';
import type { Peer, Workload } from './resource.ts';
import type { CoverageRecord, TrafficSum } from './traffic.ts';

/** Records and coverage gone through in one step: up to about 0.5 µs each. */
const STEP_RECORDS = 4096;
/** Slots that may be left for later; those before them are gone through at once. */
const MOST_UNREAD = 4;

/** Peers are one object per series, owners one per target, so this stays small; bounded by what is forgotten. Times are engine times, ms. */
export class MetPeers {
  readonly #met = new Map<Peer, number>();
  readonly #answered = new Map<Workload, number>();
  /** Slots whose items have not all been gone through, and how many of the first one have: its records, then its coverage. */
  readonly #unread: TrafficSum[] = [];
  #read = 0;

  /** Whoever is in `sum` was met at its end. Only noted, as a rule: O(1). It must not be changed afterwards. */
  meet(sum: TrafficSum): void {
    this.#unread.push(sum);
    while (this.#unread.length > MOST_UNREAD) this.#settleSome();
  }

  /** Goes through what was noted, by steps. Where nobody runs them to their end, the next question does. */
  *settleInSteps(): Generator<void, void, void> {
    while (this.#settleSome()) yield;
  }

  /** True when something is left. */
  #settleSome(): boolean {
    const [sum] = this.#unread;
    if (sum === undefined) return false;
    const { records, coverage, interval } = sum;
    const { length } = records;
    const end = Math.min(length + coverage.length, this.#read + STEP_RECORDS);
    for (; this.#read < end; this.#read++) {
      if (this.#read < length) note(this.#met, records[this.#read]!.key.peer, interval.endMs);
      else this.#cover(coverage[this.#read - length]!, interval.endMs);
    }
    if (end === length + coverage.length) {
      this.#unread.shift();
      this.#read = 0;
    }
    return this.#unread.length > 0;
  }

  #cover({ own, scrapesDue, scrapesMissed }: CoverageRecord, endMs: number): void {
    if (scrapesDue > scrapesMissed) note(this.#answered, own.workload, endMs);
  }

  /** Forgets those not met since `untilMs`. O(peers + workloads of targets). */
  forget(untilMs: number): void {
    for (const [peer, metMs] of this.#met) if (metMs <= untilMs) this.#met.delete(peer);
    for (const [workload, answeredMs] of this.#answered) if (answeredMs <= untilMs) this.#answered.delete(workload);
  }

  /** Who was met, or answered, but not since `fromMs`. O(peers, workloads of targets, and items that were not gone through). */
  before(fromMs: number): KnownResources {
    while (this.#settleSome());
    const workloads = [...this.#answered].flatMap(([workload, answeredMs]) => (answeredMs > fromMs ? [] : [workload]));
    const services: ResourceId[] = [];
    const served: Served[] = [];
    for (const [peer, metMs] of this.#met) {
      if (metMs > fromMs) continue;
      const { workload, service, serviceNamespace } = peer;
      const where = servedBy(peer);
      if (where !== null) served.push(where);
      if (workload !== null && workload.kind !== 'ServiceAccount' && workload.name !== '') workloads.push(workload);
      if (service === '') continue;
      const namespace = serviceNamespace === '' ? (workload?.namespace ?? '') : serviceNamespace;
      services.push({ kind: 'Service', cluster: workload?.cluster ?? '', namespace, name: service });
    }
    return { workloads, services, served };
  }
}

function note<Key>(last: Map<Key, number>, key: Key, endMs: number): void {
  last.set(key, Math.max(endMs, last.get(key) ?? 0));
}
