/** @module Histograms that are told with other buckets than before: no more is said of how long calls took than is known. */
import test from 'ava';
import fc from 'fast-check';
import type { LatencyHistogram } from '../../../pipeline/model/traffic.ts';
import { createStage, DELTA, gauge, histogram, PROXY, requestOf, sum, WATCH_MS } from './samples-stage.ts';

interface Told {
  readonly counts: readonly number[];
  readonly bounds: readonly number[];
  /** Seconds since the watch began at which its process did. */
  readonly born?: number;
  readonly temporality?: number;
}

/** A scrape in each slot; returns what each slot tells of latencies, as pairs of bounds and counts, from the second on. */
async function toldOf(scrapes: readonly Told[]) {
  const stage = await createStage();
  for (const [i, { counts, bounds, born = -500, temporality }] of scrapes.entries()) {
    const at = 5 + 10 * i;
    stage.goTo(at, 100);
    const started = gauge('process_start_time_seconds', WATCH_MS / 1000 + born, { at });
    const calls = sum('response_total', 10 * i, { at });
    const options = { at, from: at - 10, ...(temporality === undefined ? {} : { temporality }) };
    const latencies = histogram('response_latency_ms', counts, bounds, options);
    // Deltas tell of their process by themselves.
    await stage.send(requestOf(temporality === undefined ? [started, calls, latencies] : [latencies]));
  }
  stage.clock.advance(60_000);
  stage.close();
  const { filtered, unaccounted } = stage.smiBalance;
  const slots = stage.sums.slice(1, scrapes.length);
  return {
    latencies: slots.map(({ records }) => records.flatMap(({ latency }) => (latency ?? []).map(pairOf))),
    complete: slots.map(({ coverage }) => coverage.every(({ resets }) => resets === 0)),
    bad: filtered.get('bad_value') ?? 0,
    unaccounted,
  };
}

const pairOf = ({ boundsMs, counts }: LatencyHistogram) => [[...boundsMs], [...counts]];
const [COARSE, FINE] = [
  [10, 100],
  [10, 50, 100],
];

test('a bound that is told no more takes no part from then on', async (t) => {
  const { latencies, complete, bad } = await toldOf([
    { counts: [10, 5, 5, 1], bounds: FINE },
    { counts: [10, 5, 5, 1], bounds: FINE },
    { counts: [10, 20, 1], bounds: COARSE },
    { counts: [10, 30, 1], bounds: COARSE },
    { counts: [10, 40, 1], bounds: COARSE },
  ]);
  t.deepEqual(latencies, [[], ...Array.from({ length: 3 }, () => [[COARSE, [0, 10, 0]]])]);
  t.deepEqual([complete, bad], [[true, true, true, true], 0]);
});

test('a bound that is new takes part from the next scrape on', async (t) => {
  const { latencies, complete, bad } = await toldOf([
    { counts: [10, 5, 1], bounds: COARSE },
    { counts: [12, 15, 1], bounds: COARSE },
    { counts: [13, 9, 16, 2], bounds: FINE },
    { counts: [13, 13, 22, 3], bounds: FINE },
  ]);
  t.deepEqual(latencies, [[[COARSE, [2, 10, 0]]], [[COARSE, [1, 10, 1]]], [[FINE, [0, 4, 6, 1]]]]);
  t.deepEqual([complete, bad], [[true, true, true], 0]);
});

test('without a bound that it had before nothing is said of the calls since, and the slot is incomplete', async (t) => {
  const { latencies, complete } = await toldOf([
    { counts: [10, 5, 1], bounds: COARSE },
    { counts: [20, 5, 1], bounds: [7, 8] },
    { counts: [22, 6, 1], bounds: [7, 8] },
  ]);
  t.deepEqual(latencies, [
    [],
    [
      [
        [7, 8],
        [2, 1, 0],
      ],
    ],
  ]);
  t.deepEqual(complete, [false, true]);
});

test('buckets that are back count from where they stand then', async (t) => {
  const { latencies } = await toldOf([
    { counts: [1, 1, 1, 1], bounds: FINE },
    { counts: [2, 2, 1], bounds: COARSE },
    { counts: [2, 5, 4, 1], bounds: FINE },
    { counts: [2, 6, 6, 1], bounds: FINE },
  ]);
  t.deepEqual(latencies, [[[COARSE, [1, 0, 0]]], [[COARSE, [0, 7, 0]]], [[FINE, [0, 1, 2, 0]]]]);
});

test('a value that falls along with a change of buckets counts from 0, in all of them', async (t) => {
  const { latencies, complete } = await toldOf([
    { counts: [10, 5, 1], bounds: COARSE },
    { counts: [3, 4, 5, 6], bounds: FINE },
    { counts: [3, 5, 5, 6], bounds: FINE },
  ]);
  t.deepEqual(latencies, [[[FINE, [3, 4, 5, 6]]], [[FINE, [0, 1, 0, 0]]]]);
  t.deepEqual(complete, [false, true]);
});

for (const counts of [
  [2, 3, 4, 5],
  [20, 30, 40, 50],
])
  test(`a new process with other buckets counts ${counts} from 0, in its own slot`, async (t) => {
    const { latencies, bad } = await toldOf([
      { counts: [10, 5, 1], bounds: COARSE },
      { counts: [10, 6, 1], bounds: COARSE },
      { counts, bounds: FINE, born: 18 },
      { counts: counts.map((count) => count + 1), bounds: FINE, born: 18 },
    ]);
    t.deepEqual(latencies, [[[COARSE, [0, 1, 0]]], [[FINE, counts]], [[FINE, [1, 1, 1, 1]]]]);
    t.is(bad, 0);
  });

test('a histogram that is told with other buckets and cannot be read keeps those that it had', async (t) => {
  const { latencies } = await toldOf([
    { counts: [1, 1, 1], bounds: COARSE },
    { counts: [2 ** 54, 1, 1, 1], bounds: FINE },
    { counts: [4, 2, 1], bounds: COARSE },
    { counts: [4, 3, 1], bounds: COARSE },
  ]);
  t.deepEqual(latencies, [[], [[COARSE, [3, 1, 0]]], [[COARSE, [0, 1, 0]]]]);
});

test('deltas count in the buckets that they are told with, each in its own', async (t) => {
  const { latencies, complete, bad } = await toldOf([
    { counts: [1, 1, 1], bounds: COARSE, temporality: DELTA },
    { counts: [1, 2, 3, 4], bounds: FINE, temporality: DELTA },
    { counts: [5, 6, 7], bounds: COARSE, temporality: DELTA },
    { counts: [1, 2, 3], bounds: [7, 8], temporality: DELTA },
  ]);
  t.deepEqual(latencies, [
    [[FINE, [1, 2, 3, 4]]],
    [[COARSE, [5, 6, 7]]],
    [
      [
        [7, 8],
        [1, 2, 3],
      ],
    ],
  ]);
  t.deepEqual([complete, bad], [[true, true, true], 0]);
});

for (const [before, bounds, counts] of [
  [FINE, COARSE, [5, 5, 5]],
  [COARSE, FINE, [5, 5, 5, 5]],
  [COARSE, [7, 8], [5, 5, 5]],
] as const)
  test(`a new process that is told when its buckets ${bounds} instead of ${before} have counted on counts each call once`, async (t) => {
    const stage = await createStage();
    const come = async (second: number, ...metrics: object[]) => {
      stage.goTo(second);
      await stage.send(requestOf(metrics));
    };
    const started = (at: number, born: number) => gauge('process_start_time_seconds', WATCH_MS / 1000 + born, { at });
    const latencies = (at: number, told: readonly number[], under: readonly number[]) =>
      histogram('response_latency_ms', told, under, { at });
    const ones = [1, 1, 1, 1].slice(0, before.length + 1);
    await come(5.1, started(5, -500), sum('response_total', 4, { at: 5 }), latencies(5, ones, before));
    await come(15.1, latencies(15, counts, bounds));
    await come(18.5, started(15, 14), sum('response_total', 20, { at: 15 }));
    await come(25.1, started(25, 14), sum('response_total', 20, { at: 25 }), latencies(25, counts, bounds));
    stage.clock.advance(60_000);
    stage.close();
    const told = stage.sums.flatMap(({ records }) => records.flatMap(({ latency }) => latency ?? []));
    const total = told.reduce((all, one) => all + one.counts.reduce((sumOf, count) => sumOf + count, 0), 0);
    t.is(total, counts.length * 5);
  });

test('of two values of one time in a late request the first counts, though the other has other buckets', async (t) => {
  const run = async (...more: object[]) => {
    const stage = await createStage();
    const first = histogram('response_latency_ms', [2, 2, 2], COARSE, { at: 15 });
    for (const [second, ...metrics] of [
      [5.1, sum('response_total', 1, { at: 5 }), histogram('response_latency_ms', [1, 1, 1], COARSE, { at: 5 })],
      [15.1, sum('response_total', 2, { at: 15 })],
      [19, first, ...more],
      [25.1, sum('response_total', 3, { at: 25 }), histogram('response_latency_ms', [3, 4, 2], COARSE, { at: 25 })],
    ] as const) {
      stage.goTo(second);
      await stage.send(requestOf(metrics));
    }
    stage.clock.advance(60_000);
    stage.close();
    return stage.sums.map(({ records }) => records.map(({ latency }) => (latency ?? []).map(pairOf)));
  };
  const counted = await run();
  t.deepEqual(counted.slice(1, 3), [[[[COARSE, [1, 1, 1]]]], [[[COARSE, [1, 2, 0]]]]]);
  t.deepEqual(await run(histogram('response_latency_ms', [2, 9, 9, 9], FINE, { at: 15 })), counted);
});

test('a running total in other buckets stands where the deltas before it left it, and nothing is missing', async (t) => {
  const { latencies, complete } = await toldOf([
    { counts: [1, 1, 1], bounds: COARSE, temporality: DELTA },
    { counts: [1, 2, 1], bounds: COARSE, temporality: DELTA },
    { counts: [50, 60, 70, 80], bounds: FINE },
    { counts: [51, 62, 70, 80], bounds: FINE },
  ]);
  t.deepEqual(latencies, [[[COARSE, [1, 2, 1]]], [], [[FINE, [1, 2, 0, 0]]]]);
  t.true(complete[1]);
});

test('a histogram that is known needs no room, whatever resource tells it, and other buckets only that of their bounds', async (t) => {
  // Of two numbers, and of three and four buckets.
  for (const [max, isTaken] of [
    [5, true],
    [6, true],
    [8, true],
    [7, false],
  ] as const) {
    const stage = await createStage({ config: { max_series: max } });
    const come = async (at: number, count: number, resource = PROXY) => {
      stage.goTo(at, 100);
      const isOther = max > 6 && at === 35;
      const latencies = histogram(
        'response_latency_ms',
        isOther ? [count, 0, 0, 0] : [count, 0, 0],
        isOther ? FINE : COARSE,
        { at },
      );
      const started = gauge('process_start_time_seconds', WATCH_MS / 1000 - 500, { at });
      await stage.send(requestOf([started, sum('response_total', count, { at }), latencies], resource));
    };
    await come(5, 10);
    await come(15, 20);
    await come(25, 30, { ...PROXY, 'server.address': '10.0.0.7' });
    await come(35, 40);
    stage.clock.advance(60_000);
    stage.close();
    const told = stage.sums.flatMap(({ records }) => records.flatMap(({ latency }) => (latency ?? []).map(pairOf)));
    t.deepEqual(
      told,
      Array.from({ length: isTaken ? 3 : 2 }, () => [COARSE, [10, 0, 0]]),
      `${max}`,
    );
    t.deepEqual([...stage.balance.dropped], isTaken ? [] : [['series_limit', 4]]);
  }
});

const CALLS_MS = fc.array(fc.constantFrom(1, 3, 5, 8, 20, 60, 200), { maxLength: 12 });
const BOUNDS_MS = fc.uniqueArray(fc.constantFrom(2, 4, 6, 10, 50, 100), { minLength: 1, maxLength: 6 });

test('property: whatever buckets each scrape has, each bound that a slot tells of has exactly the calls of that slot', async (t) => {
  const scrape = fc.record({ callsMs: CALLS_MS, boundsMs: BOUNDS_MS });
  await fc.assert(
    fc.asyncProperty(fc.array(scrape, { minLength: 2, maxLength: 7 }), fc.boolean(), async (scrapes, isDelta) => {
      let allMs: readonly number[] = [];
      const points = scrapes.map(({ callsMs, boundsMs }) => {
        allMs = [...allMs, ...callsMs];
        const bounds = boundsMs.toSorted((a, b) => a - b);
        const counts = countsOf(isDelta ? callsMs : allMs, bounds);
        return { counts, bounds, ...(isDelta ? { temporality: DELTA } : {}) };
      });
      const { latencies, complete, bad, unaccounted } = await toldOf(points);
      t.deepEqual([bad, unaccounted], [0, 0]);
      for (const [i, histograms] of latencies.entries()) {
        const { callsMs } = scrapes[i + 1]!;
        const [before, now] = [points[i]!.bounds, points[i + 1]!.bounds];
        const bounds = isDelta ? now : before.filter((bound) => now.includes(bound));
        t.is(complete[i], bounds.length > 0);
        const isTold = callsMs.length > 0 && bounds.length > 0;
        t.deepEqual(histograms, isTold ? [[bounds, countsOf(callsMs, bounds)]] : []);
      }
    }),
    { numRuns: 150 },
  );
});

/** How many calls are in each bucket, the last one of which has no bound. */
function countsOf(callsMs: readonly number[], boundsMs: readonly number[]): number[] {
  const counts = Array.from({ length: boundsMs.length + 1 }, () => 0);
  for (const ms of callsMs) {
    const place = boundsMs.findIndex((bound) => ms <= bound);
    counts[place < 0 ? boundsMs.length : place]! += 1;
  }
  return counts;
}
