/** @module Splicing pages: digits of any number, lines across the ends of the buffer, buckets that only rise. */
import test from 'ava';
import fc from 'fast-check';
import { TailsByBounds } from '../../../../pipeline/wire/exposition-out/bucket-tails.ts';
import {
  NUMBER_BYTES,
  numberText,
  writeNumber,
  writeTimestamp,
} from '../../../../pipeline/wire/exposition-out/number.ts';
import { bytesOf, PageWriter } from '../../../../pipeline/wire/exposition-out/page-writer.ts';
import { timestampText } from '../../../../pipeline/wire/exposition-out/text.ts';
import { putWords, WORD_SLACK, wordsOf } from '../../../../pipeline/wire/exposition-out/words.ts';

function written(value: number): string {
  const bytes = new Uint8Array(NUMBER_BYTES + 2).fill(0x2e);
  const end = writeNumber(bytes, 1, value);
  return `${Buffer.from(bytes).toString('latin1', 0, 1)}${Buffer.from(bytes).toString('latin1', 1, end)}`;
}

const EDGES = [0, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000, 999_999, 1e6, 9_999_999, 1e7, 99_999_999];
const LARGE = [1e8, 999_999_999, 1e9, 1_000_000_001, 2 ** 31, 2 ** 32, 123_456_789_012, 2 ** 53 - 1];

for (const value of [...EDGES, ...LARGE]) test(`whole number ${value}`, (t) => t.is(written(value), `.${value}`));

for (const [value, text] of [
  [0.1, '0.1'],
  [-1, '-1'],
  [-0, '0'],
  [2 ** 53, '9007199254740992'],
  [1e21, '1e+21'],
  [12.345, '12.345'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
] as const) {
  test(`the number ${text}`, (t) => t.is(written(value), `.${text}`));
}

test('property: numbers read back as they were', (t) => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) =>
      t.is(Number(written(value).slice(1).replace('Inf', 'Infinity')), value + 0),
    ),
  );
  fc.assert(fc.property(fc.maxSafeNat(), (value) => t.is(written(value), `.${numberText(value)}`)));
});

const textOf = (pieces: readonly Uint8Array[]) => Buffer.concat(pieces).toString();

test('a sample is head, labels, tail and value in one line', (t) => {
  const writer = new PageWriter();
  writer.sample(wordsOf('weir_x{'), bytesOf('a="é"'), wordsOf(',b="c"} '), 12);
  writer.timeSample(wordsOf('weir_x_created{'), bytesOf('a="é"'), wordsOf('} '), 1000);
  t.is(writer.lines, 2);
  t.is(textOf(writer.take()), 'weir_x{a="é",b="c"} 12\nweir_x_created{a="é"} 1.000\n');
  t.deepEqual(writer.take(), []);
});

test('buckets are running sums under one prefix', (t) => {
  const writer = new PageWriter();
  const tails = new TailsByBounds().of([5, 1000]);
  t.is(writer.buckets(wordsOf('d_bucket{'), bytesOf('a="b"'), tails, Float64Array.of(3, 0, 4)), 7);
  const lines = textOf(writer.take())
    .replaceAll(/bounds="[^"]+"/g, 'bounds=""')
    .split('\n');
  t.deepEqual(lines, [
    'd_bucket{a="b",bounds="",le="0.005"} 3',
    'd_bucket{a="b",bounds="",le="1.0"} 3',
    'd_bucket{a="b",bounds="",le="+Inf"} 7',
    '',
  ]);
});

test('equal bounds share their bytes, whichever array holds them', (t) => {
  const tails = new TailsByBounds();
  t.is(tails.of([1, 2]), tails.of([1, 2]));
  t.not(tails.of([1, 2]), tails.of([1, 3]));
});

test('bounds that two pages did not show are forgotten, what the newest two show is kept', (t) => {
  const tails = new TailsByBounds();
  const first = tails.of([1]);
  tails.of([2]);
  tails.nextPage();
  t.is(tails.of([1]), first);
  t.is(tails.size, 2);
  tails.nextPage();
  t.is(tails.of([1]), first);
  t.is(tails.size, 1);
});

test('property: a start time is written as its text says', (t) => {
  const bytes = new Uint8Array(NUMBER_BYTES);
  const textAt = (ms: number) => {
    const end = writeTimestamp(bytes, 0, ms);
    return Buffer.from(bytes).toString('latin1', 0, end);
  };
  for (const ms of [0, 1, 999, 1000, 1_700_000_010_000, 1_700_000_010_007, 2 ** 53 - 2])
    t.is(textAt(ms), timestampText(ms));
  fc.assert(fc.property(fc.nat({ max: 2 ** 52 }), (ms) => t.is(textAt(ms), timestampText(ms))));
});

test('property: words are their text, and touch no more than the slack behind it', (t) => {
  const ascii = fc.string({ unit: fc.integer({ min: 0, max: 127 }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(ascii, fc.nat(9), (text, at) => {
      const bytes = new Uint8Array(at + text.length + WORD_SLACK + 1).fill(0xff);
      t.is(putWords(new DataView(bytes.buffer), at, wordsOf(text)), at + text.length);
      t.is(Buffer.from(bytes).toString('latin1', at, at + text.length), text);
      t.is(bytes.at(-1), 0xff);
      t.true(bytes.subarray(0, at).every((byte) => byte === 0xff));
    }),
  );
  t.throws(() => wordsOf('é'), { instanceOf: RangeError });
});

test('property: pages come out the same whatever falls on the ends of the buffer, and labels may be longer than it', (t) => {
  const label = fc.nat(6).map((n) => `a="${'x'.repeat(10 ** n / 3)}"`);
  const line = fc.record({ label, value: fc.nat(), histogram: fc.boolean() });
  const buckets = [wordsOf(',le="1.0"} '), wordsOf(',le="+Inf"} ')];
  const tails = { buckets, plain: wordsOf('} '), longest: buckets[1]!.length };
  const writer = new PageWriter();
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      let expected = '';
      for (const { label: text, value, histogram } of lines) {
        if (histogram) {
          writer.buckets(wordsOf('h{'), bytesOf(text), tails, Float64Array.of(value, 1));
          expected += `h{${text},le="1.0"} ${value}\nh{${text},le="+Inf"} ${value + 1}\n`;
        } else {
          writer.sample(wordsOf('c{'), bytesOf(text), tails.plain, value);
          expected += `c{${text}} ${value}\n`;
        }
      }
      t.true(textOf(writer.take()) === expected);
    }),
    { numRuns: 50 },
  );
});

test('pages are the taker’s: later ones do not write into them', (t) => {
  const writer = new PageWriter();
  writer.append(bytesOf('first'));
  const first = writer.take();
  writer.append(bytesOf('other'));
  t.is(textOf(first), 'first');
  t.is(textOf(writer.take()), 'other');
});
