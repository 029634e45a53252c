/** @module Where calls to services went in the last windows of a stream, so that an edge keeps its end when all are down. */
import { type Served, servedBy } from './reading-index.ts';
import { type Peer, workloadKey } from './resource.ts';

interface Known {
  readonly key: string;
  readonly served: Served;
  lastWindow: number;
}

export class ServiceMemory {
  /** By service and workload, so that its size is bounded by their names. */
  readonly #known = new Map<string, Known>();
  /** Peers are mostly one object per series: those met before cost a look-up. Null: it tells no service and workload. */
  readonly #ofPeer = new WeakMap<Peer, Known | null>();
  #window = 0;

  /** Pairs of service and workload remembered. */
  get size(): number {
    return this.#known.size;
  }

  beginWindow(): void {
    this.#window += 1;
  }

  /** A client met `peer` in this window. */
  learn(peer: Peer): void {
    let known = this.#ofPeer.get(peer);
    if (known === undefined) {
      known = this.#find(peer);
      this.#ofPeer.set(peer, known);
    }
    if (known === null) return;
    known.lastWindow = this.#window;
    this.#known.set(known.key, known);
  }

  #find(peer: Peer): Known | null {
    const served = servedBy(peer);
    if (served === null) return null;
    const key = keyOf(served);
    return this.#known.get(key) ?? { key, served, lastWindow: this.#window };
  }

  /** What earlier windows told and this one did not. */
  *known(): Generator<Served> {
    for (const { served, lastWindow } of this.#known.values()) if (lastWindow < this.#window) yield served;
  }

  /** Forgets those not met again for more than `windows`. */
  prune(windows: number): void {
    for (const [key, { lastWindow }] of this.#known) if (this.#window - lastWindow > windows) this.#known.delete(key);
  }
}

function keyOf({ cluster, namespace, service, workload }: Served): string {
  return JSON.stringify([cluster, namespace, service, workloadKey(workload)]);
}
