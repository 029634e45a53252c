/** @module Who of several senders may try, while a peer throttles and while draining. */
import test from 'ava';
import { type Pass, SendingGate } from '../../../pipeline/sending/sending-gate.ts';
import { createTestClock } from '../../kit/clock.ts';
import { settle } from '../../kit/exporter.ts';

function create() {
  const clock = createTestClock();
  const gate = new SendingGate(clock);
  const passes: Pass[] = [];
  const refused: string[] = [];
  /** Asks for a pass; it lands in `passes` as soon as it is given. */
  const ask = (name = '') => {
    void Promise.resolve(gate.enter()).then((pass) => (pass === null ? refused.push(name) : passes.push(pass)));
  };
  return { clock, gate, passes, refused, ask };
}

const throttle = (askedMs: number, holdMs = askedMs) => ({ askedMs, holdMs });

test('with no trouble all go at once', async (t) => {
  const { gate, passes, ask } = create();
  for (let i = 0; i < 5; i++) ask();
  await settle();
  t.is(passes.length, 5);
  for (const pass of passes) t.true(gate.leave(pass, 'failed'));
  ask();
  await settle();
  t.is(passes.length, 6, 'a failure that is no throttling holds nobody back');
});

test('a throttling peer is left alone until the time it asked for, then asked by one, then by all', async (t) => {
  const { clock, gate, passes, ask } = create();
  for (let i = 0; i < 3; i++) ask();
  await settle();
  gate.leave(passes[0]!, throttle(7000));
  // Begun before: it says nothing of now.
  gate.leave(passes[1]!, 'answered');
  for (let i = 0; i < 3; i++) ask();
  t.is(gate.heldMs, 7000);
  clock.advance(6999);
  await settle();
  t.is(passes.length, 3);
  clock.advance(1);
  await settle();
  t.is(passes.length, 4, 'one probes');
  gate.leave(passes[2]!, 'answered');
  await settle();
  t.is(passes.length, 4);
  gate.leave(passes[3]!, 'answered');
  await settle();
  t.is(passes.length, 6, 'the others follow');
  t.is(clock.timers, 0);
});

test('a probe that fails leaves the turn to the next; one that meets throttling again holds all back', async (t) => {
  const { clock, gate, passes, ask } = create();
  ask();
  await settle();
  gate.leave(passes[0]!, throttle(0, 1000));
  for (let i = 0; i < 3; i++) ask();
  clock.advance(1000);
  await settle();
  t.is(passes.length, 2);
  gate.leave(passes[1]!, 'failed');
  await settle();
  t.is(passes.length, 3);
  gate.leave(passes[2]!, throttle(5000));
  clock.advance(4999);
  await settle();
  t.is(passes.length, 3);
  clock.advance(1);
  await settle();
  t.is(passes.length, 4);
});

test('the longest time that was asked for counts', async (t) => {
  const { clock, gate, passes, ask } = create();
  for (let i = 0; i < 3; i++) ask();
  await settle();
  for (const [i, ms] of [3000, 9000, 1000].entries()) gate.leave(passes[i]!, throttle(ms));
  ask();
  clock.advance(8999);
  await settle();
  t.is(passes.length, 3);
  clock.advance(1);
  await settle();
  t.is(passes.length, 4);
});

test('draining cuts one long wait short; a second one ends it', async (t) => {
  const { gate, passes, ask } = create();
  for (let i = 0; i < 2; i++) ask();
  await settle();
  t.true(gate.leave(passes[0]!, throttle(60_000)));
  for (let i = 0; i < 2; i++) ask();
  gate.hurry();
  await settle();
  t.is(passes.length, 3, 'one probes at once');
  t.true(gate.leave(passes[1]!, throttle(60_000)), 'this was asked before the wait was cut');
  t.false(gate.leave(passes[2]!, throttle(60_000)));
});

test('draining, the first long wait may come later; short ones and own ones count for nothing', async (t) => {
  const { clock, gate, passes, ask } = create();
  gate.hurry();
  for (const [i, news] of [throttle(1000), throttle(0, 30_000), throttle(60_000)].entries()) {
    ask();
    clock.advance(1000);
    await settle();
    t.is(passes.length, i + 1);
    t.true(gate.leave(passes[i]!, news));
  }
  ask();
  clock.advance(999);
  await settle();
  t.is(passes.length, 3);
  clock.advance(1);
  await settle();
  t.false(gate.leave(passes[3]!, throttle(60_000)));
});

test('at the end all who wait are told, and nobody waits any more', async (t) => {
  const { clock, gate, passes, refused, ask } = create();
  ask('first');
  await settle();
  gate.leave(passes[0]!, throttle(5000));
  ask('second');
  ask('third');
  gate.end();
  ask('fourth');
  await settle();
  t.deepEqual(refused, ['second', 'third', 'fourth']);
  t.is(clock.timers, 0);
});
