/**
 * @module Watched clients that a reading has not heard whole: calls of theirs may stand there as those of nobody, or of an
 * account, until they tell them (docs/adr/0009).
 */
import { NameMap } from './name-map.ts';
import { ownWorkload, type WorkloadEntry } from './reading-entries.ts';
import type { TrafficIndex } from './reading-index.ts';
import { isUnnamed, meshesThatNameCallers } from './reading-strangers.ts';
import type { ReadOptions } from './reading-types.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from './traffic.ts';

/** Some clients, of which a few are named. */
export interface UnheardClients {
  readonly count: number;
  /** The first `MAX_NAMED` of them. */
  readonly named: readonly WorkloadEntry[];
}

/** Clients named at most: enough to begin with, however many are silent. */
const MAX_NAMED = 3;

/** Slots that tell more of a sum, see `ReadOptions`. */
type SlotsAround = Pick<ReadOptions, 'newest' | 'before'>;

/** Unheard clients of one mesh: all, and by the account they have; '' for those of which none is known. */
interface MeshClients {
  readonly all: Clients;
  readonly byAccount: NameMap<Clients>;
}

class Clients implements UnheardClients {
  count = 0;
  readonly named: WorkloadEntry[] = [];

  add(client: WorkloadEntry): void {
    this.count += 1;
    if (this.named.length < MAX_NAMED) this.named.push(client);
  }
}

/** Looks only at the sums it is given, which must not change afterwards. */
export class Unheard {
  readonly #index: TrafficIndex;
  readonly #sum: TrafficSum;
  readonly #newest: TrafficSum;
  readonly #before: readonly TrafficSum[];
  #carrying: ReadonlySet<WorkloadEntry> | null = null;
  #meshes: ReadonlyMap<string, MeshClients> | null = null;
  #namesCallers: ReadonlySet<string> | null = null;

  /** `index` is of `sum`, to whose slots the options belong. */
  constructor(index: TrafficIndex, sum: TrafficSum, { newest = sum, before = [] }: SlotsAround) {
    this.#index = index;
    this.#sum = sum;
    this.#newest = newest;
    this.#before = before;
  }

  /**
   * Whether the pages of some of these tell calls from before the sum, as one was missed just before it: what they count does
   * not compare with what others do. O(workloads given), after O(coverage of the slots before) once.
   */
  carriedBy(workloads: readonly (WorkloadEntry | null)[]): boolean {
    this.#carrying ??= this.#missedBefore();
    const carrying = this.#carrying;
    return carrying.size > 0 && workloads.some((entry) => entry !== null && carrying.has(entry));
  }

  #missedBefore(): Set<WorkloadEntry> {
    const missed = this.#before.flatMap(({ coverage }) => coverage.filter(({ scrapesMissed }) => scrapesMissed !== 0));
    return new Set(missed.flatMap(({ own }) => this.#index.find(ownWorkload(own)) ?? []));
  }

  /**
   * Clients that lack something and may have made some of the calls in `counted`, a server's records of `source`: nobody
   * (null), or an account. Null when there are none, and for a source that the server knows. O(records given × meshes), after
   * O(coverage + records of the newest slot) once.
   */
  among(source: WorkloadEntry | null, counted: readonly TrafficRecord[]): UnheardClients | null {
    if (counted.length === 0 || (source !== null && source.kind !== 'ServiceAccount')) return null;
    this.#meshes ??= this.#byMesh();
    if (this.#meshes.size === 0) return null;
    const servers = new Set(counted.map(({ key }) => key.mesh));
    return joined(source === null ? this.#unnamed(servers) : this.#behind(source, servers));
  }

  /** All whose mesh these servers cannot name callers of. */
  #unnamed(servers: ReadonlySet<string>): Clients[] {
    this.#namesCallers ??= meshesThatNameCallers(this.#sum.records);
    const namesCallers = this.#namesCallers;
    return [...this.#meshes!].flatMap(([mesh, { all }]) => (isUnnamed(mesh, servers, namesCallers) ? [all] : []));
  }

  /** Those that may have the account; a server tells accounts of its own mesh alone. */
  #behind({ cluster, namespace, name }: WorkloadEntry, servers: ReadonlySet<string>): Clients[] {
    return [...servers].flatMap((mesh) => {
      const byAccount = this.#meshes!.get(mesh)?.byAccount;
      return [byAccount?.get(cluster, namespace, name) ?? [], byAccount?.get(cluster, namespace, '') ?? []].flat();
    });
  }

  #byMesh(): Map<string, MeshClients> {
    const meshes = new Map<string, MeshClients>();
    for (const [mesh, clients] of this.#lacking()) {
      const mine: MeshClients = { all: new Clients(), byAccount: new NameMap() };
      meshes.set(mesh, mine);
      for (const client of clients) {
        mine.all.add(client);
        const { cluster, namespace } = client;
        for (const account of client.accounts.length === 0 ? [''] : client.accounts)
          mine.byAccount.getOrMake(cluster, namespace, account, () => new Clients()).add(client);
      }
    }
    return meshes;
  }

  /** Workloads by mesh, each once, one of whose targets lacks a page that may have told calls. */
  #lacking(): Map<string, Set<WorkloadEntry>> {
    const lacking = new Map<string, Set<WorkloadEntry>>();
    const doubtful = this.#sum.coverage.filter((record) => !isHeard(record));
    const idle = doubtful.length === 0 ? new Set<string>() : this.#idleTargets();
    for (const { mesh, own, target, resets } of doubtful) {
      // What a life counted between its last page and its end is lost, and no later page can tell that it was nothing.
      if (resets === 0 && idle.has(target)) continue;
      const clients = lacking.get(mesh) ?? new Set();
      lacking.set(mesh, clients.add(this.#index.ownOf(own).entry));
    }
    return lacking;
  }

  /**
   * Targets whose page came in the newest slot without a series of a call: counters only grow, so that they have called nobody
   * since their life began, whatever page is missing before. Idle series count as calls; they may have grown meanwhile.
   */
  #idleTargets(): Set<string> {
    const callers = new Set<WorkloadEntry>();
    for (const { key } of this.#newest.records)
      if (key.side === 'client') callers.add(this.#index.ownOf(key.own).entry);
    const idle = new Set<string>();
    for (const record of this.#newest.coverage) {
      if (isRead(record) && !callers.has(this.#index.ownOf(record.own).entry)) idle.add(record.target);
    }
    return idle;
  }
}

/** Whether every page of a target told all that it should. */
function isHeard({ scrapesMissed, resets, firstSight }: CoverageRecord): boolean {
  return scrapesMissed === 0 && resets === 0 && !firstSight;
}

/** Whether the last page due came, be it as a baseline. */
function isRead({ scrapesMissed, coveredSeconds, firstSight }: CoverageRecord): boolean {
  return scrapesMissed === 0 && (coveredSeconds > 0 || firstSight);
}

/** Several as one; a client of two meshes counts twice. */
function joined(parts: readonly UnheardClients[]): UnheardClients | null {
  if (parts.length <= 1) return parts[0] ?? null;
  const named = new Set(parts.flatMap((part) => part.named));
  return { count: parts.reduce((sum, { count }) => sum + count, 0), named: [...named].slice(0, MAX_NAMED) };
}
