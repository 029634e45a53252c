/** @module A receipt settles once, with the worst of its shares. */
import test from 'ava';
import fc from 'fast-check';
import { Delivery, type Outcome, TAKEN } from '../../pipeline/delivery.ts';

const outcomes: Outcome[] = [TAKEN, { kind: 'retry', afterMs: 5, reason: 'full' }, { kind: 'rejected', reason: 'bad' }];
const rank = { taken: 0, retry: 1, rejected: 2 };

test('a delivery settles once and keeps its first outcome', (t) => {
  const delivery = new Delivery();
  const seen: string[] = [];
  delivery.onSettled((outcome) => seen.push(outcome.kind));
  delivery.settle(outcomes[1]!);
  delivery.settle(outcomes[2]!);
  delivery.onSettled((outcome) => seen.push(outcome.kind));
  t.deepEqual(seen, ['retry', 'retry']);
});

test('a delivery without shares is taken at once', (t) => {
  const delivery = new Delivery();
  delivery.split(0);
  t.deepEqual(delivery.outcome, TAKEN);
});

test('shares have the root of all, and the terms of what they are shares of unless others are said', (t) => {
  const delivery = new Delivery();
  t.is(delivery.root, delivery);
  t.is(delivery.terms, 'open');
  const [firm, spare] = delivery.split(2, (i) => (i === 0 ? 'firm' : 'spare'));
  const [piece] = spare!.split(1);
  t.deepEqual(
    [firm, spare, piece].map((one) => one?.terms),
    ['firm', 'spare', 'spare'],
  );
  for (const one of [firm, spare, piece]) t.is(one?.root, delivery);
});

test('a split delivery settles exactly once, after all shares, with the worst outcome', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 8 }), fc.boolean(), (ends, twice) => {
      const delivery = new Delivery();
      let settled = 0;
      delivery.onSettled(() => settled++);
      const shares = delivery.split(ends.length);
      ends.forEach((end, i) => {
        if (settled !== 0) return;
        shares[i]!.settle(end);
        if (twice) shares[i]!.settle(TAKEN);
      });
      const worst = ends.reduce((a, b) => (rank[b.kind] > rank[a.kind] ? b : a));
      return settled === 1 && delivery.outcome!.kind === worst.kind;
    }),
  );
  t.pass();
});
