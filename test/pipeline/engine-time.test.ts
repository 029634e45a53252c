/** @module Engine time against a wall clock that drifts and steps. */
import test from 'ava';
import { createEngineTime } from '../../pipeline/clock/engine-time.ts';
import { createTestClock } from '../kit/clock.ts';

const T0 = 1_700_000_000_000;

test('engine time starts at the wall clock and runs with the monotonic one', (t) => {
  const clock = createTestClock(T0);
  const time = createEngineTime(clock);
  t.is(time.nowMs(), T0);
  clock.advance(1234);
  t.is(time.nowMs(), T0 + 1234);
  t.is(time.delayUntil(T0 + 2000), 766);
});

test('drift is slewed by at most one percent', (t) => {
  const clock = createTestClock(T0);
  const time = createEngineTime(clock);
  clock.advance(10_000);
  clock.setWall(T0 + 10_500);
  t.is(time.nowMs(), T0 + 10_100);
  clock.advance(10_000);
  t.is(time.nowMs(), T0 + 20_200);
});

test('a slow wall clock bends engine time back without ever turning it', (t) => {
  const clock = createTestClock(T0);
  const time = createEngineTime(clock);
  let last = time.nowMs();
  for (let i = 1; i <= 200; i++) {
    clock.advance(10);
    if (i === 1) clock.setWall(clock.wallMs() - 900);
    const now = time.nowMs();
    t.true(now >= last);
    last = now;
  }
  t.false(time.ahead);
});

test('a forward step is followed at once and leaves a gap that is told', (t) => {
  const clock = createTestClock(T0);
  const time = createEngineTime(clock);
  clock.advance(1000);
  clock.setWall(T0 + 3_601_000);
  t.is(time.nowMs(), T0 + 3_601_000);
  t.is(time.skippedMs, 3_600_000);
});

test('after a backward step labels run on, flagged, until the wall clock has passed them', (t) => {
  const clock = createTestClock(T0);
  const time = createEngineTime(clock);
  clock.advance(1000);
  clock.setWall(T0 - 3_600_000);
  t.is(time.nowMs(), T0 + 1000);
  t.true(time.ahead);
  clock.advance(5000);
  t.is(time.nowMs(), T0 + 6000);
  clock.setWall(T0 + 7000);
  t.true(time.nowMs() >= T0 + 6000);
  t.false(time.ahead);
});
