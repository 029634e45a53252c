/**
 * @module Expositions written after the two specifications, good and bad, each with what must be read from it.
 *
 * Sources: Prometheus text format 0.0.4 (prometheus/docs `content/docs/instrumenting/exposition_formats.md`), OpenMetrics
 * 1.0 (OpenObservability/OpenMetrics `specification/OpenMetrics.md`), and the lexers of prometheus/prometheus
 * `model/textparse` where the texts are silent. Where Weir differs on purpose, the title says so.
 */
import test from 'ava';
import { rule, ScanBench } from '../../../kit/scan.ts';

const WANTED = new Map([
  rule('c_total', 'counter'),
  rule('d', 'counter'),
  rule('g', 'gauge'),
  rule('h_bucket', 'histogram', 'h'),
  rule('h_count', 'histogram', 'h'),
  rule('u', 'untyped'),
  rule('a:b', 'untyped'),
  rule('a.b', 'untyped'),
]);

/** Samples as `name{label="value",…} value`, labels sorted, `xN` for a series that stood N times; then what was wrong. */
function read(page: string | Uint8Array): string[] {
  const bench = new ScanBench({
    wanted: WANTED,
    limits: { labelLimit: 5, labelNameLengthBytes: 12, labelValueLengthBytes: 40, sampleLimit: 6, lineBytes: 200 },
  });
  const { result, series } = bench.scan([typeof page === 'string' ? Buffer.from(page) : page]);
  if (result.failure !== null) return [`fails ${result.failure.reason}:${result.failure.line}`];
  const samples = [...series].map(([key, { value, repeats }]) => {
    const [name, labels] = JSON.parse(key) as [string, [string, string][]];
    const text = labels.map(([label, of]) => `${label}=${JSON.stringify(of)}`).join(',');
    return `${name}{${text}} ${Object.is(value, -0) ? '-0' : value}${repeats === 1 ? '' : ` x${repeats}`}`;
  });
  const skipped =
    result.firstSkipped === null
      ? []
      : [`skips ${result.skippedLines} ${result.firstSkipped.reason}:${result.firstSkipped.line}`];
  return [...samples, ...skipped, ...(result.endsMark === 'newline' ? [] : [`ends ${result.endsMark}`])];
}

const reads = test.macro((t, page: string | Uint8Array, ...expected: string[]) => {
  t.deepEqual(read(page), expected);
});

// --- Pages and lines -------------------------------------------------------------------------------------------------
test('an empty page', reads, '', 'ends none');
test('only blank lines', reads, '\n \n\t\n');
test('only comments', reads, '# nothing\n#\n# \n');
test('a sample without labels', reads, 'u 1\n', 'u{} 1');
test('several samples', reads, 'u 1\ng 2\n', 'u{} 1', 'g{} 2');
test('a last line without its line feed', reads, 'u 1\ng 2', 'u{} 1', 'g{} 2', 'ends none');
test('lines that end in CR LF', reads, 'u 1\r\ng{a="b"} 2\r\n', 'u{} 1', 'g{a="b"} 2');
test('a blank line between samples', reads, 'u 1\n\n\ng 2\n', 'u{} 1', 'g{} 2');
test('blanks before a name', reads, '  \tu 1\n', 'u{} 1');
test('blanks behind a value', reads, 'u 1 \t \n', 'u{} 1');
test('several blanks before the value', reads, 'u  \t  1\n', 'u{} 1');
test('a tab instead of a space', reads, 'u\t1\n', 'u{} 1');
test('a name alone', reads, 'u\ng 2\n', 'g{} 2', 'skips 1 missing_value:1');
test('a name and a blank', reads, 'u \n', 'skips 1 missing_value:1');
test('a sample nobody wants', reads, 'x_total 1\nu 1\n', 'u{} 1');
test('a sample nobody wants whose line is no sample', reads, 'x{{{ 1\nu 1\n', 'u{} 1');
test('a name that only begins like a wanted one', reads, 'uu 1\nu_total 1\nu 1\n', 'u{} 1');
test('a name with a colon', reads, 'a:b 3\n', 'a:b{} 3');
test('no name', reads, '{a="b"} 1\nu 1\n', 'u{} 1');
test('a line of text', reads, 'this is no sample\nu 1\n', 'u{} 1');
test('a page of HTML', reads, '<html><body>login</body></html>\n', 'fails html:1');
test('a page of HTML after blank lines', reads, '\n \n<!DOCTYPE html>\n', 'fails html:3');
test('a line of HTML after samples is a line nobody wants', reads, 'u 1\n<b>\n', 'u{} 1');
test('a page of JSON', reads, '{"u": 1}\n');
test('a byte-order mark hides the first name', reads, '\ufeffu 1\ng 2\n', 'g{} 2');
test('a NUL in a wanted line', reads, 'u \u0000 1\ng 2\n', 'g{} 2', 'skips 1 control_byte:1');
test('a NUL in a line nobody wants', reads, 'x \u0000\nu 1\n', 'u{} 1');
test('an escape sequence of terminals', reads, 'u{a="\u001b[31m"} 1\n', 'skips 1 control_byte:1');
test('a form feed is no blank', reads, 'u\f1\ng 2\n', 'g{} 2');
test('a line longer than allowed', reads, `u{a="${'x'.repeat(220)}"} 1\n`, 'fails line_too_long:1');
test('a comment longer than allowed', reads, `# ${'x'.repeat(220)}\n`, 'fails line_too_long:1');

// --- Values ----------------------------------------------------------------------------------------------------------
for (const [text, value] of [
  ['0', '0'],
  ['-0', '-0'],
  ['+1', '1'],
  ['1.5', '1.5'],
  ['1.', '1'],
  ['.5', '0.5'],
  ['1e3', '1000'],
  ['1E+3', '1000'],
  ['1e-3', '0.001'],
  ['-1.5e2', '-150'],
  ['007', '7'],
  ['9007199254740993', '9007199254740992'],
  ['18446744073709551615', '18446744073709552000'],
  ['40.549999999999997157829056959599', '40.55'],
  ['1e308', '1e+308'],
  ['4.9e-324', '5e-324'],
  ['1e-400', '0'],
  ['NaN', 'NaN'],
  ['nan', 'NaN'],
  ['NAN', 'NaN'],
  ['+Inf', 'Infinity'],
  ['-Inf', '-Infinity'],
  ['Inf', 'Infinity'],
  ['infinity', 'Infinity'],
  ['-INFINITY', '-Infinity'],
] as const) {
  test(`the value ${text}`, reads, `u ${text}\n`, `u{} ${value}`);
}
for (const text of [
  'x',
  '1x',
  '1,5',
  '0x10',
  '1_000',
  '1e',
  'e1',
  '--1',
  '+',
  '-',
  '.',
  '1.2.3',
  '١',
  '1e309',
  '+NaN',
  'Infin',
  '"1"',
  'null',
  'true',
]) {
  test(`the value ${text} is none`, reads, `u ${text}\ng 2\n`, 'g{} 2', 'skips 1 bad_value:1');
}

// --- Timestamps and exemplars ----------------------------------------------------------------------------------------
test('a timestamp in milliseconds', reads, 'u 1 1395066363000\n', 'u{} 1');
test('a negative timestamp', reads, 'u 1 -3982045\n', 'u{} 1');
test('a timestamp of OpenMetrics in seconds', reads, 'u 1 1395066363.123\n', 'u{} 1');
test('a timestamp with an exponent', reads, 'u 1 1.395e9\n', 'u{} 1');
test('a timestamp that is none', reads, 'u 1 yesterday\ng 2\n', 'g{} 2', 'skips 1 bad_timestamp:1');
test('a timestamp NaN', reads, 'u 1 NaN\n', 'skips 1 bad_timestamp:1');
test('text behind a timestamp', reads, 'u 1 2 3\n', 'skips 1 trailing_text:1');
test('an exemplar', reads, 'c_total 1 # {trace_id="abc"} 0.5\n', 'c_total{} 1');
test('an exemplar with a timestamp', reads, 'c_total 1 # {trace_id="abc"} 0.5 1520879607.789\n', 'c_total{} 1');
test('an exemplar behind a timestamp', reads, 'c_total 1 1520879607 # {} 0.5\n', 'c_total{} 1');
test('an exemplar of a bucket', reads, 'h_bucket{le="1"} 3 # {trace_id="a"} 0.6\n', 'h_bucket{le="1"} 3');
test(
  'an exemplar whose labels hold braces and blanks',
  reads,
  'h_bucket{le="1"} 3 # {a="} 7 {",b="#"} 0.6\n',
  'h_bucket{le="1"} 3',
);
test('an exemplar is not read, so that a broken one harms nothing', reads, 'c_total 1 # {broken\n', 'c_total{} 1');
test('a hash without a blank behind it is no exemplar', reads, 'c_total 1 #x\n', 'skips 1 bad_timestamp:1');

// --- Labels ----------------------------------------------------------------------------------------------------------
test('no label between braces', reads, 'u{} 1\n', 'u{} 1');
test('blanks between braces', reads, 'u{ \t } 1\n', 'u{} 1');
test('one label', reads, 'u{a="b"} 1\n', 'u{a="b"} 1');
test('two labels', reads, 'u{a="b",c="d"} 1\n', 'u{a="b",c="d"} 1');
test('a trailing comma', reads, 'u{a="b",} 1\n', 'u{a="b"} 1');
test('a comma alone', reads, 'u{,} 1\ng 2\n', 'g{} 2', 'skips 1 bad_labels:1');
test('a comma first', reads, 'u{,a="b"} 1\n', 'skips 1 bad_labels:1');
test('two commas', reads, 'u{a="b",,c="d"} 1\n', 'skips 1 bad_labels:1');
test('no comma between labels (Weir: not read)', reads, 'u{a="b" c="d"} 1\n', 'skips 1 bad_labels:1');
test('blanks everywhere', reads, 'u { a = "b" , c = "d" } 1\n', 'u{a="b",c="d"} 1');
test('no blank before the value', reads, 'u{a="b"}1\n', 'u{a="b"} 1');
test('an empty value', reads, 'u{a=""} 1\n', 'u{a=""} 1');
test(
  'labels in another order are the same series',
  reads,
  'u{a="1",b="2"} 1\nu{b="2",a="1"} 2\n',
  'u{a="1",b="2"} 3 x2',
);
test('a label twice', reads, 'u{a="1",a="2"} 1\n', 'skips 1 duplicate_label:1');
test('a label name with digits and _', reads, 'u{_a1="b"} 1\n', 'u{_a1="b"} 1');
test('a label name that begins with a digit', reads, 'u{1a="b"} 1\n', 'skips 1 bad_labels:1');
test('a label name with a dash', reads, 'u{a-b="c"} 1\n', 'skips 1 bad_labels:1');
test('a label name with a colon', reads, 'u{a:b="c"} 1\n', 'skips 1 bad_labels:1');
test('a label name with a dot', reads, 'u{a.b="c"} 1\n', 'skips 1 bad_labels:1');
test('no label name', reads, 'u{="b"} 1\n', 'skips 1 bad_labels:1');
test('no equals sign', reads, 'u{a "b"} 1\n', 'skips 1 bad_labels:1');
test('other than an equals sign', reads, 'u{a!="b"} 1\n', 'skips 1 bad_labels:1');
test('a value without quotes', reads, 'u{a=b} 1\n', 'skips 1 bad_labels:1');
test('a value in single quotes', reads, "u{a='b'} 1\n", 'skips 1 bad_labels:1');
test('a value without its last quote', reads, 'u{a="b} 1\ng 2\n', 'g{} 2', 'skips 1 bad_labels:1');
test('no closing brace', reads, 'u{a="b" 1\ng 2\n', 'g{} 2', 'skips 1 bad_labels:1');
test('two opening braces', reads, 'u{{a="b"} 1\n', 'skips 1 bad_labels:1');
test('two closing braces', reads, 'u{a="b"}} 1\n', 'skips 1 bad_value:1');
test('a brace inside a value', reads, 'u{a="}",b="{"} 1\n', 'u{a="}",b="{"} 1');
test('a comma and an equals sign inside a value', reads, 'u{a="b,c=\'d\'"} 1\n', 'u{a="b,c=\'d\'"} 1');
test('a hash inside a value', reads, 'u{a="# EOF"} 1\n', 'u{a="# EOF"} 1');
test('labels of the prototype', reads, 'u{__proto__="a",toString="b"} 1\n', 'u{__proto__="a",toString="b"} 1');

// --- Escapes and encodings -------------------------------------------------------------------------------------------
test('an escaped quote', reads, 'u{a="x\\"y"} 1\n', 'u{a="x\\"y"} 1');
test('an escaped backslash', reads, 'u{a="x\\\\y"} 1\n', 'u{a="x\\\\y"} 1');
test('an escaped line feed', reads, 'u{a="x\\ny"} 1\n', 'u{a="x\\ny"} 1');
test('a backslash before the last quote', reads, 'u{a="x\\\\"} 1\n', 'u{a="x\\\\"} 1');
test('only escapes', reads, 'u{a="\\\\\\"\\n"} 1\n', 'u{a="\\\\\\"\\n"} 1');
test('the same value with and without need is one series', reads, 'u{a="b"} 1\nu{a="b",} 4\n', 'u{a="b"} 5 x2');
test('another escape (Weir: not read)', reads, 'u{a="x\\ty"} 1\ng 2\n', 'g{} 2', 'skips 1 bad_escape:1');
test('an escaped letter', reads, 'u{a="\\u0041"} 1\n', 'skips 1 bad_escape:1');
test('a quote that is not escaped', reads, 'u{a="x"y"} 1\n', 'skips 1 bad_labels:1');
test('a tab in a value', reads, 'u{a="x\ty"} 1\n', 'u{a="x\\ty"} 1');
test('a line feed in a value', reads, 'u{a="x\ny"} 1\ng 2\n', 'g{} 2', 'skips 1 bad_labels:1');
test('letters of any script', reads, 'u{a="größe 数 🎉"} 1\n', 'u{a="größe 数 🎉"} 1');
test(
  'bytes that are no UTF-8',
  reads,
  Buffer.from([0x75, 0x7b, 0x61, 0x3d, 0x22, 0xff, 0x22, 0x7d, 0x20, 0x31, 0x0a]),
  'skips 1 invalid_utf8:1',
);
test(
  'a letter cut in two',
  reads,
  Buffer.from([0x75, 0x7b, 0x61, 0x3d, 0x22, 0xc3, 0x22, 0x7d, 0x20, 0x31, 0x0a]),
  'skips 1 invalid_utf8:1',
);
test(
  'a surrogate as bytes',
  reads,
  Buffer.from([0x75, 0x7b, 0x61, 0x3d, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d, 0x20, 0x31, 0x0a]),
  'skips 1 invalid_utf8:1',
);
test(
  'bytes that are no UTF-8 in a comment',
  reads,
  Buffer.from([0x23, 0x20, 0xff, 0x0a, 0x75, 0x20, 0x31, 0x0a]),
  'u{} 1',
);
test('DEL in a value', reads, 'u{a="\u007f"} 1\n', 'skips 1 control_byte:1');

// --- Quoted names (UTF-8 syntax) -------------------------------------------------------------------------------------
test('a quoted name', reads, '{"a.b"} 1\n', 'a.b{} 1');
test('a quoted name with labels', reads, '{"a.b",c="d"} 1\n', 'a.b{c="d"} 1');
test('a quoted name that needs no quotes', reads, '{"u",c="d"} 1\nu{c="d"} 2\n', 'u{c="d"} 3 x2');
test('a quoted name with a trailing comma', reads, '{"a.b",} 1\n', 'a.b{} 1');
test('a quoted name nobody wants', reads, '{"x.y"} 1\nu 1\n', 'u{} 1');
test('a quoted label name', reads, 'u{"c.d"="e"} 1\n', 'u{c.d="e"} 1');
test('an empty quoted name', reads, '{""} 1\nu 1\n', 'u{} 1');

// --- Comments, types, units ------------------------------------------------------------------------------------------
test('HELP and TYPE', reads, '# HELP u Some help.\n# TYPE u untyped\nu 1\n', 'u{} 1');
test('HELP with escapes', reads, '# HELP u a\\\\b\\nc "d"\nu 1\n', 'u{} 1');
test('HELP of bad escapes harms nothing', reads, '# HELP u \\x\nu 1\n', 'u{} 1');
test('TYPE of the right kind', reads, '# TYPE g gauge\ng 1\n', 'g{} 1');
test('TYPE that contradicts', reads, '# TYPE g counter\ng 1\n', 'fails type_changed:1');
test('TYPE after its samples that contradicts', reads, 'g 1\n# TYPE g histogram\n', 'fails type_changed:2');
test('TYPE of a counter under its whole name', reads, '# TYPE c_total counter\nc_total 1\n', 'c_total{} 1');
test(
  'TYPE of a counter without _total, as in OpenMetrics',
  reads,
  '# TYPE c counter\nc_total 1\n# EOF\n',
  'c_total{} 1',
  'ends eof',
);
test('a counter without _total', reads, '# TYPE d counter\nd 1\n', 'd{} 1');
test(
  'TYPE of a histogram',
  reads,
  '# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 1\n',
  'h_bucket{le="1"} 1',
  'h_count{} 1',
);
test('TYPE summary of a histogram', reads, '# TYPE h summary\nh_bucket{le="1"} 1\n', 'fails type_changed:1');
test('TYPE of an unknown word says nothing', reads, '# TYPE g gizmo\ng 1\n', 'g{} 1');
test('TYPE unknown says nothing', reads, '# TYPE g unknown\ng 1\n', 'g{} 1');
test('TYPE without a type', reads, '# TYPE g\ng 1\n', 'g{} 1');
test('TYPE twice', reads, '# TYPE g gauge\n# TYPE g gauge\ng 1\n', 'g{} 1');
test('TYPE with more blanks', reads, '#   TYPE \t g \t gauge\ng 1\n', 'g{} 1');
test('TYPE without a blank behind the hash is a comment', reads, '#TYPE g counter\ng 1\n', 'g{} 1');
test('TYPE in small letters is a comment', reads, '# type g counter\ng 1\n', 'g{} 1');
test('TYPE of a quoted name', reads, '# TYPE "g" counter\ng 1\n', 'fails type_changed:1');
test('TYPE of a family nobody wants', reads, '# TYPE x counter\nx 1\nu 2\n', 'u{} 2');
test('no TYPE at all', reads, 'h_bucket{le="1"} 1\n', 'h_bucket{le="1"} 1');
test('UNIT', reads, '# TYPE g gauge\n# UNIT g seconds\ng 1\n', 'g{} 1');
test('families that are not contiguous', reads, 'u{a="1"} 1\ng 1\nu{a="2"} 2\n', 'u{a="1"} 1', 'g{} 1', 'u{a="2"} 2');

// --- The end of OpenMetrics ------------------------------------------------------------------------------------------
test('EOF', reads, 'u 1\n# EOF\n', 'u{} 1', 'ends eof');
test('EOF without a line feed', reads, 'u 1\n# EOF', 'u{} 1', 'ends eof');
test('EOF and blank lines', reads, 'u 1\n# EOF\n\n \n', 'u{} 1', 'ends eof');
test('samples behind EOF of a merged page are read (Weir)', reads, 'u 1\n# EOF\ng 2\n', 'u{} 1', 'g{} 2');
test('EOF twice, as merged pages have it', reads, 'u 1\n# EOF\ng 2\n# EOF\n', 'u{} 1', 'g{} 2', 'ends eof');
test('EOF in another form is a comment', reads, '# EOFs\n#EOF\n# eof\nu 1\n', 'u{} 1');

// --- Histograms and series made beside -------------------------------------------------------------------------------
test(
  'buckets in any order',
  reads,
  'h_bucket{le="+Inf"} 3\nh_bucket{le="1"} 1\n',
  'h_bucket{le="+Inf"} 3',
  'h_bucket{le="1"} 1',
);
test(
  'le as the writer wrote it',
  reads,
  'h_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\n',
  'h_bucket{le="1"} 1',
  'h_bucket{le="1.0"} 2',
);
test(
  'created and sum of OpenMetrics are families of their own',
  reads,
  'c_created 1.5e9\nh_sum 3\nc_total 1\n',
  'c_total{} 1',
);

// --- Repeats and limits ----------------------------------------------------------------------------------------------
test('a series twice is summed', reads, 'u 1\nu 2\n', 'u{} 3 x2');
test('a series three times', reads, 'u{a="b"} 1\ng 0\nu{a="b"} 2\nu{a="b"} 3\n', 'u{a="b"} 6 x3', 'g{} 0');
test('a repeat that is no number spoils the sum', reads, 'u 1\nu NaN\n', 'u{} NaN x2');
test(
  'as many samples as allowed',
  reads,
  'u{a="1"} 1\nu{a="2"} 1\nu{a="3"} 1\nu{a="4"} 1\nu{a="5"} 1\nu{a="6"} 1\n',
  ...['1', '2', '3', '4', '5', '6'].map((a) => `u{a="${a}"} 1`),
);
test(
  'more samples than allowed',
  reads,
  'u{a="1"} 1\nu{a="2"} 1\nu{a="3"} 1\nu{a="4"} 1\nu{a="5"} 1\nu{a="6"} 1\nu{a="7"} 1\n',
  'fails sample_limit:7',
);
test('more samples than allowed that nobody wants', reads, `${'x 1\n'.repeat(20)}u 1\n`, 'u{} 1');
test('as many labels as allowed', reads, 'u{a="",b="",c="",d="",e=""} 1\n', 'u{a="",b="",c="",d="",e=""} 1');
test('more labels than allowed', reads, 'u{a="",b="",c="",d="",e="",f=""} 1\n', 'fails label_limit:1');
test('a label name longer than allowed', reads, 'u{abcdefghijklm="x"} 1\n', 'fails label_name_length_limit:1');
test('a label value longer than allowed', reads, `u{a="${'x'.repeat(41)}"} 1\n`, 'fails label_value_length_limit:1');
test(
  'the length of a value is that of its bytes without escapes',
  reads,
  `u{a="${'\\n'.repeat(40)}"} 1\n`,
  `u{a="${'\\n'.repeat(40)}"} 1`,
);
test('limits bite only where lines are wanted', reads, `x{abcdefghijklm="${'x'.repeat(60)}"} 1\nu 1\n`, 'u{} 1');

test('every page reads the same in two pieces, wherever it is cut', (t) => {
  const page = Buffer.from(
    '# TYPE h histogram\r\nh_bucket{le="+Inf",a="ö\\n"} 3 # {x="y"} 1\n\nu{} 1e3 5\n{"a.b",c="d"} .5\n# EOF\n',
  );
  const whole = new ScanBench({ wanted: WANTED }).scan([page]);
  for (let cut = 0; cut <= page.length; cut++) {
    const parts = new ScanBench({ wanted: WANTED }).scan([page.subarray(0, cut), page.subarray(cut)]);
    t.deepEqual(parts.series, whole.series);
    t.like(parts.result, { samples: whole.result.samples, skippedLines: 0, endsMark: 'eof' });
  }
  t.is(whole.series.size, 3);
});
