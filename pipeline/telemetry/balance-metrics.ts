/** @module The balance of every component as metrics, so that a user can check the contract of design §8 from outside. */
import type { Balance } from '../balance.ts';
import type { Kind } from '../component.ts';
import type { Meters, MetricAttributes, Observation } from './meters.ts';

/** A balance and whose it is. */
export interface BalanceEntry {
  readonly kind: Kind;
  /** Component id, `type` or `type/name`. */
  readonly component: string;
  /** What its items are: `samples`, `traffic` or `spans`. */
  readonly signal: string;
  readonly balance: Balance;
}

const OUTCOMES = ['accepted', 'refused', 'delivered', 'merged'] as const;

/**
 * Registers the balance metrics. `entries` is asked at each collection and may change between two; entries with the same
 * kind, component and signal add up. Returns a function that removes the metrics again.
 */
export function registerBalances(meters: Meters, entries: () => Iterable<BalanceEntry>): () => void {
  const each = (value: (balance: Balance) => number) => () => observe(entries(), value);
  const removals = [
    meters.counter(
      'weir_items_total',
      'Items by outcome: accepted = delivered + merged + filtered + dropped + held + queued; refused ones may come again.',
      () => [...entries()].flatMap(outcomes),
    ),
    meters.gauge(
      'weir_queue_items',
      'Items waiting in queues.',
      each((balance) => balance.queued),
    ),
    meters.gauge(
      'weir_held_items',
      'Items kept for later without being queued: open slots and windows.',
      each((balance) => balance.held),
    ),
    meters.gauge(
      'weir_unaccounted_items',
      'Items accepted whose whereabouts are unknown; not 0 means a defect.',
      each((balance) => balance.unaccounted),
    ),
  ];
  return () => {
    for (const remove of removals) remove();
  };
}

function labels(entry: BalanceEntry): MetricAttributes {
  return { kind: entry.kind, component: entry.component, signal: entry.signal };
}

function observe(entries: Iterable<BalanceEntry>, value: (balance: Balance) => number): Observation[] {
  return Array.from(entries, (entry) => ({ value: value(entry.balance), attributes: labels(entry) }));
}

function outcomes(entry: BalanceEntry): Observation[] {
  const { balance } = entry;
  const one = (outcome: string, reason: string, value: number) => ({
    value,
    attributes: { ...labels(entry), outcome, reason },
  });
  return [
    ...OUTCOMES.map((outcome) => one(outcome, '', balance[outcome])),
    ...Array.from(balance.filtered, ([reason, items]) => one('filtered', reason, items)),
    ...Array.from(balance.dropped, ([reason, items]) => one('dropped', reason, items)),
  ];
}
