/** @module What every exporter of traffic does, whatever it sends to; called by the tests of each one. */
import test from 'ava';
import type { Balance } from '../../pipeline/balance.ts';
import type { Exporter } from '../../pipeline/component.ts';
import type { TestClock } from '../kit/clock.ts';
import { runUntil, settle } from '../kit/exporter.ts';
import { itemsOf, slot, trafficBatch } from '../kit/slots.ts';

/** An exporter under test and its peer. */
export interface ExporterUnderTest {
  readonly exporter: Exporter;
  readonly clock: TestClock;
  readonly balance: Balance;
  /** Slots from now on meet a peer that is away, or is back. Absent: the peer cannot be away. */
  readonly setAway?: (away: boolean) => void;
  /** The peer refuses all that comes, for good. */
  readonly refuseAll: () => void;
  /** Reason under which refused items are dropped. */
  readonly refusedReason: string;
}

const SLOT_MS = 10_000;
const START_MS = 1_700_000_010_000;
const NEVER = () => new AbortController().signal;

function numbered(n: number) {
  const start = START_MS + n * SLOT_MS;
  return slot(start, start + SLOT_MS, [{ source: 'web', destination: 'emoji', successes: n + 1, failures: 1 }]);
}

function feed({ exporter }: ExporterUnderTest, from: number, to: number): number {
  let items = 0;
  for (let n = from; n < to; n++) {
    const batch = trafficBatch(numbered(n));
    exporter.consume(batch);
    items += itemsOf(batch.sum);
  }
  return items;
}

/** Registers the tests; `create` makes a fresh one for each. */
export function testExporter(name: string, create: () => ExporterUnderTest): void {
  test(`${name}: stop without start, and stop again`, async (t) => {
    const { exporter, balance } = create();
    await exporter.stop(NEVER());
    await exporter.stop(NEVER());
    t.is(balance.accepted, 0);
  });

  test(`${name}: takes batches over at once, delivers them, and balances`, async (t) => {
    const under = create();
    await under.exporter.start();
    const batch = trafficBatch(numbered(0));
    t.true(under.exporter.admits(batch).ok);
    under.exporter.consume(batch);
    t.deepEqual(batch.delivery.outcome, { kind: 'taken' });
    const items = itemsOf(batch.sum) + feed(under, 1, 9);
    await under.exporter.stop(NEVER());
    t.is(under.balance.accepted, items);
    t.is(under.balance.delivered + under.balance.merged, items);
    t.is(under.balance.unaccounted, 0);
  });

  test(`${name}: after stop it admits nothing, and what comes all the same is rejected and counted`, async (t) => {
    const { exporter, balance } = create();
    await exporter.start();
    await exporter.stop(NEVER());
    await exporter.stop(NEVER());
    const batch = trafficBatch(numbered(0));
    t.false(exporter.admits(batch).ok);
    exporter.consume(batch);
    t.is(batch.delivery.outcome?.kind, 'rejected');
    t.is(balance.dropped.get('stopped'), batch.items);
    t.is(balance.unaccounted, 0);
  });

  test(`${name}: what the peer refuses for good is dropped with its reason`, async (t) => {
    const under = create();
    under.refuseAll();
    await under.exporter.start();
    const items = feed(under, 0, 3);
    await under.exporter.stop(NEVER());
    t.is(under.balance.accepted, items);
    t.true((under.balance.dropped.get(under.refusedReason) ?? 0) > 0);
    t.deepEqual([...under.balance.dropped.keys()], [under.refusedReason]);
    t.is(under.balance.unaccounted, 0);
  });

  if (create().setAway === undefined) return;

  test(`${name}: a peer that is away for a while loses nothing`, async (t) => {
    const under = create();
    under.setAway?.(true);
    await under.exporter.start();
    const items = feed(under, 0, 9);
    await settle();
    for (let i = 0; i < 20; i++) {
      under.clock.advance(30_000);
      await settle();
    }
    t.is(under.balance.delivered, 0);
    t.true(under.balance.queued > 0);
    t.is(under.balance.unaccounted, 0);
    under.setAway?.(false);
    await runUntil(under.clock, () => under.balance.queued === 0);
    await under.exporter.stop(NEVER());
    t.is(under.balance.delivered + under.balance.merged, items);
    t.is(under.balance.dropped.size, 0);
  });

  test(`${name}: at the deadline what is left is dropped as shutdown, and stop returns`, async (t) => {
    const under = create();
    under.setAway?.(true);
    await under.exporter.start();
    const items = feed(under, 0, 9);
    const deadline = new AbortController();
    const stopped = under.exporter.stop(deadline.signal);
    await settle();
    t.is(under.balance.unaccounted, 0);
    deadline.abort();
    await stopped;
    t.is(under.balance.queued, 0);
    t.is((under.balance.dropped.get('shutdown') ?? 0) + under.balance.merged, items);
    t.is(under.balance.unaccounted, 0);
  });

  test(`${name}: a peer that comes back within the deadline gets everything`, async (t) => {
    const under = create();
    under.setAway?.(true);
    await under.exporter.start();
    const items = feed(under, 0, 9);
    await settle();
    const stopped = under.exporter.stop(NEVER());
    await settle();
    under.setAway?.(false);
    await runUntil(under.clock, () => under.balance.queued === 0);
    await stopped;
    t.is(under.balance.delivered + under.balance.merged, items);
    t.is(under.balance.unaccounted, 0);
  });
}
