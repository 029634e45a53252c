/**
 * @module Callers that a server's page cannot name although their own proxies tell of them: those of another mesh, and
 * all where the mesh's servers never name a caller. What those told themselves is no stranger's (docs/adr/0009).
 */
import { hidesRetries, type Outcomes, reachedOutcomes, type Seen, sawMore, seenBy } from './reached.ts';
import type { EdgeGroup } from './reading-edge-groups.ts';
import type { TrafficIndex } from './reading-index.ts';
import type { TrafficRecord } from './traffic.ts';
import { Untold } from './untold.ts';

/** What clients that a server cannot name told of their calls to it. */
export interface Explained {
  readonly outcomes: Outcomes;
  /** Those calls, and those of all callers that the server cannot name. */
  readonly seen: Seen;
  /** No page of these clients was missed. */
  readonly whole: boolean;
}

/**
 * What of `strangers`, a server's records of callers it cannot name, the edges `clients` to the same server explain; null
 * when they explain nothing. `accounts` are callers known by their account alone. `namesCallers` holds the meshes
 * whose servers name a caller somewhere. O(records given).
 */
export function explainStrangers<Edge>(
  index: TrafficIndex,
  strangers: readonly TrafficRecord[],
  clients: readonly EdgeGroup<Edge>[],
  accounts: readonly EdgeGroup<Edge>[],
  namesCallers: ReadonlySet<string>,
): Explained | null {
  const servers = new Set(strangers.map(({ key }) => key.mesh));
  const unnamed: TrafficRecord[] = [];
  const outcomes = { successes: 0, failures: 0 };
  const byAccount = { successes: 0, failures: 0 };
  let whole = true;
  for (const { source, client, server } of clients) {
    if (source === null) continue;
    const mine = client.filter(({ key }) => isUnnamed(key.mesh, servers, namesCallers));
    unnamed.push(...mine);
    whole &&= source.coverage === null || source.coverage.missed === 0;
    if (mine.length > 0) addRest(outcomes, mine, server);
    else if (accounts.some((account) => index.mayBe(account.source!, source))) addRest(byAccount, client, server);
  }
  if (unnamed.length === 0) return null;
  takeAccounts(outcomes, byAccount, index, accounts, clients);
  const seen = seenBy([], strangers, hidesRetries(unnamed, strangers));
  return { outcomes, seen: { ...seen, client: outcomes.successes + outcomes.failures }, whole };
}

/** Adds what clients told beyond what the server told by their names. */
function addRest(into: Outcomes, told: readonly TrafficRecord[], named: readonly TrafficRecord[]): void {
  const [mine, known] = [reachedOutcomes(told), reachedOutcomes(named)];
  into.successes += Math.max(0, mine.successes - known.successes);
  into.failures += Math.max(0, mine.failures - known.failures);
}

/** What the server told by accounts is no stranger's: it is of those it names so, `byAccount`, and beyond them of others. */
function takeAccounts<Edge>(
  outcomes: Outcomes,
  byAccount: Outcomes,
  index: TrafficIndex,
  accounts: readonly EdgeGroup<Edge>[],
  clients: readonly EdgeGroup<Edge>[],
): void {
  const open = accounts.filter((account) => clients.some(({ source }) => index.mayBe(account.source!, source!)));
  const told = reachedOutcomes(open.flatMap(({ server }) => server));
  for (const each of ['successes', 'failures'] as const) {
    outcomes[each] = Math.max(0, outcomes[each] - Math.max(0, told[each] - byAccount[each]));
  }
}

function isUnnamed(mesh: string, servers: ReadonlySet<string>, namesCallers: ReadonlySet<string>): boolean {
  for (const server of servers) if (server !== mesh || !namesCallers.has(server)) return true;
  return false;
}

/**
 * What is left for strangers: no requests when that is within 5 % of what is explained. Records are copies, but for those
 * without requests (TCP alone), of which clients explain nothing.
 */
export function restOf(strangers: readonly TrafficRecord[], { outcomes, seen }: Explained): readonly TrafficRecord[] {
  if (!sawMore('server', seen)) return strangers.filter(isQuiet);
  const untold = new Untold();
  untold.oweOutcomes(outcomes);
  return untold.lessOwed(strangers);
}

/** A record that counts no requests. */
export function isQuiet({ successes, failures }: TrafficRecord): boolean {
  return successes + failures === 0;
}

/** Meshes whose servers name a caller in at least one record. O(records). */
export function meshesThatNameCallers(records: readonly TrafficRecord[]): ReadonlySet<string> {
  const meshes = new Set<string>();
  for (const { key } of records) if (key.side === 'server' && key.peer.workload !== null) meshes.add(key.mesh);
  return meshes;
}
