/** @module Series that are over are forgotten in time, whenever scrapes are settled, and nothing that still counts is. */
import test from 'ava';
import { inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { createStage, histogram, OUTBOUND, requestOf, type Stage, sum, totalOf } from './samples-stage.ts';

const NEW_ONES = 400;

/** Counters of `count` workloads from `first` on, each at `value`; or the marks of their ends. */
const counters = (at: number, first: number, count: number, value: number, stale = false) =>
  Array.from({ length: count }, (_, i) =>
    sum('response_total', value, { at, stale }, { ...OUTBOUND, dst_deployment: `api-${first + i}` }),
  );
const always = (at: number, value: number) => sum('response_total', value, { at }, OUTBOUND);

async function stageOf(intervalMs: number, maxSeries: number) {
  const stage = await createStage({ intervalMs, config: { max_series: maxSeries } });
  const come = async (at: number, ...metrics: object[]) => {
    stage.goTo(at, 100);
    await stage.send(requestOf(metrics));
  };
  return { stage, come };
}

const series = ({ meters }: Stage) => meters.read('weir_otlp_samples_series')!;

// With the longer one a scrape comes before the one before it has been held for long enough.
for (const intervalMs of [10_000, 50_000]) {
  test(`ended series are forgotten where scrapes come every 10 s and slots are ${intervalMs} ms long`, async (t) => {
    const { stage, come } = await stageOf(intervalMs, 4000);
    for (let k = 0; k < 40; k++) {
      const marks = k === 0 ? [] : counters(5 + 10 * k, NEW_ONES * (k - 1), NEW_ONES, 0, true);
      const at = 5 + 10 * k;
      await come(at, always(at, 10 + k), ...counters(at, NEW_ONES * k, NEW_ONES, 3), ...marks);
    }
    stage.clock.advance(200_000);
    stage.close();
    t.deepEqual([...stage.balance.dropped], []);
    // At first sight nothing counts.
    t.is(totalOf(stage), 39 + 39 * NEW_ONES * 3);
    t.is(stage.balance.unaccounted, 0);
  });
}

test('a repeat, which shows nothing anew, makes nothing forget but what is over', async (t) => {
  const { stage, come } = await stageOf(10_000, 10_000);
  await come(5, always(5, 10), ...counters(5, 0, 3000, 1));
  await come(15, always(15, 20), ...counters(15, 0, 3000, 0, true));
  // Read while the first one is held, so that what is over then has to wait.
  const share = inOneGo(stage.intake.read(requestOf([always(15, 20)]), new Map()))!;
  stage.clock.advance(4000);
  t.true(series(stage) > 3000);
  t.is((await inOneGo(share.offer(false))).kind, 'taken');
  t.true(series(stage) < 100, 'they are forgotten');
  await come(25, always(25, 27));
  stage.clock.advance(60_000);
  t.is(totalOf(stage), 17);
});

test('what is over makes room as soon as its scrape is settled, before anything else comes', async (t) => {
  const { stage, come } = await stageOf(10_000, 3500);
  await come(5, always(5, 10), ...counters(5, 0, 3000, 1));
  await come(15, always(15, 20), ...counters(15, 0, 3000, 0, true));
  stage.clock.advance(4000);
  t.is(series(stage), 1);
  await come(25, always(25, 30), ...counters(25, 3000, 3000, 5));
  stage.clock.advance(60_000);
  t.deepEqual([...stage.balance.dropped], []);
  t.is(totalOf(stage), 20 + 3000 * 5);
});

test('what is held of an ended series keeps it', async (t) => {
  const { stage, come } = await stageOf(50_000, 10_000);
  await come(5, always(5, 10), ...counters(5, 0, 3000, 5));
  await come(15, always(15, 20), ...counters(15, 0, 3000, 0, true));
  // It settles the one before, of which all is over, and is held itself.
  await come(25, always(25, 30), ...counters(25, 0, 1, 7));
  await come(35, always(35, 40), ...counters(35, 0, 1, 9));
  stage.clock.advance(200_000);
  t.deepEqual([...stage.balance.dropped], []);
  t.is(totalOf(stage), 30 + 9, 'back from its end it counts from 0');
  t.true(series(stage) < 100);
});

test('what was read keeps the series that it is of, whatever is settled before it is offered', async (t) => {
  const { stage, come } = await stageOf(10_000, 10_000);
  await come(5, always(5, 10), ...counters(5, 0, 3000, 5));
  stage.clock.advance(4000);
  await come(15, always(15, 20), ...counters(15, 0, 3000, 0, true));
  const share = inOneGo(stage.intake.read(requestOf([always(16, 21), ...counters(16, 0, 3, 7)]), new Map()))!;
  stage.clock.advance(4000);
  const outcome = await inOneGo(share.offer(false));
  t.is(outcome.kind, 'taken');
  stage.clock.advance(60_000);
  t.deepEqual([...stage.balance.dropped], []);
  t.is(totalOf(stage), 11 + 3 * 7);
  t.true(series(stage) < 100);
});

test('buckets that a histogram has no more are forgotten, however often they change', async (t) => {
  const { stage, come } = await stageOf(10_000, 60);
  for (let k = 0; k < 60; k++) {
    const at = 5 + 10 * k;
    const bounds = Array.from({ length: 10 }, (_, i) => 1 + i + 20 * k);
    await come(at, always(at, k), histogram('response_latency_ms', Array(11).fill(k), bounds, { at }));
  }
  stage.clock.advance(60_000);
  t.deepEqual([...stage.balance.dropped], []);
  t.is(stage.balance.unaccounted, 0);
});

test('new buckets take the room that they were promised, and no more is promised than there is', async (t) => {
  const { stage, come } = await stageOf(10_000, 100);
  const bounds = (from: number) => Array.from({ length: 40 }, (_, i) => from + i);
  const latencies = (at: number, to: string, from: number) =>
    histogram('response_latency_ms', Array(41).fill(1), bounds(from), { at }, { ...OUTBOUND, dst_deployment: to });
  await come(5, always(5, 1), latencies(5, 'a', 1));
  stage.clock.advance(4000);
  // 42 are there; 40 and 1 of each of these are to come, of which there is room for one.
  await come(15, always(15, 2), latencies(15, 'b', 1), latencies(15, 'c', 1));
  await come(15, latencies(15, 'd', 1));
  t.deepEqual([...stage.balance.dropped], [['series_limit', 82]]);
  stage.clock.advance(4000);
  t.deepEqual([...stage.balance.dropped], [['series_limit', 82]]);
  t.is(series(stage), 42 + 41);
  t.true(series(stage) <= 100);
  t.is(stage.balance.unaccounted, 0);
});
