/** @module Which workloads had which service account in the last windows of a stream. */
import { type Workload, workloadKey } from './resource.ts';

interface KnownAccount {
  readonly workload: Workload;
  readonly account: string;
  lastWindow: number;
}

export class AccountMemory {
  readonly #known = new Map<string, KnownAccount>();
  #window = 0;

  beginWindow(): void {
    this.#window += 1;
  }

  /** `workload` has `account` in this window. */
  learn(workload: Workload, account: string): void {
    const key = JSON.stringify([workloadKey(workload), account]);
    const known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, { workload, account, lastWindow: this.#window });
    else known.lastWindow = this.#window;
  }

  known(): Iterable<KnownAccount> {
    return this.#known.values();
  }

  /** Forgets those not learnt again for more than `windows`. */
  prune(windows: number): void {
    for (const [key, { lastWindow }] of this.#known) {
      if (this.#window - lastWindow > windows) this.#known.delete(key);
    }
  }
}
