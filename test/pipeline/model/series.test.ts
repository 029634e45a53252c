/** @module Series of a target by id: each keeps its own meaning and values, whatever else comes, goes and shares. */
import test from 'ava';
import fc from 'fast-check';
import type { SeriesMeaning } from '../../../pipeline/model/rules.ts';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { bucket, counter, identity, telling, workload } from '../../kit/mesh.ts';

const b = workload('b');
const OWN = identity('web');
const FAMILY = bucket(5, b, 'client', 'x');

function of(base: SeriesMeaning, boundMs: number): SeriesMeaning {
  return telling(base, { boundMs });
}

const meaning = fc.oneof(
  fc.constantFrom<SeriesMeaning>(
    { role: 'start' },
    { role: 'filtered', reason: 'probe' },
    counter('success', b),
    telling(counter('latency_sum_ms', b), { group: 'x' }),
  ),
  fc
    .tuple(
      fc.constantFrom(FAMILY, telling(FAMILY, { own: OWN }), bucket(1, b, 'server', 'x'), bucket(1, b, 'client', '')),
      fc.constantFrom(0, 1, 5, 2.5, Number.POSITIVE_INFINITY),
    )
    .map(([base, boundMs]) => of(base, boundMs)),
);

test('a series means what it was added with, until it is released', (t) => {
  const move = fc.oneof(meaning, fc.nat({ max: 40 }));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 120 }), (moves) => {
      const table = new SeriesTable();
      const model = new Map<number, SeriesMeaning>();
      for (const move of moves) {
        if (typeof move !== 'number') model.set(table.add(move), move);
        else if (model.delete(move)) table.release(move);
        t.is(table.live, model.size);
        if (moves.length % 3 === 0) table.trim();
      }
      for (const [id, expected] of model) t.deepEqual(table.meaningOf(id), expected);
      const held = [...table.meaningsInUse()];
      for (const expected of model.values()) t.true(held.some((one) => areAlike(one, expected)));
    }),
    { numRuns: 300 },
  );
});

/** True when they are the same but for the bound. */
function areAlike(a: SeriesMeaning, b: SeriesMeaning): boolean {
  const text = (one: SeriesMeaning) => JSON.stringify(one.role === 'traffic' ? { ...one, boundMs: 0 } : one);
  return text(a) === text(b);
}

test('an id that was released or given anew has changed since, others have not', (t) => {
  const table = new SeriesTable();
  const [kept, gone] = [table.add(of(FAMILY, 1)), table.add(of(FAMILY, 2))];
  t.false(table.changedSince(kept, 0));
  const before = table.version;
  table.release(gone);
  t.true(table.changedSince(gone, before));
  const between = table.version;
  t.false(table.changedSince(gone, between));
  t.is(table.add(of(FAMILY, 3)), gone);
  t.true(table.changedSince(gone, between));
  t.false(table.changedSince(kept, before));
  const late = table.add(of(FAMILY, 4));
  t.false(table.changedSince(late, 0));
  t.is(table.version, between + 1);
});

test('values stand through growing and trimming, and little room is left', (t) => {
  const table = new SeriesTable();
  for (let id = 0; id < 5000; id++) {
    t.is(table.add(of(FAMILY, id)), id);
    table.store(id, id * 2, 7);
  }
  table.store(4999, 1, 7);
  table.trim();
  t.true(table.capacity >= 5000 && table.capacity <= 5700, `${table.capacity}`);
  for (const id of [0, 64, 4998]) t.is(table.values[id], id * 2);
  t.is(table.values[4999], 9999);
  t.is(table.repeats[4999], 2);
  t.is(table.seen[4999], 7);
  t.deepEqual(table.meaningOf(4321), of(FAMILY, 4321));
});

test('more bounds than there are numbers for are kept all the same', (t) => {
  const table = new SeriesTable();
  for (let id = 0; id < 70_000; id++) table.add(of(FAMILY, id));
  for (const id of [1, 65_534, 65_536, 69_999]) t.deepEqual(table.meaningOf(id), of(FAMILY, id));
});
