/** @module Histograms that are told with other buckets while a scrape is held: nothing that was taken is dropped. */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { countsOf, createStage, DELTA, gauge, histogram, OUTBOUND, PROXY, requestOf, sum } from './samples-stage.ts';

/** The same proxy, told by resources of other bytes. */
const resourceOf = (i: number) => ({ ...PROXY, 'url.scheme': `http${i}` });

interface Sent {
  readonly metrics: readonly object[];
  readonly resource?: number;
}

/** What requests that come so many seconds after the watch began count as. */
async function countedOf(requests: readonly (readonly [second: number, ...parts: Sent[]])[]) {
  const stage = await createStage();
  for (const [second, ...parts] of requests) {
    stage.goTo(second);
    for (const { metrics, resource = 0 } of parts) await stage.send(requestOf(metrics, resourceOf(resource)));
  }
  stage.clock.advance(60_000);
  stage.close();
  const { accepted, delivered, filtered, dropped, unaccounted } = stage.balance;
  return {
    slots: countsOf(stage.sums),
    latencies: stage.sums.map(({ records }) => records.map(({ latency }) => latency)),
    sums: stage.sums.map(slotOf),
    books: { accepted, delivered, filtered: [...filtered], dropped: [...dropped], unaccounted },
  };
}

/** All that a slot holds, in an order that does not depend on which series came first. */
function slotOf({ records, ...slot }: TrafficSum) {
  return { ...slot, records: records.map(({ key: _, ...record }) => JSON.stringify(record)).sort() };
}

const requests = (at: number, value: number) => sum('response_total', value, { at });
const latencies = (at: number, counts: readonly number[], bounds: readonly number[]) =>
  histogram('response_latency_ms', [...counts], [...bounds], { at });

const FIRST: Sent = { metrics: [requests(5, 10), latencies(5, [1, 2, 3], [1, 2])] };
const OLDER: Sent = { metrics: [requests(15, 20), latencies(15, [2, 4, 6], [1, 2])] };

for (const bounds of [
  [1, 5, 10],
  [100, 500],
]) {
  const newer: Sent = {
    metrics: [requests(25, 30), latencies(25, [5, ...Array(bounds.length).fill(9)], bounds)],
  };
  const whole = () =>
    countedOf([
      [5.1, FIRST],
      [25.2, OLDER, newer],
    ]);

  test(`an older scrape that comes while one with the bounds ${bounds} is held counts as before it`, async (t) => {
    const counted = await countedOf([
      [5.1, FIRST],
      [25.2, newer, OLDER],
    ]);
    t.deepEqual(counted, await whole());
    t.deepEqual(counted.books.dropped, []);
    t.deepEqual(counted.latencies[1], [[{ boundsMs: [1, 2], counts: Float64Array.of(1, 2, 3) }]] as never);
    t.is(counted.slots.find(({ at }) => at === 20)?.count, 10);
    // Of buckets that are new nobody knows what they had before: what came is known in those that stay.
    const stays = [{ boundsMs: [1], counts: Float64Array.of(3, 17) }];
    t.deepEqual(counted.latencies[2], (bounds[0] === 1 ? [stays] : [null]) as never);
    t.is(counted.slots.find(({ at }) => at === 20)?.complete, bounds[0] === 1);
  });

  test(`a scrape with the bounds ${bounds} of a proxy under a resource not seen before leaves what is held as it is`, async (t) => {
    const counted = await countedOf([
      [5.1, FIRST],
      [25.2, OLDER, { ...newer, resource: 1 }],
    ]);
    t.deepEqual(counted, await whole());
    t.deepEqual(counted.books.dropped, []);
  });

  test(`of two points of one series and one time the first one counts, though the other has the bounds ${bounds}`, async (t) => {
    const other: Sent = { metrics: [latencies(15, [9, ...Array(bounds.length).fill(9)], bounds)] };
    const inOne: Sent = { metrics: [...OLDER.metrics, ...other.metrics] };
    const only = await countedOf([
      [5.1, FIRST],
      [15.1, OLDER],
    ]);
    for (const parts of [[OLDER, other], [OLDER, { ...other, resource: 1 }], [inOne]]) {
      const counted = await countedOf([
        [5.1, FIRST],
        [15.1, ...parts],
      ]);
      t.deepEqual(counted.sums, only.sums);
      t.deepEqual(counted.books.filtered, [['repeat', bounds.length + 1], ...only.books.filtered.slice(1)]);
      t.deepEqual(counted.books.dropped, []);
    }
  });

  test(`a repeat from before with the bounds ${bounds} changes nothing`, async (t) => {
    const repeat: Sent = { metrics: [latencies(5, [1, ...Array(bounds.length).fill(1)], bounds)] };
    const after: Sent = { metrics: [latencies(25, [3, 6, 9], [1, 2])] };
    const counted = await countedOf([
      [5.1, FIRST],
      [15.1, OLDER],
      [18, repeat],
      [25.1, after],
    ]);
    t.deepEqual(
      counted.sums,
      (
        await countedOf([
          [5.1, FIRST],
          [15.1, OLDER],
          [25.1, after],
        ])
      ).sums,
    );
  });
}

test('a mark of the end of a histogram leaves it its buckets, should the scrape have failed', async (t) => {
  const mark = histogram('response_latency_ms', [], [], { at: 15, stale: true });
  const failed: Sent = { metrics: [gauge('up', 0, { at: 15 }), mark] };
  const after: Sent = { metrics: [gauge('up', 1, { at: 25 }), latencies(25, [2, 4, 6], [1, 2])] };
  const counted = await countedOf([
    [5.1, FIRST],
    [15.1, failed],
    [25.1, after],
  ]);
  const unmarked: Sent = { metrics: [gauge('up', 0, { at: 15 })] };
  t.deepEqual(
    counted.sums,
    (
      await countedOf([
        [5.1, FIRST],
        [15.1, unmarked],
        [25.1, after],
      ])
    ).sums,
  );
});

test('deltas of a histogram that is back from its end count in the buckets that they are told with', async (t) => {
  const delta = (at: number, counts: readonly number[], bounds: readonly number[]) =>
    histogram('response_latency_ms', counts, bounds, { at, from: at - 10, temporality: DELTA });
  const mark = histogram('response_latency_ms', [], [], { at: 15, stale: true });
  const counted = await countedOf([
    [5.1, { metrics: [requests(5, 10), delta(5, [1, 2, 3], [1, 2])] }],
    [15.1, { metrics: [requests(15, 10), mark] }],
    [25.1, { metrics: [requests(25, 10)] }],
    [35.1, { metrics: [requests(35, 10), delta(35, [4, 5, 6, 7], [1, 5, 10])] }],
    [45.1, { metrics: [requests(45, 10), delta(45, [1, 0, 2, 3], [1, 5, 10])] }],
  ]);
  t.deepEqual(counted.latencies.slice(3, 5), [
    [[{ boundsMs: [1, 5, 10], counts: Float64Array.of(4, 5, 6, 7) }]],
    [[{ boundsMs: [1, 5, 10], counts: Float64Array.of(1, 0, 2, 3) }]],
  ] as never);
});

test('a delta that lies in what was told already leaves its histogram the buckets that it has', async (t) => {
  const delta = (at: number, from: number, counts: readonly number[], bounds: readonly number[]) =>
    histogram('response_latency_ms', counts, bounds, { at, from, temporality: DELTA });
  const told = (...again: object[]) =>
    countedOf([
      [5.1, { metrics: [requests(5, 10), delta(5, 0, [1, 2, 3], [1, 2])] }],
      [15.1, { metrics: [requests(15, 10), delta(15, 5, [1, 2, 3], [1, 2])] }],
      [25.1, { metrics: [requests(25, 10), ...again] }],
      [35.1, { metrics: [requests(35, 10), delta(35, 15, [4, 5, 6], [1, 2])] }],
    ]);
  const counted = await told(delta(25, 8, [9, 9, 9, 9], [1, 5, 10]));
  t.deepEqual(counted.sums, (await told()).sums);
  t.deepEqual(counted.books.filtered[0], ['repeat', 4]);
  t.deepEqual(counted.latencies[3], [[{ boundsMs: [1, 2], counts: Float64Array.of(4, 5, 6) }]] as never);
});

test('what is held in buckets that its histogram has no more counts in them, whatever came of older scrapes meanwhile', async (t) => {
  const scrape = (at: number, counts: readonly number[], bounds: readonly number[]): Sent => ({
    metrics: [requests(at, at), latencies(at, counts, bounds)],
  });
  const older = [
    scrape(15, [1, 1, 1, 1], [10, 20, 30]),
    scrape(25, [2, 2, 2, 2], [10, 20, 30]),
    scrape(35, [3, 3, 3], [7, 8]),
  ];
  const held = scrape(45, [4, 4, 4], [1, 2]);
  const after = [
    [55.1, scrape(55, [5, 6, 7], [1, 2])],
    [65.1, scrape(65, [6, 8, 10], [1, 2])],
  ] as const;
  const counted = await countedOf([[5.1, FIRST], [45.2, held, ...older], ...after]);
  const inOrder = await countedOf([[5.1, FIRST], [45.2, ...older, held], ...after]);
  t.deepEqual(counted.latencies[6], [[{ boundsMs: [1, 2], counts: Float64Array.of(1, 2, 3) }]] as never);
  t.deepEqual(counted.latencies[6], inOrder.latencies[6]);
  t.deepEqual(counted.slots, inOrder.slots);
  t.deepEqual(counted.books, inOrder.books);
});

test('the first deltas of a proxy count in their buckets, though those of a later scrape came before', async (t) => {
  const delta = (at: number, counts: readonly number[], bounds: readonly number[]): Sent => ({
    metrics: [
      requests(at, 10),
      histogram('response_latency_ms', counts, bounds, { at, from: at - 5, temporality: DELTA }),
    ],
  });
  const [older, newer] = [delta(5, [1, 2, 3], [1, 2]), delta(15, [4, 5, 6, 7], [1, 5, 10])];
  const counted = await countedOf([[15.2, newer, older]]);
  const inOrder = await countedOf([[15.2, older, newer]]);
  t.deepEqual(counted.latencies, inOrder.latencies);
  t.deepEqual(counted.latencies[0], [[{ boundsMs: [1, 2], counts: Float64Array.of(1, 2, 3) }]] as never);
});

// --- Any order, any resource, any bounds ------------------------------------------------------------------------------

const RUNS = 300;
const NAMES = ['api', 'db', 'auth'] as const;
const BOUNDS = [[1, 2], [1, 5, 10], [100, 500], [2], [1, 2, 5, 10, 50]] as const;

interface ScrapeStep {
  readonly isDelta: boolean;
  /** How many calls each has had since the scrape before. */
  readonly grown: readonly number[];
  readonly boundsOf: readonly number[];
}
/** Which part each point is in and under which resource each part comes; whether the scrape comes behind the one after it. */
interface Division {
  readonly partOf: readonly number[];
  readonly order: readonly number[];
  readonly resourceOf: readonly number[];
  readonly isBehind: boolean;
}

const three = (one: fc.Arbitrary<number>) => fc.array(one, { minLength: 3, maxLength: 3 });
const step: fc.Arbitrary<ScrapeStep> = fc.record({
  isDelta: fc.constantFrom(false, false, true),
  grown: three(fc.nat(40)),
  boundsOf: three(fc.nat(BOUNDS.length - 1)),
});
const division: fc.Arbitrary<Division> = fc.record({
  partOf: fc.array(fc.nat(2), { minLength: 7, maxLength: 7 }),
  order: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
  resourceOf: three(fc.nat(2)),
  isBehind: fc.boolean(),
});

/** Calls so far fall into the buckets by turns. */
function bucketsOf(count: number, buckets: number): number[] {
  return Array.from({ length: buckets }, (_, i) => Math.floor((count + i) / buckets));
}

const atOf = (scrape: number) => 5 + 10 * scrape;

function pointsOf(steps: readonly ScrapeStep[]): object[][] {
  const totals = NAMES.map(() => 7);
  return steps.map(({ isDelta, grown, boundsOf }, i) =>
    NAMES.flatMap((name, j) => {
      totals[j]! += grown[j]!;
      const labels = { ...OUTBOUND, dst_deployment: name };
      const bounds = BOUNDS[boundsOf[j]!]!;
      const value = isDelta ? grown[j]! : totals[j]!;
      const time = { at: atOf(i), from: atOf(i - 1), ...(isDelta ? { temporality: DELTA } : {}) };
      return [
        sum('response_total', value, time, labels),
        histogram('response_latency_ms', bucketsOf(value, bounds.length + 1), [...bounds], time, labels),
      ];
    }),
  );
}

function partsOf(points: readonly object[], { partOf, order, resourceOf: under }: Division): Sent[] {
  return order
    .map((part) => ({ metrics: points.filter((_, i) => partOf[i] === part), resource: under[part]! }))
    .filter(({ metrics }) => metrics.length > 0);
}

test('property: scrapes in parts of any order, under any resources and with any buckets count as they do whole', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 5 }),
      fc.array(division, { minLength: 5, maxLength: 5 }),
      async (steps, divided) => {
        const points = pointsOf(steps);
        const whole: [number, ...Sent[]][] = [];
        const inParts: [number, ...Sent[]][] = [];
        for (let i = 0; i < points.length; i++) {
          const one: Sent = { metrics: points[i]! };
          const isBehind = i > 0 && i + 1 < points.length && divided[i]!.isBehind;
          if (!isBehind) {
            whole.push([atOf(i) + 0.1, one]);
            inParts.push([atOf(i) + 0.1, ...partsOf(one.metrics, divided[i]!)]);
            continue;
          }
          const next: Sent = { metrics: points[i + 1]! };
          const [first, ...rest] = partsOf(next.metrics, divided[i + 1]!);
          const behind: Sent = { ...one, resource: divided[i]!.resourceOf[0]! };
          whole.push([atOf(i + 1) + 0.1, one, next]);
          inParts.push([atOf(i + 1) + 0.1, first!, behind, ...rest]);
          i += 1;
        }
        const [expected, counted] = [await countedOf(whole), await countedOf(inParts)];
        t.deepEqual(counted.sums, expected.sums);
        t.deepEqual(counted.books, expected.books);
        t.deepEqual(counted.books.dropped, []);
      },
    ),
    { numRuns: RUNS },
  );
});
