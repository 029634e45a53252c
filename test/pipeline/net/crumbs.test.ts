/** @module Bodies in tiny pieces let others have a turn. */
import test from 'ava';
import { Crumbs } from '../../../pipeline/net/crumbs.ts';
import { createTestClock } from '../../kit/clock.ts';

test('a source is paused after 256 pieces, once, and goes on in the next turn', (t) => {
  const clock = createTestClock();
  const told: string[] = [];
  const crumbs = new Crumbs(clock, { pause: () => told.push('pause'), resume: () => told.push('resume') });
  for (let i = 0; i < 255; i++) crumbs.came();
  t.deepEqual(told, []);
  // What was read before still comes.
  for (let i = 0; i < 1000; i++) crumbs.came();
  t.deepEqual(told, ['pause']);
  clock.advance(1);
  t.deepEqual(told, ['pause', 'resume']);
  for (let i = 0; i < 255; i++) crumbs.came();
  t.is(told.length, 2);
  crumbs.came();
  t.is(told.length, 3);
});
