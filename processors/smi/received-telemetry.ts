/** @module The named occurrences of traffic that other Weirs sent: each logs and counts, and keeps the books of traffic. */
import type { Balance } from '../../pipeline/balance.ts';
import type { TrafficBatch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { sampleOfTraffic } from '../../pipeline/telemetry/drop-sample.ts';
import { createOccurrenceLimit, type OccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';
import type { Placed, ReceivedTraffic } from './received.ts';

export interface ReceivedTelemetry {
  received(batch: TrafficBatch, placed: Placed): void;
  /** `max_received` has no room for a batch, which is to come again. */
  refused(items: number): void;
  /** Senders that told nothing of a slot that closes. */
  silent(senders: readonly string[]): void;
  /** Items received left with a slot, and somebody took it over. */
  handedOn(items: number): void;
  /** Items received that nobody took before the end. */
  lost(items: number, sum: TrafficSum): void;
}

interface Parts {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meters: Meters;
  readonly balanceOf: (body: 'traffic') => Balance;
}

/** Names of senders are hostile; this much of them is shown. */
const SHOWN = 200;

export function createReceivedTelemetry(parts: Parts, received: ReceivedTraffic): ReceivedTelemetry {
  const { id, clock, log, meters } = parts;
  // Opened when there is something to write in them: a Weir that only scrapes has no books of others' traffic.
  const books = () => parts.balanceOf('traffic');
  const limit = createOccurrenceLimit(clock);
  const counts = { late: 0, ahead: 0, gaps: 0 };
  register(meters, { component: id }, received, counts);
  const tell = createTeller(limit, log);

  return {
    received({ items, sender }, { merged, isLate, isAhead }) {
      const balance = books();
      balance.accepted += items;
      balance.merged += merged;
      balance.held += items - merged;
      const source = sender?.source.slice(0, SHOWN) ?? '';
      if (isLate) counts.late += items;
      if (isAhead) counts.ahead += items;
      if (isAhead) tell('ahead', { source }, 'traffic of another Weir lies in the future: set its clock, or ours');
      if (sender?.gap !== true) return;
      counts.gaps += 1;
      tell('gap', { source }, 'traffic of another Weir was lost on the way: its targets are told as incomplete');
    },
    refused(items) {
      books().refused += items;
      tell('refused', { items }, 'traffic refused, it has to come again: raise processors.smi.max_received');
    },
    silent(senders) {
      if (senders.length === 0) return;
      const first = senders.slice(0, 5).map((source) => source.slice(0, SHOWN));
      tell('silent', { senders: senders.length, first }, 'other Weirs are silent: their targets count as missed');
    },
    handedOn(items) {
      if (items === 0) return;
      const balance = books();
      balance.held -= items;
      balance.delivered += items;
    },
    lost(items, sum) {
      if (items === 0) return;
      const balance = books();
      balance.held -= items;
      balance.drop('shutdown', items, { sample: () => sampleOfTraffic(sum) });
    },
  };
}

function createTeller(limit: OccurrenceLimit, log: Logger) {
  return (kind: string, fields: Readonly<Record<string, unknown>>, text: string): void => {
    const times = limit.occurred(kind);
    if (times > 0) log.warn({ ...fields, times }, text);
  };
}

type Component = Readonly<Record<string, string>>;

function register(meters: Meters, component: Component, received: ReceivedTraffic, counts: Counts): void {
  const { senders } = received;
  const counters = [
    ['weir_smi_late_items_total', 'Items received after their slot closed; they amend it.', () => counts.late],
    ['weir_smi_ahead_items_total', 'Items received from a clock too far ahead to be believed.', () => counts.ahead],
    ['weir_smi_sender_gaps_total', 'Times that traffic of another Weir was lost on the way.', () => counts.gaps],
    [
      'weir_smi_sender_targets_over_limit_total',
      'Times that a target of another Weir was not remembered because of max_sender_targets.',
      () => senders.targetsOverLimit,
    ],
  ] as const;
  for (const [name, help, value] of counters) {
    meters.counter(name, help, () => [{ value: value(), attributes: component }]);
  }
  meters.counter('weir_smi_senders_forgotten_total', 'Other Weirs that are no longer missed, by reason.', () => [
    { value: senders.expired, attributes: { ...component, reason: 'sender_expiration' } },
    { value: senders.crowdedOut, attributes: { ...component, reason: 'max_senders' } },
  ]);
  meters.gauge(
    'weir_smi_senders',
    'Other Weirs that send traffic; silent: of the slot closed last they told nothing.',
    () => [
      { value: senders.size - senders.silent, attributes: { ...component, silent: 'false' } },
      { value: senders.silent, attributes: { ...component, silent: 'true' } },
    ],
  );
}

interface Counts {
  readonly late: number;
  readonly ahead: number;
  readonly gaps: number;
}
