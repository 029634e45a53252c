/** @module Which bodies come too slowly, and when they are ended. */
import test from 'ava';
import { type ArrivingBody, BodyWatch } from '../../../pipeline/net/body-watch.ts';
import { createTestClock } from '../../kit/clock.ts';

const MIN_RATE = 1024;
const MAX_MS = 30_000;

function stage() {
  const clock = createTestClock();
  const watch = new BodyWatch(clock, MIN_RATE, MAX_MS);
  const ended: string[] = [];
  const add = (name: string): { bytes: number } & ArrivingBody => {
    const body = { beganMonoMs: clock.monoMs(), bytes: 0, tooSlow: () => void ended.push(name) };
    watch.add(body);
    return body;
  };
  return { clock, watch, ended, add };
}

test('within ten seconds any rate will do, later only the minimum on the average', (t) => {
  const { clock, ended, add } = stage();
  add('nothing');
  add('one byte too few').bytes = 11 * MIN_RATE - 1;
  const fair = add('as much as is asked for');
  fair.bytes = 11 * MIN_RATE;
  clock.advance(10_000);
  t.deepEqual(ended, []);
  clock.advance(1000);
  t.deepEqual(ended, ['nothing', 'one byte too few']);
  fair.bytes = 12 * MIN_RATE;
  clock.advance(1000);
  t.is(ended.length, 2);
  clock.advance(1000);
  t.deepEqual(ended.slice(2), ['as much as is asked for']);
});

test('however fast it comes, a body has its time', (t) => {
  const { clock, ended, add } = stage();
  add('endless').bytes = Number.POSITIVE_INFINITY;
  clock.advance(MAX_MS);
  t.deepEqual(ended, []);
  clock.advance(1000);
  t.deepEqual(ended, ['endless']);
});

test('the time in which the process stood still does not count', (t) => {
  const { clock, ended, add } = stage();
  add('before').bytes = 11 * MIN_RATE;
  clock.advance(9500);
  clock.stall(60_000);
  t.deepEqual(ended, []);
  add('after').bytes = 11 * MIN_RATE;
  clock.advance(1000);
  t.deepEqual(ended, []);
  clock.advance(2000);
  t.deepEqual(ended, ['before']);
  clock.advance(9000);
  t.deepEqual(ended, ['before', 'after']);
});

test('each is ended once, and what ended by itself is left alone', (t) => {
  const { clock, watch, ended, add } = stage();
  watch.remove(add('well'));
  add('slow');
  clock.advance(100_000);
  t.deepEqual(ended, ['slow']);
});

test('the clock is asked only while something arrives', (t) => {
  const { clock, watch, add } = stage();
  t.is(clock.timers, 0);
  const body = add('a body');
  add('another');
  t.is(clock.timers, 1);
  watch.remove(body);
  clock.advance(60_000);
  t.is(clock.timers, 0);
  add('later');
  t.is(clock.timers, 1);
  watch.close();
  t.is(clock.timers, 0);
});
