/** @module Adding by steps comes to what adding in one go does, and no step adds more than its share. */
import test from 'ava';
import fc from 'fast-check';
import { amendTraffic, TrafficAccumulator } from '../../../pipeline/model/sum.ts';
import { addInSteps, amendInSteps, inOneGo, STEP_ITEMS, SumPace } from '../../../pipeline/model/sum-steps.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const web = (i: number) => own(`x/web-${i}`);
const sumWith = (records: number, coverage: number, due = 1): TrafficSum =>
  sumOf(
    Array.from({ length: records }, (_, i) => record('client', web(i), peer('x/api'), 1)),
    Array.from({ length: coverage }, (_, i) => covered(web(i), { scrapesDue: due, coveredSeconds: 10 * due })),
  );

const anyLength = fc.constantFrom(0, 1, STEP_ITEMS - 1, STEP_ITEMS, STEP_ITEMS + 1, 2 * STEP_ITEMS + 5);
const anySum = fc.tuple(anyLength, anyLength, fc.constantFrom(1, -1)).map((shape) => sumWith(...shape));

test('property: by steps as in one go', (t) => {
  fc.assert(
    fc.property(anySum, anySum, (a, b) => {
      t.deepEqual(inOneGo(amendInSteps(a, b)), amendTraffic(a, b));
      const [steps, plain] = [new TrafficAccumulator(), new TrafficAccumulator()];
      for (const sum of [a, b]) {
        inOneGo(addInSteps(steps, sum));
        plain.add(sum);
      }
      t.deepEqual(steps.take(), plain.take());
    }),
    { numRuns: 8 },
  );
});

class CountingAccumulator extends TrafficAccumulator {
  added = 0;

  override add(sum: TrafficSum): number {
    this.added += sum.records.length + sum.coverage.length;
    return super.add(sum);
  }
}

/** The most that was added between two pauses. */
function longestStep(sums: readonly TrafficSum[]): number {
  const into = new CountingAccumulator();
  const pace = new SumPace();
  let [most, before] = [0, 0];
  const done = () => {
    most = Math.max(most, into.added - before);
    before = into.added;
  };
  for (const sum of sums) for (const _ of addInSteps(into, sum, pace)) done();
  done();
  return most;
}

test('no step adds more than two slices and what was left of the last one', (t) => {
  t.true(longestStep([sumWith(50_000, 20_000)]) <= 2 * STEP_ITEMS);
  t.true(longestStep(Array.from({ length: 20_000 }, () => sumWith(1, 1))) <= STEP_ITEMS);
  t.true(longestStep([sumWith(4000, 0), sumWith(20_000, 20_000)]) < 3 * STEP_ITEMS);
});
