/** @module Slots into windows. */
import test from 'ava';
import fc from 'fast-check';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { Windowing } from '../../../pipeline/sending/windowing.ts';
import { edgeCounts, itemsOf, slot, totals } from '../../kit/slots.ts';

const EDGES = [{ source: 'web', destination: 'emoji', successes: 1, failures: 0 }];

function run(windowMs: number, slots: readonly TrafficSum[]): TrafficSum[] {
  const windowing = new Windowing(windowMs);
  const windows = slots.flatMap((one) => windowing.add(one).closed);
  const last = windowing.flush();
  return last === null ? windows : [...windows, last];
}

function spans(windows: readonly TrafficSum[]): number[][] {
  return windows.map(({ interval }) => [interval.startMs, interval.endMs]);
}

const cases: { title: string; slots: [number, number][]; windows: number[][] }[] = [
  {
    title: 'windows begin at multiples of their length',
    slots: [
      [30_000, 40_000],
      [40_000, 50_000],
      [50_000, 60_000],
      [60_000, 70_000],
    ],
    windows: [
      [30_000, 60_000],
      [60_000, 70_000],
    ],
  },
  {
    title: 'the first window begins with the first slot',
    slots: [
      [50_000, 60_000],
      [60_000, 70_000],
    ],
    windows: [
      [50_000, 60_000],
      [60_000, 70_000],
    ],
  },
  {
    title: 'a gap of slots leaves a gap',
    slots: [
      [30_000, 40_000],
      [70_000, 80_000],
    ],
    windows: [
      [30_000, 40_000],
      [70_000, 80_000],
    ],
  },
  {
    title: 'a slot cut short keeps its own end and its other half its own start',
    slots: [
      [30_000, 40_000],
      [40_000, 44_321],
      [44_321, 50_000],
      [50_000, 60_000],
    ],
    windows: [[30_000, 60_000]],
  },
  {
    title: 'a slot longer than a window stays whole',
    slots: [
      [20_000, 70_000],
      [70_000, 80_000],
    ],
    windows: [
      [20_000, 70_000],
      [70_000, 80_000],
    ],
  },
  {
    title: 'a slot that overlaps what was handed out begins where that ended',
    slots: [
      [30_000, 60_000],
      [50_000, 70_000],
      [55_000, 60_000],
    ],
    windows: [
      [30_000, 60_000],
      [60_000, 70_000],
    ],
  },
];

for (const { title, slots, windows } of cases) {
  test(title, (t) => {
    const found = run(
      30_000,
      slots.map(([start, end]) => slot(start, end, EDGES)),
    );
    t.deepEqual(spans(found), windows);
    t.deepEqual([...totals(found).values()][0], [slots.length, 0]);
  });
}

test('a window is handed out with its last slot, not with the next one, and only a flushed one is partial', (t) => {
  const windowing = new Windowing(20_000);
  t.deepEqual(windowing.add(slot(0, 10_000, EDGES)), { closed: [], merged: 0 });
  t.is(windowing.held, 4);
  const { closed, merged } = windowing.add(slot(10_000, 20_000, EDGES));
  t.is(merged, 4);
  t.is(closed[0]?.partial, false);
  t.is(windowing.held, 0);
  windowing.add(slot(20_000, 30_000, EDGES));
  t.is(windowing.flush()?.partial, true);
  t.is(windowing.flush(), null);
});

const slots = fc
  .record({
    windowSlots: fc.integer({ min: 1, max: 4 }),
    steps: fc.array(fc.record({ skip: fc.nat(3), edges: edgeCounts }), { maxLength: 30 }),
  })
  .map(({ windowSlots, steps }) => {
    let at = 0;
    const made = steps.map(({ skip, edges }) => {
      const start = at + skip * 1000;
      at = start + 1000;
      return slot(start, at, edges);
    });
    return { windowMs: windowSlots * 1000, made };
  });

test('windows never overlap, keep to their bounds and conserve counts and items', (t) => {
  fc.assert(
    fc.property(slots, ({ windowMs, made }) => {
      const windowing = new Windowing(windowMs);
      const windows: TrafficSum[] = [];
      let merged = 0;
      for (const one of made) {
        const added = windowing.add(one);
        windows.push(...added.closed);
        merged += added.merged;
      }
      const last = windowing.flush();
      if (last !== null) windows.push(last);
      let end = 0;
      for (const { interval } of windows) {
        t.true(interval.startMs >= end && interval.endMs > interval.startMs);
        t.is(Math.floor(interval.startMs / windowMs), Math.floor((interval.endMs - 1) / windowMs));
        end = interval.endMs;
      }
      t.deepEqual(totals(windows), totals(made));
      const count = (sums: TrafficSum[]) => sums.reduce((total, sum) => total + itemsOf(sum), 0);
      t.is(count(made), count(windows) + merged);
    }),
  );
});

test('what a window loses that stops at 2^53 is counted', (t) => {
  const overflow = { counts: 0 };
  const windowing = new Windowing(30_000, overflow);
  const edges = [{ source: 'web', destination: 'emoji', successes: 2 ** 53, failures: 0 }];
  for (const startMs of [30_000, 40_000]) windowing.add(slot(startMs, startMs + 10_000, edges));
  t.is(overflow.counts, 4 * 2 ** 53, 'requests and a bucket of them, of both sides');
});

test('a slot that is a window by itself is handed out as summing it up would tell it, and its items are not copied', (t) => {
  const whole = slot(30_000, 60_000, EDGES);
  const late = { ...whole, late: true as const, parts: [whole, slot(0, 30_000, EDGES)] };
  const windowing = new Windowing(30_000);
  const { closed, merged } = windowing.add(late);
  const [window] = closed;
  const { parts: _, ...told } = late;
  t.is(merged, 0);
  t.is(windowing.held, 0);
  t.is(windowing.handedOutMs, 60_000);
  t.deepEqual(window, told);
  t.deepEqual(window, { ...sumTraffic([late])!, late: true });
  t.is(window?.records, whole.records);
  t.is(window?.coverage, whole.coverage);
});

test('a slot with a count at 2^53 is partial, alone in its window as well', (t) => {
  const edges = [{ source: 'web', destination: 'emoji', successes: 2 ** 53, failures: 0 }];
  const [window] = new Windowing(30_000).add(slot(30_000, 60_000, edges)).closed;
  t.true(window?.partial);
});
