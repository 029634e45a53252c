/** @module What is held of scrapes is applied in time, even where something else is always being applied. */
import test from 'ava';
import { inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { RowPool } from '../../../receivers/otlp/samples-held.ts';
import type { PointRows } from '../../../receivers/otlp/samples-rows.ts';
import { countsOf, createStage, SETTLED_MS, scrapeOf, WATCH_MS } from './samples-stage.ts';

const SERIES = 400;
const scrape = (i: number, at: number, value: number, series = SERIES) => scrapeOf(i, at, value, series);

/** After what is held has been due for so much longer (of the time it was to be held) it waits for no pause. */
const LATE_MS = SETTLED_MS * 1.2;
const STEP_MS = 100;

/** Each request is still being offered when the clock goes on, and the next one begins when it has ended. */
async function underLoad(held: number) {
  const stage = await createStage();
  const settledMs = () => stage.seen.filter(({ kind, target }) => kind === 'scraped' && target === '10.0.0.1:4191');
  stage.clock.advance(5000);
  for (let i = 1; i <= held; i++) await stage.send(scrape(i, 5, 10, 2));
  const fromMs = stage.time.nowMs();
  let waitedMs = Number.NaN;
  for (let k = 0; k < 100 && Number.isNaN(waitedMs); k++) {
    const share = inOneGo(stage.intake.read(scrape(1000 + k, (stage.time.nowMs() - WATCH_MS) / 1000, 1), new Map()))!;
    inOneGo(share.settleLate());
    const steps = share.offer(false);
    if (steps.next().done === true) throw new Error('too short to be offered by steps');
    stage.clock.advance(STEP_MS);
    if (settledMs().length > 0) waitedMs = stage.time.nowMs() - STEP_MS - fromMs;
    const outcome = await inOneGo(steps);
    if (outcome.kind !== 'taken') throw new Error('not taken');
  }
  return { stage, waitedMs };
}

for (const held of [1, 50]) {
  test(`the scrapes of ${held} proxies are settled although requests are offered back to back`, async (t) => {
    const { stage, waitedMs } = await underLoad(held);
    // Requests are held up by others' scrapes only when these are late.
    t.true(waitedMs >= LATE_MS && waitedMs <= LATE_MS + STEP_MS, `after ${waitedMs} ms`);
    const good = stage.seen.filter(({ kind, target }) => kind === 'scraped' && target.split('.')[3]!.length < 8);
    t.is(good.length, held);
    stage.clock.advance(60_000);
    t.is(stage.balance.unaccounted, 0);
  });
}

test('what is settled for being late is settled once, though its time comes in the middle of that', async (t) => {
  const stage = await createStage();
  const held = 400;
  stage.clock.advance(5000);
  for (let i = 1; i <= held; i++) await stage.send(scrape(i, 5, 10, 2));
  const read = () => inOneGo(stage.intake.read(scrape(1000, 5, 1), new Map()))!;
  const open = read().offer(false);
  t.not(open.next().done, true);
  stage.clock.advance(LATE_MS);
  t.is(stage.seen.filter(({ kind }) => kind === 'scraped').length, 0);
  await inOneGo(open);
  const steps = read().settleLate();
  t.not(steps.next().done, true, 'not all of them at once');
  stage.clock.advance(STEP_MS);
  inOneGo(steps);
  const good = stage.seen.filter(({ kind }) => kind === 'scraped').map(({ target }) => target);
  t.deepEqual([good.length, new Set(good).size], [held, held]);
  stage.clock.advance(60_000);
  t.is(stage.balance.unaccounted, 0);
});

test('what came late is settled under load before its slot closes', async (t) => {
  const stage = await createStage();
  stage.clock.advance(9600);
  await stage.send(scrape(1, 9.5, 10, 2));
  // Its slot closes at 30 s.
  stage.clock.advance(27_000 - 9600);
  await stage.send(scrape(1, 19.5, 17, 2));
  for (let k = 0; k < 50; k++) {
    const share = inOneGo(stage.intake.read(scrape(1000 + k, 25, 1), new Map()))!;
    inOneGo(share.settleLate());
    const steps = share.offer(false);
    steps.next();
    stage.clock.advance(STEP_MS);
    await inOneGo(steps);
  }
  stage.clock.advance(60_000);
  const [first] = countsOf(stage.sums).filter(({ count }) => count > 0);
  t.deepEqual([first?.at, first?.count], [10, 14]);
});

test('rows of a burst are let go: no more than 4 MiB of them are kept', (t) => {
  const pool = new RowPool();
  const all: PointRows[] = Array.from({ length: 200 }, () => pool.take());
  for (const rows of all) for (let i = 0; i < 20_000; i++) rows.values.push(i);
  for (const rows of all) pool.giveBack(rows);
  t.true(pool.spareBytes > 1024 * 1024);
  t.true(pool.spareBytes <= 4 * 1024 * 1024);
  const kept = new Set(all);
  const again = Array.from({ length: 200 }, () => pool.take());
  const reused = again.filter((rows) => kept.has(rows));
  t.true(reused.length > 5 && reused.length < 20);
  t.is(pool.spareBytes, 0);
  t.true(reused.every(({ values }) => values.length === 0));
});
