/** @module Decimal integers of 64 bits, against BigInt. */
import test from 'ava';
import fc from 'fast-check';
import { Decimal64 } from '../../../../pipeline/wire/otlp/decimal.ts';

const LIMITS = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n, 10n ** 9n, 10n ** 10n, 10n ** 19n];
const anyInteger = fc.oneof(
  fc.bigInt(-(10n ** 20n), 10n ** 20n),
  fc.bigInt(-(2n ** 33n), 2n ** 33n),
  fc
    .tuple(fc.constantFrom(...LIMITS), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([limit, more, negative]) => (negative ? -(limit + BigInt(more)) : limit + BigInt(more))),
);

function read(text: string): Decimal64 | null {
  const decimal = new Decimal64();
  const bytes = Buffer.from(`x${text}x`);
  return decimal.read(bytes, 1, bytes.length - 1) ? decimal : null;
}

test('any integer is read exactly when its magnitude has 64 bits', (t) => {
  fc.assert(
    fc.property(anyInteger, (value) => {
      const decimal = read(String(value));
      const magnitude = value < 0n ? -value : value;
      const expected = magnitude < 2n ** 64n ? magnitude : null;
      t.is(decimal && BigInt(decimal.high) * 2n ** 32n + BigInt(decimal.low), expected);
      if (decimal === null) return;
      t.is(decimal.fits(64, false), value >= 0n);
      t.is(decimal.fits(64, true), value >= -(2n ** 63n) && value < 2n ** 63n);
      t.is(decimal.fits(32, false), value >= 0n && value < 2n ** 32n);
      t.is(decimal.fits(32, true), value >= -(2n ** 31n) && value < 2n ** 31n);
      decimal.complement();
      t.is(BigInt(decimal.high) * 2n ** 32n + BigInt(decimal.low), BigInt.asUintN(64, value));
    }),
    { numRuns: 3000 },
  );
});

test('any whole number within 2⁵³ is taken as it is', (t) => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const decimal = new Decimal64();
      decimal.set(value);
      decimal.complement();
      t.is(BigInt(decimal.high) * 2n ** 32n + BigInt(decimal.low), BigInt.asUintN(64, BigInt(value)));
    }),
  );
});

for (const text of ['', '-', '+1', '1.0', '1e3', ' 1', '1 ', '0x1', '--1', '1-', '000000000000000000001', '١'])
  test(`no integer: "${text}"`, (t) => {
    t.is(read(text), null);
  });

test('zeros before it and the zero with a sign are integers', (t) => {
  t.is(read('00000000000000000001')?.low, 1);
  t.is(read('-0')?.fits(32, false), true);
});
