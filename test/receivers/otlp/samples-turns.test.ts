/** @module Samples that are read and applied by turns count as if each request came alone, and no proxy leaves meanwhile. */
import test from 'ava';
import fc from 'fast-check';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { createMetricsIntake } from '../../../receivers/otlp/metrics-intake.ts';
import { countsOf, createStage, SETTLED_MS, type Stage, scrapeOf, WATCH_MS } from './samples-stage.ts';
import { TurnClock } from './turn-clock.ts';

const SERIES = 150;
/** A scrape of proxy `i`: each of its series stands at `value`. */
const scrape = (i: number, at: number, value: number) => scrapeOf(i, at, value, SERIES);

const stageOf = () => createStage({ config: { target_expiration: '30s' } });

test('scrapes of several proxies that come at the same time, some of them twice, count once each', async (t) => {
  const slices = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
  const order = fc.shuffledSubarray([1, 2, 3, 1, 2, 3], { minLength: 6 });
  await fc.assert(
    fc.asyncProperty(slices, order, async (ends, proxies) => {
      const stage = await stageOf();
      const clock = new TurnClock(ends);
      const intake = createMetricsIntake(stage.settings, new Turns(clock), stage.intake);
      for (const [at, value] of [[5, 10] as const, [15, 17] as const]) {
        stage.clock.advance(at === 5 ? 5000 : 10_000);
        const taking = Promise.all(proxies.map((i) => intake.take(scrape(i, at, value))));
        await clock.end();
        for (const answer of await taking) t.is(answer.kind, 'taken');
      }
      stage.clock.advance(60_000);
      const total = countsOf(stage.sums).reduce((all, { count }) => all + count, 0);
      t.is(total, 3 * SERIES * 7);
      t.deepEqual(stage.balance.filtered, new Map([['repeat', 2 * 3 * SERIES]]));
      t.is(stage.balance.unaccounted, 0);
    }),
    { numRuns: 15 },
  );
});

const gone = ({ seen }: Stage) => seen.filter(({ kind }) => kind === 'gone');
const countOf = ({ sums }: Stage) => countsOf(sums).reduce((all, { count }) => all + count, 0);
const both = (at: number, value: number) => Buffer.concat([1, 2].map((i) => scrape(i, at, value)));

test('a proxy whose points are being applied does not fall silent meanwhile, nor another one of the same request', async (t) => {
  const stage = await stageOf();
  await stage.send(both(5, 10));
  stage.clock.advance(34_000);
  const share = inOneGo(stage.intake.read(both(34, 17), new Map()))!;
  const steps = share.offer(false);
  t.false(steps.next().done, 'some of it is applied');
  stage.clock.advance(10_000);
  t.deepEqual(gone(stage), [], 'both would have been gone');
  await inOneGo(steps);
  t.is(stage.intake.targets().length, 2);
  stage.clock.advance(60_000);
  t.is(countOf(stage), 2 * SERIES * 7);
  t.deepEqual(stage.balance.dropped, new Map());
});

test('nor does one of which a scrape is held', async (t) => {
  const stage = await stageOf();
  await stage.send(scrape(1, 5, 10));
  stage.clock.advance(34_000);
  await stage.send(scrape(1, 34, 17));
  stage.clock.advance(2400);
  t.is(stage.intake.targets()[0]!.lastScrapeMs, WATCH_MS, 'nothing of it is applied yet');
  t.deepEqual(gone(stage), [], 'it would have been gone');
  stage.clock.advance(60_000);
  t.is(countOf(stage), SERIES * 7);
});

test('what is held is applied by steps, and those of a proxy are ended before more comes', async (t) => {
  for (let rounds = 0; rounds < 12; rounds++) {
    const stage = await stageOf();
    await stage.send(both(5, 10));
    stage.clock.advance(10_000);
    await stage.send(both(15, 17));
    stage.clock.advance(SETTLED_MS - 1);
    for (let i = 0; i < rounds; i++) stage.clock.fireNext();
    await stage.send(both(15, 17));
    await stage.send(both(25, 20));
    stage.clock.advance(60_000);
    t.is(countOf(stage), 2 * SERIES * 10);
    t.deepEqual(stage.balance.filtered, new Map([['repeat', 2 * SERIES]]));
    t.is(stage.balance.unaccounted, 0);
  }
});

test('a stop in the middle hands on the scrape that was begun', async (t) => {
  for (const rounds of [0, 5, 10, 15, 20, 25, 30, 40, 60]) {
    const stage = await stageOf();
    const clock = new TurnClock([true]);
    const intake = createMetricsIntake(stage.settings, new Turns(clock), stage.intake);
    const taking = Promise.all([1, 2].map((i) => intake.take(scrape(i, 5, 10))));
    for (let i = 0; i < rounds; i++) await clock.round();
    void intake.stop();
    const { length } = stage.seen;
    await clock.end();
    const answers = await taking;
    t.is(stage.seen.length, length, 'nothing is handed on after the stop');
    t.is(
      stage.seen.filter(({ kind }) => kind === 'scraped').length,
      answers.filter(({ kind }) => kind === 'taken').length,
    );
    t.is(stage.balance.unaccounted, 0);
  }
});
