/** @module What the scanner keeps of lines: little of those that are alike, wherever they differ. */
import test from 'ava';
import { rule, ScanBench } from '../../../kit/scan.ts';

const EDGES = 300;
const BOUNDS = Array.from({ length: 20 }, (_, i) => String(2 ** i));
const TEXT = 'x'.repeat(200);

/** Labels of an edge: first whose page it is, then the other end, last what differs from family to family. */
const LABELS = {
  'the other end first': (edge: number) => `peer="${edge}${TEXT}",own="${TEXT}${TEXT}"`,
  'the other end late': (edge: number) => `own="${TEXT}${TEXT}",peer="${edge}${TEXT}"`,
};

function page(labels: (edge: number) => string): string {
  const edges = Array.from({ length: EDGES }, (_, edge) => labels(edge));
  const totals = edges.map((text) => `req_total{${text},code="200"} 1\n`);
  const buckets = edges.flatMap((text) => BOUNDS.map((le) => `lat_bucket{${text},le="${le}"} 1\n`));
  const first = edges.flatMap((text) => BOUNDS.map((le) => `first_bucket{le="${le}",${text}} 1\n`));
  return [...totals, ...buckets, ...first].join('');
}

for (const [title, labels] of Object.entries(LABELS)) {
  test(`the labels of an edge are kept once for each place of the bound, ${title}`, (t) => {
    const bench = new ScanBench({
      wanted: new Map([
        rule('req_total'),
        rule('lat_bucket', 'histogram', 'lat'),
        rule('first_bucket', 'histogram', 'f'),
      ]),
    });
    const text = page(labels);
    t.is(bench.scan([Buffer.from(text)]).result.samples, EDGES * 41);
    const { memoryBytes, rememberedLines } = bench.scanner;
    t.is(rememberedLines, EDGES * 41);
    // Of 41 lines of an edge two texts of 600 bytes are kept; a third would be 15 bytes a line more.
    const texts = (2 * labels(0).length) / 41;
    t.true(
      memoryBytes / rememberedLines < texts + 55,
      `${memoryBytes / rememberedLines} bytes, ${texts} of them texts`,
    );
    const again = bench.scan([Buffer.from(text)]);
    t.is(again.result.unexpectedLines, 0);
    t.is(again.series.size, EDGES * 41);
  });
}

test('lines that share a frame are told apart by their own bytes, and by their length', (t) => {
  const bench = new ScanBench({ wanted: new Map([rule('m'), rule('m_bucket', 'histogram', 'm')]) });
  const head = `a="${TEXT}"`;
  const lines = ['1', '10', '100', '5', '50', '1', '2.5', '+Inf'].map((le, i) => `m_bucket{${head},le="${le}"} ${i}\n`);
  const other = [`m{${head}} 7\n`, `m{${head},b=""} 8\n`, 'm 9\n', 'm{} 10\n', `m{${head},b="${TEXT}"} 11\n`];
  const text = [...lines, ...other].join('');
  const first = bench.scan([Buffer.from(text)]);
  const again = bench.scan([Buffer.from(text)]);
  bench.scanner.forgetOlderThan(1);
  const rebuilt = bench.scan([Buffer.from(text)]);
  t.deepEqual(again.series, first.series);
  t.deepEqual(rebuilt.series, first.series);
  t.is(first.series.get([...first.series.keys()].find((key) => key.includes('100'))!)?.value, 2);
});
