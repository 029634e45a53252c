/** @module Lines about drops: few, in time, and they add up to what was dropped. */
import test from 'ava';
import fc from 'fast-check';
import { createDropLog, type ToldDrops } from '../../../pipeline/telemetry/drop-log.ts';
import { createTestClock } from '../../kit/clock.ts';

function create(options: Parameters<typeof createDropLog<string>>[2] = {}) {
  const clock = createTestClock();
  const told: (ToldDrops<string> & { readonly atMs: number })[] = [];
  const log = createDropLog<string>(clock, (one) => void told.push({ ...one, atMs: clock.monoMs() }), options);
  const brief = () => told.map(({ key, items, times, total, atMs }) => [key, items, times, total, atMs]);
  return { clock, told, log, brief };
}

test('the first drop is told at once, the rest when 30 s have passed, though no other one comes', (t) => {
  const { clock, log, brief, told } = create();
  log.dropped('expired', 2, 'one');
  clock.advance(1000);
  log.dropped('expired', 5, 'two');
  log.dropped('expired', 5, 'three');
  t.deepEqual(brief(), [['expired', 2, 1, 2, 0]]);
  clock.advance(28_999);
  t.is(told.length, 1);
  clock.advance(1);
  t.deepEqual(brief().slice(1), [['expired', 10, 2, 12, 30_000]]);
  t.is(told[1]?.detail, 'three');
});

test('drops that go on are told every 30 s; after 30 s without one the next is told at once again', (t) => {
  const { clock, log, brief } = create();
  for (let second = 0; second < 70; second++) {
    log.dropped('x', 1, '');
    clock.advance(1000);
  }
  clock.advance(50_000);
  log.dropped('x', 7, '');
  t.deepEqual(brief(), [
    ['x', 1, 1, 1, 0],
    ['x', 29, 29, 30, 30_000],
    ['x', 30, 30, 60, 60_000],
    ['x', 10, 10, 70, 90_000],
    ['x', 7, 1, 77, 120_000],
  ]);
});

test('nothing is told of 0 items, and no timer set', (t) => {
  const { clock, log, told } = create();
  log.dropped('x', 0, '');
  t.is(clock.timers, 0);
  log.end();
  t.is(told.length, 0);
});

test('the end tells the rest and lets go of all timers; what comes later is told at once, with the total', (t) => {
  const { clock, log, brief } = create();
  for (const key of ['a', 'b']) for (const items of [1, 2]) log.dropped(key, items, '');
  log.end();
  t.is(clock.timers, 0);
  log.dropped('a', 4, '');
  log.dropped('a', 5, '');
  log.end();
  t.is(clock.timers, 0);
  t.deepEqual(brief(), [
    ['a', 1, 1, 1, 0],
    ['b', 1, 1, 1, 0],
    ['a', 2, 1, 3, 0],
    ['b', 2, 1, 3, 0],
    ['a', 4, 1, 7, 0],
    ['a', 5, 1, 12, 0],
  ]);
});

test('details are joined where that is asked for', (t) => {
  const { clock, log, told } = create({ join: (before, now) => `${before}+${now}` });
  for (const detail of ['a', 'b', 'c']) log.dropped('x', 1, detail);
  clock.advance(30_000);
  t.deepEqual(
    told.map(({ detail }) => detail),
    ['a', 'b+c'],
  );
});

test('timers keep no process alive', (t) => {
  const clock = createTestClock();
  let unrefs = 0;
  const after: typeof clock.after = (delayMs, fire) => ({
    ...clock.after(delayMs, fire),
    unref: () => {
      unrefs += 1;
    },
  });
  const log = createDropLog({ ...clock, after }, () => {});
  log.dropped('x', 1, null);
  t.is(unrefs, 1);
});

test('whatever is dropped when: lines of a key add up, its last one has the total, none is later than 30 s, few are kept', (t) => {
  const drop = fc.record({ key: fc.constantFrom('a', 'b', 'c'), items: fc.nat(9), waitMs: fc.nat(40_000) });
  fc.assert(
    fc.property(fc.array(drop, { maxLength: 60 }), fc.constantFrom(2, 3), (drops, keys) => {
      const { clock, log, told } = create({ keys });
      const sums = new Map<string, number>();
      for (const { key, items, waitMs } of drops) {
        log.dropped(key, items, '');
        sums.set(key, (sums.get(key) ?? 0) + items);
        t.true(clock.timers <= keys);
        clock.advance(waitMs);
      }
      clock.advance(30_000);
      for (const [key, sum] of sums) {
        const lines = told.filter((line) => line.key === key);
        t.is(
          lines.reduce((total, { items }) => total + items, 0),
          sum,
        );
        if (keys === 3 && sum > 0) t.is(lines.at(-1)?.total, sum);
      }
      const before = told.length;
      log.end();
      t.is(told.length, before, 'all was told in time');
    }),
  );
});
