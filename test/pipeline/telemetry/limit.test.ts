/** @module Repeated occurrences: the first is told, then one every 30 s with the count. */
import test from 'ava';
import { createOccurrenceLimit } from '../../../pipeline/telemetry/limit.ts';
import { createTestClock } from '../../kit/clock.ts';

test('the first is told at once, the next ones within 30 s are counted into the one after', (t) => {
  const clock = createTestClock();
  const limit = createOccurrenceLimit(clock);
  t.is(limit.occurred('refused'), 1);
  for (let second = 1; second < 30; second++) {
    clock.advance(1000);
    t.is(limit.occurred('refused'), 0);
  }
  clock.advance(1000);
  t.is(limit.occurred('refused'), 30);
  t.is(limit.occurred('refused'), 0);
});

test('every occurrence is told or returned as unsaid, none twice', (t) => {
  const clock = createTestClock();
  const limit = createOccurrenceLimit(clock);
  let told = 0;
  for (let i = 0; i < 1000; i++) {
    told += limit.occurred('x');
    clock.advance(171);
  }
  t.is(told + limit.ended('x'), 1000);
});

test('keys are apart, and one that ended is told at once again', (t) => {
  const limit = createOccurrenceLimit(createTestClock());
  t.is(limit.occurred('a'), 1);
  t.is(limit.occurred('b'), 1);
  t.is(limit.occurred('a'), 0);
  t.is(limit.ended('a'), 1);
  t.is(limit.occurred('a'), 1);
  t.is(limit.ended('never seen'), 0);
});

test('the key longest silent is forgotten first', (t) => {
  const limit = createOccurrenceLimit(createTestClock(), 30_000, 2);
  limit.occurred('a');
  limit.occurred('b');
  limit.occurred('a');
  limit.occurred('c');
  t.is(limit.occurred('a'), 0);
  t.is(limit.occurred('b'), 1);
});

test('a wall clock that steps changes nothing', (t) => {
  const clock = createTestClock();
  const limit = createOccurrenceLimit(clock);
  limit.occurred('x');
  clock.setWall(clock.wallMs() + 3_600_000);
  t.is(limit.occurred('x'), 0);
});
