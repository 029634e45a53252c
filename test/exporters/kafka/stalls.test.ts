/** @module Scraped, counted and streamed while the process stalls, pages come late and answers of Kafka are lost: no count is wrong. */
import test from 'ava';
import { budget } from '../../kit/budget.ts';
import { judgeRun } from '../../kit/stalls/judge.ts';
import { stalledRun } from '../../kit/stalls/stalled-run.ts';

const LENGTH_MS = 60_000;
const SEEDS = budget('stalls', 30);

test('whatever comes late, lost or in odd order, every page counts once and every window tells what its slots counted', async (t) => {
  // Five times what a busy machine takes.
  t.timeout(60_000 + SEEDS * 5_000);
  for (let seed = 1; seed <= SEEDS; seed++) {
    const faults = judgeRun(await stalledRun(seed, LENGTH_MS));
    t.deepEqual(faults, [], `seed ${seed}`);
  }
});
