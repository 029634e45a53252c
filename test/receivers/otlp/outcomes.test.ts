/** @module What the sender of a request hears whose batches came to different ends. */
import test from 'ava';
import { type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import { OneAtATime } from '../../../receivers/otlp/one-at-a-time.ts';
import { worstOf } from '../../../receivers/otlp/outcomes.ts';

const retry = (afterMs: number): Outcome => ({ kind: 'retry', afterMs, reason: `full for ${afterMs}` });
const rejected: Outcome = { kind: 'rejected', reason: 'no_pipeline' };

const CASES: readonly (readonly [readonly Outcome[], Outcome])[] = [
  [[], TAKEN],
  [[TAKEN, TAKEN], TAKEN],
  [[TAKEN, rejected, TAKEN], rejected],
  [[TAKEN, retry(5)], retry(5)],
  [[retry(5), retry(9), retry(7)], retry(9)],
  [[rejected, retry(5)], retry(5)],
  [[retry(5), rejected], retry(5)],
];
for (const [outcomes, worst] of CASES) {
  test(`${outcomes.map(({ kind }) => kind).join(', ') || 'nothing'} is told as ${worst.kind}`, (t) => {
    t.deepEqual(worstOf(outcomes.map((outcome) => ({ outcome }))), worst);
  });
}

test('works run one at a time in the order given, also after one that failed', async (t) => {
  const alone = new OneAtATime();
  const log: string[] = [];
  const work = (name: string, fails: boolean) => async () => {
    log.push(`${name} begins`);
    await Promise.resolve();
    log.push(`${name} ends`);
    if (fails) throw new Error(name);
    return name;
  };
  const all = await Promise.allSettled([
    alone.run(work('a', false)),
    alone.run(work('b', true)),
    alone.run(work('c', false)),
  ]);
  t.deepEqual(
    all.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
