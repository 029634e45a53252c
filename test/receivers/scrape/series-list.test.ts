/** @module Series as people are shown them: the labels as they stood on the page, values, and how many more there are. */
import test from 'ava';
import fc from 'fast-check';
import type { SeriesQuery } from '../../../pipeline/component.ts';
import type { MeshRules } from '../../../pipeline/model/rules.ts';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { labelKey, labelsOfKey } from '../../../receivers/scrape/label-key.ts';
import { SeriesBudget, SeriesIndex } from '../../../receivers/scrape/series-index.ts';
import { listSeries } from '../../../receivers/scrape/series-list.ts';
import { counter, identity, testRules } from '../../kit/mesh.ts';

test('labels come back from their key, whatever stands in them', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { selector: ([name]) => name }),
      (pairs) => {
        const sorted = [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));
        t.deepEqual([...labelsOfKey(labelKey(new Map(pairs)))], sorted);
      },
    ),
  );
});

const rules: MeshRules = {
  ...testRules,
  resolve: (sample) =>
    sample === 'noise' ? { role: 'filtered', reason: 'noise' } : counter('success', null, 'server'),
};

/** A target whose page held `count` series of `ok` and one of `noise`. */
function listed(name: string, count: number) {
  const own = identity(name);
  const series = new SeriesTable();
  const index = new SeriesIndex(rules, own, series, new SeriesBudget(1_000));
  const target = { key: name, receiver: 'test', address: `${name}:1`, own, rules, series, intervalMs: 10_000 };
  for (let i = 0; i < count; i++) series.store(index.resolve('ok', new Map([['code', `${200 + i}`]])), i, 1);
  series.store(index.resolve('noise', new Map()), 7, 1);
  return { target, index };
}

test('what is wanted is listed by target, up to one limit, and the rest is counted', (t) => {
  const query: SeriesQuery = { wants: ({ role }) => role === 'traffic', limit: 4 };
  const { series, more } = listSeries([listed('a', 3), listed('b', 3), listed('c', 2)], query);
  t.deepEqual(
    series.map(({ source, sample, labels, value }) => `${source.address} ${sample} ${labels.get('code')} ${value}`),
    ['a:1 ok 200 0', 'a:1 ok 201 1', 'a:1 ok 202 2', 'b:1 ok 200 0'],
  );
  t.is(more, 4);
});

test('filtered series are listed with the reason when they are wanted, and what no page showed is not', (t) => {
  const { target, index } = listed('a', 1);
  index.resolve('ok', new Map([['code', 'never seen']]));
  const { series, more } = listSeries([{ target, index }], { wants: () => true, limit: 10 });
  t.deepEqual(
    series.map(({ sample, meaning }) => [sample, meaning.role]),
    [
      ['ok', 'traffic'],
      ['noise', 'filtered'],
    ],
  );
  t.is(more, 0);
});
