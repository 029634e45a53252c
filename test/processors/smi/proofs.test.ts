/** @module Series that count only while another one of their target proves what they are of. */
import test from 'ava';
import fc from 'fast-check';
import type { SeriesMeaning } from '../../../pipeline/model/rules.ts';
import { counter, identity, START, TestTarget, telling, workload } from '../../kit/mesh.ts';
import { counted, createEngine, SmiRun, WATCH_MS } from '../../kit/smi-run.ts';

const YOUNG = WATCH_MS / 1000;
const api = workload('api');
const needs = (name: string) => telling(counter('unreached', api), { needs: name });
const proves = (name: string): SeriesMeaning => ({ role: 'filtered', reason: 'told elsewhere', proves: name });

/** A process that began under watch, so that its first page counts. */
function proxy(): TestTarget {
  return new TestTarget(identity('a')).series('start', START).series('gone', needs('x')).series('ok', proves('x'));
}

test('without a proof nothing counts, no record shows, and the samples are told apart', (t) => {
  const run = new SmiRun();
  const target = new TestTarget(identity('a')).series('start', START).series('gone', needs('x'));
  const { engine } = run;
  const rows = [
    ['start', YOUNG],
    ['gone', 5],
  ] as const;
  const intake = engine.take(target.page(rows, { startedMs: WATCH_MS + 2000, nextDueMs: null }));
  t.like(intake, { unproven: 1, merged: 1, badValues: 0 });
  const sums = run.close(20);
  t.deepEqual(
    sums.flatMap(({ records }) => records),
    [],
  );
  t.is(engine.records, 0);
});

test('the proof of another name proves nothing', (t) => {
  const run = new SmiRun();
  const target = new TestTarget(identity('a')).series('gone', needs('x')).series('ok', proves('y'));
  run.page(target, 2, [['gone', 5]]);
  run.page(target, 12, [
    ['gone', 8],
    ['ok', 1],
  ]);
  t.is(counted(run.close(30)), 0);
});

test('a proof on the same page, behind or before, lets all of it count', (t) => {
  for (const names of [
    ['gone', 'ok'],
    ['ok', 'gone'],
  ]) {
    const run = new SmiRun();
    const target = new TestTarget(identity('a')).series('start', START);
    for (const name of names) target.series(name, name === 'ok' ? proves('x') : needs('x'));
    run.page(target, 2, [
      ['start', YOUNG],
      ['gone', 5],
      ['ok', 1],
    ]);
    const [sum] = run.close(20);
    t.like(sum!.records[0], { failures: 5, unreached: 5 });
    t.is(counted([sum!]), 5);
  }
});

test('a proof that comes later lets what comes with it count, and nothing before', (t) => {
  const run = new SmiRun();
  const target = new TestTarget(identity('a')).series('start', START).series('gone', needs('x'));
  run.page(target, 2, [
    ['start', YOUNG],
    ['gone', 5],
  ]);
  run.page(target, 12, [
    ['start', YOUNG],
    ['gone', 7],
  ]);
  target.series('ok', proves('x'));
  run.page(target, 22, [
    ['start', YOUNG],
    ['gone', 10],
    ['ok', 3],
  ]);
  run.page(target, 32, [
    ['start', YOUNG],
    ['gone', 11],
    ['ok', 4],
  ]);
  const sums = run.close(50);
  t.is(counted(sums), 4);
  t.true(sums.every(({ coverage }) => coverage.every(({ resets }) => resets === 0)));
});

test('a proof counts while one of its series is there, absent from a page or not, and ends with the last', (t) => {
  const run = new SmiRun();
  const target = proxy().series('ok too', proves('x'));
  const page = (at: number, gone: number) =>
    run.page(target, at, [
      ['start', YOUNG],
      ['gone', gone],
    ]);
  run.page(target, 2, [
    ['start', YOUNG],
    ['gone', 1],
    ['ok', 1],
    ['ok too', 1],
  ]);
  page(12, 10);
  target.target.series.release(target.idOf('ok'));
  page(22, 100);
  target.target.series.release(target.idOf('ok too'));
  page(32, 1000);
  t.is(counted(run.close(50)), 100);
  target.series('again', proves('x'));
  run.page(target, 52, [
    ['start', YOUNG],
    ['gone', 1003],
    ['again', 1],
  ]);
  t.is(counted(run.close(70)), 3);
});

test('a series released and given anew needs its own proof', (t) => {
  const run = new SmiRun();
  const target = proxy();
  run.page(target, 2, [
    ['start', YOUNG],
    ['gone', 1],
    ['ok', 1],
  ]);
  target.target.series.release(target.idOf('gone'));
  target.series('gone y', needs('y'));
  run.page(target, 12, [
    ['start', YOUNG],
    ['gone y', 10],
    ['ok', 1],
  ]);
  t.is(counted(run.close(30)), 1);
});

test('a value that cannot be is told as bad, proven or not, and once', (t) => {
  const { engine } = new SmiRun();
  const target = new TestTarget(identity('a')).series('gone', needs('x'));
  const intake = engine.take(target.page([['gone', Number.NaN]], { startedMs: WATCH_MS + 2000, nextDueMs: null }));
  t.like(intake, { unproven: 0, badValues: 1, merged: 0 });
});

for (const [value, isBad] of [
  [0, false],
  [2 ** 53, false],
  [-1, true],
  [2 ** 53 + 2, true],
  [Number.POSITIVE_INFINITY, true],
] as const) {
  test(`a value of ${value} that nothing proves is ${isBad ? 'bad' : 'told as unproven'}`, (t) => {
    const { engine } = new SmiRun();
    const target = new TestTarget(identity('a')).series('gone', needs('x'));
    const intake = engine.take(target.page([['gone', value]], { startedMs: WATCH_MS + 2000, nextDueMs: null }));
    t.like(intake, { unproven: isBad ? 0 : 1, badValues: isBad ? 1 : 0, merged: 0 });
  });
}

test('a proven series for which there is no room is dropped, and starts with a baseline when there is', (t) => {
  const run = new SmiRun(createEngine({ maxRecords: 1 }));
  const other = new TestTarget(identity('b'), { key: 'b' }).series('n', counter('success', workload('c')));
  run.page(other, 1, [['n', 1]]);
  const target = proxy();
  const page = (gone: number, atSeconds: number) =>
    run.engine.take(
      target.page(
        [
          ['start', YOUNG],
          ['gone', gone],
          ['ok', 1],
        ],
        { startedMs: WATCH_MS + atSeconds * 1000, nextDueMs: null },
      ),
    );
  t.like(page(5, 2), { overLimit: 1, unproven: 0 });
  run.gone(other, 3);
  t.is(counted(run.close(30)), 0);
  t.like(page(7, 32), { overLimit: 0, unproven: 0 });
  t.like(page(9, 42), { overLimit: 0, unproven: 0 });
  t.is(counted(run.close(60)), 2);
});

test('own exports are no failures, proven or not', (t) => {
  const run = new SmiRun(createEngine({ ownExports: new Set(['x/api']) }));
  const target = new TestTarget(identity('a')).series('start', START);
  target.series('gone', telling(counter('unreached', api, 'client', { service: 'api' }), { needs: 'x' }));
  target.series('ok', proves('x'));
  const rows = [
    ['start', YOUNG],
    ['gone', 5],
    ['ok', 1],
  ] as const;
  t.like(run.engine.take(target.page(rows, { startedMs: WATCH_MS + 2000, nextDueMs: null })), {
    ownExports: 1,
    unproven: 0,
  });
  t.is(counted(run.close(20)), 0);
});

test('whatever comes and goes: what grew while it was proven is counted, and every sample is in the books', (t) => {
  const step = fc.record({
    grows: fc.nat(9),
    shown: fc.boolean(),
    event: fc.constantFrom('none', 'none', 'proof', 'proof', 'end'),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const run = new SmiRun();
      const target = new TestTarget(identity('a')).series('start', START).series('gone', needs('x'));
      let expected = 0;
      let value = 0;
      /** Value last shown; null: it was not on the last page, so that it counts from 0. */
      let last: number | null = null;
      const provers: string[] = [];
      let at = 2;
      for (const { grows, shown, event } of steps) {
        value += grows;
        if (event === 'proof') provers.push(`proof ${at}`);
        if (event === 'proof') target.series(provers.at(-1)!, proves('x'));
        const over = event === 'end' ? provers.shift() : undefined;
        if (over !== undefined) target.target.series.release(target.idOf(over));
        const rows: [string, number][] = [['start', YOUNG], ...provers.map((name): [string, number] => [name, 1])];
        if (shown) rows.push(['gone', value]);
        if (shown && provers.length > 0) expected += value - (last ?? 0);
        last = shown ? value : null;
        const startedMs = WATCH_MS + at * 1000;
        const intake = run.engine.take(target.page(rows, { startedMs, nextDueMs: null }));
        if (intake.unproven !== Number(shown && provers.length === 0)) return false;
        if (intake.merged + intake.unproven !== rows.length) return false;
        at += 1;
      }
      return counted(run.close(at + 20)) === expected;
    }),
    { numRuns: 500 },
  );
  t.pass();
});
