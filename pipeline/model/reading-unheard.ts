/**
 * @module Watched clients that a reading has not heard whole: calls of theirs may stand there as those of nobody, or of an
 * account, until they tell them (docs/adr/0009).
 */
import type { EdgeGroup } from './reading-edge-groups.ts';
import type { WorkloadEntry } from './reading-entries.ts';
import { isWhole } from './reading-figures.ts';
import type { TrafficIndex } from './reading-index.ts';
import { isUnnamed } from './reading-strangers.ts';
import type { TrafficRecord } from './traffic.ts';

/** Looks only at the index it is given, which must not change afterwards. */
export class Unheard {
  readonly #index: TrafficIndex;
  #silent: readonly WorkloadEntry[] | null = null;

  constructor(index: TrafficIndex) {
    this.#index = index;
  }

  /**
   * Whether calls that `strangers` count may be of a client that lacks something: of one of `clients`, edges to the same
   * server, or of one that told nothing at all and whose mesh the server cannot name. O(records given + silent clients).
   */
  mayBeStranger(
    strangers: readonly TrafficRecord[],
    clients: readonly EdgeGroup<unknown>[],
    namesCallers: ReadonlySet<string>,
  ): boolean {
    const servers = new Set(strangers.map(({ key }) => key.mesh));
    const isMine = (mesh: string) => isUnnamed(mesh, servers, namesCallers);
    const lacks = clients.some(
      ({ source, client }) => source !== null && !isHeard(source) && client.some(({ key }) => isMine(key.mesh)),
    );
    return lacks || this.#silentClients().some(({ coverage }) => isMine(coverage!.mesh));
  }

  /** Whether a client that told nothing at all may be the one behind `account`. O(silent clients). */
  mayBeBehind(account: WorkloadEntry): boolean {
    return this.#silentClients().some((client) => this.#index.mayBe(account, client));
  }

  /** Who was heard in a part of the reading has told there whom it calls; of these nobody knows. O(records), once. */
  #silentClients(): readonly WorkloadEntry[] {
    if (this.#silent !== null) return this.#silent;
    const unheard = new Set(this.#index.workloads.filter((entry) => !isHeard(entry)));
    if (unheard.size > 0) for (const { entry } of this.#index.owns) unheard.delete(entry);
    this.#silent = [...unheard];
    return this.#silent;
  }
}

/** Whether every scrape of a workload told what it should; one that nobody watches lacks nothing. */
function isHeard({ coverage }: WorkloadEntry): boolean {
  return coverage === null || isWhole(coverage);
}
