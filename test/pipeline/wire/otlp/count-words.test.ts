/** @module Bucket counts as 64-bit words: each call alone, whatever came before. */
import test from 'ava';
import fc from 'fast-check';
import { CountWords } from '../../../../pipeline/wire/otlp/count-words.ts';

const anyCount = fc.oneof(
  fc.nat(100),
  fc.maxSafeNat(),
  fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(0.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53),
);
const anyCalls = fc.array(fc.array(anyCount, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });

test('any whole counts are the integers of their places, anything else is refused', (t) => {
  const words = new CountWords();
  fc.assert(
    fc.property(anyCalls, (calls) => {
      for (const counts of calls) {
        const total = words.fill(Float64Array.from(counts));
        if (counts.every((count) => count >= 0 && Number.isSafeInteger(count))) {
          t.is(
            total,
            counts.reduce((sum, count) => sum + count, 0),
          );
          t.deepEqual(
            counts.map((_, i) => Number(words.bytes.readBigUInt64LE(i * 8))),
            counts,
          );
        } else t.is(total, -1);
      }
    }),
    { numRuns: 500 },
  );
});
