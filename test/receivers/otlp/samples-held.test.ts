/** @module What is held of a scrape: it counts in its own slot however late it came, and takes no more room than its series. */
import test from 'ava';
import { inOneGo, Pace } from '../../../pipeline/wire/otlp-traffic.ts';
import { HeldScrape } from '../../../receivers/otlp/samples-held.ts';
import { PointRows } from '../../../receivers/otlp/samples-rows.ts';
import { NO_BUCKETS, PointSeries } from '../../../receivers/otlp/samples-series.ts';
import { SeriesBudget } from '../../../receivers/scrape/series-index.ts';
import { countsOf, createStage, gauge, histogram, OUTBOUND, requestOf, sum } from './samples-stage.ts';

const requests = (at: number, value: number) => sum('response_total', value, { at }, OUTBOUND);
const up = (at: number, isOver = false) => gauge('up', 1, { at, stale: isOver });

async function stageOf() {
  const stage = await createStage();
  const come = async (at: number, ...parts: readonly (readonly object[])[]) => {
    stage.goTo(at);
    for (const metrics of parts) await stage.send(requestOf(metrics));
  };
  const counted = () => {
    stage.clock.advance(60_000);
    return countsOf(stage.sums);
  };
  return { stage, come, counted };
}

for (const delay of [0.1, 6, 7.4, 7.9, 8.1, 9, 9.9, 10.4]) {
  test(`a scrape that comes ${delay} s late, while its slot is open, counts in its slot`, async (t) => {
    const { come, counted } = await stageOf();
    for (let k = 0; k < 5; k++) await come(9.5 + 10 * k + delay, [requests(9.5 + 10 * k, 10 + 5 * k)]);
    t.deepEqual(counted().slice(0, 5), [
      { at: 0, count: 0, complete: false },
      ...[10, 20, 30, 40].map((at) => ({ at, count: 5, complete: true })),
    ]);
  });
}

test('a single late scrape leaves its slot and the next one as they are', async (t) => {
  const { come, counted } = await stageOf();
  for (let k = 0; k < 6; k++) await come(9.5 + 10 * k + (k === 3 ? 9 : 1), [requests(9.5 + 10 * k, 10 + 5 * k)]);
  t.deepEqual(
    counted()
      .slice(1, 6)
      .map(({ count, complete }) => [count, complete]),
    Array(5).fill([5, true]),
  );
});

test('what came of a scrape counts before the word, in another request, that it was the last', async (t) => {
  for (const parts of [
    [[requests(15, 17)], [up(15, true)]],
    [[requests(15, 17), up(15)], [up(15, true)]],
    [[requests(15, 17), up(15, true)]],
  ]) {
    const { stage, come, counted } = await stageOf();
    await come(5.1, [requests(5, 10), up(5)]);
    await come(15.1, ...parts);
    t.is(counted().find(({ at }) => at === 10)?.count, 7);
    t.is(stage.balance.unaccounted, 0);
    t.true(stage.seen.some(({ kind }) => kind === 'gone'));
  }
});

test('nothing of a proxy comes behind its end; what the same request tells of it is dropped, and counted', async (t) => {
  const { stage, come, counted } = await stageOf();
  await come(5.1, [requests(5, 10), up(5)]);
  await come(16.1, [up(15, true), requests(16, 17), up(16)]);
  counted();
  const kinds = stage.seen.map(({ kind }) => kind);
  t.deepEqual(kinds.slice(kinds.indexOf('gone')), ['gone']);
  t.deepEqual([...stage.balance.dropped], [['mesh_changed', 2]]);
  const [[reason, items, sample] = [], ...others] = stage.balance.told;
  t.deepEqual([reason, items, sample?.metric, others], ['mesh_changed', 2, 'response_total', []]);
  t.regex(sample?.target ?? '', /"10\.0\.0\.7:4191"/);
  t.is(stage.balance.unaccounted, 0);
});

test('of `up`, of which no series are kept, one value and one mark are held, however many come', (t) => {
  const rows = new PointRows();
  const held = new HeldScrape(5000, { nowMs: 0, steadyMs: 0 }, new PointRows(), new SeriesBudget(10));
  let taken = 0;
  for (let request = 0; request < 10; request++) {
    rows.clear();
    for (let i = 0; i < 100; i++) {
      const point = { timeMs: 5000, startMs: 0, isRecorded: i % 2 === 0, value: 1 };
      const series = new PointSeries({} as never, { role: 'up' }, NO_BUCKETS);
      const row = rows.add({ form: 'up' } as never, point as never, false, series);
      rows.next[row] = i < 99 ? row + 1 : -1;
    }
    inOneGo(held.add({ timeMs: 5000, first: 0, last: 99 }, rows, new Pace()));
    taken += 100;
  }
  t.is(held.rows.size, 2);
  t.is(held.tally.taken, taken - 2, 'the others are taken, and tell nothing new');
});

const latencies = (at: number, counts: readonly number[], boundsMs: readonly number[]) =>
  histogram('response_latency_ms', [...counts], [...boundsMs], { at }, OUTBOUND);

for (const bounds of [
  [1, 5, 10],
  [100, 500],
]) {
  test(`two scrapes of one request, of which the second has the bounds ${bounds}, count as in two`, async (t) => {
    const [first, second, third] = [
      [requests(5, 10), latencies(5, [1, 2, 3], [1, 2])],
      [requests(15, 20), latencies(15, [2, 4, 6], [1, 2])],
      [requests(25, 30), latencies(25, [5, 9, ...Array(bounds.length - 1).fill(9)], bounds)],
    ] as const;
    const told = async (...parts: readonly (readonly object[])[]) => {
      const { stage, come, counted } = await stageOf();
      await come(5.1, first);
      await come(25.2, ...parts);
      const slots = counted();
      return { slots, latencies: stage.sums.map(({ records }) => records.map(({ latency }) => latency)) };
    };
    const inOne = await told([...second, ...third]);
    t.deepEqual(inOne, await told(second, third));
    t.deepEqual(inOne.latencies[1], [[{ boundsMs: [1, 2], counts: Float64Array.of(1, 2, 3) }]] as never);
    t.deepEqual(inOne.slots.slice(1, 3), [
      { at: 10, count: 10, complete: true },
      // Without a bound that it had before nobody knows how long those of the second took.
      { at: 20, count: 10, complete: bounds[0] === 1 },
    ]);
  });
}

test('a mark that a series has ended is taken however often it comes, and no repeat', async (t) => {
  const { stage, come } = await stageOf();
  const mark = sum('response_total', 0, { at: 15, stale: true }, OUTBOUND);
  await come(5.1, [requests(5, 10)]);
  await come(15.1, [mark], [mark], [mark]);
  stage.clock.advance(60_000);
  const { accepted, delivered, filtered, unaccounted } = stage.balance;
  t.deepEqual([accepted, delivered, [...filtered.keys()], unaccounted], [4, 4, [], 0]);
});
