/** @module A gateway that begins or ends in the middle of a slot, while agents run: its intervals are as long as its counts. */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';
import { calls, coverageOf, ends, gateway, slots, T0, traffic, watched } from './gateway-harness.ts';

/** Calls per second that each agent counts. */
const RATE = 10;
const AGENTS = ['a', 'b', 'c'];

/** What agent `name` tells of `from` up to `to`, in slots; cut where it is not whole. */
function toldBy(name: string, from: number, to = from + 1, partial = false): TrafficSum {
  const seconds = (to - from) * 10;
  return traffic(slots(from, to), [calls(name, seconds * RATE)], [watched(name, seconds)], partial);
}

const begins = (told: readonly TrafficSum[]) => told.map(({ interval }) => (interval.startMs - T0) / 10_000);
const rates = ({ model }: ReturnType<typeof gateway>, windowMs?: number) =>
  model.read(windowMs)!.edges.map(({ figures }) => figures.ratePerSecond);

for (const fromSecond of [0.5, 7.954, 9.999]) {
  test(`rates are true in every window after a restart at ${fromSecond} s`, async (t) => {
    const weir = gateway({ fromSecond });
    await weir.smi.start();
    for (let slot = 0; slot < 5; slot++) {
      weir.until(slot * 10 + 10.5);
      for (const name of AGENTS) weir.send(toldBy(name, slot), { source: name });
      weir.until(slot * 10 + 20);
      t.is(ends(weir.told).at(-1), slot + 1);
      for (const windowMs of [10_000, 20_000, undefined]) {
        for (const rate of rates(weir, windowMs)) t.is(rate, RATE, `slot ${slot}, window ${windowMs}`);
      }
    }
    t.deepEqual(begins(weir.told), [0, 1, 2, 3, 4]);
    t.deepEqual(
      weir.told.map(({ partial }) => partial),
      [true, false, false, false, false],
    );
    for (const sum of weir.told) t.deepEqual(coverageOf(sum).slice(2), [30, 30]);
  });
}

test('a slot that nobody else tells of begins with the watch', async (t) => {
  const { smi, until, told } = gateway({ fromSecond: 8 });
  await smi.start();
  until(20);
  t.deepEqual(begins(told), [0.8]);
});

/** What one agent tells of the slot in which the gateway began at 8 s, and where that slot then begins. */
const BEGINNINGS: readonly (readonly [what: string, sum: TrafficSum, begin: number])[] = [
  ['the end of a slot, because it began itself', toldBy('a', 0.9, 1, true), 0.8],
  ['a part that begins before the gateway did', toldBy('a', 0.25, 1, true), 0.25],
  ['a farewell that was on its way', toldBy('a', 0, 0.5, true), 0],
  ['several slots at once', toldBy('a', -3, 1), 0],
];

for (const [what, sum, begin] of BEGINNINGS) {
  test(`the slot in which a gateway began begins where what is told of it does: ${what}`, async (t) => {
    const { smi, until, told, send } = gateway({ fromSecond: 8 });
    await smi.start();
    until(11);
    send(sum);
    until(20);
    t.deepEqual(begins(told), [begin]);
    t.true(told[0]!.partial);
  });
}

test('a clock that is not believed tells of the whole slot', async (t) => {
  const { smi, until, told, send } = gateway({ fromSecond: 8 });
  await smi.start();
  until(9);
  send(toldBy('a', 90));
  until(20);
  t.deepEqual([begins(told), told[0]!.clockAhead], [[0], true]);
});

/** When the process says that it began, s before `T0`; null: it does not say. */
for (const age of [3600, null]) {
  test(`what is scraped here keeps its rate in a slot that others make longer: process of ${age} s`, async (t) => {
    const weir = gateway({ fromSecond: 8, receives: ['samples', 'traffic'] });
    await weir.smi.start();
    const target = new TestTarget(identity('web', 'web-1', 'x', ''))
      .series('ok', counter('success', workload('api')))
      .series('start', START);
    const start = age === null ? [] : [['start', T0 / 1000 - age] as const];
    for (let second = 8.5; second < 30; second++) {
      weir.until(second);
      const times = { scheduledMs: T0 + second * 1000, nextDueMs: T0 + (second + 1) * 1000 };
      weir.source.next(target.page([['ok', second * RATE], ...start], times));
      if (second === 10.5 || second === 20.5) weir.send(toldBy('a', second === 10.5 ? 0 : 1));
      if (second < 20) continue;
      const found = rates(weir);
      t.is(found.length, 2);
      for (const rate of found) t.true(Math.abs(rate! - RATE) < 1e-9, `${rate} at ${second} s`);
    }
    t.deepEqual(coverageOf(weir.told[0]!).slice(2), [10 + 1, 10 + 10]);
  });
}

test('a process that begins as the gateway does is expected since then, in a slot that others make longer', async (t) => {
  const weir = gateway({ fromSecond: 8, receives: ['samples', 'traffic'] });
  await weir.smi.start();
  const target = new TestTarget(identity('web', 'web-1', 'x', ''))
    .series('ok', counter('success', workload('api')))
    .series('start', START);
  weir.until(9);
  const rows = [['ok', 15] as const, ['start', T0 / 1000 + 7.5] as const];
  weir.source.next(target.page(rows, { scheduledMs: T0 + 9000, nextDueMs: T0 + 19_000 }));
  weir.until(10.5);
  weir.send(toldBy('a', 0));
  weir.until(20);
  t.deepEqual(coverageOf(weir.told[0]!).slice(2), [10 + 1.5, 10 + 2.5]);
});

for (const [what, from, begin] of [
  ['all of it', 0, 0],
  ['a part that began before the gateway', 0.3, 0.3],
  ['a part that began after it', 0.9, 0.8],
] as const) {
  test(`what comes late for the slot in which the gateway began is divided by the time it was counted in: ${what}`, async (t) => {
    const weir = gateway({ fromSecond: 8 });
    await weir.smi.start();
    weir.until(25);
    weir.send(toldBy('a', from, 1, from > 0));
    weir.send(toldBy('a', 1));
    weir.until(30);
    const held = weir.model.slotsOf(30_000).find(({ interval }) => interval.endMs === T0 + 10_000)!;
    t.is((held.interval.startMs - T0) / 10_000, begin);
    const seconds = (1 - begin) * 10 + 10;
    const lived = (1 - from) * 10 + 10;
    const [rate] = rates(weir, 20_000);
    t.true(Math.abs(rate! - (RATE * lived) / seconds) < 1e-9, `${rate}`);
  });
}

test('a slot that is cut as the gateway ends goes on to where what is told of it ends, never to its whole end', async (t) => {
  const weir = gateway();
  await weir.smi.start();
  weir.until(11);
  weir.send(toldBy('a', 0));
  // Its clock is ahead by some seconds.
  weir.until(17);
  weir.send(toldBy('a', 1));
  await weir.smi.stop(new AbortController().signal);
  t.deepEqual(ends(weir.told), [1, 1.9999]);
  t.true(weir.told[1]!.partial);
  for (const rate of rates(weir)) t.true(Math.abs(rate! - RATE) < 0.01);
});

test('an agent that ended before the gateway does changes nothing of where its last slot ends', async (t) => {
  const { smi, until, send, told } = gateway();
  await smi.start();
  until(5);
  send(toldBy('a', 0, 0.4, true));
  await smi.stop(new AbortController().signal);
  t.deepEqual(ends(told), [0.5]);
});

test('what came in at the very instant at which a gateway began and ended is told', async (t) => {
  const { smi, send, told } = gateway({ fromSecond: 8 });
  await smi.start();
  send(toldBy('a', 0, 0.6, true));
  await smi.stop(new AbortController().signal);
  t.deepEqual([begins(told), ends(told)], [[0], [0.8]]);
});

test('property: whenever a gateway begins and whatever agents tell, what is covered is no more than its targets lived in the slot', async (t) => {
  const anyBegin = fc.integer({ min: 1, max: 9999 }).map((ms) => ms / 10_000);
  await fc.assert(
    fc.asyncProperty(anyBegin, fc.array(anyBegin, { minLength: 1, maxLength: 3 }), async (begin, agents) => {
      const { smi, until, send, told } = gateway({ fromSecond: begin * 10 });
      await smi.start();
      until(11);
      agents.forEach((from, i) => {
        send(toldBy(AGENTS[i]!, from, 1, true), { source: AGENTS[i]! });
      });
      until(20);
      const [sum] = told;
      t.is(begins(told)[0]!, Math.min(begin, ...agents));
      const [, , covered = 0, expected = 0] = coverageOf(sum!);
      const seconds = (sum!.interval.endMs - sum!.interval.startMs) / 1000;
      t.true(covered <= expected && expected <= agents.length * seconds + 1e-9);
    }),
    { numRuns: 50 },
  );
});

test('a gateway that ends as a slot begins tells what came for that slot as its own', async (t) => {
  const { smi, until, send, told } = gateway();
  await smi.start();
  until(10);
  send(toldBy('a', 1));
  await smi.stop(new AbortController().signal);
  t.deepEqual(
    [begins(told), ends(told)],
    [
      [0, 1],
      [1, 1.9999],
    ],
  );
  t.deepEqual(coverageOf(told[1]!).slice(2), [10, 10]);
});
