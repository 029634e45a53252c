/** @module Backoff as the Collector has it. */
import test from 'ava';
import fc from 'fast-check';
import { createBackoff, pause } from '../../../pipeline/sending/retry.ts';
import { createTestClock } from '../../kit/clock.ts';

const DEFAULTS = {
  enabled: true,
  initialIntervalMs: 5000,
  randomizationFactor: 0.5,
  multiplier: 1.5,
  maxIntervalMs: 30_000,
  maxElapsedMs: 0,
};

test('waits grow by the multiplier up to the longest one, and begin anew after a success', (t) => {
  const backoff = createBackoff({ ...DEFAULTS, randomizationFactor: 0 }, createTestClock());
  const waits = Array.from({ length: 7 }, () => backoff.nextMs());
  t.deepEqual(waits, [5000, 7500, 11_250, 16_875, 25_312.5, 30_000, 30_000]);
  backoff.reset();
  t.is(backoff.nextMs(), 5000);
});

test('a wait the peer asks for is kept when it is longer', (t) => {
  const backoff = createBackoff({ ...DEFAULTS, randomizationFactor: 0 }, createTestClock());
  t.is(backoff.nextMs(7000), 7000);
  t.is(backoff.nextMs(7000), 7500);
});

test('waits are spread by the randomization factor to both sides', (t) => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (bits) => {
      const clock = { ...createTestClock(), randomId: () => bits.toString(16).padStart(16, '0') };
      const wait = createBackoff(DEFAULTS, clock).nextMs();
      t.true(wait >= 2500 && wait <= 7500);
    }),
  );
  const highest = { ...createTestClock(), randomId: () => 'f'.repeat(16) };
  t.true(createBackoff(DEFAULTS, highest).nextMs() > 7499);
});

test('a pause ends after its time, or at once when it is cut short', async (t) => {
  const clock = createTestClock();
  const abort = new AbortController();
  const whole = pause(clock, 1000, abort.signal);
  clock.advance(1000);
  await whole;
  const cut = pause(clock, 1000, abort.signal);
  abort.abort();
  await cut;
  t.is(clock.timers, 0);
});
