/** @module Quantities against what apimachinery answered. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { milliQuantityText, parseQuantity, quantityText, roundedUp } from '../../../pipeline/wire/quantity.ts';

interface ParseVector {
  readonly in: string;
  readonly ok: boolean;
  readonly format?: string;
  readonly text?: string;
  readonly intRoundedUp?: string;
  readonly milliRoundedUp?: string;
}
interface Vectors {
  /** `valueText` stands for numbers JSON does not have, or that ran over in Go. */
  readonly floatTruncatedToMilli: readonly {
    readonly value?: number;
    readonly valueText?: string;
    readonly text: string;
  }[];
  readonly milliQuantityToText: readonly { readonly milli: string; readonly text: string }[];
  readonly parse: readonly ParseVector[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../data/smi/quantity-vectors.json', import.meta.url), 'utf8'),
);

test('all 442 vectors are looked at', (t) => {
  const { floatTruncatedToMilli, milliQuantityToText, parse } = vectors;
  t.is(floatTruncatedToMilli.length + milliQuantityToText.length + parse.length, 442);
});

test('thousandths read as apimachinery prints them', (t) => {
  for (const { milli, text } of vectors.milliQuantityToText) t.is(milliQuantityText(BigInt(milli)), text);
});

/** Where smi-metrics cuts and Weir rounds half up (value → Weir's text), or where Go's int64 ran over. */
const ROUNDED = new Map([
  [0.0005, '1m'],
  [0.0009999, '1m'],
  [999.9999, '1k'],
  [1.005, '1005m'],
]);

test('numbers read as smi-metrics prints them, except where it cuts and Weir rounds', (t) => {
  const different = new Map<number, string>();
  for (const { value, text } of vectors.floatTruncatedToMilli) {
    if (value !== undefined && quantityText(value) !== text) different.set(value, quantityText(value));
  }
  t.deepEqual(different, ROUNDED);
});

test('what runs over in smi-metrics is 0 when it is no number, and exact when it is one', (t) => {
  const texts = vectors.floatTruncatedToMilli.flatMap(({ valueText }) => valueText ?? []);
  const numbers = new Map([
    ['+Inf', Number.POSITIVE_INFINITY],
    ['-Inf', Number.NEGATIVE_INFINITY],
  ]);
  t.deepEqual(
    texts.map((text) => [text, quantityText(numbers.get(text) ?? Number(text))]),
    [
      ['NaN', '0'],
      ['+Inf', '0'],
      ['-Inf', '0'],
      ['9.3e+15', '9300T'],
    ],
  );
});

/** Go's int64 runs over in `MilliValue()` of these; Weir's numbers do not. */
const OVERFLOWS = new Map([
  ['9223372036854775807', '9223372036854775807000'],
  ['1E', '1000000000000000000000'],
]);

test('texts are parsed, refused and printed again as apimachinery does', (t) => {
  for (const vector of vectors.parse) {
    const parsed = parseQuantity(vector.in);
    t.is(parsed !== null, vector.ok, vector.in);
    if (parsed === null) continue;
    t.is(parsed.text, vector.text!, vector.in);
    t.is(parsed.format, vector.format! as never, vector.in);
    t.is(String(roundedUp(parsed, 0)), vector.intRoundedUp!, vector.in);
    t.is(String(roundedUp(parsed, -3)), OVERFLOWS.get(vector.in) ?? vector.milliRoundedUp!, vector.in);
  }
});

test('what is printed parses back to the number rounded half up to thousandths', (t) => {
  fc.assert(
    fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true }), (value) => {
      const milli = BigInt(Math.floor(value * 1000 + 0.5));
      const parsed = parseQuantity(quantityText(value));
      t.is(parsed?.nanos, milli * 1_000_000n);
      t.is(quantityText(value), milliQuantityText(milli));
    }),
  );
});

test('no number at all reads 0', (t) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]) {
    t.is(quantityText(value), '0');
  }
});
