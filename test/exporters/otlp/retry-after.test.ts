/** @module `Retry-After` in all its forms. */
import test from 'ava';
import fc from 'fast-check';
import { LONGEST_WAIT_MS, retryAfterMs } from '../../../exporters/otlp/retry-after.ts';

const NOW_MS = Date.UTC(2026, 10, 25, 12, 0, 0);

const CASES: readonly (readonly [value: string, waitMs: number | null])[] = [
  ['0', 0],
  ['7', 7000],
  [' 120 ', 120_000],
  ['007', 7000],
  ['3600', 3_600_000],
  ['9'.repeat(400), LONGEST_WAIT_MS],
  ['Wed, 25 Nov 2026 12:00:07 GMT', 7000],
  ['Wed, 25 Nov 2026 11:59:00 GMT', 0],
  ['Wed, 25 Nov 2099 12:00:00 GMT', Date.UTC(2099, 10, 25, 12) - NOW_MS],
  ['Wednesday, 25-Nov-26 12:00:07 GMT', 7000],
  ['Wednesday, 25-Nov-76 12:00:07 GMT', Date.UTC(2076, 10, 25, 12, 0, 7) - NOW_MS],
  ['Wednesday, 25-Nov-77 12:00:07 GMT', 0],
  ['Wed Nov 25 12:00:07 2026', 7000],
  ['Sun Nov  1 12:00:07 2026', 0],
  ['', null],
  ['1.5', null],
  ['-1', null],
  ['+1', null],
  ['7s', null],
  ['Wed, 25 Nov 2026 12:00:07', null],
  ['Wed, 25 Nov 2026 12:00:07 CET', null],
  ['Wed, 31 Feb 2026 12:00:07 GMT', null],
  ['Wed, 25 Nix 2026 12:00:07 GMT', null],
  ['Wed, 25 Nov 2026 24:00:07 GMT', null],
  ['Wed, 25 Nov 2026 12:60:07 GMT', null],
  ['2026-11-25T12:00:07Z', null],
];

for (const [value, waitMs] of CASES) {
  test(`Retry-After "${value.slice(0, 40)}" is ${waitMs}`, (t) => {
    t.is(retryAfterMs(value, NOW_MS), waitMs);
  });
}

test('a date as JavaScript writes it is understood, and any text gives a wait or none', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3600 }), (seconds) => {
      t.is(retryAfterMs(new Date(NOW_MS + seconds * 1000).toUTCString(), NOW_MS), seconds * 1000);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const waitMs = retryAfterMs(text, NOW_MS);
      t.true(waitMs === null || (waitMs >= 0 && waitMs <= LONGEST_WAIT_MS));
    }),
  );
});
