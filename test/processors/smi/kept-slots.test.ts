/** @module Slots that nobody took are one longer slot, and their amendments are kept apart as far as there is room. */
import test from 'ava';
import { KeptSlots, withParts } from '../../../processors/smi/parts.ts';
import { calls, slots, successes, traffic } from './gateway-harness.ts';

const slot = (at: number, requests: number) => traffic(slots(at), [calls('web', requests)], []);

test('amendments of one slot are one, and those of slots that are kept themselves are told with them', (t) => {
  const kept = new KeptSlots();
  t.true(kept.isEmpty);
  kept.add(withParts(slot(5, 1), [slot(3, 2), slot(4, 4)]));
  kept.add(withParts(slot(6, 8), [slot(3, 16), slot(5, 32)]));
  const sum = kept.take();
  t.deepEqual(sum.interval, slots(5, 7));
  t.true(sum.late);
  t.deepEqual(
    sum.parts!.map((part) => [part.interval, successes(part)]),
    [
      [slots(5, 7), 41],
      [slots(3), 18],
      [slots(4), 4],
    ],
  );
  t.is(successes(sum), 63);
  t.true(kept.isEmpty);
  kept.add(slot(7, 1));
  t.deepEqual(Object.keys(kept.take()).sort(), ['clockAhead', 'coverage', 'interval', 'partial', 'records']);
});

test('of more slots than are kept apart the counts stay, and that they are late', (t) => {
  const kept = new KeptSlots();
  for (let at = 0; at < 400; at++) kept.add(withParts(slot(1000 + at, 1), [slot(at, 1)]));
  const sum = kept.take();
  t.is(sum.parts!.length, 361);
  t.is(successes(sum), 800);
  t.is(successes(sum.parts![0]!), 440);
  t.deepEqual(sum.interval, slots(1000, 1400));
  t.true(sum.late);
});
