/** @module Long requests of samples are applied beside short ones, but for those of the same proxies, and let go in time. */
import test from 'ava';
import fc from 'fast-check';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { type InSteps, inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { createMetricsIntake } from '../../../receivers/otlp/metrics-intake.ts';
import { createStage, SETTLED_MS, type Stage, scrapeOf, totalOf } from './samples-stage.ts';
import { TurnClock } from './turn-clock.ts';

const LONG = 150;
const SHORT = 40;
/** Between the two, so that each request of LONG series is long. */
const LONG_SAMPLES = 100;

const stageOf = () => createStage({ config: { target_expiration: '30s' }, longSamples: LONG_SAMPLES });
const goodOnes = ({ seen }: Stage) => seen.filter(({ kind }) => kind === 'scraped').map(({ target }) => target);

test('property: long and short scrapes of several proxies that come at the same time, some of them twice, count once each', async (t) => {
  const slices = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
  // Proxies 1 and 2 have so many series that their requests are long.
  const order = fc.shuffledSubarray([1, 2, 3, 4, 1, 2, 3, 4], { minLength: 8 });
  const seriesOf = (i: number) => (i <= 2 ? LONG : SHORT);
  await fc.assert(
    fc.asyncProperty(slices, order, async (ends, proxies) => {
      const stage = await stageOf();
      const clock = new TurnClock(ends);
      const intake = createMetricsIntake(stage.settings, new Turns(clock), stage.intake);
      for (const [at, value] of [[5, 10] as const, [15, 17] as const]) {
        stage.clock.advance(at === 5 ? 5000 : 10_000);
        const taking = Promise.all(proxies.map((i) => intake.take(scrapeOf(i, at, value, seriesOf(i)))));
        await clock.end();
        for (const answer of await taking) t.is(answer.kind, 'taken');
      }
      stage.clock.advance(60_000);
      t.is(totalOf(stage), (2 * LONG + 2 * SHORT) * 7);
      t.deepEqual(stage.balance.filtered, new Map([['repeat', 2 * (2 * LONG + 2 * SHORT)]]));
      t.is(stage.balance.unaccounted, 0);
      t.is(stage.smiBalance.unaccounted, 0);
    }),
    { numRuns: 15 },
  );
});

/** A stage with the first scrape of proxy 1, which is long, in the middle of being applied; proxy 2 is known. */
async function applying() {
  const stage = await stageOf();
  const clock = new TurnClock([true]);
  const intake = createMetricsIntake(stage.settings, new Turns(clock), stage.intake);
  stage.clock.advance(5000);
  const first = intake.take(scrapeOf(2, 5, 10, SHORT));
  await clock.end();
  await first;
  stage.clock.advance(20_000);
  const answered: string[] = [];
  const take = (name: string, body: Uint8Array) =>
    intake.take(body).then(({ kind }) => void answered.push(`${name} ${kind}`));
  const long = take('long', scrapeOf(1, 15, 17, 2000));
  for (let i = 0; stage.intake.targets().length < 2; i++) {
    if (i > 1000) throw new Error('the long request is never applied');
    await clock.round();
  }
  if (goodOnes(stage).length !== 1) throw new Error('the long request is applied already');
  return { stage, intake, clock, take, long, answered };
}

test('a short request of another proxy is answered while a long one is being applied', async (t) => {
  const { stage, clock, take, long, answered } = await applying();
  const short = take('short', scrapeOf(2, 15, 17, SHORT));
  await clock.end();
  await Promise.all([long, short]);
  t.deepEqual(answered, ['short taken', 'long taken']);
  stage.clock.advance(60_000);
  t.is(totalOf(stage), SHORT * 7);
});

test('a short request of the same proxy waits for it, so that what comes of one proxy is taken in its order', async (t) => {
  const { stage, clock, take, long, answered } = await applying();
  // Under a resource that is not known yet, so that nothing but its names tells whose it is.
  const short = take('next', scrapeOf(1, 25, 20, SHORT, { 'telemetry.sdk.name': 'x' }));
  await clock.end();
  await Promise.all([long, short]);
  t.deepEqual(answered, ['long taken', 'next taken']);
  stage.clock.advance(60_000);
  t.deepEqual(stage.balance.filtered.get('repeat'), undefined);
  t.is(totalOf(stage), SHORT * 3);
});

test('a second long request waits for the first, and short ones for neither', async (t) => {
  const { stage, clock, take, long, answered } = await applying();
  const second = take('second', scrapeOf(3, 15, 17, LONG));
  const short = take('short', scrapeOf(2, 15, 17, SHORT));
  await clock.end();
  await Promise.all([long, second, short]);
  t.is(answered[0], 'short taken');
  t.deepEqual(answered.slice(1), ['long taken', 'second taken']);
  t.deepEqual(stage.intake.targets().length, 3);
  t.is(stage.balance.unaccounted, 0);
});

test('one that waits for a long request of its proxy is not forgotten when that one has failed', async (t) => {
  const { stage, clock, take, long, answered } = await applying();
  const same = scrapeOf(1, 25, 20, LONG);
  const broken = take('broken', same.subarray(0, same.length - 1)).catch(() => void answered.push('broken'));
  const next = take('next', scrapeOf(1, 35, 21, LONG));
  await clock.end();
  await Promise.all([long, broken, next]);
  t.deepEqual([...answered].sort(), ['broken', 'long taken', 'next taken']);
  t.is(stage.balance.unaccounted, 0);
});

test('a stop hands on the long request that was begun and the short one, and tells all others to come again', async (t) => {
  for (const rounds of [0, 2, 4, 8, 12, 16, 24, 32]) {
    const stage = await stageOf();
    const clock = new TurnClock([true]);
    const intake = createMetricsIntake(stage.settings, new Turns(clock), stage.intake);
    const sizes = [LONG, SHORT, LONG, SHORT];
    const taking = Promise.all(sizes.map((series, i) => intake.take(scrapeOf(i, 5, 10, series))));
    for (let i = 0; i < rounds; i++) await clock.round();
    void intake.stop();
    const { length } = stage.seen;
    await clock.end();
    const answers = await taking;
    t.is(stage.seen.length, length, 'nothing is handed on after the stop');
    t.is(goodOnes(stage).length, answers.filter(({ kind }) => kind === 'taken').length);
    t.is(stage.balance.unaccounted, 0);
  }
});

test('a stop finishes a long request that is beside others', async (t) => {
  const { stage, intake, clock, long, answered } = await applying();
  void intake.stop();
  t.deepEqual(
    stage.seen.slice(-4).map(({ kind }) => kind),
    ['gone', 'discovered', 'scraped', 'gone'],
  );
  await clock.end();
  await long;
  t.deepEqual(answered, ['long taken']);
});

function stepsOf<T>(steps: InSteps<T>): number {
  for (let count = 0; ; count++) if (steps.next().done === true) return count;
}

async function offerSteps({ intake }: Stage, body: Uint8Array): Promise<number> {
  const reading = intake.read(body, new Map());
  for (;;) {
    const step = reading.next();
    if (step.done === true) return stepsOf(step.value!.offer(false));
  }
}

test('finding the series of points lets go often: each unknown one is 1/32 of a step', async (t) => {
  const stage = await createStage();
  stage.clock.advance(5000);
  const first = await offerSteps(stage, scrapeOf(1, 5, 10, 1600));
  stage.clock.advance(10_000);
  const again = await offerSteps(stage, scrapeOf(1, 15, 10, 1600));
  t.true(first - again >= 45, `${first} steps at first sight, ${again} then`);
});

test('a page lets go often: each is an eighth of a step, however few its points', async (t) => {
  const stage = await createStage();
  stage.clock.advance(5000);
  const requests = (at: number) =>
    Uint8Array.from(Array.from({ length: 200 }, (_, i) => [...scrapeOf(i, at, 10, 1)]).flat());
  await offerSteps(stage, requests(5));
  stage.clock.advance(10_000);
  const steps = await offerSteps(stage, requests(15));
  t.true(steps >= 25, `${steps} steps`);
});

test('a page of many series is taken by steps, those that came long ago too', async (t) => {
  const stage = await createStage();
  stage.clock.advance(5000);
  await offerSteps(stage, scrapeOf(1, 5, 10, 20_000));
  stage.clock.advance(10_000);
  await offerSteps(stage, scrapeOf(1, 15, 11, 1));
  const before = goodOnes(stage).length;
  stage.clock.advance(SETTLED_MS - 1);
  t.is(goodOnes(stage).length, before);
  let steps = 0;
  // Each step is a timer of its own while it is settled; there are a few others.
  while (stage.balance.accepted < 20_001 && steps < 1000) {
    stage.clock.fireNext();
    steps += 1;
  }
  // Shown in 20,000 x 17 / 16,384 steps, and taken in two times two.
  t.true(steps >= 24, `${steps} steps`);
  t.is(goodOnes(stage).length, before + 1);
  stage.clock.advance(60_000);
  t.is(totalOf(stage), 1);
});

test('a request is long by its samples and by the series that are kept of its proxies, for all of them are on each page', async (t) => {
  const stage = await stageOf();
  stage.clock.advance(5000);
  await stage.send(scrapeOf(1, 5, 10, LONG_SAMPLES - 1));
  stage.clock.advance(10_000);
  const isLong = (i: number, series: number) =>
    inOneGo(stage.intake.read(scrapeOf(i, 15, 17, series), new Map()))!.isLong;
  t.deepEqual(
    [1, 2].map((series) => isLong(1, series)),
    [false, true],
    'a proxy with many series',
  );
  t.deepEqual(
    [1, 2, LONG_SAMPLES, LONG_SAMPLES + 1].map((series) => isLong(2, series)),
    [false, false, false, true],
  );
});
