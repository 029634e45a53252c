/** @module Bodies in tiny pieces let others have a turn. */
import test from 'ava';
import { Crumbs } from '../../../pipeline/net/crumbs.ts';
import { createTestClock } from '../../kit/clock.ts';

function paused() {
  const clock = createTestClock();
  const told: string[] = [];
  const listeners = new Set<() => void>();
  const crumbs = new Crumbs(clock, {
    pause: () => told.push('pause'),
    resume: () => told.push('resume'),
    on: (_event, listener) => listeners.add(listener),
    off: (_event, listener) => listeners.delete(listener),
  });
  /** Somebody else lets the source go on. */
  const resumed = () => {
    for (const listener of listeners) listener();
  };
  const come = (pieces: number) => {
    for (let i = 0; i < pieces; i++) crumbs.came();
  };
  return { clock, told, come, resumed };
}

test('a source is paused after 256 pieces, once, and goes on in the next turn', (t) => {
  const { clock, told, come } = paused();
  come(255);
  t.deepEqual(told, []);
  // What was read before still comes.
  come(100);
  t.deepEqual(told, ['pause']);
  clock.advance(1);
  t.deepEqual(told, ['pause', 'resume']);
  come(255);
  t.is(told.length, 2);
  come(1);
  t.is(told.length, 3);
});

test('a source that brought many more pieces in one read rests a millisecond for each 250 of them', (t) => {
  const { clock, told, come } = paused();
  come(256 + 25_000);
  clock.advance(99);
  t.deepEqual(told, ['pause']);
  clock.advance(1);
  t.deepEqual(told, ['pause', 'resume']);
  come(256);
  clock.advance(1);
  t.deepEqual(told, ['pause', 'resume', 'pause', 'resume'], 'it is not counted twice');
});

test('a source that somebody else lets go on while it rests is paused again, and not any more afterwards', (t) => {
  const { clock, told, come, resumed } = paused();
  resumed();
  come(256);
  resumed();
  resumed();
  t.deepEqual(told, ['pause', 'pause', 'pause']);
  clock.advance(1);
  resumed();
  t.deepEqual(told, ['pause', 'pause', 'pause', 'resume']);
});
