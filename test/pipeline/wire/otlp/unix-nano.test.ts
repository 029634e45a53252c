/** @module Nanoseconds of OTLP from and to milliseconds, against arithmetic without limits. */
import test from 'ava';
import fc from 'fast-check';
import { UnixNano, unixNanoMs, unixNanoText } from '../../../../pipeline/wire/otlp/unix-nano.ts';

function nanosOf(ms: number): bigint {
  const time = new UnixNano();
  time.set(ms);
  return BigInt(time.high) * 2n ** 32n + BigInt(time.low);
}

test('any whole millisecond that 64 bits hold is told exactly and comes back', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: 0, max: 18_446_744_073_709 }), fc.nat()), (ms) => {
      const nanos = nanosOf(ms);
      t.is(nanos, BigInt(ms) * 1_000_000n);
      t.is(unixNanoText(ms), nanos.toString());
      t.is(unixNanoMs(Number(nanos & 0xffff_ffffn), Number(nanos >> 32n)), ms);
    }),
  );
});

test('any fraction of a millisecond from April 1970 on comes back', (t) => {
  fc.assert(
    fc.property(fc.double({ min: 2 ** 33, max: 1.8e13, noNaN: true }), (ms) => {
      const nanos = nanosOf(ms);
      t.is(unixNanoText(ms), nanos.toString());
      t.is(unixNanoMs(Number(nanos & 0xffff_ffffn), Number(nanos >> 32n)), ms);
    }),
    { numRuns: 2000 },
  );
});

test('any 64 bits read as the nearest millisecond', (t) => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (nanos) => {
      const ms = unixNanoMs(Number(nanos & 0xffff_ffffn), Number(nanos >> 32n));
      t.true(Math.abs(ms - Number(nanos / 1000n) / 1000) <= 0.004, `${nanos}: ${ms}`);
    }),
  );
  t.is(unixNanoMs(0xffff_ffff, 0xffff_ffff), 18_446_744_073_709.55);
});
