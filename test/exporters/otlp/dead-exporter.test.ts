/** @module One of several exporters of spans is dead: the others, and those who send, do not notice (A18, ADR 0014). */
import test, { type ExecutionContext } from 'ava';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import type { Consumer } from '../../../pipeline/component.ts';
import { fanOut } from '../../../pipeline/graph/fanout.ts';
import type { PostResult } from '../../../pipeline/net/http-post.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { OtlpBackend, type Reaction, until } from '../../kit/otlp-backend.ts';
import { answered } from '../../kit/posts.ts';
import { idsFrom, spansBatch } from '../../kit/sent-spans.ts';
import { START_MS } from './running.ts';
import { breathe, sortedIds, startSpansStage } from './spans-stage.ts';

const PER_BATCH = 2;
/** `sending_queue.queue_size` by default. */
const QUEUE_SIZE = 1000;
const BATCHES = QUEUE_SIZE + 300;

const batchOf = (n: number) => spansBatch(idsFrom(1 + n * PER_BATCH, PER_BATCH));

function fanOutTo(t: ExecutionContext, consumers: readonly Consumer[]): Consumer {
  const fault = { enter() {}, failed: () => t.fail() };
  return fanOut(consumers.map((consumer) => ({ consumer, fault })));
}

/** Sends batches [from, to), each of which must be taken, and lets the process work between them. */
async function send(t: ExecutionContext, entry: Consumer, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const batch = batchOf(n);
    t.true(entry.admits(batch).ok, 'the sender is never refused');
    entry.consume(batch);
    t.is(batch.delivery.outcome?.kind, 'taken');
    if (n % 20 === 0) await breathe(2);
  }
}

const DEATHS: readonly (readonly [name: string, reaction: Reaction | 'gone'])[] = [
  ['refuses connections', 'gone'],
  ['never answers', 'hang'],
  ['answers 503 for ever', { status: 503 }],
];

for (const [death, reaction] of DEATHS) {
  for (const healthyCount of [1, 2]) {
    test(`a dead exporter that ${death} beside ${healthyCount}: the others get every span once, the loss is counted exactly`, async (t) => {
      const healthy = await Promise.all(Array.from({ length: healthyCount }, () => startSpansStage(t)));
      const dead = await startSpansStage(t);
      if (reaction === 'gone') await dead.backend.stop();
      else dead.backend.react = () => reaction;
      const entry = fanOutTo(
        t,
        [dead, ...healthy].map(({ exporter }) => exporter),
      );
      await send(t, entry, 0, BATCHES);
      const all = BATCHES * PER_BATCH;
      for (const { drained, backend, balance } of healthy) {
        await until(drained, 'the delivery of the others');
        t.deepEqual(sortedIds(backend.received), idsFrom(1, all));
        t.deepEqual([balance.accepted, balance.delivered, balance.dropped.size], [all, all, 0]);
      }
      const { balance, clock, log, exporter } = dead;
      t.is(balance.accepted, all);
      t.is(balance.queued, QUEUE_SIZE * PER_BATCH);
      t.deepEqual([...balance.dropped], [['queue_full', all - QUEUE_SIZE * PER_BATCH]]);
      t.is(balance.unaccounted, 0);
      clock.advance(1000);
      const ended = new AbortController();
      ended.abort();
      await exporter.stop(ended.signal);
      t.deepEqual(
        [...balance.dropped],
        [
          ['queue_full', all - QUEUE_SIZE * PER_BATCH],
          ['shutdown', QUEUE_SIZE * PER_BATCH],
        ],
      );
      t.is(balance.unaccounted, 0);
      const told = log.filter(({ fields }) => fields.reason === 'queue_full').map(({ fields }) => fields);
      t.is(
        told.reduce((sum, { dropped_items: items }) => sum + Number(items), 0),
        all - QUEUE_SIZE * PER_BATCH,
      );
      t.is(told[0]?.from, new Date(START_MS).toISOString());
    });
  }
}

test('one that comes back gets what it had room for, and from then on everything', async (t) => {
  const queue = { queue_size: 5, num_consumers: 2 };
  const healthy = await startSpansStage(t);
  const dead = await startSpansStage(t, { sending_queue: queue });
  await dead.backend.stop();
  const entry = fanOutTo(t, [healthy.exporter, dead.exporter]);
  await send(t, entry, 0, 8);
  await until(dead.waits, 'a failed attempt');
  const again = await OtlpBackend.start(t, { port: dead.backend.port });
  await dead.run(dead.drained);
  await send(t, entry, 8, 12);
  await dead.run(dead.drained);
  await until(healthy.drained, 'the delivery of the other');
  const ofBatches = (from: number, to: number) => idsFrom(1 + from * PER_BATCH, (to - from) * PER_BATCH);
  t.deepEqual(sortedIds(healthy.backend.received), ofBatches(0, 12));
  t.deepEqual(sortedIds(again.received), [...ofBatches(0, 5), ...ofBatches(8, 12)]);
  t.deepEqual([...dead.balance.dropped], [['queue_full', 3 * PER_BATCH]]);
});

test('when all are dead, senders are asked to come again, and nothing accepted is lost', async (t) => {
  const stages = await Promise.all(
    [4, 6].map((size) => startSpansStage(t, { sending_queue: { queue_size: size, num_consumers: 2 } })),
  );
  for (const { backend } of stages) await backend.stop();
  const entry = fanOutTo(
    t,
    stages.map(({ exporter }) => exporter),
  );
  const outcomes: string[] = [];
  for (let n = 0; n < 10; n++) {
    const batch = batchOf(n);
    entry.consume(batch);
    outcomes.push(batch.delivery.outcome?.kind ?? 'open');
  }
  // The larger queue takes two more, of which the smaller one drops its share.
  t.deepEqual(outcomes, [...Array(6).fill('taken'), ...Array(4).fill('retry')]);
  t.deepEqual([...stages[0]!.balance.dropped], [['queue_full', 2 * PER_BATCH]]);
  t.is(stages[1]!.balance.dropped.size, 0);
  t.is(stages[1]!.balance.queued, 6 * PER_BATCH);
  for (const { balance } of stages) t.is(balance.unaccounted, 0);
});

for (const [onFull, healthyTakes, dropped] of [
  ['refuse', 50, 46],
  ['refuse_always', 4, 0],
  ['drop_oldest', 50, 46],
  ['drop_newest', 50, 46],
] as const) {
  test(`a dead exporter with ${onFull}: the other one gets ${healthyTakes} of 50 requests, none twice`, async (t) => {
    const healthy = await startSpansStage(t);
    const dead = await startSpansStage(t, { sending_queue: { queue_size: 4, num_consumers: 2, on_full: onFull } });
    await dead.backend.stop();
    const entry = fanOutTo(t, [healthy.exporter, dead.exporter]);
    for (let n = 0; n < 50; n++) {
      const batch = batchOf(n);
      entry.consume(batch);
      t.is(batch.delivery.outcome?.kind, n < healthyTakes ? 'taken' : 'retry');
    }
    await until(healthy.drained, 'the delivery of the other');
    t.deepEqual(sortedIds(healthy.backend.received), idsFrom(1, healthyTakes * PER_BATCH));
    t.is(healthy.balance.accepted, healthyTakes * PER_BATCH, 'what was refused went nowhere');
    t.is(dead.balance.dropped.get('queue_full') ?? 0, dropped * PER_BATCH);
    t.is(dead.balance.queued, 4 * PER_BATCH);
    t.is(dead.balance.unaccounted, 0);
  });
}

// --- When the others are called ---------------------------------------------------------------------------------------

const TAKEN = answered(200);

/** An exporter that tells `called` of each call. */
function calling(called: () => void, answer: Promise<PostResult>) {
  const yaml = { endpoint: 'http://127.0.0.1:4318', compression: 'none' };
  const { settings, clock, balance } = exporterBench('otlphttp', otlpHttpConfig, yaml, { signal: 'traces' });
  const post = () => {
    called();
    return answer;
  };
  return {
    clock,
    balance,
    exporter: createOtlpHttpExporter(settings, () => ({ check: async () => null, post, close() {} })),
  };
}

/** Steps of the program's queue of promises from each offer to the call of the healthy exporter. */
async function stepsToCall(t: ExecutionContext, deadOnes: number): Promise<number[]> {
  const steps: number[] = [];
  let since = 0;
  const healthy = calling(() => steps.push(since), Promise.resolve(TAKEN));
  const dead = Array.from({ length: deadOnes }, () => calling(() => {}, new Promise<PostResult>(() => {})));
  for (const { exporter } of [healthy, ...dead]) await exporter.start();
  // The dead ones are asked and offered first.
  const entry = fanOutTo(
    t,
    [...dead, healthy].map(({ exporter }) => exporter),
  );
  for (let n = 0; n < BATCHES; n++) {
    entry.consume(batchOf(n));
    for (since = 0; since < 30; since++) await Promise.resolve();
  }
  for (const { balance } of dead) t.is(balance.dropped.get('queue_full'), (BATCHES - QUEUE_SIZE) * PER_BATCH);
  t.is(healthy.clock.monoMs(), 0);
  return steps;
}

test('the healthy exporter calls its backend in the same step of the program with and without dead ones beside it', async (t) => {
  const alone = await stepsToCall(t, 0);
  t.is(alone.length, BATCHES);
  t.true(Math.max(...alone) < 25);
  t.deepEqual(await stepsToCall(t, 1), alone);
  t.deepEqual(await stepsToCall(t, 2), alone);
});
