/** @module One decision for a whole histogram, and for that one only: what its buckets do together, and beside another one. */
import test from 'ava';
import { bucket, identity, START, TestTarget, workload } from '../../kit/mesh.ts';
import { createEngine, SLOT_MS, WATCH_MS } from '../../kit/smi-run.ts';

const BOUNDS = [1, 10, Number.POSITIVE_INFINITY];
const OLD = WATCH_MS / 1000 - 3600;
const MAX = 2 ** 53;

/** Cumulative buckets of one histogram on a page: null where it lacks one, a list where it shows one several times. */
type Buckets = readonly (number | readonly number[] | null)[];

interface Shown {
  readonly a?: Buckets;
  readonly b?: Buckets;
  readonly skippedLines?: number;
  readonly start?: number;
}

/** A proxy with two histograms, `a` and `b`. Each page is of a slot of its own and answers with what is counted of it. */
function createRun() {
  const target = new TestTarget(identity('web')).series('start', START);
  for (const name of ['a', 'b']) {
    for (const bound of BOUNDS) target.series(`${name} ${bound}`, bucket(bound, workload(name), 'client', name));
  }
  const engine = createEngine();
  engine.open(WATCH_MS, false);
  let number = 0;
  return ({ skippedLines = 0, start = OLD, ...histograms }: Shown) => {
    const rows = Object.entries(histograms).flatMap(([name, buckets]) =>
      buckets.flatMap((shown: Buckets[number], i: number) =>
        [shown ?? []].flat().map((value) => [`${name} ${BOUNDS[i]}`, value] as const),
      ),
    );
    const scheduledMs = WATCH_MS + number * SLOT_MS + 2000;
    const times = { scheduledMs, nextDueMs: scheduledMs + SLOT_MS };
    const { badValues } = engine.take(target.page([...rows, ['start', start]], times, skippedLines));
    const endMs = WATCH_MS + ++number * SLOT_MS;
    const [sum] = engine.close(endMs);
    engine.open(endMs, false);
    const of = (name: string) => sum!.records.find(({ key }) => key.peer.workload?.name === name);
    const countsOf = (name: string) => [...(of(name)?.latency?.[0]?.counts ?? [])];
    return { a: countsOf('a'), b: countsOf('b'), resets: sum!.coverage[0]!.resets, badValues };
  };
}

test('a bucket above 2^53 makes its whole histogram stand still, and no other one', (t) => {
  const page = createRun();
  page({ a: [10, 20, 30], b: [10, 20, 30] });
  const bad = page({ a: [11, 22, MAX * 2], b: [11, 22, 33] });
  t.deepEqual(bad, { a: [], b: [1, 1, 1], resets: 0, badValues: 3 });
  t.deepEqual(page({ a: [12, 24, 36], b: [12, 24, 36] }), { a: [2, 2, 2], b: [1, 1, 1], resets: 0, badValues: 0 });
});

test('a bucket at 2^53 counts, also beside a histogram that fell', (t) => {
  const page = createRun();
  page({ a: [10, 20, 30], b: [0, 0, MAX - 8] });
  t.deepEqual(page({ a: [1, 2, 3], b: [0, 0, MAX] }), { a: [1, 1, 1], b: [0, 0, 8], resets: 1, badValues: 0 });
});

test('a histogram of which a bucket is shown more often than before, or less often, is baselined anew as a whole', (t) => {
  const page = createRun();
  page({ a: [10, 20, 30], b: [10, 20, 30] });
  const twice = page({ a: [[11, 11], 22, 33], b: [11, 22, 33] });
  t.deepEqual(twice, { a: [], b: [1, 1, 1], resets: 1, badValues: 0 });
  t.deepEqual(page({ a: [[12, 11], 23, 34] }), { a: [1, 0, 0], b: [], resets: 0, badValues: 0 });
  t.deepEqual(page({ a: [30, 40, 50] }), { a: [], b: [], resets: 1, badValues: 0 });
  t.deepEqual(page({ a: [31, 42, 53] }), { a: [1, 1, 1], b: [], resets: 0, badValues: 0 });
});

test('of a histogram one bucket of which fell and another one cannot be read, nothing counts until all can be', (t) => {
  for (const buckets of [
    [Number.NaN, 2, 33],
    [1, Number.NaN, 33],
    [11, 2, Number.NaN],
  ]) {
    const page = createRun();
    page({ a: [10, 20, 30] });
    t.deepEqual(page({ a: buckets }), { a: [], b: [], resets: 0, badValues: 3 });
    t.deepEqual(page({ a: [1, 3, 6] }), { a: [1, 2, 3], b: [], resets: 1, badValues: 0 });
  }
});

test('of a histogram one bucket of which fell and another one is shown twice, nothing counts but from there on', (t) => {
  for (const buckets of [
    [[5, 6], 2, 33],
    [11, 2, [33, 3]],
  ]) {
    const page = createRun();
    page({ a: [10, 20, 30] });
    t.deepEqual(page({ a: buckets }), { a: [], b: [], resets: 1, badValues: 0 });
  }
});

test('what was decided of a histogram holds for its page alone', (t) => {
  const page = createRun();
  page({ a: [10, 20, 30], b: [10, 20, 30] });
  t.deepEqual(page({ a: [1, 2, 3], b: [10, 20, 30] }), { a: [1, 1, 1], b: [], resets: 1, badValues: 0 });
  // The other one falls now.
  t.deepEqual(page({ a: [2, 4, 6], b: [1, 2, 3] }), { a: [1, 1, 1], b: [1, 1, 1], resets: 1, badValues: 0 });
  t.is(page({ a: [Number.NaN, 5, 7], b: [1, 2, 3] }).badValues, 3);
  // It could not be read on the page before, and falls.
  t.deepEqual(page({ a: [1, 1, 1], b: [1, 2, 3] }), { a: [1, 0, 0], b: [], resets: 1, badValues: 0 });
});

test('a bucket that joins a histogram, or comes back lower, leaves the rest its differences, whatever another one does', (t) => {
  const page = createRun();
  page({ a: [10, 20, 30], b: [10, null, 30] });
  const joined = page({ a: [1, 2, 3], b: [11, 22, 33] });
  t.deepEqual(joined, { a: [1, 1, 1], b: [1, 0, 2], resets: 1, badValues: 0 });
  page({ a: [1, 2, 3], b: [12, null, 34] });
  page({ a: [1, 2, 3], b: [13, null, 35] });
  const back = page({ a: [0, 0, 1], b: [14, 15, 36] });
  t.deepEqual(back, { a: [0, 0, 1], b: [1, 0, 0], resets: 1, badValues: 0 });
});

test('a bucket that was never there, or is gone, keeps nobody waiting on a page with a skipped line', (t) => {
  const page = createRun();
  page({ a: [10, 20, 30], b: [10, null, 30] });
  const never = page({ a: [1, 2, 3], b: [11, null, 33], skippedLines: 1 });
  t.deepEqual(never, { a: [1, 1, 1], b: [1, 0, 2], resets: 1, badValues: 0 });
});

test('a new life that lacks a bucket counts from 0 when the bucket is there', (t) => {
  const page = createRun();
  page({ a: [10, 20, 30] });
  const partial = page({ a: [1, null, 3], start: OLD + 900 });
  t.deepEqual(partial, { a: [], b: [], resets: 1, badValues: 2 });
  t.deepEqual(page({ a: [2, 40, 60], start: OLD + 900 }), { a: [2, 38, 20], b: [], resets: 0, badValues: 0 });
});

test('a series that a skipped line may have hidden in a life that began under watch counts from 0', (t) => {
  const page = createRun();
  const start = WATCH_MS / 1000 + 1;
  t.deepEqual(page({ a: [1, 2, 3], start, skippedLines: 1 }), { a: [1, 1, 1], b: [], resets: 0, badValues: 0 });
  t.deepEqual(page({ a: [1, 2, 3], b: [1, 2, 3], start }), { a: [], b: [1, 1, 1], resets: 0, badValues: 0 });
});
