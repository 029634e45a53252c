/**
 * @module Callers that a server's page cannot name although their own proxies tell of them: those of another mesh, and
 * all where the mesh's servers never name a caller. What those told themselves is no stranger's (docs/adr/0009).
 */
import {
  asEvidence,
  hidesRetries,
  type Outcomes,
  reachedOutcomes,
  requestsOf,
  type Seen,
  sawMore,
  seenBy,
  type Weigh,
} from './reached.ts';
import { addConnections, mirrored, noConnections, withoutConnections } from './reading-connections.ts';
import type { EdgeGroup } from './reading-edge-groups.ts';
import type { TrafficIndex } from './reading-index.ts';
import { copyRecord } from './sum.ts';
import type { TcpTotals, TrafficRecord } from './traffic.ts';
import { shrink, Untold } from './untold.ts';

/** What clients that a server cannot name told of their calls to it. */
export interface Explained {
  readonly outcomes: Outcomes;
  /** Those calls, and those of all callers that the server cannot name. */
  readonly seen: Seen;
  /** Connections of theirs to it, as the server should have them. */
  readonly connections: TcpTotals;
}

/**
 * What of `strangers`, a server's records of callers it cannot name, the edges `clients` to the same server explain; null
 * when they explain nothing. `accounts` are callers known by their account alone. `namesCallers` holds the meshes
 * whose servers name a caller somewhere. What is compared is weighed by `weigh`, what is taken off is not. O(records given).
 */
export function explainStrangers<Edge>(
  index: TrafficIndex,
  strangers: readonly TrafficRecord[],
  clients: readonly EdgeGroup<Edge>[],
  accounts: readonly EdgeGroup<Edge>[],
  namesCallers: ReadonlySet<string>,
  weigh?: Weigh,
): Explained | null {
  const servers = new Set(strangers.map(({ key }) => key.mesh));
  const isMine = ({ key }: TrafficRecord) => isUnnamed(key.mesh, servers, namesCallers);
  const unnamed = clients.flatMap(({ source, client }) => (source === null ? [] : client.filter(isMine)));
  if (unnamed.length === 0) return null;
  const told = { index, clients, accounts, isMine };
  const outcomes = outcomesOf(told);
  const compared = weigh === undefined ? outcomes : outcomesOf(told, weigh);
  const proven = weigh === undefined ? {} : { server: asEvidence(weigh) };
  const seen = seenBy([], strangers, hidesRetries(unnamed, strangers), proven);
  return {
    outcomes,
    seen: { ...seen, client: compared.successes + compared.failures },
    connections: connectionsOf(unnamed),
  };
}

interface Clients<Edge> {
  readonly index: TrafficIndex;
  readonly clients: readonly EdgeGroup<Edge>[];
  readonly accounts: readonly EdgeGroup<Edge>[];
  /** Whether a client's record is of one that the server cannot name. */
  readonly isMine: (record: TrafficRecord) => boolean;
}

/** Calls of clients that the server cannot name, less those it told by their names or accounts. */
function outcomesOf<Edge>(told: Clients<Edge>, weigh?: Weigh): Outcomes {
  const { index, clients, accounts, isMine } = told;
  const outcomes = { successes: 0, failures: 0 };
  const byAccount = { successes: 0, failures: 0 };
  for (const { source, client, server } of clients) {
    if (source === null) continue;
    const mine = client.filter(isMine);
    if (mine.length > 0) addRest(outcomes, mine, server, weigh);
    else if (accounts.some((account) => index.mayBe(account.source!, source))) {
      addRest(byAccount, client, server, weigh);
    }
  }
  takeAccounts(outcomes, byAccount, told, weigh);
  return outcomes;
}

function connectionsOf(unnamed: readonly TrafficRecord[]): TcpTotals {
  const sum = noConnections();
  for (const { tcp } of unnamed) if (tcp !== null) addConnections(sum, mirrored(tcp));
  return sum;
}

/** Adds what clients told beyond what the server told by their names. */
function addRest(into: Outcomes, told: readonly TrafficRecord[], named: readonly TrafficRecord[], weigh?: Weigh): void {
  const [mine, known] = [reachedOutcomes(told, weigh), reachedOutcomes(named, weigh)];
  into.successes += Math.max(0, mine.successes - known.successes);
  into.failures += Math.max(0, mine.failures - known.failures);
}

/** What the server told by accounts is no stranger's: it is of those it names so, `byAccount`, and beyond them of others. */
function takeAccounts<Edge>(
  outcomes: Outcomes,
  byAccount: Outcomes,
  { index, accounts, clients }: Clients<Edge>,
  weigh?: Weigh,
): void {
  const open = accounts.filter((account) => clients.some(({ source }) => index.mayBe(account.source!, source!)));
  const told = reachedOutcomes(
    open.flatMap(({ server }) => server),
    weigh,
  );
  for (const each of ['successes', 'failures'] as const) {
    outcomes[each] = Math.max(0, outcomes[each] - Math.max(0, told[each] - byAccount[each]));
  }
}

/** Whether servers of the meshes `servers` cannot name a caller of `mesh`; `namesCallers` as in `explainStrangers`. */
export function isUnnamed(mesh: string, servers: ReadonlySet<string>, namesCallers: ReadonlySet<string>): boolean {
  for (const server of servers) if (server !== mesh || !namesCallers.has(server)) return true;
  return false;
}

/**
 * What is left for strangers: nothing when that is within 5 % of what is explained. Records are copies, less what clients
 * told; those without requests (TCP alone) follow the calls, see `connectionsLeft`.
 */
export function restOf(strangers: readonly TrafficRecord[], explained: Explained): readonly TrafficRecord[] {
  if (!sawMore('server', explained.seen)) return connectionsLeft(strangers, explained, []);
  const untold = new Untold();
  untold.oweOutcomes(explained.outcomes);
  const rest = untold.lessOwed(strangers.filter((record) => !isQuiet(record)));
  return [...rest, ...connectionsLeft(strangers, explained, rest)];
}

/**
 * The records of `strangers` that count connections alone, less what is explained, as copies. Connections go with the calls
 * that they carried: where there are calls, as much of them is left as `rest` is of those. On a port that tells no calls,
 * those are taken off that the clients told themselves.
 */
export function connectionsLeft(
  strangers: readonly TrafficRecord[],
  explained: Explained | null,
  rest: readonly TrafficRecord[],
): readonly TrafficRecord[] {
  const quiet = strangers.filter((record) => isQuiet(record) && record.tcp !== null);
  if (quiet.length === 0) return quiet;
  if (strangers.every(({ key }) => key.protocol === 'tcp')) {
    return explained === null ? quiet : withoutConnections(quiet, explained.connections);
  }
  const requests = requestsOf(strangers);
  const share = requests === 0 ? 0 : requestsOf(rest) / requests;
  return share === 0 ? [] : quiet.map((record) => shareOf(record, share));
}

/** A copy of `share` of a record. */
function shareOf(record: TrafficRecord, share: number): TrafficRecord {
  const copy = copyRecord(record);
  shrink(copy, share);
  return copy;
}

/** A record that counts no requests. */
function isQuiet({ successes, failures }: TrafficRecord): boolean {
  return successes + failures === 0;
}

/** Meshes whose servers name a caller in at least one record. O(records). */
export function meshesThatNameCallers(records: readonly TrafficRecord[]): ReadonlySet<string> {
  const meshes = new Set<string>();
  for (const { key } of records) if (key.side === 'server' && key.peer.workload !== null) meshes.add(key.mesh);
  return meshes;
}
