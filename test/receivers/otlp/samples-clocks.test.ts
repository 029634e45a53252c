/** @module A Collector's clock that is wrong or is set: no call is lost or counted twice, and lengths are those that passed. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { createStage, gauge, requestOf, type Stage, sum, WATCH_MS } from './samples-stage.ts';

const REQUESTS = 'response_total';
const DAY = 86_400;
const HOUR = 3600;
/** Between a scrape and its coming, ms. */
const ON_THE_WAY_MS = 100;

interface Scrape {
  /** Seconds since the watch began at which it comes, and by how much the Collector's clock is ahead then (s). */
  readonly at: number;
  readonly ahead: number;
  readonly value: number;
}

async function come(stage: Stage, { at, ahead, value }: Scrape): Promise<void> {
  stage.goTo(at, ON_THE_WAY_MS);
  await stage.send(requestOf([sum(REQUESTS, value, { at: at + ahead })]));
}

/** Scrapes every ten seconds from 5 s on, each with 7 calls more, by a clock that is ahead by so much at each. */
function scrapesOf(aheads: readonly number[]): Scrape[] {
  return aheads.map((ahead, i) => ({ at: 5 + 10 * i, ahead, value: 100 + 7 * i }));
}

async function played(aheads: readonly number[]): Promise<Stage> {
  const stage = await createStage();
  for (const scrape of scrapesOf(aheads)) await come(stage, scrape);
  return stage;
}

/** What all slots so far come to. */
function totals(stage: Stage) {
  const records = stage.sums.flatMap((slot) => slot.records);
  const coverage = stage.sums.flatMap((slot) => slot.coverage);
  return {
    count: records.reduce((total, { successes, failures }) => total + successes + failures, 0),
    covered: coverage.reduce((total, { coveredSeconds }) => total + coveredSeconds, 0),
    expected: coverage.reduce((total, { expectedSeconds }) => total + expectedSeconds, 0),
  };
}

/** By how much more was covered than expected at most, in all slots until any one of them, seconds. */
function mostAhead({ sums }: Stage): number {
  let aheadSeconds = 0;
  let most = 0;
  for (const { coverage } of sums) {
    for (const { coveredSeconds, expectedSeconds } of coverage) aheadSeconds += coveredSeconds - expectedSeconds;
    most = Math.max(most, aheadSeconds);
  }
  return most;
}

/** Scrapes so far that were told as missed. */
function missedOf({ seen }: Stage): number {
  return seen.filter(({ kind }) => kind === 'failed').length;
}

function ended(stage: Stage) {
  stage.clock.advance(20_000);
  return totals(stage);
}

function close(t: ExecutionContext, actual: number, expected: number, toleranceSeconds = 0.5): void {
  t.true(Math.abs(actual - expected) <= toleranceSeconds, `${actual} is about ${expected}`);
}

const times = (count: number, ahead: number) => Array<number>(count).fill(ahead);

for (const [name, ahead] of [
  ['a day behind', -DAY],
  ['an hour behind', -HOUR],
  ['half a minute behind', -30],
  ['half a minute ahead', 30],
  ['an hour ahead', HOUR],
] as const)
  test(`a clock that is ${name} bends neither counts nor coverage`, async (t) => {
    const stage = await played(times(8, ahead));
    t.is(missedOf(stage), 0);
    const { count, covered, expected } = ended(stage);
    t.is(count, 49);
    close(t, covered, 70);
    t.true(covered <= expected);
  });

for (const [name, before, after] of [
  ['from a day to an hour behind', -DAY, -HOUR],
  ['from an hour behind to right', -HOUR, 0],
  ['from half a minute behind to right', -30, 0],
  ['to an hour ahead', 0, HOUR],
  ['by a few seconds', 0, 4],
] as const)
  test(`a clock that is set forward ${name} covers what has passed, and no scrape is missed`, async (t) => {
    const stage = await played([...times(4, before), ...times(4, after)]);
    t.is(missedOf(stage), 0);
    const { count, covered, expected } = ended(stage);
    t.is(count, 49);
    close(t, covered, 70);
    t.true(covered <= expected);
    for (const { coverage } of stage.sums) for (const one of coverage) t.true(one.coveredSeconds <= 20.5);
  });

for (const [name, before, after] of [
  ['by an hour', 0, -HOUR],
  ['from a day ahead to an hour ahead', DAY, HOUR],
  ['by half a minute', 0, -35],
] as const)
  test(`a clock that is set back ${name} is believed by its third scrape, with which all counts`, async (t) => {
    const stage = await played([...times(4, before), ...times(2, after)]);
    t.is(stage.balance.filtered.get('repeat'), 2);
    await come(stage, { at: 65, ahead: after, value: 142 });
    await come(stage, { at: 75, ahead: after, value: 149 });
    t.is(stage.balance.filtered.get('repeat'), 2, 'believed');
    const { count, covered, expected } = ended(stage);
    t.is(count, 49);
    close(t, covered, 70);
    t.true(covered <= expected);
  });

test('deltas go on after the clock was set back', async (t) => {
  const stage = await createStage();
  const delta = async (at: number, ahead: number) => {
    stage.goTo(at, ON_THE_WAY_MS);
    await stage.send(requestOf([sum(REQUESTS, 7, { at: at + ahead, from: at + ahead - 10, temporality: 1 })]));
  };
  for (const [i, ahead] of [HOUR, HOUR, HOUR, 0, 0, 0, 0].entries()) await delta(15 + i * 10, ahead);
  t.is(stage.balance.filtered.get('repeat') ?? 0, 0);
  const { count, covered, expected } = ended(stage);
  t.is(count, 49);
  t.true(covered <= expected, `${covered} of ${expected}`);
});

test('deltas of a clock that was set forward leave no gap', async (t) => {
  const stage = await createStage();
  for (const [i, ahead] of [-HOUR, -HOUR, -HOUR, 0, 0].entries()) {
    const at = 15 + i * 10;
    stage.goTo(at, ON_THE_WAY_MS);
    await stage.send(requestOf([sum(REQUESTS, 7, { at: at + ahead, from: at + ahead - 10, temporality: 1 })]));
  }
  t.is(missedOf(stage), 0);
  const { count, covered, expected } = ended(stage);
  t.is(count, 35);
  close(t, covered, 50, 1);
  t.true(covered <= expected, `${covered} of ${expected}`);
});

test('what is late, or comes again, of a clock that is ahead is not taken for the clock set right', async (t) => {
  const stage = await played(times(4, HOUR));
  const [, second, third] = scrapesOf(times(4, HOUR));
  for (const { at, ahead, value } of [second!, third!])
    await stage.send(requestOf([sum(REQUESTS, value, { at: at + ahead })]));
  await come(stage, { at: 45, ahead: HOUR, value: 128 });
  t.is(stage.balance.filtered.get('repeat'), 2);
  t.is(ended(stage).count, 28);
});

test('scrapes that come again, however slowly, are not taken for a clock set back', async (t) => {
  const stage = await played(times(6, 0));
  for (const [i, { at, value }] of scrapesOf(times(4, 0)).entries())
    await come(stage, { at: 65 + 10 * i, ahead: at - 65 - 10 * i, value });
  await come(stage, { at: 105, ahead: 0, value: 170 });
  t.is(stage.balance.filtered.get('repeat'), 4);
  t.is(ended(stage).count, 70);
});

test('a proxy of a Collector whose clock is a day behind was heard when its points came, and its silence is told from then', async (t) => {
  const stage = await played(times(3, -DAY));
  stage.clock.advance(3000);
  t.is(stage.intake.targets()[0]!.lastScrapeMs, WATCH_MS + 25_000 + ON_THE_WAY_MS);
  t.is(stage.intake.targets()[0]!.health, 'up');
  stage.clock.advance(40_000);
  const { health, lastError } = stage.intake.targets()[0]!;
  t.is(health, 'down');
  t.is(
    lastError,
    `nothing came since ${new Date(WATCH_MS + 25_100).toISOString()}; the Collector's clock is behind by 86400 s`,
  );
});

test('how far a clock is off is told, and counted each time; what may be late is not taken for that', async (t) => {
  for (const [ahead, text, found] of [
    [-DAY, 'behind', 86_400],
    [HOUR, 'ahead', 3600],
    [-30, '', 0],
  ] as const) {
    const stage = await played(times(4, ahead));
    ended(stage);
    const { log, meters } = stage;
    const told = log.lines
      .map(({ message, fields }) => [fields.seconds, /^the clock of the Collector is (\w+):/.exec(message)?.[1]])
      .filter(([, which]) => which !== undefined);
    t.deepEqual(told.slice(0, 1), text === '' ? [] : [[found, text]]);
    const counted = meters.read('weir_otlp_samples_clock_off_total');
    t.is(counted, { behind: 3, ahead: 4, '': 0 }[text], 'the first one that is behind may have waited');
  }
});

test('what waited for Weir to begin covers the time between its scrapes, however late it comes', async (t) => {
  const stage = await createStage();
  stage.clock.advance(3000);
  for (let i = 0; i < 7; i++) {
    stage.clock.advance(10);
    await stage.send(requestOf([sum(REQUESTS, 100 + 7 * i, { at: 10 * i - 58 })]));
  }
  await come(stage, { at: 12, ahead: 0, value: 149 });
  const { count, covered } = ended(stage);
  t.is(count, 49);
  close(t, covered, 70, 1.5);
});

test('an outage that is made up for covers the time of its scrapes, and no more than is expected', async (t) => {
  const stage = await played(times(4, 0));
  stage.clock.advance(60_000);
  for (let i = 4; i < 10; i++) await stage.send(requestOf([sum(REQUESTS, 100 + 7 * i, { at: 5 + 10 * i })]));
  await come(stage, { at: 105, ahead: 0, value: 170 });
  const { count, covered, expected } = ended(stage);
  t.is(count, 70);
  close(t, covered, 100);
  t.true(covered <= expected);
});

test('of a clock set back with which values fall nothing is believed, unless the proxy tells that it is another process', async (t) => {
  for (const [restarted, count] of [
    [false, 21],
    [true, 21 + 20],
  ] as const) {
    const stage = await createStage();
    const start = (at: number, seconds: number) =>
      gauge('process_start_time_seconds', WATCH_MS / 1000 + seconds, { at });
    for (const { at, value } of scrapesOf(times(4, 0))) {
      stage.goTo(at, ON_THE_WAY_MS);
      await stage.send(requestOf([sum(REQUESTS, value, { at }), start(at, -HOUR)]));
    }
    for (let i = 0; i < 4; i++) {
      const at = 45 + 10 * i;
      stage.goTo(at, ON_THE_WAY_MS);
      const metrics = [sum(REQUESTS, 5 + 5 * i, { at: at - HOUR }), start(at - HOUR, restarted ? 40 : -HOUR)];
      await stage.send(requestOf(metrics));
    }
    t.is(ended(stage).count, count);
  }
});

test("a step of Weir's own clock neither covers more than passed nor makes a proxy gone", async (t) => {
  for (const host of [0, HOUR]) {
    const stage = await createStage();
    for (const { at, value } of scrapesOf(times(8, 0))) {
      stage.clock.advance(Math.max(0, at * 1000 + ON_THE_WAY_MS - stage.clock.monoMs()));
      const isSet = at >= 45;
      if (at === 45) stage.clock.setWall(stage.clock.wallMs() + HOUR * 1000);
      await stage.send(requestOf([sum(REQUESTS, value, { at: at + (isSet ? host : 0) })]));
    }
    t.deepEqual(
      stage.seen.filter(({ kind }) => kind === 'gone'),
      [],
    );
    const { count, covered, expected } = ended(stage);
    t.is(count, 49);
    t.true(covered <= expected, `${covered} of ${expected}`);
  }
});

test('whatever a clock does, all calls count once, and no more is covered than is expected', async (t) => {
  const jump = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.constantFrom(-DAY, -HOUR, -90, -35, 35, 90, HOUR, DAY));
  const stretch = fc.record({ jump, scrapes: fc.integer({ min: 1, max: 5 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -DAY, max: DAY }),
      fc.array(stretch, { maxLength: 5 }),
      async (first, stretches) => {
        const aheads = times(2, first);
        for (const { jump: by, scrapes } of stretches) aheads.push(...times(scrapes, aheads.at(-1)! + by));
        // So many that a clock set back at last is believed.
        aheads.push(...times(4, aheads.at(-1)!));
        const stage = await played(aheads);
        const { count, covered, expected } = ended(stage);
        t.is(count, 7 * (aheads.length - 1), `clock ahead by ${aheads}`);
        t.true(covered <= expected, `${covered} of ${expected}: clock ahead by ${aheads}`);
        t.is(stage.balance.unaccounted, 0);
        t.true(mostAhead(stage) <= 10, 'what is late is never covered more than a slot before it is expected');
        stage.intake.stop();
        stage.close();
      },
    ),
    { numRuns: 60 },
  );
});
