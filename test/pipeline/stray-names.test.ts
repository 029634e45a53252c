/** @module Names that nobody reads and that are counted all the same, wherever a page is cut into pieces. */
import { Buffer } from 'node:buffer';
import test from 'ava';
import { SeriesTable } from '../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';

const STRAYS = { end: '_rq_xx', names: /^e_(?!copy_).+_rq_xx$/, reason: 'stray', mend: 'name it' };
const LIMITS = { sampleLimit: 100, labelLimit: 10, labelNameLengthBytes: 100, labelValueLengthBytes: 100 };
const PAGE = [
  '# TYPE e_a_b_rq_xx counter',
  'e_a_b_rq_xx{c="2",n="x"} 1',
  'e_a_b_rq_xx{c="5",n="x"} 2',
  'e_a_b_rq_xx 3',
  'e_copy_rq_xx{c="2"} 4',
  'wanted 5',
  'e_a_b_rq_xx_more 6',
  'e_c_rq_xx{c="2"} 7',
  `e_${'l'.repeat(300)}_rq_xx 8`,
  'rq_xx 9',
  '',
].join('\n');

function scan(page: string, pieceBytes: number, strays: typeof STRAYS | null) {
  const table = new SeriesTable();
  const wanted = new Map([['wanted', { sample: 'wanted', family: 'wanted', type: 'counter', demand: null }] as const]);
  const scanner = new ExpositionScanner({
    wanted,
    resolve: () => table.add({ role: 'sentinel' }),
    limits: LIMITS,
    strays,
  });
  const results = [1, 2].map((number) => {
    scanner.begin(table, number);
    const bytes = Buffer.from(page);
    for (let at = 0; at < bytes.length; at += pieceBytes) scanner.feed(bytes.subarray(at, at + pieceBytes));
    return scanner.end();
  });
  return results.map(({ samples, straySamples, firstStray }) => ({ samples, straySamples, firstStray }));
}

test('each sample of a stray name is counted and the first one shown, on every page and in pieces of any size', (t) => {
  const expected = { samples: 1, straySamples: 4, firstStray: 'e_a_b_rq_xx{c="2",n="x"} 1' };
  for (const pieceBytes of [1, 7, 4096]) t.deepEqual(scan(PAGE, pieceBytes, STRAYS), [expected, expected]);
});

test('without a rule there are no strays', (t) => {
  const expected = { samples: 1, straySamples: 0, firstStray: '' };
  t.deepEqual(scan(PAGE, 4096, null), [expected, expected]);
});
