/** @module Long works take turns, and never hold the event loop for more than a slice. */
import test from 'ava';
import type { Clock, Timer } from '../../../pipeline/clock/clock.ts';
import { FinishableSteps, type Steps, Turns } from '../../../pipeline/clock/turns.ts';

/** A clock whose time passes while work is done, and whose timers fire when the test says so. */
class WorkClock implements Clock {
  ms = 0;
  readonly due: (() => void)[] = [];
  readonly wallMs = () => this.ms;
  readonly monoMs = () => this.ms;
  readonly randomId = () => '0';
  after(_delayMs: number, fire: () => void): Timer {
    this.due.push(fire);
    return { cancel() {} };
  }
  /** The loop goes round: what is due fires. */
  async round(): Promise<void> {
    for (const fire of this.due.splice(0)) fire();
    await settle();
  }
}

/** Work of so many steps of 1 ms; each writes its name into `log`. */
function* work(clock: WorkClock, steps: number, log: string[] = [], name = ''): Generator<void, string, void> {
  for (let step = 0; step < steps; step++) {
    if (step > 0) yield;
    clock.ms += 1;
    log.push(name);
  }
  return `${name} done`;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

test('short work ends without waiting for a timer', async (t) => {
  const clock = new WorkClock();
  t.is(await new Turns(clock).run(work(clock, 4, [], 'short')), 'short done');
  t.is(clock.due.length, 0);
});

test('long work lets go after each slice of 5 ms', async (t) => {
  const clock = new WorkClock();
  const log: string[] = [];
  const done = new Turns(clock).run(work(clock, 12, log, 'long'));
  const slices: number[] = [];
  for (let before = 0; before < 12; before = log.length, await clock.round()) slices.push(log.length - before);
  t.deepEqual(slices, [5, 5, 2]);
  t.is(await done, 'long done');
});

test('several works run by turns, one slice for all of them per turn of the loop', async (t) => {
  const clock = new WorkClock();
  const turns = new Turns(clock);
  const log: string[] = [];
  const all = Promise.all(['a', 'b', 'c'].map((name) => turns.run(work(clock, 10, log, name))));
  await settle();
  t.is(log.join(''), 'aaaaa');
  const slices: string[] = [];
  while (clock.due.length > 0) {
    const before = log.length;
    await clock.round();
    slices.push(log.slice(before).join(''));
  }
  // The first asks again before the others came.
  t.deepEqual(slices, ['aaaaa', 'bbbbb', 'ccccc', 'bbbbb', 'ccccc']);
  t.deepEqual(await all, ['a done', 'b done', 'c done']);
});

test('short works share the slice of a turn, until the loop has been round', async (t) => {
  const clock = new WorkClock();
  const turns = new Turns(clock);
  for (let i = 0; i < 5; i++) await turns.run(work(clock, 1));
  const log: string[] = [];
  const sixth = turns.run(work(clock, 1, log, 'sixth'));
  await settle();
  t.deepEqual(log, []);
  await clock.round();
  t.is(await sixth, 'sixth done');
  for (let i = 0; i < 4; i++) await turns.run(work(clock, 1));
  clock.ms += 2;
  await turns.run(work(clock, 4));
  t.is(clock.due.length, 0, 'time without work begins a new slice');
});

test('long work that begins after short ones has only what these left of the slice', async (t) => {
  const clock = new WorkClock();
  const turns = new Turns(clock);
  await turns.run(work(clock, 3));
  const log: string[] = [];
  const done = turns.run(work(clock, 9, log, 'long'));
  const slices: number[] = [];
  for (let before = 0; before < 9; before = log.length, await clock.round()) slices.push(log.length - before);
  t.deepEqual(slices, [2, 5, 2]);
  t.is(await done, 'long done');
});

test('whoever comes while others wait, waits behind them, however long it is since they worked', async (t) => {
  const clock = new WorkClock();
  const turns = new Turns(clock);
  const log: string[] = [];
  const first = turns.run(work(clock, 6, log, 'a'));
  clock.ms += 50;
  const second = turns.run(work(clock, 1, log, 'b'));
  await settle();
  t.is(log.join(''), 'aaaaa', 'the loop has not been round');
  while (clock.due.length > 0) await clock.round();
  t.deepEqual(await Promise.all([first, second]), ['a done', 'b done']);
  t.is(log.join(''), 'aaaaaab');
});

test('what a step throws is what run rejects with, and others go on', async (t) => {
  const clock = new WorkClock();
  const turns = new Turns(clock);
  const failing: Steps<never> = {
    next() {
      throw new Error('broken');
    },
  };
  await t.throwsAsync(turns.run(failing), { message: 'broken' });
  t.is(await turns.run(work(clock, 1, [], 'other')), 'other done');
});

test('work that is brought to its end at once ends so for whoever runs it by turns', async (t) => {
  const clock = new WorkClock();
  const log: string[] = [];
  const steps = new FinishableSteps(work(clock, 12, log, 'long'));
  const done = new Turns(clock).run(steps);
  t.is(log.length, 5);
  steps.finish();
  t.is(log.length, 12);
  await clock.round();
  t.is(await done, 'long done');
  t.is(log.length, 12);
});

test('an error of work that is brought to its end is that of whoever runs it', async (t) => {
  const clock = new WorkClock();
  const steps = new FinishableSteps(
    (function* () {
      yield* work(clock, 8);
      throw new Error('no good');
    })(),
  );
  const done = new Turns(clock).run(steps);
  t.notThrows(() => steps.finish());
  await Promise.all([clock.round(), t.throwsAsync(done, { message: 'no good' })]);
});
