/** @module The side that tells an edge, with callers that only clients or only servers can name put beside one another. */

import { NameMap } from './name-map.ts';
import { requestsOf } from './reached.ts';
import { type EdgeGroup, type EdgeGroups, edgeKey } from './reading-edge-groups.ts';
import { NONE, type WorkloadEntry } from './reading-entries.ts';
import { counted, type Frame, weighBy } from './reading-figures.ts';
import { type Believed, believe, countedLate, doubted, viewOf, withUnreached } from './reading-sides.ts';
import {
  connectionsLeft,
  type Explained,
  explainStrangers,
  meshesThatNameCallers,
  restOf,
} from './reading-strangers.ts';
import type { SideView } from './side-memory.ts';
import type { TrafficRecord } from './traffic.ts';

type Group = EdgeGroup<unknown>;

/** Picks sides within one reading, whose groups it looks up and leaves as they are. */
export class EdgeSides {
  readonly #frame: Frame;
  readonly #records: readonly TrafficRecord[];
  readonly #groups: EdgeGroups<unknown>;
  #namesCallers: ReadonlySet<string> | null = null;
  #missed: readonly WorkloadEntry[] | null = null;
  #watched: NameMap<WorkloadEntry[]> | null = null;

  /** `records`: all of the reading. */
  constructor(frame: Frame, records: readonly TrafficRecord[], groups: EdgeGroups<unknown>) {
    this.#frame = frame;
    this.#records = records;
    this.#groups = groups;
  }

  /** The side that tells this edge; null when the edge is told by others. O(records of the edge and of its destination). */
  of(group: Group): Believed | null {
    const told = this.#pick(group);
    // Only servers count callers without a name, or by account; what comes late is incomplete anyway.
    return told === null ? null : doubted(told, this.#frame.unheard.among(group.source, group.server));
  }

  #pick(group: Group): Believed | null {
    const { source, destination } = group;
    if (source === null && destination !== null) return this.#ofStrangers(group, destination);
    const account = source?.kind === 'ServiceAccount' && destination !== null ? source : null;
    if (this.#frame.sides !== null) return this.#toldOf(group, account);
    if (account !== null && this.#behind(account, destination).length > 0) return null;
    const client = () => counted(this.#frame, 'client', group.client, source === null ? [] : [source.coverage]);
    const server = () =>
      counted(this.#frame, 'server', group.server, destination === null ? [] : [destination.coverage]);
    return withUnreached(believe(client(), group.server, server, weighBy(this.#frame)), group.client);
  }

  /** What a server counted of callers it cannot name, less what clients it cannot name told themselves. */
  #ofStrangers(group: Group, destination: WorkloadEntry): Believed | null {
    const { sides } = this.#frame;
    const clients = this.#groups.clientsOf(destination);
    const explained = clients.length === 0 ? null : this.#explained(group, destination, clients);
    const key = edgeKey(null, destination);
    if (sides !== null) {
      if (explained === null && !sides.strangers.has(key)) return this.#toldOf(group, null);
      return this.#toldOfStrangers(group, destination, explained);
    }
    const records = explained === null ? group.server : restOf(group.server, explained);
    if (records.length === 0) return null;
    const reason = explained === null ? ('only' as const) : ('strangers' as const);
    const told = { ...counted(this.#frame, 'server', records, [destination.coverage]), reason };
    const compared = explained === null ? NONE : [destination, ...clients.map(({ source }) => source)];
    return this.#frame.unheard.carriedBy(compared) ? { ...told, complete: false, carried: true } : told;
  }

  #explained(group: Group, destination: WorkloadEntry, clients: readonly Group[]): Explained | null {
    const accounts = this.#groups
      .of(destination)
      .filter(({ source, server }) => source?.kind === 'ServiceAccount' && server.length > 0);
    const { index, sides } = this.#frame;
    // A stream compares over many windows, in which what one scrape lacks the next one brings.
    const weigh = sides === null ? weighBy(this.#frame) : undefined;
    return explainStrangers(index, group.server, clients, accounts, this.#naming(), weigh);
  }

  #naming(): ReadonlySet<string> {
    this.#namesCallers ??= meshesThatNameCallers(this.#records);
    return this.#namesCallers;
  }

  #toldOfStrangers(group: Group, destination: WorkloadEntry, explained: Explained | null): Believed | null {
    const { index, sides } = this.#frame;
    const { server, late } = group;
    this.#missed ??= index.workloads.filter(({ coverage }) => (coverage?.missed ?? 0) > 0);
    const missing = this.#missed.some((client) => sides!.isTold(edgeKey(client, destination), 'client'));
    const outcomes = explained?.outcomes ?? { successes: 0, failures: 0 };
    const requests = requestsOf(server);
    const seen = explained?.seen ?? { client: 0, server: requests, serverAtLeast: requests };
    const view = { records: server, explained: outcomes, seen, whole: !missing };
    const told = sides!.strangers.choose(edgeKey(null, destination), view);
    const calls = (told?.records ?? NONE).filter((record) => requestsOf([record]) > 0);
    const records = [...calls, ...connectionsLeft(server, explained, calls)];
    if (told === null && late.length === 0 && records.length === 0) return null;
    const all = { side: 'server' as const, records, late: told?.late ?? NONE };
    const from = countedLate(this.#frame, all, [destination.coverage], late, NONE);
    return missing ? { ...from, complete: false } : from;
  }

  #toldOf(group: Group, account: WorkloadEntry | null): Believed | null {
    const { source, destination, late } = group;
    const sides = this.#frame.sides!;
    const key = edgeKey(source, destination);
    const coverages = {
      client: source === null ? [] : [source.coverage],
      server: destination === null ? [] : [destination.coverage],
    };
    const server = viewOf(group.server, coverages.server, source);
    const behind = account === null ? null : this.#clientsBehind(account, destination);
    const told =
      behind === null
        ? sides.choose(key, 'client', viewOf(group.client, coverages.client, destination), server)
        : sides.standIn(key, behind, server);
    // What others tell now may still be due from when they did not.
    if (told === null && late.length === 0) return null;
    const { side, records, late: withheld } = told ?? { side: 'server' as const, records: NONE, late: NONE };
    const all = { side, records, late: withheld };
    const from = countedLate(this.#frame, all, coverages[side], late, behind === null ? group.client : NONE);
    return (behind?.coverage?.missed ?? 0) > 0 ? { ...from, complete: false } : from;
  }

  /** Edges to `destination` that its clients' proxies counted and that may be behind `account` (design §6, Sides). */
  #behind(account: WorkloadEntry, destination: WorkloadEntry | null): Group[] {
    const met = destination === null ? [] : this.#groups.clientsOf(destination);
    return met.filter(({ source }) => source !== null && this.#frame.index.mayBe(account, source));
  }

  /** A client whose scrape was missed brings both shares with the next one: until then its account does not stand in. */
  #clientsBehind(account: WorkloadEntry, destination: WorkloadEntry | null): SideView {
    const { index, sides } = this.#frame;
    const met = this.#behind(account, destination);
    const watched = this.#watchedBeside(account).filter(
      (client) => index.mayBe(account, client) && sides?.isTold(edgeKey(client, destination), 'client') === true,
    );
    const records = met.flatMap((group) => group.client);
    return viewOf(
      records,
      watched.map((client) => client.coverage),
      destination,
    );
  }

  /** Watched workloads of its namespace. */
  #watchedBeside({ cluster, namespace }: WorkloadEntry): readonly WorkloadEntry[] {
    if (this.#watched === null) {
      this.#watched = new NameMap();
      for (const entry of this.#frame.index.workloads) {
        if (entry.coverage === null) continue;
        this.#watched.getOrMake(entry.cluster, entry.namespace, '', () => []).push(entry);
      }
    }
    return this.#watched.get(cluster, namespace, '') ?? NONE;
  }
}
