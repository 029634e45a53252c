/**
 * @module What a server could have seen of some records, and what it could not; and how the two sides of a call compare.
 *
 * Failures that no server ever saw are in the client's records only. Whoever compares the two sides, or owes one of them
 * something, leaves them out; whoever tells the server's side adds them (docs/adr/0009).
 */
import type { Side } from './rules.ts';
import type { TrafficRecord } from './traffic.ts';

/** Over this much more on the other side means that a side does not see everybody (design §6). */
export const UNWATCHED = 1.05;

/** Requests by outcome. */
export interface Outcomes {
  successes: number;
  failures: number;
}

/**
 * How much of its own time a record stands for: expected ÷ covered, as in its rate. Pods of unlike scrape phases, young and
 * dying ones and those with a missed page count over unlike times; weighed, they compare (design §6, Rate).
 */
export type Weigh = (record: TrafficRecord) => number;

/** Weighs whoever claims to have seen more: what was not covered is reckoned for the other side, but is no evidence. */
export function asEvidence(weigh: Weigh): Weigh {
  return (record) => Math.min(1, weigh(record));
}

/** Counts as they are: over many windows they compare best, since what one lacks the next ones bring. */
const AS_COUNTED: Weigh = () => 1;

/** What servers could have seen of `records`. */
export function reachedOutcomes(records: Iterable<TrafficRecord>, weigh: Weigh = AS_COUNTED): Outcomes {
  const sum = { successes: 0, failures: 0 };
  for (const record of records) {
    const factor = weigh(record);
    sum.successes += record.successes * factor;
    sum.failures += (record.failures - record.unreached) * factor;
  }
  return sum;
}

/** Requests of `records`, those that no server saw included. */
export function requestsOf(records: Iterable<TrafficRecord>): number {
  let requests = 0;
  for (const { successes, failures } of records) requests += successes + failures;
  return requests;
}

/** Requests of `records` that a server could have seen. */
export function reachedOf(records: Iterable<TrafficRecord>, weigh?: Weigh): number {
  const { successes, failures } = reachedOutcomes(records, weigh);
  return successes + failures;
}

/** Records with failures that no server saw; the same empty list when there are none. */
export function unreachedIn(records: readonly TrafficRecord[]): readonly TrafficRecord[] {
  for (const record of records) if (record.unreached > 0) return records.filter(({ unreached }) => unreached > 0);
  return NONE;
}

const NONE: readonly never[] = [];

/** Requests of both sides in terms that compare. Additive. */
export interface Seen {
  /** The client's requests that a server could have seen. */
  client: number;
  /** At most so many of those are in the server's count … */
  server: number;
  /** … and at least so many, when the server counts each attempt and the client a retried request once. */
  serverAtLeast: number;
}

/** Whether a client counts a request that was retried once where its server counts each attempt. */
export function hidesRetries(client: readonly TrafficRecord[], server: readonly TrafficRecord[]): boolean {
  return client.some(({ key }) => key.counts === 'requests') && server.some(({ key }) => key.counts === 'attempts');
}

/** O(records). An attempt that is retried has failed, so each success is a request of its own, however many retries. */
export function seenBy(
  client: readonly TrafficRecord[],
  server: readonly TrafficRecord[],
  retries: boolean,
  weigh: Partial<Record<Side, Weigh>> = {},
): Seen {
  const { successes, failures } = reachedOutcomes(server, weigh.server);
  const most = successes + failures;
  return { client: reachedOf(client, weigh.client), server: most, serverAtLeast: retries ? successes : most };
}

/** Whether `side` surely saw over 5 % more than the other one. */
export function sawMore(side: Side, { client, server, serverAtLeast }: Seen): boolean {
  return side === 'client' ? client > server * UNWATCHED : serverAtLeast > client * UNWATCHED;
}
