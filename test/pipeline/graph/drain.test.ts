/** @module Starting in order, and ending by kinds, those of a kind side by side: nobody's end waits for another's dead peer. */
import test from 'ava';
import { type Drained, drainGraph, onlyStarted } from '../../../pipeline/graph/drain.ts';
import { type Living, startAll } from '../../../pipeline/graph/lifecycle.ts';
import { createTestClock, type TestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';

/** `waits`: it stops at its deadline only. `hangs`: never. `throws`: at once. */
type Ending = 'waits' | 'hangs' | 'fails' | 'throws' | 'at once';

interface Stage {
  readonly clock: TestClock;
  readonly trail: string[];
  living(id: string, ending?: Ending): Living;
}

function stage(): Stage {
  const clock = createTestClock();
  const trail: string[] = [];
  const note = (id: string) => trail.push(`${id} ${clock.monoMs()}`);
  const ends: Record<Ending, (deadline: AbortSignal) => Promise<void>> = {
    'at once': async () => {},
    waits: (deadline) =>
      deadline.aborted
        ? Promise.resolve()
        : new Promise((resolve) => deadline.addEventListener('abort', () => resolve(), { once: true })),
    hangs: () => new Promise(() => {}),
    fails: () => Promise.reject(new Error('cannot stop')),
    throws: () => {
      throw new Error('cannot stop');
    },
  };
  return {
    clock,
    trail,
    living: (id, ending = 'at once') => ({
      id,
      component: {
        async start() {
          note(`+${id}`);
        },
        stop(deadline) {
          note(`-${id}`);
          return ends[ending](deadline);
        },
      },
    }),
  };
}

const NOTHING: Drained = { receivers: [], processors: [], exporters: [], extensions: [], companions: [] };

/** Runs to the end, the clock going from timer to timer. Returns when it ended, milliseconds. */
async function drained({ clock, trail }: Stage, graph: Partial<Drained>, deadlineMs: number) {
  const log = createTestLog();
  let ended = false;
  const flushed = () => void trail.push(`flushed ${clock.monoMs()}`);
  const done = drainGraph({ ...NOTHING, ...graph }, deadlineMs, clock, log, flushed).then(() => {
    ended = true;
  });
  for (;;) {
    await new Promise(setImmediate);
    if (ended || !clock.fireNext()) break;
  }
  await done;
  assertNoTimer(clock);
  return { endedMs: clock.monoMs(), lines: log.lines.map(({ level, fields }) => [level, fields.component]) };
}

function assertNoTimer(clock: TestClock): void {
  if (clock.timers > 0) throw new Error('a timer is left');
}

test('an exporter that waits for a dead peer until the deadline keeps no other from its turn', async (t) => {
  const s = stage();
  const exporters = [s.living('dead', 'waits'), s.living('live'), s.living('gone', 'waits'), s.living('other')];
  const { endedMs } = await drained(s, { exporters, extensions: [s.living('health')] }, 25_000);
  t.deepEqual(s.trail, ['flushed 0', '-dead 0', '-live 0', '-gone 0', '-other 0', '-health 25000']);
  t.is(endedMs, 25_000);
});

test('kinds end in order: receivers, processors of each pipeline in theirs, exporters, extensions, what is beside', async (t) => {
  const s = stage();
  await drained(
    s,
    {
      companions: [s.living('metrics')],
      extensions: [s.living('health')],
      exporters: [s.living('e1'), s.living('e2')],
      processors: [[s.living('p1'), s.living('p2')], [s.living('q1')]],
      receivers: [s.living('r1'), s.living('r2')],
    },
    1000,
  );
  const order = ['-r1', '-r2', '-p1', '-q1', '-p2', 'flushed', '-e1', '-e2', '-health', '-metrics'];
  t.deepEqual(
    s.trail,
    order.map((step) => `${step} 0`),
  );
});

test('a receiver or processor that hangs leaves the exporters their share of the time', async (t) => {
  const s = stage();
  const { lines, endedMs } = await drained(
    s,
    {
      receivers: [s.living('r1', 'waits'), s.living('r2')],
      processors: [[s.living('p1', 'hangs'), s.living('p2')], [s.living('q1')]],
      exporters: [s.living('e1', 'waits'), s.living('e2')],
    },
    10_000,
  );
  t.deepEqual(s.trail, [
    ...['-r1 0', '-r2 0', '-p1 6000', '-q1 6000', '-p2 6500', 'flushed 6500'],
    ...['-e1 6500', '-e2 6500'],
  ]);
  t.deepEqual(lines, [['warn', 'p1']]);
  t.is(endedMs, 10_000);
});

test('who fails, throws or never answers is told and keeps nobody from flushing', async (t) => {
  const s = stage();
  const exporters = [s.living('a', 'throws'), s.living('b', 'hangs'), s.living('c', 'fails'), s.living('d')];
  const { lines, endedMs } = await drained(s, { exporters, companions: [s.living('metrics')] }, 1000);
  t.deepEqual(s.trail, ['flushed 0', '-a 0', '-b 0', '-c 0', '-d 0', '-metrics 1500']);
  t.deepEqual(lines, [
    ['error', 'a'],
    ['error', 'c'],
    ['warn', 'b'],
  ]);
  t.is(endedMs, 1500);
});

test('when one part cannot start, those before it are stopped, and no others, and the error is thrown', async (t) => {
  const s = stage();
  const bad: Living = {
    id: 'bad',
    component: { start: () => Promise.reject(new Error('bad cannot start')), stop: async () => {} },
  };
  const all = {
    ...NOTHING,
    exporters: [s.living('e1'), s.living('e2')],
    processors: [[s.living('p1')]],
    receivers: [s.living('r1'), bad, s.living('r2')],
  };
  const order = [...all.exporters, ...all.processors.flat(), ...all.receivers];
  const undo = (started: ReadonlySet<Living>) => drainGraph(onlyStarted(all, started), 1000, s.clock, createTestLog());
  await t.throwsAsync(startAll(order, undo), { message: 'bad cannot start' });
  t.deepEqual(
    s.trail.map((step) => step.split(' ')[0]),
    ['+e1', '+e2', '+p1', '+r1', '-r1', '-p1', '-e1', '-e2'],
  );
});
