/** @module When each peer was last met in a slot, so that readings still know who was there before their window. */
import type { KnownResources, ResourceId } from './reading.ts';
import { type Served, servedBy } from './reading-index.ts';
import type { Peer, Workload } from './resource.ts';
import type { TrafficSum } from './traffic.ts';

/** Records gone through in one step: up to about 0.5 µs each. */
const STEP_RECORDS = 4096;
/** Slots that may be left for later; those before them are gone through at once. */
const MOST_UNREAD = 4;

/** Peers are one object per series, so this stays small; bounded by what is forgotten. Times are engine times, ms. */
export class MetPeers {
  readonly #met = new Map<Peer, number>();
  /** Slots whose records have not all been gone through, and how many of the first one have. */
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
    const { records, interval } = sum;
    const end = Math.min(records.length, this.#read + STEP_RECORDS);
    for (; this.#read < end; this.#read++) {
      const { peer } = records[this.#read]!.key;
      this.#met.set(peer, Math.max(interval.endMs, this.#met.get(peer) ?? 0));
    }
    if (end === records.length) {
      this.#unread.shift();
      this.#read = 0;
    }
    return this.#unread.length > 0;
  }

  /** Forgets those not met since `untilMs`. O(peers). */
  forget(untilMs: number): void {
    for (const [peer, metMs] of this.#met) if (metMs <= untilMs) this.#met.delete(peer);
  }

  /** Who was met, but not since `fromMs`. O(peers, and records that were not gone through). */
  before(fromMs: number): KnownResources {
    while (this.#settleSome());
    const workloads: Workload[] = [];
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
