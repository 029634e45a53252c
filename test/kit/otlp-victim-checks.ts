/** @module What must be true of a victim after attacks, whatever the machine: nothing of it depends on time. */
import type { ExecutionContext } from 'ava';
import { assertStoppedWhole } from './cli.ts';
import type { Account } from './otlp-victim.ts';
import type { Tried } from './otlp-victim-attack.ts';
import { assertOwnBalance, parseOwnMetrics } from './own-metrics.ts';

/** Each try came to what it had to come to; told are the first ones that did not. */
export function assertRefusals(t: ExecutionContext, tried: readonly Tried[]): void {
  t.true(tried.length > 0);
  const wrong = tried.filter(({ wanted, got }) => wanted !== got);
  const told = wrong.slice(0, 10).map(({ what, wanted, got, seen }) => `${what}: ${got}, not ${wanted} ${seen}`);
  t.deepEqual(told, [], `${wrong.length} of ${tried.length}`);
}

/** Reasons that are one here: where damage is found is up to the codec, and what it damaged. */
const UNREADABLE: ReadonlySet<string> = new Set(['damaged', 'malformed', 'wrong_id']);

/** The books add up, and every refusal of the tries is counted by protocol, signal and reason, once, and no other. */
export function assertCounted(t: ExecutionContext, page: string, tried: readonly Tried[]): void {
  assertOwnBalance(t, page);
  const wanted = new Map<string, number>();
  for (const { counted } of tried) if (counted !== '') add(wanted, counted.split(' '), 1);
  const found = new Map<string, number>();
  for (const { name, labels, value } of parseOwnMetrics(page)) {
    if (name !== 'weir_otlp_received_requests_total' || labels.get('reason') === '') continue;
    add(
      found,
      ['protocol', 'signal', 'reason'].map((label) => labels.get(label) ?? ''),
      value,
    );
  }
  t.deepEqual([...found].sort(), [...wanted].sort());
}

/** Each connection and call that the victim has ended by itself belongs to a try, and is counted by its reason. */
export function assertClosings(t: ExecutionContext, page: string, tried: readonly Tried[]): void {
  const wanted = new Map<string, number>();
  for (const { closed } of tried) for (const one of closed) wanted.set(one, (wanted.get(one) ?? 0) + 1);
  const found = new Map<string, number>();
  for (const { name, labels, value } of parseOwnMetrics(page)) {
    if (name !== 'weir_otlp_connections_closed_total' || value === 0) continue;
    found.set(`${labels.get('protocol')} ${labels.get('reason')}`, value);
  }
  t.true(wanted.size > 0);
  t.deepEqual([...found].sort(), [...wanted].sort(), 'connections and calls that were ended');
}

function add(counts: Map<string, number>, [protocol, signal, reason = '']: readonly string[], value: number): void {
  const key = `${protocol} ${signal} ${UNREADABLE.has(reason) ? 'unreadable' : reason}`;
  counts.set(key, (counts.get(key) ?? 0) + value);
}

/** Good clients were always answered well, what they sent arrived, once, and the process lived and ended well. */
export function assertUnharmed(t: ExecutionContext, account: Account): void {
  t.deepEqual(account.failures, [], 'answers to good clients');
  t.is(account.probeFailures, 0, 'probes of /livez');
  assertStoppedWhole(t, account.finished);
  const { marks, successes } = account;
  t.true(marks.sent.length > 0 && successes.sent.size > 0);
  t.deepEqual([...marks.arrived].sort(), marks.sent.map((mark) => [mark, 1] as const).sort(), 'requests of spans');
  t.deepEqual([...successes.arrived].sort(), [...successes.sent].sort(), 'successes by workload');
}
