/** @module A gateway whose clock steps: what came before the step and after it for one slot is told together, once. */
import test from 'ava';
import type { TrafficSender } from '../../../pipeline/batch.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { calls, coverageOf, gateway, slots, successes, T0, traffic, watched } from './gateway-harness.ts';

const slotOf = ({ interval }: TrafficSum) => Math.round((interval.startMs - T0) / 10_000);
const oneSlot = (at: number, requests: number, name: string) =>
  traffic(slots(at), [calls(name, requests)], [watched(name)]);

/**
 * At 32 s `b`, whose clock is ahead, tells slot 4; then the clock steps by 30 s, so that slot 4 is never open here, and `a`,
 * which told slot 0 and was silent since, tells `sum`, which ends in slot 4. Returns what is told of slot 4.
 */
async function aroundStep(sum: TrafficSum, sender: Partial<TrafficSender> = {}): Promise<TrafficSum> {
  const { smi, send, until, told, clock, books } = gateway({ written: { max_clock_ahead: '5m' } });
  await smi.start();
  until(11);
  send(oneSlot(0, 1, 'a'));
  until(32);
  send(oneSlot(4, 1, 'b'), { source: 'b' });
  clock.setWall(clock.wallMs() + 30_000);
  until(73);
  const before = told.length;
  send(sum, sender);
  until(95);
  const [late, ...others] = told.slice(before).filter((each) => each.late === true);
  if (late === undefined || others.length > 0 || books.held > 0) throw new Error('not told once');
  return late.parts!.find((part) => slotOf(part) === 4)!;
}

const AFTER: readonly (readonly [
  what: string,
  sum: TrafficSum,
  sender: Partial<TrafficSender>,
  coverage: number[],
  partial: boolean,
])[] = [
  ['counts and coverage', oneSlot(4, 2, 'a'), {}, [2, 0, 20, 20], false],
  [
    'misses of three slots taken back',
    traffic(slots(1, 5), [calls('a', 2)], [{ ...watched('a', 40), scrapesDue: 4 }]),
    {},
    [5 - 3, -3, 50, 50 - 30],
    false,
  ],
  ['a loss of known targets', oneSlot(4, 2, 'a'), { gap: true }, [3, 1, 20, 20], false],
  ['a loss of nobody knows whom', oneSlot(4, 2, 'c'), { source: 'c', gap: true }, [3, 1, 20, 20], true],
  [
    'a part of it, of which no coverage came',
    traffic(slots(4, 4.4), [calls('c', 2)], [], true),
    { source: 'c' },
    [1, 0, 10, 10],
    true,
  ],
];

for (const [what, sum, sender, coverage, partial] of AFTER) {
  test(`of a slot that a step left out, told before it and after it: ${what}`, async (t) => {
    const part = await aroundStep(sum, sender);
    t.is(successes(part), 1 + 2);
    t.deepEqual(coverageOf(part), coverage);
    t.is(part.partial, partial);
  });
}
