/**
 * @module What two Envoys must have counted, worked out from what the client and the application saw with their own eyes.
 * The rules for odd cases were measured with Envoy 1.40.
 */
import type { Attempt, Call } from './envoy-load.ts';

export interface Count {
  successes: number;
  failures: number;
  unreached: number;
  latencies: number;
}
export const NONE = (): Count => ({ successes: 0, failures: 0, unreached: 0, latencies: 0 });

/** Clusters that do not wait for their slow answers. */
const GAVE_UP = new Set(['late', 'tries']);
/** Clusters whose endpoint refuses connections, and how often each request is tried. */
const TRIES = new Map([
  ['refused', 1],
  ['refused2', 3],
]);
/** Clusters that refuse some or all requests before they choose an endpoint. */
const NOWHERE = new Set(['empty', 'closed', 'crowded', 'pools']);

/** Each request once, by the status its last answer began with: cut answers and those not waited for as well. */
export function expectedOfClient(calls: readonly Call[]): Map<string, Count> {
  return countBy(calls, ({ via, status, whole, fromUpstream }) => ({
    key: via,
    successes: Number(status > 0 && status < 500),
    failures: Number(status >= 500),
    // Only answers that were passed on whole have a time; what the client's Envoy made up itself has none.
    latencies: Number(whole && fromUpstream && status !== 101),
  }));
}

/** Each attempt, by the status of its answer; one that was reset became a 503. Whoever left before is in no counter. */
export function expectedOfServer(attempts: readonly Attempt[]): Map<string, Count> {
  return countBy(attempts, ({ status, ended }) => ({
    key: 'all',
    // Upgrades are of class 1, which listeners share with answers that are only announced.
    successes: Number(status >= 200 && status < 500),
    failures: Number(status >= 500 || ended === 'reset'),
    latencies: Number((ended === 'answered' && status !== 101) || ended === 'reset'),
  }));
}

/**
 * Each attempt at each endpoint. What the client's Envoy gave up waiting for is an error of the endpoint; whoever left
 * it waiting is in no counter. Where no endpoint was chosen nobody was reached.
 */
export function expectedPerEndpoint(calls: readonly Call[], attempts: readonly Attempt[]): Map<string, Count> {
  const reached = countBy(attempts, ({ via, status, ended }) => ({
    key: via,
    successes: Number(status > 0 && status < 500),
    failures: Number(status >= 500 || ended === 'reset' || (ended === 'left' && GAVE_UP.has(via))),
  }));
  const without = countBy(calls, ({ via, fromUpstream, status }) => ({
    key: via,
    failures: TRIES.get(via) ?? Number(NOWHERE.has(via) && status === 503 && !fromUpstream),
    unreached: Number(NOWHERE.has(via) && status === 503 && !fromUpstream),
  }));
  const whole = countBy(calls, ({ via, status, whole, fromUpstream }) => ({
    key: via,
    latencies: Number(whole && fromUpstream && status !== 101),
  }));
  return sumOf(reached, without, whole);
}
function countBy<Item>(
  items: readonly Item[],
  of: (item: Item) => Partial<Count> & { key: string },
): Map<string, Count> {
  const counts = new Map<string, Count>();
  for (const item of items) {
    const { key, ...more } = of(item);
    addTo(counts, key, { ...NONE(), ...more });
  }
  return counts;
}

function sumOf(...parts: readonly ReadonlyMap<string, Count>[]): Map<string, Count> {
  const total = new Map<string, Count>();
  for (const part of parts) for (const [key, count] of part) addTo(total, key, count);
  return total;
}

function addTo(counts: Map<string, Count>, key: string, more: Count): void {
  const at = counts.get(key) ?? NONE();
  for (const field of ['successes', 'failures', 'unreached', 'latencies'] as const) at[field] += more[field];
  counts.set(key, at);
}

/** Without whoever counted nothing, in an order of its own. */
export function busyOnly(counts: ReadonlyMap<string, Count>) {
  const busy = [...counts].filter(([, { successes, failures, latencies }]) => successes + failures + latencies > 0);
  return Object.fromEntries(busy.sort(([a], [b]) => (a < b ? -1 : 1)));
}
