/** @module Long pages that `smi` takes by steps come to what they come to in one go, whatever happens between two steps. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Subject } from 'rxjs';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch, SamplesBatch } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import type { Steps } from '../../../pipeline/clock/turns.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import { guardStage } from '../../../pipeline/graph/guard.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { config } from '../../../processors/smi/config.ts';
import { SmiEngine } from '../../../processors/smi/engine.ts';
import { createSmi } from '../../../processors/smi/smi.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { bucket, counter, identity, START, TestTarget, testRules, workload } from '../../kit/mesh.ts';

const WATCH = 1_000_000;
const SLOT = 10_000;
/** More than the series of a step of any kind. */
const EDGES = 900;
const BOUNDS = [1, 5, 10, 50, 100, 500, 1000, 5000, Number.POSITIVE_INFINITY];
const SERIES = EDGES * (BOUNDS.length + 1) + 1;

function createEngine(): SmiEngine {
  return new SmiEngine({
    ...{ slotMs: SLOT, graceMs: 2000, peerPod: false, ownExports: new Set<string>() },
    ...{ maxRecords: 100_000, maxPastLives: 100, watchStartMs: WATCH },
  });
}

class LargeProxy {
  readonly #target: TestTarget;
  readonly #names: string[] = [];

  constructor(name: string, options: ConstructorParameters<typeof TestTarget>[1] = {}) {
    this.#target = new TestTarget(identity(name), options).series('start', START);
    for (let i = 0; i < EDGES; i++) {
      const to = workload(`${name}-api-${i}`);
      this.#declare(`ok${i}`, counter('success', to));
      for (const boundMs of BOUNDS) this.#declare(`h${i} ${boundMs}`, bucket(boundMs, to, 'client', `h${i}`));
    }
  }

  #declare(name: string, meaning: Parameters<TestTarget['series']>[1]): void {
    this.#target.series(name, meaning);
    this.#names.push(name);
  }

  /** All stand at `value`; the process began at `startMs`. */
  page(value: number, scheduledMs: number, startMs = WATCH - 100_000): SamplesBatch {
    const rows = this.#names.map((name) => [name, value] as const);
    return this.#target.page([['start', startMs / 1000], ...rows], { scheduledMs, nextDueMs: scheduledMs + SLOT });
  }
}

function totalsOf(sums: readonly TrafficSum[]) {
  return sums.map(({ interval, records, coverage }) => ({
    interval,
    records: records
      .map(({ key, successes, latency }) => [key.id, successes, latency?.map(({ counts }) => [...counts])])
      .sort(),
    coverage: [...coverage].sort((a, b) => (a.target < b.target ? -1 : 1)),
  }));
}

/** Brings all to their end, a step of the one or the other at a time. */
function mix(works: Iterator<void, unknown, void>[], order: readonly number[]): void {
  const left = [...works];
  for (let i = 0; left.length > 0; i++) {
    const at = order[i % order.length]! % left.length;
    if (left[at]!.next().done === true) left.splice(at, 1);
  }
}

test('property: pages of two proxies, steps of which are mixed, come to what they come to one after the other', (t) => {
  const order = fc.array(fc.nat({ max: 1 }), { minLength: 1, maxLength: 7 });
  const pages = [
    [3, 5000, WATCH - 100_000],
    [7, 15_000, WATCH - 100_000],
    // A new process.
    [2, 25_000, WATCH + 21_000],
  ] as const;
  const run = (take: (engine: SmiEngine, batches: SamplesBatch[]) => void) => {
    const engine = createEngine();
    const proxies = [new LargeProxy('a'), new LargeProxy('b')];
    const sums: TrafficSum[] = [];
    for (const [value, atMs, startMs] of pages) {
      engine.open(WATCH + atMs, false);
      take(
        engine,
        proxies.map((proxy) => proxy.page(value, WATCH + atMs, startMs)),
      );
      sums.push(...engine.close(WATCH + atMs + 100));
    }
    return totalsOf([...sums, ...engine.close(WATCH + 60_000, true)]);
  };
  const plain = run((engine, batches) => {
    for (const batch of batches) engine.take(batch);
  });
  t.is(
    plain.flatMap(({ records }) => records).reduce((all, [, successes]) => all + Number(successes), 0),
    2 * EDGES * 6,
  );
  fc.assert(
    fc.property(order, (turns) => {
      const mixed = run((engine, batches) =>
        mix(
          batches.map((batch) => engine.takeInSteps(batch)),
          turns,
        ),
      );
      t.deepEqual(mixed, plain);
    }),
    { numRuns: 5 },
  );
});

test('steps are short: at first sight of some hundred series each, later of some thousand', (t) => {
  const engine = createEngine();
  const proxy = new LargeProxy('a');
  const stepsOf = (batch: SamplesBatch) => {
    const steps = engine.takeInSteps(batch);
    for (let count = 0; ; count++) if (steps.next().done === true) return count;
  };
  engine.open(WATCH + 5000, false);
  const first = stepsOf(proxy.page(1, WATCH + 5000));
  // Bound, looked through for buckets, given cells; and two passes over all.
  t.true(first >= SERIES / 512 + SERIES / 512 + (EDGES * BOUNDS.length) / 1024 + 2, `${first} steps`);
  const again = stepsOf(proxy.page(2, WATCH + 15_000));
  t.is(again, 2 * Math.floor(SERIES / 8192));
  const reset = stepsOf(proxy.page(1, WATCH + 25_000));
  t.is(reset, 3 * Math.floor(SERIES / 8192));
});

test('a slot stays open while a page of it is being taken, beyond its time too, and closes then with all of it', (t) => {
  const engine = createEngine();
  const [proxy, other] = [new LargeProxy('a'), new LargeProxy('b')];
  engine.open(WATCH + 5000, false);
  engine.take(proxy.page(1, WATCH + 5000));
  engine.open(WATCH + 15_000, false);
  const steps = engine.takeInSteps(proxy.page(3, WATCH + 9999));
  steps.next();
  t.deepEqual(engine.close(WATCH + 19_000), []);
  t.true(engine.isHeld);
  // A page of another proxy makes the columns of slots longer meanwhile.
  engine.take(other.page(1, WATCH + 9999));
  for (let step = steps.next(); step.done !== true; step = steps.next()) t.deepEqual(engine.close(WATCH + 19_000), []);
  t.false(engine.isHeld);
  const [closed, ...more] = engine.close(WATCH + 19_000);
  t.is(more.length, 0);
  t.is(closed!.interval.endMs, WATCH + 10_000);
  t.is(
    closed!.records.reduce((all, { successes }) => all + successes, 0),
    2 * EDGES,
  );
});

test('a life that begins under watch counts once, whenever its page at another address of the pod comes in between', (t) => {
  /** What is counted where the page of the second address comes after so many steps of the first; -1 when it had fewer. */
  const countedAfter = (stepsBefore: number) => {
    const engine = createEngine();
    const [one, two] = [1, 2].map((port) => new LargeProxy('a', { key: `a ${port}`, address: `a:${port}` }));
    engine.open(WATCH + 5000, false);
    const steps = engine.takeInSteps(one!.page(3, WATCH + 5000, WATCH + 1000));
    for (let i = 0; i < stepsBefore; i++) if (steps.next().done === true) return -1;
    engine.take(two!.page(3, WATCH + 5000, WATCH + 1000));
    while (steps.next().done !== true);
    return engine
      .close(WATCH + 60_000, true)
      .flatMap(({ records }) => records)
      .reduce((all, { successes }) => all + successes, 0);
  };
  let stepsBefore = 0;
  for (let counted = countedAfter(0); counted >= 0; counted = countedAfter(++stepsBefore)) {
    t.is(counted, 3 * EDGES, `after ${stepsBefore} steps`);
  }
  t.true(stepsBefore > SERIES / 512, 'it was tried at each pause');
});

/** A `smi` that works by timers, and what it tells of slots that are closed. */
function createProcessor(t: ExecutionContext) {
  const clock = createTestClock(WATCH);
  const balance = new Balance();
  const smi = createSmi({
    ...{ id: 'smi', config: config.parse({}), clock, time: createEngineTime(clock), log: createTestLog() },
    ...{ meters: NO_METERS, balance, balanceOf: () => balance, startedMs: WATCH, slotMs: SLOT, scrapeTimeoutMs: 2000 },
    ...{ receives: new Set(['samples'] as const), demand: new Set(['requests', 'latency'] as const) },
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
  const total = () => sums.flatMap(({ records }) => records).reduce((all, { successes }) => all + successes, 0);
  return { smi, clock, balance, sums, faults, total, give: (batch: Batch) => source.next(batch) };
}

/** A page that is taken by steps, and the steps. */
function inSteps(batch: SamplesBatch) {
  const steps: Steps<void>[] = [];
  return { batch: { ...batch, later: (more: Steps<void>) => void steps.push(more) }, steps };
}

test('a page that nobody takes steps of is taken at once, and one with steps when they have ended', (t) => {
  const { clock, balance, total, give } = createProcessor(t);
  const proxy = new LargeProxy('a');
  clock.advance(5000);
  const first = proxy.page(1, WATCH + 5000);
  give(first);
  t.is(first.delivery.outcome?.kind, 'taken');
  clock.advance(10_000);
  const { batch, steps } = inSteps(proxy.page(3, WATCH + 15_000));
  give(batch);
  t.is(batch.delivery.outcome, null);
  // The slot is over, and so is the time for which it waits: it leaves with the end of the steps.
  clock.advance(10_000);
  t.is(total(), 0);
  for (const one of steps) while (one.next().done !== true);
  t.is(batch.delivery.outcome?.kind, 'taken');
  t.is(total(), 2 * EDGES);
  t.is(balance.unaccounted, 0);
});

test('a stop finishes what is being taken by steps', async (t) => {
  const { smi, clock, total, give } = createProcessor(t);
  const proxy = new LargeProxy('a');
  clock.advance(5000);
  give(proxy.page(1, WATCH + 5000));
  const { batch, steps } = inSteps(proxy.page(3, WATCH + 5000));
  give(batch);
  await smi.stop(AbortSignal.abort());
  t.is(batch.delivery.outcome?.kind, 'taken');
  t.is(total(), 2 * EDGES);
  t.is(steps[0]!.next().done, true);
});

test('a failure in the middle is that of the stage, and costs the page only', (t) => {
  const { clock, balance, faults, give } = createProcessor(t);
  const proxy = new LargeProxy('a');
  clock.advance(5000);
  const { batch, steps } = inSteps(proxy.page(1, WATCH + 5000));
  give(batch);
  breakMeanings(batch);
  t.is(steps[0]!.next().done, true);
  t.deepEqual(batch.delivery.outcome, { kind: 'rejected', reason: 'stage_fault' });
  t.like(faults, [{ message: 'broken' }]);
  t.is(balance.accepted, batch.items);
  const next = new LargeProxy('b').page(1, WATCH + 5000);
  give(next);
  t.is(next.delivery.outcome?.kind, 'taken');
});

/** What takes the page from now on fails, as only a defect could make it. */
function breakMeanings({ target }: SamplesBatch): void {
  target.series.meaningOf = () => {
    throw new Error('broken');
  };
}

test('a slot held open by a page that fails is told at once, and later ones in their time', (t) => {
  const { clock, balance, sums, faults, total, give } = createProcessor(t);
  const proxy = new LargeProxy('a');
  clock.advance(5000);
  give(proxy.page(1, WATCH + 5000));
  clock.advance(10_000);
  const { batch, steps } = inSteps(new LargeProxy('b').page(1, WATCH + 15_000));
  give(batch);
  give(proxy.page(3, WATCH + 15_000));
  clock.advance(10_000);
  t.is(sums.length, 1);
  breakMeanings(batch);
  while (steps[0]!.next().done !== true);
  t.is(faults.length, 1);
  t.is(sums.length, 2);
  t.is(total(), 2 * EDGES);
  // Nobody is scraped any more: slots close by the clock alone.
  clock.advance(20_000);
  t.deepEqual(
    sums.map(({ interval }) => interval.endMs - WATCH),
    [SLOT, 2 * SLOT, 3 * SLOT, 4 * SLOT],
  );
  t.is(balance.accepted, 3 * batch.items);
});

test('nothing goes on by itself once a stop has ended, whatever became of what was being taken', async (t) => {
  for (const isBroken of [false, true]) {
    const { smi, clock, sums, give } = createProcessor(t);
    clock.advance(5000);
    const { batch, steps } = inSteps(new LargeProxy('a').page(1, WATCH + 5000));
    give(batch);
    if (isBroken) breakMeanings(batch);
    await smi.stop(AbortSignal.abort());
    while (steps[0]!.next().done !== true);
    const told = sums.length;
    clock.advance(60_000);
    t.is(sums.length, told, isBroken ? 'it failed' : 'it was taken');
    t.is(clock.timers, 0);
  }
});

test('a slot that fails by its timer is told as a failure of the stage, and later slots are told in their time', (t) => {
  const { clock, sums, faults, give } = createProcessor(t);
  const target = new TestTarget(identity('a'));
  clock.advance(5000);
  give(target.event({ kind: 'discovered' }, { startedMs: WATCH + 5000 }));
  give(target.event({ kind: 'failed', reason: 'timeout' }, { startedMs: WATCH + 5000 }));
  let reads = 0;
  Object.defineProperty(target.target, 'rules', {
    get() {
      if (reads++ === 0) throw new Error('broken');
      return testRules;
    },
  });
  clock.advance(30_000);
  t.like(faults, [{ message: 'broken' }]);
  t.deepEqual(
    sums.map(({ interval }) => interval.endMs - WATCH),
    [SLOT, 3 * SLOT],
  );
});
