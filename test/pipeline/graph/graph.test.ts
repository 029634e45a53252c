/** @module What the graph promises: guards, all-or-nothing admission, order of life. */
import test from 'ava';
import { map } from 'rxjs';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import { ADMITTED, type Admission, type Consumer, type Processor } from '../../../pipeline/component.ts';
import { Delivery, TAKEN } from '../../../pipeline/delivery.ts';
import { fanOut } from '../../../pipeline/graph/fanout.ts';
import { type Fault, faultOf } from '../../../pipeline/graph/guard.ts';
import { connectPipeline } from '../../../pipeline/graph/pipeline.ts';
import { createTestLog } from '../../kit/log.ts';
import { emptySpans } from '../../kit/spans.ts';

function batch(items = 1): Batch {
  return { body: 'spans', spans: emptySpans(items), items, delivery: new Delivery() };
}

function sink(admission: Admission = ADMITTED) {
  const got: Batch[] = [];
  const consumer: Consumer = {
    admits: () => admission,
    consume: (b) => {
      got.push(b);
      b.delivery.settle(TAKEN);
    },
  };
  return { got, branch: { consumer, fault: faultTo(() => {}) } };
}

function faultTo(told: (b: Batch | null, error: unknown) => void): Fault {
  return { enter() {}, failed: told };
}

function stage(work: (b: Batch) => Batch, told: (b: Batch | null) => void = () => {}) {
  const processor: Processor = {
    stage: (source) => source.pipe(map(work)),
    start: async () => {},
    stop: async () => {},
  };
  return { processor, takes: ['spans'] as const, gives: 'spans' as const, fault: faultTo(told) };
}

test('a stage that throws costs its batch only: it is rejected, told, and the next one flows', (t) => {
  const { got, branch } = sink();
  const faults: (Batch | null)[] = [];
  const failing = stage(
    (b) => {
      if (b.items === 13) throw new Error('no luck');
      return b;
    },
    (b) => faults.push(b),
  );
  const entry = connectPipeline([stage((b) => b), failing, stage((b) => b)], fanOut([branch]));
  const batches = [batch(1), batch(13), batch(2)];
  for (const b of batches) entry.consume(b);
  t.deepEqual(
    got.map((b) => b.items),
    [1, 2],
  );
  t.deepEqual(
    faults.map((b) => b?.items),
    [13],
  );
  t.deepEqual(
    batches.map((b) => b.delivery.outcome?.kind),
    ['taken', 'rejected', 'taken'],
  );
});

test('a refusal by one branch offers the batch to none', (t) => {
  const willing = sink();
  const full = sink({ ok: false, reason: 'full', retryAfterMs: 250 });
  const entry = connectPipeline([], fanOut([willing.branch, full.branch]));
  const refused = batch();
  t.deepEqual(entry.admits(refused), { ok: false, reason: 'full', retryAfterMs: 250 });
  entry.consume(refused);
  t.deepEqual(refused.delivery.outcome, { kind: 'retry', afterMs: 250, reason: 'full' });
  t.is(willing.got.length, 0);
});

test('a branch that throws rejects its share and leaves the others theirs', (t) => {
  const good = sink();
  const faults: unknown[] = [];
  const bad = {
    consumer: {
      admits: () => ADMITTED,
      consume: () => {
        throw new Error('broken');
      },
    },
    fault: faultTo((_, error) => faults.push(error)),
  };
  const entry = connectPipeline([], fanOut([bad, good.branch]));
  const b = batch();
  entry.consume(b);
  t.is(good.got.length, 1);
  t.is(faults.length, 1);
  t.is(b.delivery.outcome?.kind, 'rejected');
});

test('whatever a component had booked before it threw, its books add up afterwards', (t) => {
  for (const booked of ['nothing', 'accepted', 'accepted and delivered'] as const) {
    const told: unknown[] = [];
    const balance = new Balance((reason, items, { error, sample }) => {
      told.push([reason, items, error, sample?.().span]);
    });
    const consumer: Consumer = {
      admits: () => ADMITTED,
      consume(b) {
        if (booked !== 'nothing') balance.accepted += b.items;
        if (booked === 'accepted and delivered') balance.delivered += b.items;
        throw new Error('broken');
      },
    };
    const entry = connectPipeline(
      [],
      fanOut([{ consumer, fault: faultOf(createTestLog(), { of: () => balance, all: () => [balance] }) }]),
    );
    entry.consume(batch(3));
    entry.consume(batch(4));
    t.is(balance.accepted, 7, booked);
    t.is(balance.unaccounted, 0, booked);
    t.is(balance.dropped.get('fault') ?? 0, booked === 'accepted and delivered' ? 0 : 7, booked);
    const drops = [3, 4].map((items) => ['fault', items, 'broken', '']);
    t.deepEqual(told, booked === 'accepted and delivered' ? [] : drops, booked);
  }
});
