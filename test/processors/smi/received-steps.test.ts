/** @module What others told of a slot is put together by steps: the same as in one go, whatever comes meanwhile, and each step is short. */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { type ClosedSlot, ReceivedTraffic } from '../../../processors/smi/received.ts';
import { calls, SLOT_MS, slots, successes, T0, traffic, watched } from './gateway-harness.ts';

const NUMBER = T0 / SLOT_MS;
/** Items of one slice. */
const STEP = 4096;

function received(sums: readonly TrafficSum[]): ReceivedTraffic {
  const all = new ReceivedTraffic({
    ...{ slotMs: SLOT_MS, maxAheadMs: 30_000, maxItems: 1_000_000 },
    ...{ expirationMs: 300_000, maxSenders: 10, maxTargets: 10_000 },
  });
  take(all, sums);
  return all;
}

function take(all: ReceivedTraffic, sums: readonly TrafficSum[], oldest = NUMBER): void {
  for (const sum of sums) all.take(sum, { source: 'a', epoch: '1', gap: false }, oldest, T0 + 5000);
}

const local = (requests: number) => traffic(slots(0), [calls('web', requests), calls('here', 1)], [watched('here')]);

/** Closes slot 0 by steps, with `meanwhile` told between each two. */
function byStepsWith(all: ReceivedTraffic, meanwhile: readonly TrafficSum[]): { closed: ClosedSlot; pauses: number } {
  const steps = all.finishInSteps(local(5), all.beginToClose(slots(0)));
  for (let pauses = 0; ; pauses++) {
    const step = steps.next();
    if (step.done === true) return { closed: step.value, pauses };
    take(all, meanwhile, NUMBER + 1);
  }
}

/** `records` of as many workloads told of slot `at`, `late` slots before the one that closes. */
function large(records: number, late = 0): TrafficSum {
  const names = Array.from({ length: records }, (_, i) => `w${i}`);
  return traffic(
    slots(-late),
    names.map((name) => calls(name, 1)),
    names.slice(0, records >> 2).map((name) => watched(name)),
  );
}

test('property: by steps a slot is what it is in one go, and what comes meanwhile is in the next one', (t) => {
  const anySum = fc
    .tuple(fc.constantFrom(0, 1, 2, 50, 1000), fc.constantFrom(1, 3, 700, 5000), fc.boolean())
    .map(([late, records, partial]) => ({ ...large(records, late), partial }));
  fc.assert(
    fc.property(fc.array(anySum, { minLength: 1, maxLength: 6 }), (sums) => {
      const plain = received(sums).close(local(5));
      const all = received(sums);
      const { closed, pauses } = byStepsWith(all, [large(1, 1)]);
      t.deepEqual(closed, plain);
      const next = all.close(traffic(slots(1), [], []));
      t.is(successes(next.sum), pauses);
      t.is(all.items, 0);
    }),
    { numRuns: 10 },
  );
});

test('what is short takes one step, what is long one for at most three times 4096 items', (t) => {
  t.is(byStepsWith(received([large(500), large(500, 1), large(500, 2)]), []).pauses, 0);
  const many = Array.from({ length: 300 }, (_, i) => large(80, i + 1));
  const few = Array.from({ length: 3 }, (_, i) => large(8000, i + 1));
  for (const sums of [many, few]) {
    const { pauses, closed } = byStepsWith(received(sums), []);
    t.is(successes(closed.sum), 24_000 + 6);
    const items = 24_000 + 6000;
    t.true(pauses >= Math.floor(items / (3 * STEP)), `${pauses} pauses`);
  }
});

test('items received take room until their slot is put together', (t) => {
  const all = received([large(8000, 1)]);
  const steps = all.finishInSteps(local(5), all.beginToClose(slots(0)));
  steps.next();
  t.is(all.items, 10_000);
  while (steps.next().done !== true);
  t.is(all.items, 0);
});
