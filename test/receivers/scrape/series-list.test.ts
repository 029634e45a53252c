/** @module Series as people are shown them: their labels by name, values, and how many more there are. */
import test from 'ava';
import type { SeriesQuery } from '../../../pipeline/component.ts';
import type { MeshRules } from '../../../pipeline/model/rules.ts';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../../pipeline/wire/exposition/scanner.ts';
import { SeriesBudget, SeriesIndex } from '../../../receivers/scrape/series-index.ts';
import { type ListedTarget, listSeries } from '../../../receivers/scrape/series-list.ts';
import { counter, identity, testRules } from '../../kit/mesh.ts';
import { rule, WIDE_LIMITS } from '../../kit/scan.ts';

const rules: MeshRules = {
  ...testRules,
  resolve: (sample) =>
    sample === 'noise' ? { role: 'filtered', reason: 'noise' } : counter('success', null, 'server'),
};

/** A target and its scanner, after one page for each of `pages`. */
function listed(name: string, ...pages: readonly string[]): ListedTarget {
  const own = identity(name);
  const series = new SeriesTable();
  const index = new SeriesIndex(rules, own, series, new SeriesBudget(1_000));
  const scanner = new ExpositionScanner({
    wanted: new Map([rule('ok'), rule('noise')]),
    limits: WIDE_LIMITS,
    resolve: (sample, labels) => index.resolve(sample, labels),
  });
  for (const [n, page] of pages.entries()) {
    scanner.begin(series, n + 1);
    scanner.feed(Buffer.from(page));
    scanner.end();
  }
  const target = { key: name, receiver: 'test', address: `${name}:1`, own, rules, series, intervalMs: 10_000 };
  return { target, scanner };
}

/** `count` series of `ok` and one of `noise`. */
function pageOf(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => `ok{code="${200 + i}"} ${i}\n`);
  return `${lines.join('')}noise 7\n`;
}

test('what is wanted is listed by target, up to one limit, and the rest is counted', (t) => {
  const query: SeriesQuery = { wants: ({ role }) => role === 'traffic', limit: 4 };
  const { series, more } = listSeries([listed('a', pageOf(3)), listed('b', pageOf(3)), listed('c', pageOf(2))], query);
  t.deepEqual(
    series.map(({ source, sample, labels, value }) => `${source.address} ${sample} ${labels.get('code')} ${value}`),
    ['a:1 ok 200 0', 'a:1 ok 201 1', 'a:1 ok 202 2', 'b:1 ok 200 0'],
  );
  t.is(more, 4);
});

test('filtered series are listed with the reason when they are wanted', (t) => {
  const { series, more } = listSeries([listed('a', pageOf(1))], { wants: () => true, limit: 10 });
  t.deepEqual(
    series.map(({ sample, meaning, value }) => [sample, meaning.role, value]),
    [
      ['ok', 'traffic', 0],
      ['noise', 'filtered', 7],
    ],
  );
  t.is(more, 0);
});

test('labels are listed by name, whatever stands in them', (t) => {
  const page = `${String.raw`ok{b="x\"}\n",a="é",le="5"} 1`}\n{"ok","a.b"="c"} 2\nok 3\n`;
  const { series } = listSeries([listed('a', page, page)], { wants: () => true, limit: 10 });
  t.deepEqual(
    series.map(({ sample, labels, value }) => [sample, [...labels], value]),
    [
      [
        'ok',
        [
          ['a', 'é'],
          ['b', 'x"}\n'],
          ['le', '5'],
        ],
        1,
      ],
      ['ok', [['a.b', 'c']], 2],
      ['ok', [], 3],
    ],
  );
});

test('what has been away so long that its labels are forgotten is neither listed nor said to be more', (t) => {
  const pages = [pageOf(900), ...Array.from({ length: 20 }, () => pageOf(2))];
  const { series, more } = listSeries([listed('a', ...pages)], { wants: ({ role }) => role === 'traffic', limit: 10 });
  t.is(series.length, 2);
  t.is(more, 0);
});
