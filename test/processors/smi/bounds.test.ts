/** @module Histograms with unlike bounds in one record are never added bound by bound. */
import test from 'ava';
import fc from 'fast-check';
import type { LatencyHistogram, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../../pipeline/model/traffic-key.ts';
import { BoundSets } from '../../../processors/smi/bounds.ts';
import { CellSpace } from '../../../processors/smi/cell-space.ts';
import { CellTable } from '../../../processors/smi/cells.ts';
import { bucket, identity, peer, START, TestTarget, workload } from '../../kit/mesh.ts';
import { SmiRun, WATCH_MS } from '../../kit/smi-run.ts';

const b = workload('b');
const BORN = WATCH_MS / 1000 + 1;
const START_ROW = ['start', BORN] as const;
const INF = Number.POSITIVE_INFINITY;

/** A target of pod `a-1` whose histogram `group` has these bounds; series are named `group:bound`. */
function withHistogram(key: string, histograms: Readonly<Record<string, readonly number[]>>): TestTarget {
  const target = new TestTarget(identity('a', ''), { key }).series('start', START);
  for (const [group, bounds] of Object.entries(histograms)) addBuckets(target, group, bounds);
  return target;
}

function addBuckets(target: TestTarget, group: string, bounds: readonly number[]): void {
  for (const bound of bounds) target.series(`${group}:${bound}`, bucket(bound, b, 'client', group));
}

/** Cumulative values of one histogram on a page. */
function values(group: string, cumulative: Readonly<Record<string, number>>): (readonly [string, number])[] {
  return Object.entries(cumulative).map(([bound, value]) => [`${group}:${bound}`, value] as const);
}

function histograms({ records }: TrafficSum): [bounds: readonly number[], counts: number[]][] {
  const found = records.flatMap((record) => record.latency ?? []);
  return found
    .map(({ boundsMs, counts }): [readonly number[], number[]] => [boundsMs, [...counts]])
    .sort((x, y) => x[0].length - y[0].length);
}

test('two pods of one record with other bounds give a histogram each; equal bounds are added', (t) => {
  const run = new SmiRun();
  const one = withHistogram('one', { h: [1, 10, INF] });
  const two = withHistogram('two', { h: [5, 10, 100, INF] });
  const three = withHistogram('three', { h: [INF, 10, 1] });
  run.page(one, 2, [START_ROW, ...values('h', { 1: 1, 10: 3, Infinity: 6 })]);
  run.page(two, 3, [START_ROW, ...values('h', { 5: 10, 10: 30, 100: 60, Infinity: 100 })]);
  run.page(three, 4, [START_ROW, ...values('h', { 1: 100, 10: 300, Infinity: 600 })]);
  const [sum] = run.close(10);
  t.is(sum!.records.length, 1);
  t.deepEqual(histograms(sum!), [
    [
      [1, 10],
      [101, 202, 303],
    ],
    [
      [5, 10, 100],
      [10, 20, 30, 40],
    ],
  ]);
});

test('two families mapped to one record stay apart by their bounds', (t) => {
  const run = new SmiRun();
  const target = withHistogram('one', { ms: [1, 10, INF], s: [1000, INF] });
  run.page(target, 2, [
    START_ROW,
    ...values('ms', { 1: 1, 10: 2, Infinity: 2 }),
    ...values('s', { 1000: 5, Infinity: 6 }),
  ]);
  t.deepEqual(histograms(run.close(10)[0]!), [
    [[1000], [5, 1]],
    [
      [1, 10],
      [1, 1, 0],
    ],
  ]);
});

test('a bucket that joins later moves its histogram: what the open slot has stays, nothing is lost or doubled', (t) => {
  const run = new SmiRun();
  const target = withHistogram('one', { h: [1, 10, INF] });
  run.page(target, 2, [START_ROW, ...values('h', { 1: 1, 10: 3, Infinity: 6 })]);
  addBuckets(target, 'h', [5]);
  run.page(target, 4, [START_ROW, ...values('h', { 1: 2, 5: 900, 10: 5, Infinity: 9 })]);
  run.page(target, 12, [START_ROW, ...values('h', { 1: 2, 5: 902, 10: 9, Infinity: 13 })]);
  const [first, second] = run.close(20);
  t.deepEqual(histograms(first!), [
    [
      [1, 10],
      [1, 2, 3],
    ],
    // The counts of the bucket that joined are from before: only a baseline.
    [
      [1, 5, 10],
      [1, 0, 1, 1],
    ],
  ]);
  t.is(first!.coverage[0]!.resets, 1);
  t.deepEqual(histograms(second!), [
    [
      [1, 5, 10],
      [0, 2, 2, 0],
    ],
  ]);
});

test('a bucket that is released moves its histogram to the bounds that are left', (t) => {
  const run = new SmiRun();
  const target = withHistogram('one', { h: [1, 5, 10, INF] });
  run.page(target, 2, [START_ROW, ...values('h', { 1: 1, 5: 2, 10: 3, Infinity: 4 })]);
  for (const at of [12, 13]) run.page(target, at, [START_ROW, ...values('h', { 1: 1, 10: 3, Infinity: 4 })]);
  target.target.series.release(target.idOf('h:5'));
  run.page(target, 22, [START_ROW, ...values('h', { 1: 2, 10: 5, Infinity: 7 })]);
  t.deepEqual(histograms(run.close(30)[2]!), [
    [
      [1, 10],
      [1, 1, 1],
    ],
  ]);
});

test('a bucket that is part of no histogram is a set of its own', (t) => {
  const run = new SmiRun();
  const target = new TestTarget(identity('a')).series('start', START);
  for (const bound of [5, 50, INF]) target.series(`:${bound}`, bucket(bound, b, 'client', ''));
  run.page(target, 2, [START_ROW, ...values('', { 5: 1, 50: 4, Infinity: 9 })]);
  t.deepEqual(histograms(run.close(10)[0]!), [
    [[], [9]],
    [[5], [1, 0]],
    [[50], [4, 0]],
  ]);
});

test('a bound that stands twice in a histogram is added up', (t) => {
  const run = new SmiRun();
  const target = withHistogram('one', { h: [1, INF] });
  target.series('h:again', bucket(1, b, 'client', 'h'));
  run.page(target, 2, [START_ROW, ['h:1', 2], ['h:again', 3], ['h:Infinity', 9]]);
  t.deepEqual(histograms(run.close(10)[0]!), [[[1], [5, 4]]]);
});

test('cells and sets of bounds come back when histograms go, however their bounds change', (t) => {
  const run = new SmiRun();
  const target = withHistogram('one', { keep: [7, INF] });
  let total = 0;
  for (let k = 0; k < 200; k++) {
    const bounds = Array.from({ length: 2 + (k % 5) }, (_, i) => (i + 1) * (k + 2));
    addBuckets(target, `h${k}`, bounds);
    const rows = bounds.map((bound, i) => [`h${k}:${bound}`, i + 1] as const);
    run.page(target, 10 * k + 2, [START_ROW, ['keep:7', k], ['keep:Infinity', k], ...rows]);
    for (const bound of bounds) target.target.series.release(target.idOf(`h${k}:${bound}`));
    for (const sum of run.close(10 * k + 9)) total += countOf(sum);
  }
  for (const sum of run.close(2020)) total += countOf(sum);
  const expected = Array.from({ length: 200 }, (_, k) => 2 + (k % 5)).reduce((sum, count) => sum + count, 0);
  t.is(total, expected + 199);
  t.true(run.engine.cells < 100, `${run.engine.cells} cells`);
  t.true(run.engine.boundSets <= 4, `${run.engine.boundSets} sets of bounds`);
});

function countOf(sum: TrafficSum): number {
  const all: LatencyHistogram[] = sum.records.flatMap((record) => record.latency ?? []);
  return all.reduce((total, { counts }) => counts.reduce((a, c) => a + c, total), 0);
}

const FINITE = [1, 2, 5, 10];
const LATENCIES = [0.5, 1.5, 3, 7, 20];
const requestsOf = fc.array(fc.constantFrom(...LATENCIES), { maxLength: 12 });

test('any mixture of histograms in one record gives the true counts per set of bounds', (t) => {
  const pod = fc.record({
    bounds: fc.subarray(FINITE),
    pages: fc.array(requestsOf, { minLength: 3, maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(pod, { minLength: 1, maxLength: 5 }), (pods) => {
      const run = new SmiRun();
      const targets = pods.map(({ bounds }, i) => withHistogram(`pod${i}`, { h: [...bounds, INF] }));
      for (let k = 0; k < 3; k++) {
        pods.forEach(({ bounds, pages }, i) => {
          const latencies = pages.slice(0, k + 1).flat();
          const rows = [...bounds, INF].map((le) => [`h:${le}`, latencies.filter((ms) => ms <= le).length] as const);
          run.page(targets[i]!, 10 * k + 2, [START_ROW, ...rows]);
        });
      }
      run.close(30).forEach((sum, k) => {
        const sets = Map.groupBy(pods, ({ bounds }) => bounds.join());
        const expected = [...sets.values()].map((same) => {
          const { bounds } = same[0]!;
          const latencies = same.flatMap(({ pages }) => pages[k]!);
          const below = (ms: number) => bounds.findIndex((bound) => ms <= bound);
          const counts = [...bounds.keys(), -1].map((place) => latencies.filter((ms) => below(ms) === place).length);
          return JSON.stringify([bounds, counts]);
        });
        const isCounted = (text: string) => (JSON.parse(text) as [number[], number[]])[1].some((count) => count > 0);
        t.deepEqual(
          histograms(sum)
            .map((one) => JSON.stringify(one))
            .sort(),
          expected.filter(isCounted).sort(),
        );
      });
    }),
    { numRuns: 100 },
  );
});

test('whatever buckets come and go, each request is counted once', (t) => {
  const step = fc.record({ bounds: fc.subarray(FINITE), requests: requestsOf });
  fc.assert(
    fc.property(fc.array(fc.tuple(step, step), { minLength: 1, maxLength: 10 }), (steps) => {
      const run = new SmiRun();
      const target = withHistogram('one', { h0: [INF], h1: [INF] });
      const latencies: number[][] = [[], []];
      const bound: Set<number>[] = [new Set(), new Set()];
      steps.forEach((groups, k) => {
        const rows = groups.flatMap(({ bounds, requests }, g) => {
          latencies[g]!.push(...requests);
          for (const le of bounds) if (!bound[g]!.has(le)) addBuckets(target, `h${g}`, [le]);
          for (const le of bound[g]!)
            if (!bounds.includes(le)) target.target.series.release(target.idOf(`h${g}:${le}`));
          bound[g] = new Set(bounds);
          return [...bounds, INF].map((le) => [`h${g}:${le}`, latencies[g]!.filter((ms) => ms <= le).length] as const);
        });
        run.page(target, 4 * k + 2, [START_ROW, ...rows]);
      });
      const total = run.close(4 * steps.length + 20).reduce((sum, slot) => sum + countOf(slot), 0);
      t.is(total, latencies.flat().length);
    }),
    { numRuns: 200 },
  );
});

test('a record that is freed gives back its cells once', (t) => {
  const table = new CellTable(10);
  const key = createTrafficKey({
    mesh: 'test',
    side: 'client',
    own: identity('a'),
    peer: peer(b),
    protocol: 'http',
    counts: 'requests',
  });
  const record = table.record(key)!;
  const latency = table.joinLatency(record, [1, 2, INF]);
  latency.histograms -= 1;
  const { cells } = table;
  table.free(record);
  table.freeLatency(latency);
  table.free(record);
  t.is(table.boundSets, 0);
  const again = [0, 1].map(() => table.joinLatency(table.record(key)!, [1, 2, INF]));
  t.is(again[0], again[1]);
  t.is(table.cells, cells);
});

test('runs of cells never overlap', (t) => {
  const move = fc.record({ length: fc.integer({ min: 1, max: 200 }), give: fc.boolean() });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const space = new CellSpace();
      const held: [first: number, length: number][] = [];
      for (const { length, give } of moves) {
        const [first, ...rest] = held;
        if (give && first !== undefined) {
          space.give(...first);
          held.splice(0, held.length, ...rest);
        } else held.push([space.take(length), length]);
      }
      const numbers = held.flatMap(([first, length]) => Array.from({ length }, (_, i) => first + i));
      t.is(new Set(numbers).size, numbers.length);
      t.true(numbers.every((number) => number >= 0 && number < space.size));
    }),
  );
});

test('sets of bounds are told apart by every bound and forgotten with their last user', (t) => {
  const sets = new BoundSets();
  const one = sets.join([1, 2, INF]);
  t.is(sets.join([1, 2, INF]), one);
  const other = sets.join([1, 2]);
  t.not(other, one);
  t.deepEqual(
    [one.finiteMs, other.finiteMs],
    [
      [1, 2],
      [1, 2],
    ],
  );
  sets.leave(one);
  sets.leave(one);
  t.is(sets.size, 1);
  t.not(sets.join([1, 2, INF]), one);
});
