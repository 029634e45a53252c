/** @module The `smi` processor on its timers: slots leave on time, and what nobody takes is kept. */
import test from 'ava';
import { Subject } from 'rxjs';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch, TrafficBatch } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import { guardStage } from '../../../pipeline/graph/guard.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { config } from '../../../processors/smi/config.ts';
import { createSmi } from '../../../processors/smi/smi.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';

const T0 = 1_700_000_000_000;

function setUp(answer: (batch: TrafficBatch, n: number) => Outcome | Error) {
  const clock = createTestClock(T0);
  const time = createEngineTime(clock);
  const log = createTestLog();
  const balance = new Balance();
  const smi = createSmi({
    id: 'smi',
    config: config.parse({}),
    clock,
    time,
    log,
    meters: NO_METERS,
    balance,
    balanceOf: () => balance,
    startedMs: T0,
    slotMs: 10_000,
    scrapeTimeoutMs: 5000,
    receives: new Set(['samples'] as const),
    demand: new Set(['requests']),
  });
  const source = new Subject<Batch>();
  const taken: TrafficBatch[] = [];
  const faults: unknown[] = [];
  let offered = 0;
  const fault = { enter() {}, failed: (_: Batch | null, error: unknown) => faults.push(error) };
  source.pipe(guardStage(smi.stage, fault)).subscribe((batch) => {
    if (batch.body !== 'traffic') return;
    const outcome = answer(batch, offered++);
    if (outcome instanceof Error) throw outcome;
    if (outcome.kind === 'taken') taken.push(batch);
    batch.delivery.settle(outcome);
  });
  const target = new TestTarget(identity('a')).series('start', START).series('ok', counter('success', workload('b')));
  const scrape = (ok: number) => {
    const nowMs = time.nowMs();
    const dueMs = Math.floor(nowMs / 10_000) * 10_000 + 13_000;
    source.next(
      target.page(
        [
          ['ok', ok],
          ['start', T0 / 1000],
        ],
        { scheduledMs: nowMs, monoMs: clock.monoMs(), nextDueMs: dueMs },
      ),
    );
  };
  return { clock, smi, log, balance, taken, faults, scrape };
}

const successes = (batches: readonly TrafficBatch[]) => batches.flatMap((b) => b.sum.records.map((r) => r.successes));

test('slots leave by timers alone, one after another', async (t) => {
  const { clock, smi, taken, scrape, balance } = setUp(() => TAKEN);
  await smi.start();
  for (let k = 0; k < 3; k++) {
    clock.advance(3000);
    scrape(k * 5);
    clock.advance(7000);
  }
  t.deepEqual(successes(taken), [0, 5, 5]);
  t.deepEqual(
    taken.map((b) => (b.sum.interval.endMs - T0) / 1000),
    [10, 20, 30],
  );
  t.is(balance.unaccounted, 0);
});

test('a slot that nobody took over is added into the next one: resolution is lost, counts are not', async (t) => {
  const refuse: Outcome = { kind: 'retry', afterMs: 100, reason: 'full' };
  const { clock, smi, taken, scrape, log } = setUp((_, n) => (n === 1 || n === 2 ? refuse : TAKEN));
  await smi.start();
  for (let k = 0; k < 5; k++) {
    clock.advance(3000);
    scrape(k * 5);
    clock.advance(7000);
  }
  t.deepEqual(successes(taken), [0, 15, 5]);
  t.deepEqual(
    taken.map((b) => [(b.sum.interval.startMs - T0) / 1000, (b.sum.interval.endMs - T0) / 1000]),
    [
      [0, 10],
      [10, 40],
      [40, 50],
    ],
  );
  t.is(log.lines.filter((line) => line.level === 'warn').length, 1, 'said once');
});

test('a slot refused at the end is said to be lost', async (t) => {
  const { clock, smi, scrape, log } = setUp(() => ({ kind: 'retry', afterMs: 100, reason: 'full' }));
  await smi.start();
  clock.advance(3000);
  scrape(1);
  await smi.stop(new AbortController().signal);
  t.deepEqual(
    log.lines.filter((line) => line.level !== 'debug').map((line) => line.level),
    ['warn', 'error'],
  );
});

test('a value that cannot be is logged with its target and what it measures, once in 30 s', async (t) => {
  const { clock, smi, scrape, log, balance } = setUp(() => TAKEN);
  await smi.start();
  for (const value of [5, Number.NaN, -1, 2 ** 60]) {
    clock.advance(3000);
    scrape(value);
    clock.advance(7000);
  }
  const lines = log.lines.filter((line) => line.level === 'warn');
  t.is(lines.length, 1);
  t.like(lines[0]!.fields, { target: '127.0.0.1:1', workload: 'x/a', measure: 'success', peer: 'x/b', values: 1 });
  t.is(balance.filtered.get('bad_value'), 3);
  t.is(balance.unaccounted, 0);
});
