/** @module Long slots that `smi` reads out by steps tell what they tell in one go, whatever happens between two steps. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Subject } from 'rxjs';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch, SamplesBatch, TrafficBatch } from '../../../pipeline/batch.ts';
import type { Clock } from '../../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { Delivery, TAKEN } from '../../../pipeline/delivery.ts';
import { guardStage } from '../../../pipeline/graph/guard.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { config } from '../../../processors/smi/config.ts';
import type { SmiEngine } from '../../../processors/smi/engine.ts';
import { createSmi } from '../../../processors/smi/smi.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { bucket, counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';
import { createEngine, SLOT_MS, WATCH_MS } from '../../kit/smi-run.ts';
import { covered, own, peer, record } from '../../kit/traffic.ts';

/** Records of two steps and a part of a third. */
const EDGES = 5000;
const STEPS = 2;

/** A proxy that speaks with `edges` others. */
class LargeProxy {
  readonly target: TestTarget;
  readonly #names: string[] = [];

  constructor(name: string, edges: number) {
    this.target = new TestTarget(identity(name)).series('start', START);
    for (let i = 0; i < edges; i++) {
      const to = workload(`${name}-api-${i}`);
      this.#declare(`ok ${i}`, counter('success', to));
      if (i % 100 === 0) this.#declare(`bucket ${i}`, bucket(5, to, 'client', `h${i}`));
    }
  }

  #declare(name: string, meaning: Parameters<TestTarget['series']>[1]): void {
    this.target.series(name, meaning);
    this.#names.push(name);
  }

  /** All stand at `value`. Times in ms since the watch began. */
  page(value: number, atMs: number): SamplesBatch {
    const rows = this.#names.map((name) => [name, value] as const);
    const times = { scheduledMs: WATCH_MS + atMs, nextDueMs: WATCH_MS + atMs + SLOT_MS };
    return this.target.page([['start', WATCH_MS / 1000 - 100], ...rows], times);
  }

  gone(atMs: number): SamplesBatch {
    return this.target.event({ kind: 'gone' }, { startedMs: WATCH_MS + atMs, nextDueMs: null });
  }
}

function engineOf(): SmiEngine {
  return createEngine({ maxRecords: 100_000 });
}

function totalOf(sums: readonly TrafficSum[]): number {
  return sums.flatMap(({ records }) => records).reduce((all, { successes }) => all + successes, 0);
}

/** What happens to an engine while it reads a slot out: pages of the next slot, proxies that come and go, slots that close. */
const EVENTS = ['page', 'newcomer', 'gone', 'closing'] as const;

function run(eventsBetween: readonly (typeof EVENTS)[number][] | null): readonly TrafficSum[] {
  const engine = engineOf();
  const [large, leaving] = [new LargeProxy('large', EDGES), new LargeProxy('leaving', 50)];
  const sums: TrafficSum[] = [];
  for (const [value, atMs] of [
    [1, 1000],
    [4, 5000],
  ] as const) {
    engine.open(WATCH_MS + atMs, false);
    for (const proxy of [large, leaving]) engine.take(proxy.page(value, atMs));
  }
  engine.open(WATCH_MS + 6000, false);
  engine.take(leaving.gone(6000));
  const atMs = 15_000;
  engine.open(WATCH_MS + atMs, false);
  const happen = {
    page: () => engine.take(large.page(9, atMs)),
    newcomer: () => engine.take(new LargeProxy('new', 3000).page(5, atMs)),
    gone: () => engine.take(new LargeProxy('brief', 10).gone(atMs)),
    closing: () => engine.open(WATCH_MS + 16_000, false),
  };
  const closing = engine.beginToClose(WATCH_MS + atMs + 100)!;
  const left = [...(eventsBetween ?? [])];
  let step = closing.steps.next();
  for (; step.done !== true; step = closing.steps.next()) {
    const event = left.shift();
    if (event !== undefined) happen[event]();
  }
  sums.push(step.value);
  for (const event of eventsBetween === null ? EVENTS : left) happen[event]();
  for (const event of EVENTS) if (eventsBetween !== null && !eventsBetween.includes(event)) happen[event]();
  return [...sums, ...engine.close(WATCH_MS + 60_000, true)];
}

/** Each slot as text; the order in which proxies came in is not told. */
function contents(sums: readonly TrafficSum[]): string {
  const texts = sums.map(({ records, coverage, ...sum }) => {
    const counts = records.map(({ key, latency, ...numbers }) => {
      const buckets = latency?.map((one) => [...one.boundsMs, ...one.counts]);
      return JSON.stringify([key.id, numbers, buckets]);
    });
    return JSON.stringify(sum) + [...counts, ...coverage.map((one) => JSON.stringify(one))].sort().join('\n');
  });
  return texts.join('\n\n');
}

test('property: a slot read out by steps tells what it does in one go, and the next one too, whatever comes in between', (t) => {
  const inOneGo = run(null);
  const plain = contents(inOneGo);
  t.is(inOneGo[0]!.records.length, EDGES + 50);
  t.true(inOneGo[0]!.records.every(({ successes }) => successes === 3));
  t.is(totalOf(inOneGo.slice(1)), 5 * EDGES);
  fc.assert(
    fc.property(fc.shuffledSubarray([...EVENTS]), (events) => {
      t.true(contents(run(events)) === plain);
    }),
    { numRuns: 12 },
  );
});

test('a slot of some thousand records is read out in one step, longer ones in steps of 2048', (t) => {
  for (const [edges, pauses] of [
    [2000, 0],
    [EDGES, STEPS],
  ] as const) {
    const engine = engineOf();
    engine.open(WATCH_MS + 1000, false);
    engine.take(new LargeProxy('a', edges).page(1, 1000));
    const { steps } = engine.beginToClose(WATCH_MS + 20_000)!;
    let paused = 0;
    while (steps.next().done !== true) paused += 1;
    t.is(paused, pauses, `${edges} records`);
  }
});

test('what only a slot that is being read out holds is kept until then, and freed then', (t) => {
  const engine = engineOf();
  const proxy = new LargeProxy('a', EDGES);
  engine.open(WATCH_MS + 1000, false);
  engine.take(proxy.page(1, 1000));
  engine.take(proxy.gone(1500));
  const { steps } = engine.beginToClose(WATCH_MS + 20_000)!;
  steps.next();
  t.is(engine.targets, 0);
  t.is(engine.records, EDGES);
  while (steps.next().done !== true);
  t.is(engine.records, 0);
});

/** Records of so many steps that a slice does not hold them. */
const MANY = 20_000;

/** Time passes while work is done: by 0.9 ms at each look at the clock, of which there is one after each step. */
function createWorkClock() {
  const clock = createTestClock(WATCH_MS);
  let looks = 0;
  const working: Clock = { ...clock, monoMs: () => clock.monoMs() + 0.9 * looks++ };
  return { ...clock, working, timers: () => clock.timers };
}

function createProcessor(t: ExecutionContext) {
  const clock = createWorkClock();
  let failure: Error | null = null;
  const log = createTestLog();
  const debug = log.debug.bind(log);
  // Each slot that closes is told there.
  log.debug = (...told: Parameters<typeof debug>) => {
    if (failure !== null) throw failure;
    debug(...told);
  };
  const fails = (error: Error | null) => {
    failure = error;
  };
  const books = { samples: new Balance(), traffic: new Balance() };
  const smi = createSmi({
    ...{
      id: 'smi',
      config: config.parse({}),
      clock: clock.working,
      time: createEngineTime(clock),
      log,
    },
    ...{ meters: NO_METERS, balance: books.samples, balanceOf: () => books.traffic },
    ...{ startedMs: WATCH_MS, slotMs: SLOT_MS, scrapeTimeoutMs: 2000 },
    ...{ receives: new Set(['samples', 'traffic'] as const), demand: new Set(['requests'] as const) },
  });
  const source = new Subject<Batch>();
  const sums: TrafficSum[] = [];
  const faults: unknown[] = [];
  const fault = { enter() {}, failed: (_: Batch | null, error: unknown) => faults.push(error) };
  source.pipe(guardStage(smi.stage, fault)).subscribe((batch) => {
    if (batch.body === 'traffic') sums.push(batch.sum);
    batch.delivery.settle(TAKEN);
  });
  t.teardown(() => smi.stop(AbortSignal.abort()));
  const give = (batch: Batch) => source.next(batch);
  return { smi, clock, books, sums, faults, give, fails };
}

/** Microtasks, and timers that are due now. */
async function settle(clock: ReturnType<typeof createWorkClock>): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await Promise.resolve();
    clock.advance(0);
  }
}

/** What another Weir tells of the first slot. */
function told(requests: number): TrafficBatch {
  const web = own('x/web');
  const records = [record('client', web, peer('x/api'), requests)];
  const coverage = [covered(web, { scrapesDue: 1, coveredSeconds: 10, expectedSeconds: 10 })];
  const interval = { startMs: WATCH_MS, endMs: WATCH_MS + SLOT_MS };
  const sum: TrafficSum = { interval, records, coverage, partial: false, clockAhead: false };
  const sender = { source: 'a', epoch: '1', gap: false };
  return { body: 'traffic', sum, items: 2, sender, delivery: new Delivery() };
}

test('a long slot is told as a whole, in its place, with what others told of it in time; what comes meanwhile is late', async (t) => {
  const { clock, books, sums, give } = createProcessor(t);
  clock.advance(1000);
  const proxy = new LargeProxy('a', MANY);
  give(proxy.page(1, 1000));
  give(proxy.page(4, 1000));
  give(told(7));
  // Grace of a slot, because others tell as well.
  clock.advance(19_000);
  t.is(sums.length, 0, 'it is being read out');
  give(told(20));
  // The next one is due as well by now.
  clock.advance(SLOT_MS);
  t.is(books.traffic.held, 4);
  await settle(clock);
  t.deepEqual(
    sums.map(({ interval }) => (interval.endMs - WATCH_MS) / SLOT_MS),
    [1, 2],
  );
  t.is(totalOf(sums.slice(0, 1)), 3 * MANY + 7);
  t.is(sums[0]!.late, undefined);
  t.is(totalOf(sums.slice(1)), 20);
  t.true(sums[1]!.late);
  t.is(books.traffic.held, 0);
  t.is(books.traffic.delivered, 4);
  t.is(books.traffic.unaccounted, 0);
});

/** Records of more steps than a slice has. */
const ALIEN = 3 * MANY;

test('what others told, when it is long, is put together by turns, and at a stop in one go', async (t) => {
  for (const isStopped of [false, true]) {
    const { smi, clock, books, sums, give } = createProcessor(t);
    clock.advance(1000);
    const batch = told(0);
    const records = Array.from({ length: ALIEN }, (_, i) => record('client', own(`x/web-${i}`), peer('x/api'), 1));
    const interval = { startMs: WATCH_MS - SLOT_MS, endMs: WATCH_MS };
    give({ ...batch, sum: { ...batch.sum, interval, records }, items: ALIEN + 1 });
    clock.advance(19_000);
    t.is(sums.length, 0, 'it is being put together');
    t.is(books.traffic.held, ALIEN + 1);
    if (isStopped) await smi.stop(AbortSignal.abort());
    else await settle(clock);
    t.is(totalOf(sums), ALIEN);
    t.like(books.traffic, { held: 0, delivered: ALIEN + 1, unaccounted: 0 });
  }
});

test('a stop in the middle tells the slot before those behind it, and nothing goes on afterwards', async (t) => {
  const { smi, clock, sums, give } = createProcessor(t);
  clock.advance(1000);
  const proxy = new LargeProxy('a', MANY);
  give(proxy.page(1, 1000));
  give(proxy.page(4, 1000));
  clock.advance(19_000);
  t.is(sums.length, 0);
  await smi.stop(AbortSignal.abort());
  t.is(totalOf(sums.slice(0, 1)), 3 * MANY);
  t.deepEqual(
    sums.map(({ interval }) => (interval.startMs - WATCH_MS) / SLOT_MS),
    [0, 1],
  );
  await settle(clock);
  clock.advance(60_000);
  t.is(sums.length, 2);
  t.is(clock.timers(), 0);
});

test('a long slot that fails at its end is a failure of the stage, and later slots are told in their time', async (t) => {
  const { clock, sums, faults, give, fails } = createProcessor(t);
  clock.advance(1000);
  give(new LargeProxy('a', MANY).page(1, 1000));
  fails(new Error('broken'));
  clock.advance(19_000);
  await settle(clock);
  t.like(faults, [{ message: 'broken' }]);
  fails(null);
  clock.advance(20_000);
  await settle(clock);
  t.deepEqual(
    sums.map(({ interval }) => (interval.endMs - WATCH_MS) / SLOT_MS),
    [2, 3],
  );
});
