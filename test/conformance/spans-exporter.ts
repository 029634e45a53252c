/** @module What every exporter of spans does, whatever it sends to; called by the tests of each one. */
import test from 'ava';
import type { Balance } from '../../pipeline/balance.ts';
import type { Exporter } from '../../pipeline/component.ts';
import type { TestClock } from '../kit/clock.ts';
import { runUntil, settle } from '../kit/exporter.ts';
import { idsFrom, spansBatch } from '../kit/sent-spans.ts';
import { slot, trafficBatch } from '../kit/slots.ts';

/** An exporter of spans under test and its peer. */
export interface SpansExporterUnderTest {
  readonly exporter: Exporter;
  readonly clock: TestClock;
  readonly balance: Balance;
  /** Ids that the peer took, repeats included. */
  readonly arrived: () => readonly number[];
  /** Requests from now on meet a peer that is away, or is back. */
  readonly setAway: (away: boolean) => void;
  /** The peer refuses all that comes, for good. */
  readonly refuseAll: () => void;
  /** Reason under which refused items are dropped. */
  readonly refusedReason: string;
}

/** Requests that the exporter's queue is made to hold. */
export const QUEUE_SIZE = 20;
const NEVER = () => new AbortController().signal;
const PER_BATCH = 5;

/** Feeds `count` batches; the ids begin at 1. */
function feed({ exporter }: SpansExporterUnderTest, count: number): number[] {
  for (let n = 0; n < count; n++) exporter.consume(spansBatch(idsFrom(1 + n * PER_BATCH, PER_BATCH)));
  return idsFrom(1, count * PER_BATCH);
}

const sorted = (ids: readonly number[]) => [...ids].sort((a, b) => a - b);

/** Registers the tests; `create` makes a fresh one for each, with a queue of `QUEUE_SIZE` requests that refuses. */
export function testSpansExporter(name: string, create: () => SpansExporterUnderTest): void {
  test(`${name}: stop without start, and stop again`, async (t) => {
    const { exporter, balance } = create();
    await exporter.stop(NEVER());
    await exporter.stop(NEVER());
    t.is(balance.accepted, 0);
  });

  test(`${name}: takes batches over at once, delivers every span once, and balances`, async (t) => {
    const under = create();
    await under.exporter.start();
    const batch = spansBatch(idsFrom(1, PER_BATCH));
    t.deepEqual(under.exporter.admits(batch), { ok: true });
    under.exporter.consume(batch);
    t.deepEqual(batch.delivery.outcome, { kind: 'taken' });
    for (let n = 1; n < 9; n++) under.exporter.consume(spansBatch(idsFrom(1 + n * PER_BATCH, PER_BATCH)));
    t.is(under.balance.unaccounted, 0);
    await under.exporter.stop(NEVER());
    t.deepEqual(sorted(under.arrived()), idsFrom(1, 9 * PER_BATCH));
    t.is(under.balance.accepted, 9 * PER_BATCH);
    t.is(under.balance.delivered, 9 * PER_BATCH);
    t.is(under.balance.unaccounted, 0);
  });

  test(`${name}: a batch without spans is taken and sends nothing`, async (t) => {
    const under = create();
    await under.exporter.start();
    const batch = spansBatch([]);
    under.exporter.consume(batch);
    await under.exporter.stop(NEVER());
    t.deepEqual(batch.delivery.outcome, { kind: 'taken' });
    t.deepEqual(under.arrived(), []);
    t.is(under.balance.unaccounted, 0);
  });

  test(`${name}: what is no spans is rejected and counted`, async (t) => {
    const { exporter, balance } = create();
    await exporter.start();
    const batch = trafficBatch(slot(0, 10_000, [{ source: 'web', destination: 'emoji', successes: 1, failures: 0 }]));
    exporter.consume(batch);
    t.is(batch.delivery.outcome?.kind, 'rejected');
    t.deepEqual([...balance.dropped], [['not_spans', batch.items]]);
    await exporter.stop(NEVER());
  });

  test(`${name}: after stop it admits nothing, and what comes all the same is rejected and counted`, async (t) => {
    const { exporter, balance } = create();
    await exporter.start();
    await exporter.stop(NEVER());
    await exporter.stop(NEVER());
    const batch = spansBatch([1, 2]);
    t.false(exporter.admits(batch).ok);
    exporter.consume(batch);
    t.is(batch.delivery.outcome?.kind, 'rejected');
    t.is(balance.dropped.get('stopped'), 2);
    t.is(balance.unaccounted, 0);
  });

  test(`${name}: what the peer refuses for good is dropped with its reason, and never sent again`, async (t) => {
    const under = create();
    under.refuseAll();
    await under.exporter.start();
    const ids = feed(under, 3);
    await under.exporter.stop(NEVER());
    t.is(under.balance.accepted, ids.length);
    t.deepEqual([...under.balance.dropped], [[under.refusedReason, ids.length]]);
    t.is(under.balance.unaccounted, 0);
  });

  test(`${name}: a peer that is away for a while loses nothing`, async (t) => {
    const under = create();
    under.setAway(true);
    await under.exporter.start();
    const ids = feed(under, 15);
    await settle();
    for (let i = 0; i < 6; i++) {
      under.clock.advance(30_000);
      await settle();
    }
    t.is(under.balance.delivered, 0);
    t.is(under.balance.queued, ids.length);
    t.is(under.balance.unaccounted, 0);
    under.setAway(false);
    await runUntil(under.clock, () => under.balance.queued === 0);
    await under.exporter.stop(NEVER());
    t.deepEqual(sorted(under.arrived()), ids);
    t.is(under.balance.delivered, ids.length);
    t.is(under.balance.dropped.size, 0);
  });

  test(`${name}: a full queue refuses before it accepts, and admits again when there is room`, async (t) => {
    const under = create();
    under.setAway(true);
    await under.exporter.start();
    feed(under, QUEUE_SIZE);
    const verdict = under.exporter.admits(spansBatch([1]));
    t.like(verdict, { ok: false, reason: 'queue_full' });
    t.true(!verdict.ok && verdict.retryAfterMs >= 1000 && verdict.retryAfterMs <= 30_000);
    t.is(under.balance.accepted, QUEUE_SIZE * PER_BATCH);
    under.setAway(false);
    await runUntil(under.clock, () => under.balance.queued === 0);
    t.true(under.exporter.admits(spansBatch([1])).ok);
    await under.exporter.stop(NEVER());
    t.is(under.balance.delivered, QUEUE_SIZE * PER_BATCH);
    t.is(under.balance.unaccounted, 0);
  });

  test(`${name}: at the deadline what is left is dropped as shutdown, and stop returns`, async (t) => {
    const under = create();
    under.setAway(true);
    await under.exporter.start();
    const ids = feed(under, 15);
    const deadline = new AbortController();
    const stopped = under.exporter.stop(deadline.signal);
    await settle();
    t.is(under.balance.unaccounted, 0);
    deadline.abort();
    await stopped;
    t.is(under.balance.queued, 0);
    t.deepEqual([...under.balance.dropped], [['shutdown', ids.length]]);
    t.is(under.balance.unaccounted, 0);
    t.is(under.clock.timers, 0, 'nothing is waited for any more');
  });

  test(`${name}: a peer that comes back within the deadline gets everything`, async (t) => {
    const under = create();
    under.setAway(true);
    await under.exporter.start();
    const ids = feed(under, 15);
    await settle();
    const stopped = under.exporter.stop(NEVER());
    await settle();
    under.setAway(false);
    await runUntil(under.clock, () => under.balance.queued === 0);
    await stopped;
    t.deepEqual(sorted(under.arrived()), ids);
    t.is(under.balance.unaccounted, 0);
  });
}
