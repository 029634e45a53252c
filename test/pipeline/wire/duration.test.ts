/** @module Durations against what Go answered. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { formatGoDuration, formatMilliseconds, parseGoDuration } from '../../../pipeline/wire/duration.ts';

interface Vectors {
  readonly format: readonly { readonly nanos: string; readonly text: string }[];
  readonly parse: readonly { readonly in: string; readonly ok: boolean; readonly nanos?: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../data/smi/duration-vectors.json', import.meta.url), 'utf8'),
);

test('all 50 vectors are looked at', (t) => {
  t.is(vectors.format.length + vectors.parse.length, 50);
});

for (const { nanos, text } of vectors.format) {
  test(`${nanos} ns reads ${text}`, (t) => t.is(formatGoDuration(BigInt(nanos)), text));
}

for (const vector of vectors.parse) {
  test(`${JSON.stringify(vector.in)} ${vector.ok ? `is ${vector.nanos} ns` : 'is refused'}`, (t) => {
    t.is(parseGoDuration(vector.in), vector.ok ? BigInt(vector.nanos!) : null);
  });
}

test('milliseconds read as Go durations', (t) => {
  t.is(formatMilliseconds(90_000), '1m30s');
  t.is(formatMilliseconds(1.5), '1.5ms');
});
