/** @module Where calls to services went in the last windows of a stream, so that an edge keeps its end when all are down. */
import { type Served, servedBy } from './reading-index.ts';
import type { Peer } from './resource.ts';

export class ServiceMemory {
  /** Window in which each peer was last met; peers are one object per series. */
  readonly #met = new Map<Peer, number>();
  #window = 0;

  beginWindow(): void {
    this.#window += 1;
  }

  /** A client met `peer` in this window. */
  learn(peer: Peer): void {
    if (peer.service !== '') this.#met.set(peer, this.#window);
  }

  /** What earlier windows told. */
  *known(): Generator<Served> {
    for (const [peer, window] of this.#met) {
      const served = window === this.#window ? null : servedBy(peer);
      if (served !== null) yield served;
    }
  }

  /** Forgets those not met again for more than `windows`. */
  prune(windows: number): void {
    for (const [peer, window] of this.#met) if (this.#window - window > windows) this.#met.delete(peer);
  }
}
