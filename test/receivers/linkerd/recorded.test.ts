/** @module Recorded pages of real proxies through scanner and table: the rows written beside them, counted by other means. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import type { FamilyRule } from '../../../pipeline/model/rules.ts';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../../pipeline/wire/exposition/scanner.ts';
import { createLinkerdRules } from '../../../receivers/linkerd/rules.ts';
import { SeriesBudget, SeriesIndex } from '../../../receivers/scrape/series-index.ts';
import { ownOf, rowsOf } from './rows.ts';

const FOLDER = new URL('../../data/linkerd/', import.meta.url);
const PAGES = readdirSync(FOLDER).filter((name) => name.endsWith('.prom'));
const LIMITS = { sampleLimit: 500_000, labelLimit: 64, labelNameLengthBytes: 256, labelValueLengthBytes: 2048 };

for (const name of PAGES) {
  test(`${name} gives the rows written beside it, in pieces of any size`, (t) => {
    const page = readFileSync(new URL(name, FOLDER));
    const expected = JSON.parse(readFileSync(new URL(name.replace('.prom', '.expected.json'), FOLDER), 'utf8'));
    for (const pieceBytes of [page.length, 4096, 61]) t.deepEqual(readPage(page, pieceBytes), expected);
  });
}

test('all recorded pages are here', (t) => {
  t.is(PAGES.length, 34);
});

function readPage(page: Uint8Array, pieceBytes: number) {
  const rules = createLinkerdRules({ adminPort: 4191, sentinel: false });
  const table = new SeriesTable();
  const index = new SeriesIndex(rules, ownOf(), table, new SeriesBudget(100_000));
  const wanted = new Map<string, FamilyRule>(rules.families.map((family) => [family.sample, family]));
  const scanner = new ExpositionScanner({ wanted, resolve: (s, l) => index.resolve(s, l), limits: LIMITS });
  scanner.begin(table, 1);
  for (let at = 0; at < page.length; at += pieceBytes) scanner.feed(page.subarray(at, at + pieceBytes));
  const scan = scanner.end();
  if (scan.failure !== null) throw new Error(`${scan.failure.reason} in line ${scan.failure.line}`);
  const filtered = new Map<string, number>();
  index.countFiltered(1, (reason, samples) => filtered.set(reason, samples));
  return {
    ...rowsOf(table, 1),
    samples: scan.samples,
    filtered: Object.fromEntries([...filtered].sort()),
  };
}
