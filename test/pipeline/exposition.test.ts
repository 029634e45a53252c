/** @module Single lines, limits and page endings of the exposition scanner, each with its exact outcome. */
import test from 'ava';
import { SeriesTable } from '../../pipeline/model/series.ts';
import type { LineFault, PageFault, ScanLimits, ScanResult } from '../../pipeline/wire/exposition/scan-types.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { cut, rule, ScanBench, WIDE_LIMITS } from '../kit/scan.ts';

const WANTED = new Map([
  rule('m'),
  rule('req_total'),
  rule('lat_bucket', 'histogram', 'lat'),
  rule('gauge', 'gauge'),
  rule('free', 'untyped'),
]);

interface Seen {
  sample: string;
  labels: Record<string, string>;
  value: number;
}

/** Scans the page with a fresh scanner; each text of a series is its own series. */
function scanOnce(page: string | Uint8Array, limits: Partial<ScanLimits> = {}): { seen: Seen[]; result: ScanResult } {
  const table = new SeriesTable();
  const series: Omit<Seen, 'value'>[] = [];
  const scanner = new ExpositionScanner({
    wanted: WANTED,
    limits: { ...WIDE_LIMITS, ...limits },
    resolve: (sample, labels) => {
      series.push({ sample, labels: Object.fromEntries(labels) });
      return table.add({ role: 'sentinel' });
    },
  });
  scanner.begin(table, 1);
  scanner.feed(Buffer.from(page));
  const result = scanner.end();
  return { seen: series.map((one, id) => ({ ...one, value: table.values[id]! })), result };
}

type Good = readonly [line: string, labels: Record<string, string>, value: number];

const GOOD: readonly Good[] = [
  ['m 1', {}, 1],
  ['m{} 1', {}, 1],
  ['m{ } 1', {}, 1],
  ['m{a="b"} 1', { a: 'b' }, 1],
  ['m{a="b"}1', { a: 'b' }, 1],
  ['m{a="b",} 1', { a: 'b' }, 1],
  ['m{a="b" , } 1', { a: 'b' }, 1],
  ['m {a="b"} 1', { a: 'b' }, 1],
  ['m\t{\ta\t=\t"b"\t}\t1', { a: 'b' }, 1],
  ['  m{a="b"}   1  ', { a: 'b' }, 1],
  ['m{a="b",c="d"} 1', { a: 'b', c: 'd' }, 1],
  ['m{a="b", c="d"} 1', { a: 'b', c: 'd' }, 1],
  ['m{_a1="b"} 1', { _a1: 'b' }, 1],
  ['m{a=""} 1', { a: '' }, 1],
  ['m{a="x y"} 1', { a: 'x y' }, 1],
  ['m{a="x\ty"} 1', { a: 'x\ty' }, 1],
  ['m{a="}"} 1', { a: '}' }, 1],
  ['m{a="{,=# "} 1', { a: '{,=# ' }, 1],
  [String.raw`m{a="\""} 1`, { a: '"' }, 1],
  [String.raw`m{a="\\"} 1`, { a: '\\' }, 1],
  [String.raw`m{a="\n"} 1`, { a: '\n' }, 1],
  [String.raw`m{a="C:\\n\\"} 1`, { a: 'C:\\n\\' }, 1],
  [String.raw`m{a="q\"} 2"} 1`, { a: 'q"} 2' }, 1],
  ['m{a="é✓𝄞"} 1', { a: 'é✓𝄞' }, 1],
  [String.raw`m{a="é\n"} 1`, { a: 'é\n' }, 1],
  ['m{__proto__="x"} 1', { ['__proto__']: 'x' }, 1],
  ['m{"a.b"="c"} 1', { 'a.b': 'c' }, 1],
  ['{"m"} 1', {}, 1],
  ['{"m",a="b"} 1', { a: 'b' }, 1],
  ['{ "m" , "a.b" = "c" , } 1', { 'a.b': 'c' }, 1],
  ['m 0', {}, 0],
  ['m -0', {}, -0],
  ['m +7', {}, 7],
  ['m -7', {}, -7],
  ['m 007', {}, 7],
  ['m 999999999999999', {}, 999999999999999],
  ['m 9007199254740991', {}, 9007199254740991],
  ['m 9007199254740993', {}, 9007199254740992],
  ['m 9007199254740993.0000000000000000001', {}, 9007199254740994],
  ['m 18446744073709551616', {}, 2 ** 64],
  ['m 123456789012345678901234567890123', {}, Number('1.2345678901234568e32')],
  ['m 0.1', {}, 0.1],
  ['m 1.', {}, 1],
  ['m .5', {}, 0.5],
  ['m 1764000000.123456', {}, 1764000000.123456],
  ['m 0.30000000000000004', {}, 0.30000000000000004],
  ['m 1e3', {}, 1000],
  ['m 1E+3', {}, 1000],
  ['m 2.5e-3', {}, 0.0025],
  ['m 1.7976931348623157e308', {}, Number.MAX_VALUE],
  ['m 4.9e-324', {}, 5e-324],
  ['m 1e-400', {}, 0],
  ['m NaN', {}, Number.NaN],
  ['m nan', {}, Number.NaN],
  ['m Inf', {}, Number.POSITIVE_INFINITY],
  ['m +Inf', {}, Number.POSITIVE_INFINITY],
  ['m -Inf', {}, Number.NEGATIVE_INFINITY],
  ['m -infinity', {}, Number.NEGATIVE_INFINITY],
  ['m 1 1764000000000', {}, 1],
  ['m 1 -5', {}, 1],
  ['m 1 1764000000.123', {}, 1],
  ['m{a="b"} 1 # {trace_id="x"} 0.5', { a: 'b' }, 1],
  ['m{a="b"} 1 1764000000.1 # {trace_id="}"} 0.5 1764000000', { a: 'b' }, 1],
  ['m 1\r', {}, 1],
  ['m{a="b"} 1.5\r', { a: 'b' }, 1.5],
];

for (const [line, labels, value] of GOOD) {
  test(`reads ${JSON.stringify(line)}`, (t) => {
    const { seen, result } = scanOnce(`${line}\n`);
    t.deepEqual(seen, [{ sample: 'm', labels, value }]);
    t.is(result.samples, 1);
    t.is(result.skippedLines, 0);
    t.is(result.failure, null);
  });
}

const BAD: readonly (readonly [line: string | Buffer, reason: LineFault])[] = [
  ['m', 'missing_value'],
  ['m ', 'missing_value'],
  ['m{a="b"}', 'missing_value'],
  ['m{a="b"} \r', 'missing_value'],
  ['m x', 'bad_value'],
  ['m 1x', 'bad_value'],
  ['m 0x10', 'bad_value'],
  ['m 0x1p-2', 'bad_value'],
  ['m 1_000', 'bad_value'],
  ['m 1e400', 'bad_value'],
  ['m -1e400', 'bad_value'],
  ['m .', 'bad_value'],
  ['m -', 'bad_value'],
  ['m e5', 'bad_value'],
  ['m 1.2.3', 'bad_value'],
  ['m 1,5', 'bad_value'],
  ['m +NaN', 'bad_value'],
  ['m infin', 'bad_value'],
  ['m # {a="b"} 1', 'bad_value'],
  ['m{a="b"}{c="d"} 1', 'bad_value'],
  ['m 1 x', 'bad_timestamp'],
  ['m 1 NaN', 'bad_timestamp'],
  ['m 1 #', 'bad_timestamp'],
  ['m 1 2 3', 'trailing_text'],
  ['m 1 2 x', 'trailing_text'],
  ['m{', 'bad_labels'],
  ['m{a', 'bad_labels'],
  ['m{a=', 'bad_labels'],
  ['m{a="', 'bad_labels'],
  ['m{a="b', 'bad_labels'],
  ['m{a="b"', 'bad_labels'],
  ['m{a="b} 1', 'bad_labels'],
  ['m{a=b} 1', 'bad_labels'],
  ['m{a} 1', 'bad_labels'],
  ['m{,} 1', 'bad_labels'],
  ['m{a="b",,} 1', 'bad_labels'],
  ['m{a="b" c="d"} 1', 'bad_labels'],
  ['m{1a="b"} 1', 'bad_labels'],
  ['m{a-b="c"} 1', 'bad_labels'],
  ['m{=""} 1', 'bad_labels'],
  ['m{""="x"} 1', 'bad_labels'],
  ['m{"n",a="b"} 1', 'bad_labels'],
  ['m{a="b"c"} 1', 'bad_labels'],
  ['{"m",a} 1', 'bad_labels'],
  [String.raw`m{a="\x"} 1`, 'bad_escape'],
  [String.raw`m{a="C:\dir"} 1`, 'bad_escape'],
  ['m{a="\\', 'bad_labels'],
  ['m{a="b",a="c"} 1', 'duplicate_label'],
  ['m{a="b","a"="b"} 1', 'duplicate_label'],
  [Buffer.from([...Buffer.from('m{a="'), 0xff, ...Buffer.from('"} 1')]), 'invalid_utf8'],
  [Buffer.from([...Buffer.from('m{a="'), 0xc3, ...Buffer.from('"} 1')]), 'invalid_utf8'],
  ['m{a="\u0000"} 1', 'control_byte'],
  ['m{a="\u007f"} 1', 'control_byte'],
  ['m{a="\u001b[31m"} 1', 'control_byte'],
  ['m 1\u0000', 'control_byte'],
  ['m 1\r\r', 'control_byte'],
];

for (const [line, reason] of BAD) {
  test(`skips ${JSON.stringify(Buffer.from(line).toString('latin1'))} as ${reason} and reads on`, (t) => {
    const bytes = Buffer.concat([Buffer.from('# first\n'), Buffer.from(line), Buffer.from('\ngauge 4\n')]);
    const { seen, result } = scanOnce(bytes);
    t.deepEqual(seen, [{ sample: 'gauge', labels: {}, value: 4 }]);
    t.is(result.samples, 1);
    t.is(result.skippedLines, 1);
    t.is(result.firstSkipped?.reason, reason);
    t.is(result.firstSkipped?.line, 2);
    t.is(result.failure, null);
  });
}

const PASSED_OVER = [
  '',
  '   ',
  '\r',
  '#',
  '# anything at all { " \\',
  '# HELP m words',
  '# UNIT lat seconds',
  '# TYPE',
  '# TYPE m',
  '#TYPE m gauge',
  '# TYPE other gauge',
  'other{broken 1',
  'm_total 1',
  'mm{a="b"} 1',
  'm\v{a="b"} 1',
  'm} 1',
  '"m" 1',
  '{"m" 1',
  '{"m"',
  '{a="b"} 1',
  '{"other.name",a="b"} 1',
  '{} 1',
  '\u0000',
];

for (const line of PASSED_OVER) {
  test(`passes over ${JSON.stringify(line)}`, (t) => {
    const { seen, result } = scanOnce(`gauge 3\n${line}\ngauge{a="b"} 4\n`);
    t.deepEqual(
      seen.map(({ value }) => value),
      [3, 4],
    );
    t.is(result.skippedLines, 0);
    t.is(result.lines, 3);
    t.is(result.failure, null);
  });
}

test('the excerpt of the first skipped line is printable and short', (t) => {
  const { result } = scanOnce(`m{a="\u001b\u00e9"} ${'x'.repeat(500)}\nm x\n`);
  t.is(result.skippedLines, 2);
  t.is(result.firstSkipped?.reason, 'control_byte');
  t.true(result.firstSkipped?.excerpt.startsWith('m{a="\\x1b\\xc3\\xa9"} xxx'));
  t.true((result.firstSkipped?.excerpt.length ?? 999) < 200);
});

const TYPES: readonly (readonly [line: string, fails: boolean])[] = [
  ['# TYPE req_total counter', false],
  ['# TYPE req counter', false],
  ['# TYPE req gauge', false],
  ['# TYPE req_total untyped', false],
  ['# TYPE req_total unknown', false],
  ['# TYPE req_total counter5', false],
  ['# TYPE free histogram', false],
  ['# TYPE lat histogram', false],
  ['# TYPE lat_bucket gauge', false],
  ['#   TYPE\treq_total \t counter  ', false],
  ['# TYPE req_total gauge', true],
  ['#   TYPE\treq_total \t gauge  ', true],
  ['# TYPE req_total histogram', true],
  ['# TYPE req_total stateset', true],
  ['# TYPE "req_total" gauge', true],
  ['# TYPE lat summary', true],
  ['# TYPE lat counter', true],
  ['# TYPE gauge counter\r', true],
];

for (const [line, fails] of TYPES) {
  test(`${fails ? 'fails at' : 'accepts'} ${JSON.stringify(line)}`, (t) => {
    const { result } = scanOnce(`m 1\n${line}\nm{a="b"} 2\n`);
    if (!fails) t.is(result.samples, 2);
    t.is(result.failure?.reason, fails ? 'type_changed' : undefined);
    t.is(result.failure?.line, fails ? 2 : undefined);
  });
}

test('a type that changes between two pages fails the second, and the third works', (t) => {
  const bench = new ScanBench({ wanted: WANTED });
  const page = (type: string) => [Buffer.from(`# TYPE req_total ${type}\nreq_total 5\n`)];
  t.is(bench.scan(page('counter')).result.failure, null);
  const { failure } = bench.scan(page('gauge')).result;
  t.deepEqual(failure, {
    reason: 'type_changed',
    line: 1,
    detail: 'the page calls the family of req_total a gauge, expected counter',
  });
  t.deepEqual([...bench.scan(page('counter')).series.values()], [{ value: 5, repeats: 1 }]);
});

const HTML = ['<!DOCTYPE html>\n<p>m 1', ' \t<html>', '\r\n\n  <html>\nm 1\n', '<'];
for (const page of HTML) {
  test(`the page ${JSON.stringify(page)} is HTML, whatever its pieces`, (t) => {
    t.is(scanOnce(page).result.failure?.reason, 'html');
    const bench = new ScanBench({ wanted: WANTED });
    for (const piece of [1, 2, 3]) {
      const bytes = Buffer.from(page);
      const places = Array.from({ length: bytes.length }, (_, i) => i).filter((i) => i % piece === 0);
      t.is(bench.scan(cut(bytes, places)).result.failure?.reason, 'html');
    }
  });
}

test('a tag after the first line of content is a line like any other', (t) => {
  t.is(scanOnce('m 1\n<html>\ngauge 2\n').result.samples, 2);
});

const LABELLED = 'm{abc="12345",de="1"} 1\n';
const LIMITS: readonly (readonly [Partial<ScanLimits>, string, PageFault | null])[] = [
  [{ labelLimit: 2 }, LABELLED, null],
  [{ labelLimit: 1 }, LABELLED, 'label_limit'],
  [{ labelNameLengthBytes: 3 }, LABELLED, null],
  [{ labelNameLengthBytes: 2 }, LABELLED, 'label_name_length_limit'],
  [{ labelValueLengthBytes: 5 }, LABELLED, null],
  [{ labelValueLengthBytes: 4 }, LABELLED, 'label_value_length_limit'],
  [{ labelValueLengthBytes: 2 }, 'm{a="\\n\\n"} 1\n', null],
  [{ labelValueLengthBytes: 1 }, 'm{a="é"} 1\n', 'label_value_length_limit'],
  [{ sampleLimit: 2 }, 'm 1\nother 2\nm x\ngauge 3\n', null],
  [{ sampleLimit: 1 }, 'm 1\nother 2\nm x\ngauge 3\n', 'sample_limit'],
  [{ sampleLimit: 1 }, 'm 1\nm 1\n', 'sample_limit'],
  [{ sampleLimit: 0 }, 'other 1\n', null],
  [{ lineBytes: 9 }, 'm 1234567\n', null],
  [{ lineBytes: 8 }, 'm 1234567\n', 'line_too_long'],
  [{ lineBytes: 8 }, 'm 1234567', 'line_too_long'],
  [{ lineBytes: 8 }, '# a comment\n', 'line_too_long'],
  [{ lineBytes: 8 }, 'unwanted 1\n', 'line_too_long'],
];

for (const [limits, page, reason] of LIMITS) {
  test(`under ${JSON.stringify(limits)} the page ${JSON.stringify(page)} ${reason ?? 'passes'}`, (t) => {
    t.is(scanOnce(page, limits).result.failure?.reason ?? null, reason);
    const bench = new ScanBench({ wanted: WANTED, limits });
    const bytes = Buffer.from(page);
    for (let i = 0; i < 3; i++) t.is(bench.difference(bytes, cut(bytes, [i, i * 5, 7])), null);
  });
}

test('the default line limit is 1 MiB, and a line without end fails as soon as it is passed', (t) => {
  const table = new SeriesTable();
  const { lineBytes: _, ...limits } = WIDE_LIMITS;
  const scanner = new ExpositionScanner({ wanted: WANTED, limits, resolve: () => table.add({ role: 'sentinel' }) });
  for (const extra of [0, 1]) {
    scanner.begin(table, extra + 1);
    scanner.feed(Buffer.from('m 1\n'));
    for (let i = 0; i < 16; i++) scanner.feed(Buffer.alloc(64 * 1024, '#'));
    scanner.feed(Buffer.alloc(extra, '#'));
    const { failure, samples } = scanner.end();
    t.is(samples, 1);
    t.deepEqual(
      failure && { ...failure },
      extra === 0 ? null : { reason: 'line_too_long', line: 2, detail: 'a line has more than 1048576 bytes' },
    );
  }
});

const ENDINGS: readonly (readonly [page: string, mark: ScanResult['endsMark'], newline: boolean, eof: boolean])[] = [
  ['', 'none', false, false],
  ['\n', 'newline', true, false],
  ['m 1\n', 'newline', true, false],
  ['m 1', 'none', false, false],
  ['m 1\n# EOF', 'eof', false, true],
  ['m 1\n# EOF\n', 'eof', true, true],
  ['m 1\n# EOF\r\n', 'eof', true, true],
  ['m 1\n# EOF\n\n \n', 'eof', true, true],
  ['m 1\n# EOF\n\n ', 'eof', false, true],
  ['m 1\n# EOF\nm{a="b"} 2\n', 'newline', true, true],
  ['m 1\n# EOF\nm{a="b"} 2', 'none', false, true],
  ['m 1\n# EOFX', 'none', false, false],
  ['m 1\n# EO', 'none', false, false],
];

for (const [page, mark, newline, eof] of ENDINGS) {
  test(`the page ${JSON.stringify(page)} ends in ${mark}`, (t) => {
    const { endsMark, endsInNewline, sawEof, failure } = scanOnce(page).result;
    t.deepEqual(
      { endsMark, endsInNewline, sawEof, failure },
      { endsMark: mark, endsInNewline: newline, sawEof: eof, failure: null },
    );
  });
}

test('a repeated series is summed, and a bad value among repeats makes the sum NaN', (t) => {
  const bench = new ScanBench({ wanted: WANTED });
  const page = 'm{a="1"} 2\nm{a="1"} 3\nm{ a="1" } 4\ngauge 1\ngauge NaN\ngauge 2\nfree 1\n';
  for (let i = 0; i < 3; i++) {
    const { series, result } = bench.scan([Buffer.from(page)]);
    t.is(result.samples, 7);
    t.deepEqual(
      [...series.values()],
      [
        { value: 9, repeats: 3 },
        { value: Number.NaN, repeats: 3 },
        { value: 1, repeats: 1 },
      ],
    );
  }
});

test('each text is resolved once, whatever the order of later pages', (t) => {
  const bench = new ScanBench({ wanted: WANTED });
  const lines = Array.from({ length: 50 }, (_, i) => `lat_bucket{edge="${i % 5}",le="${i}"} ${i}`);
  bench.scan([Buffer.from(lines.join('\n'))]);
  t.is(bench.resolved, 50);
  const { result } = bench.scan([Buffer.from([...lines].reverse().join('\n'))]);
  t.is(result.samples, 50);
  t.is(bench.resolved, 50);
  const again = bench.scan([Buffer.from([...lines].reverse().join('\n'))]);
  t.is(again.result.unexpectedLines, 0);
});

test('a refused series is asked for again on each page and counted, an unwanted one is remembered', (t) => {
  const bench = new ScanBench({
    wanted: WANTED,
    verdict: (key) => (key.includes('limited') ? 'limited' : key.includes('unwanted') ? 'unwanted' : 'store'),
  });
  const page = [Buffer.from('m{a="limited"} 1\nm{a="unwanted"} 2\nm{a="stored"} 3\n')];
  for (const resolved of [3, 4, 5]) {
    const { result } = bench.scan(page);
    t.like(result, { samples: 1, unwantedSamples: 1, limitedSamples: 1 });
    t.is(bench.resolved, resolved);
  }
});

test('lines that stay away are forgotten, those that stay keep their ids', (t) => {
  const bench = new ScanBench({ wanted: WANTED });
  const stable = Array.from({ length: 100 }, (_, i) => `m{stable="${i}"} ${i}\n`).join('');
  let worst = 0;
  for (let scrape = 0; scrape < 200; scrape++) {
    const fresh = Array.from({ length: 100 }, (_, i) => `m{fresh="${scrape}-${i}"} 1\n`).join('');
    const page = Buffer.from(scrape % 2 === 0 ? stable + fresh : fresh + stable);
    if (scrape < 20) t.is(bench.difference(page), null);
    else bench.scan([page]);
    worst = Math.max(worst, bench.scanner.rememberedLines);
  }
  t.true(worst <= 2 * 200 + 256, `${worst}`);
  t.is(bench.ids.get('["m",[["stable","99"]]]'), 99);
});

test('failing pages full of new lines do not grow the memory either', (t) => {
  const bench = new ScanBench({ wanted: WANTED, limits: { sampleLimit: 500 } });
  let worst = 0;
  for (let scrape = 0; scrape < 100; scrape++) {
    const page = Array.from({ length: 600 }, (_, i) => `m{fresh="${scrape}-${i}"} 1\n`).join('');
    t.is(bench.scan([Buffer.from(page)]).result.failure?.reason, 'sample_limit');
    worst = Math.max(worst, bench.scanner.memoryBytes);
  }
  t.true(bench.scanner.rememberedLines <= 2 * 501 + 256);
  t.true(worst < 500_000, `${worst}`);
});

test('a known line whose value grows beyond the line limit fails the page', (t) => {
  const bench = new ScanBench({ wanted: WANTED, limits: { lineBytes: 5 } });
  for (const page of ['m 1\n', 'm 123\n', 'm 1234\n', 'm 12\n']) t.is(bench.difference(Buffer.from(page)), null, page);
});

test('a bare name is not taken for the start of a series whose labels stand apart from it', (t) => {
  const bench = new ScanBench({ wanted: WANTED });
  for (const page of [
    'm 1\n',
    'm {a="1"} 4\n',
    'm 2\nm {a="1"} 4\n',
    'm {a="1"} 5\nm 2\n',
    'm {a 5\n',
    'm {a="1"} 6\n',
  ]) {
    t.is(bench.difference(Buffer.from(page)), null, page);
  }
});

test('long integers of known lines are rounded correctly', (t) => {
  const bench = new ScanBench({ wanted: WANTED });
  for (let digits = 14; digits < 24; digits++) {
    for (const text of ['9007199254740993', '1234567890123456', '3141592653589793', '7777777777777777']) {
      t.is(bench.difference(Buffer.from(`m ${text.repeat(2).slice(0, digits)}\n`)), null, text);
    }
  }
});

test('a line is forgotten by the page of its last value, so that its id can be given away', (t) => {
  const bench = new ScanBench({ wanted: WANTED, limits: { sampleLimit: 2 } });
  const scan = (page: string) => bench.scan([Buffer.from(page)]).result;
  scan('m{a="1"} 1\ngauge 1\n');
  t.is(scan('m{a="1"} bad\ngauge 1\n').skippedLines, 1);
  t.is(scan('gauge 1\nfree 1\nm{a="1"} 1\nm{a="2"} 1\n').failure?.reason, 'sample_limit');
  t.is(bench.scanner.rememberedLines, 3);
  bench.scanner.forgetOlderThan(2);
  t.is(bench.scanner.rememberedLines, 2);
  const resolved = bench.resolved;
  t.is(scan('m{a="1"} 4\ngauge 1\n').samples, 2);
  t.is(bench.resolved, resolved + 1);
});

test('a page that is abandoned in the middle leaves no trace in the next', (t) => {
  const bench = new ScanBench({ wanted: WANTED });
  const page = Buffer.from('m{a="1"} 1\ngauge 2\n');
  bench.scan([page]);
  bench.scanner.begin(bench.table, 77);
  bench.scanner.feed(Buffer.from('m{a="1"} 5\ngau'));
  t.is(bench.difference(page), null);
});
