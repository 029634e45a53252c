/** @module Spans against a real HTTP server: what is sent, and what every fault of the far side leads to. */
import { constants, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { fanOut } from '../../../pipeline/graph/fanout.ts';
import { USER_AGENT } from '../../../pipeline/net/http-post.ts';
import { OtlpBackend, until } from '../../kit/otlp-backend.ts';
import { tracesResponse } from '../../kit/otlp-reading.ts';
import { idsFrom, spansBatch } from '../../kit/sent-spans.ts';
import { START_MS } from './running.ts';
import { breathe, idsOf, type SpansStage, sortedIds, startSpansStage } from './spans-stage.ts';

const NEVER = new AbortController().signal;
const PER_BATCH = 10;

const batchOf = (n: number) => spansBatch(idsFrom(1 + n * PER_BATCH, PER_BATCH));

/** Feeds batches [from, to) and gives their ids. */
function feed({ exporter }: Pick<SpansStage, 'exporter'>, from: number, to: number): number[] {
  for (let n = from; n < to; n++) exporter.consume(batchOf(n));
  return idsFrom(1 + from * PER_BATCH, (to - from) * PER_BATCH);
}

for (const encoding of ['proto', 'json'] as const) {
  for (const compression of ['gzip', 'zstd', 'none'] as const) {
    test(`${encoding} with ${compression}: each batch is one request that holds its spans`, async (t) => {
      const stage = await startSpansStage(t, { encoding, compression, headers: { 'x-team': 'a' } });
      const { exporter, backend, balance } = stage;
      feed(stage, 0, 3);
      // Beyond what is compressed at once.
      exporter.consume(spansBatch(idsFrom(31, 1000), `GET /${'long/'.repeat(20)}`));
      await exporter.stop(NEVER);
      t.is(backend.received.length, 4);
      t.deepEqual(sortedIds(backend.received), idsFrom(1, 1030));
      for (const request of backend.received) {
        t.is(request.path, '/v1/traces');
        t.like(request.headers, {
          'content-type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
          'content-encoding': compression === 'none' ? undefined : compression,
          'user-agent': USER_AGENT,
          'x-team': 'a',
        });
        t.is(request.headers['content-length'], String(request.wire.length));
      }
      if (encoding === 'proto') {
        const first = backend.received.find((request) => idsOf(request)[0] === 1);
        t.deepEqual(first?.body, Buffer.from(batchOf(0).spans.bytes), 'bytes go out as they came');
      }
      t.is(balance.delivered, 1030);
      t.is(balance.unaccounted, 0);
    });
  }
}

test('traces_endpoint is used as it is', async (t) => {
  const backend = await OtlpBackend.start(t);
  const stage = await startSpansStage(t, { traces_endpoint: `${backend.url}/otlp?tenant=a` }, backend);
  feed(stage, 0, 1);
  await stage.exporter.stop(NEVER);
  t.is(backend.received[0]?.path, '/otlp?tenant=a');
});

test('as many requests as num_consumers are under way at once, over kept connections', async (t) => {
  const stage = await startSpansStage(t, { sending_queue: { num_consumers: 4 } });
  const { backend, balance } = stage;
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  backend.react = async () => {
    await released;
    return {};
  };
  const ids = feed(stage, 0, 30);
  await backend.arrived(0);
  await until(() => backend.received.length === 4, 'four requests');
  await breathe();
  t.is(backend.received.length, 4);
  release();
  await until(() => balance.queued === 0, 'the end');
  t.is(backend.mostInFlight, 4);
  t.is(backend.connections, 4);
  t.deepEqual(sortedIds(backend.received), ids);
});

test('a backend that is down for half an hour: nothing accepted is lost, senders are asked to come again', async (t) => {
  const stage = await startSpansStage(t, {
    sending_queue: { queue_size: 40, num_consumers: 5 },
    retry_on_failure: { max_elapsed_time: '0s' },
  });
  const { exporter, backend, balance, clock, waits } = stage;
  await backend.stop();
  const accepted: number[] = [];
  let refused = 0;
  const entry = fanOut([{ consumer: exporter, fault: { enter() {}, failed: () => t.fail() } }]);
  for (let n = 0; n < 90; n++) {
    const batch = batchOf(n);
    entry.consume(batch);
    if (batch.delivery.outcome?.kind === 'taken') accepted.push(...idsFrom(1 + n * PER_BATCH, PER_BATCH));
    else if (batch.delivery.outcome?.kind === 'retry') refused += 1;
    await until(waits, 'a wait');
    clock.advance(20_000);
    t.is(balance.unaccounted, 0);
  }
  t.is(refused, 50);
  t.is(balance.queued, 400);
  const again = await OtlpBackend.start(t, { port: backend.port });
  await stage.run(stage.drained);
  t.deepEqual(sortedIds(again.received), accepted);
  t.is(balance.delivered, accepted.length);
  t.is(balance.dropped.size, 0);
});

test('an outage longer than max_elapsed_time drops what was tried that long, counted with its time', async (t) => {
  const stage = await startSpansStage(t, { sending_queue: { num_consumers: 2 } });
  const { backend, balance, clock, log } = stage;
  await backend.stop();
  feed(stage, 0, 3);
  const firstMs = clock.monoMs();
  await stage.run(() => balance.dropped.has('expired'));
  const tookMs = clock.monoMs() - firstMs;
  t.true(tookMs > 250_000 && tookMs <= 300_000, `given up after ${tookMs} ms`);
  await stage.run(() => balance.queued === PER_BATCH);
  t.deepEqual([...balance.dropped], [['expired', 2 * PER_BATCH]]);
  const line = log.find(({ message }) => message === 'Spans were dropped');
  t.like(line, {
    level: 'error',
    fields: { reason: 'expired', dropped_items: PER_BATCH, from: new Date(START_MS).toISOString() },
  });
  const again = await OtlpBackend.start(t, { port: backend.port });
  await stage.run(stage.drained);
  t.deepEqual(sortedIds(again.received), idsFrom(1 + 2 * PER_BATCH, PER_BATCH));
  t.is(balance.unaccounted, 0);
});

test('with drop_oldest a full queue gives up the oldest: counted exactly, with the first and the last time', async (t) => {
  const stage = await startSpansStage(t, {
    sending_queue: { queue_size: 8, num_consumers: 3, on_full: 'drop_oldest' },
    retry_on_failure: { max_elapsed_time: '0s' },
  });
  const { exporter, backend, balance, clock, waits, log } = stage;
  await backend.stop();
  for (let n = 0; n < 30; n++) {
    t.true(exporter.admits(batchOf(n)).ok);
    exporter.consume(batchOf(n));
    await until(waits, 'a wait');
    clock.advance(1000);
  }
  // Three are under way, the five newest wait.
  t.deepEqual([...balance.dropped], [['queue_full', 22 * PER_BATCH]]);
  t.is(balance.queued, 8 * PER_BATCH);
  t.is(balance.unaccounted, 0);
  const again = await OtlpBackend.start(t, { port: backend.port });
  await stage.run(stage.drained);
  t.deepEqual(sortedIds(again.received), [...idsFrom(1, 3 * PER_BATCH), ...idsFrom(1 + 25 * PER_BATCH, 5 * PER_BATCH)]);
  await exporter.stop(NEVER);
  const lines = log.filter(({ fields }) => fields.reason === 'queue_full').map(({ fields }) => fields);
  t.is(
    lines.reduce((total, { dropped_items: items }) => total + Number(items), 0),
    22 * PER_BATCH,
    'what the lines tell adds up',
  );
  t.is(lines[0]?.from, new Date(START_MS + 3000).toISOString());
  t.is(lines.at(-1)?.to, new Date(START_MS + 24_000).toISOString());
});

test('503 with Retry-After: 7 for two minutes: no call of any consumer before, then one, and nothing is lost', async (t) => {
  const stage = await startSpansStage(t, { sending_queue: { num_consumers: 6 } });
  const { backend, balance, clock, waits, drained } = stage;
  const untilMs = 120_000;
  backend.react = () => (clock.monoMs() < untilMs ? { status: 503, headers: { 'retry-after': '7' } } : {});
  const ids = feed(stage, 0, 12);
  await until(() => backend.received.length === 6, 'the first requests');
  while (!drained()) {
    await until(() => drained() || waits(), 'a wait');
    await breathe();
    if (!drained()) clock.advance(500);
  }
  const times = backend.received.map(({ atMs }) => atMs);
  const calls = [...new Set(times)].sort((a, b) => a - b);
  const refusedCalls = calls.filter((atMs) => atMs < untilMs);
  for (const [i, atMs] of refusedCalls.entries()) {
    if (i > 0) t.true(atMs - refusedCalls[i - 1]! >= 7000, `a call after ${atMs - refusedCalls[i - 1]!} ms`);
    t.is(times.filter((each) => each === atMs).length, i === 0 ? 6 : 1, 'one asks for all');
  }
  t.true(refusedCalls.length >= 5);
  const taken = backend.received.filter(({ atMs }) => atMs >= untilMs);
  t.deepEqual(sortedIds(taken), ids);
  t.is(balance.delivered, ids.length);
  t.is(balance.dropped.size, 0);
});

for (const [asked, told] of [
  ['0', 1000],
  ['7', 7000],
  ['120', 30_000],
] as const) {
  test(`senders for whom there is no room while the backend asks for ${asked} s are told ${told} ms`, async (t) => {
    const retry = { initial_interval: '100ms', randomization_factor: 0 };
    const queue = { queue_size: 1, num_consumers: 1 };
    const stage = await startSpansStage(t, { sending_queue: queue, retry_on_failure: retry });
    stage.backend.react = () => ({ status: 503, headers: { 'retry-after': asked } });
    feed(stage, 0, 1);
    await until(stage.waits, 'the wait after the refusal');
    const refusal = { ok: false, reason: 'queue_full', retryAfterMs: told, yields: true };
    t.deepEqual(stage.exporter.admits(batchOf(1)), refusal);
  });
}

test('400 to one in ten: those alone are dropped with the reason in the words of the backend', async (t) => {
  const stage = await startSpansStage(t);
  const { exporter, backend, balance, log } = stage;
  const status = Buffer.from([0x08, 3, 0x12, 7, ...Buffer.from('no room')]);
  backend.react = (request) => (idsOf(request)[0]! % 100 === 41 ? { status: 400, body: status } : {});
  const ids = feed(stage, 0, 30);
  await exporter.stop(NEVER);
  t.deepEqual(sortedIds(backend.received), ids, 'each came once');
  t.deepEqual([...balance.dropped], [['http_400', 3 * PER_BATCH]]);
  t.is(balance.delivered, 27 * PER_BATCH);
  t.is(balance.unaccounted, 0);
  const [line, rest, ...others] = log.filter(({ level }) => level === 'error');
  t.like(line, { message: 'Spans were dropped', fields: { reason: 'http_400', dropped_items: PER_BATCH } });
  t.like(rest?.fields, { dropped_items: 2 * PER_BATCH, total: 3 * PER_BATCH });
  t.is(others.length, 0, 'each drop is told once');
  t.regex(String(line?.fields.error), /^http:\/\/127\.0\.0\.1:\d+\/v1\/traces: status 400: no room \(rpc code 3\)$/);
});

for (const [form, answer] of [
  ['protobuf', { body: tracesResponse(3, 'too old') }],
  [
    'JSON',
    {
      headers: { 'content-type': 'application/json' },
      body: '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}',
    },
  ],
] as const) {
  test(`partial success as ${form}: rejected spans count as dropped, in the backend's words, and are never resent`, async (t) => {
    const stage = await startSpansStage(t);
    const { exporter, backend, balance, log } = stage;
    backend.react = (request) => (idsOf(request)[0] === 11 ? answer : {});
    const ids = feed(stage, 0, 3);
    await exporter.stop(NEVER);
    t.deepEqual(sortedIds(backend.received), ids);
    t.deepEqual([...balance.dropped], [['rejected', 3]]);
    t.is(balance.delivered, 3 * PER_BATCH - 3);
    const lines = log.filter(({ level }) => level === 'warn' || level === 'error');
    t.is(lines.length, 1, 'one line for one drop');
    const error = 'the backend took the request, but rejected spans of it: too old';
    t.like(lines[0], {
      message: 'Spans were dropped',
      fields: { reason: 'rejected', dropped_items: 3, error, signal: 'spans' },
    });
  });
}

test('more spans rejected than there are drop all; a message alone drops none', async (t) => {
  const stage = await startSpansStage(t);
  const { exporter, backend, balance } = stage;
  backend.react = (request) => ({ body: tracesResponse(idsOf(request)[0] === 1 ? 1000 : 0, 'careful') });
  feed(stage, 0, 2);
  await exporter.stop(NEVER);
  t.deepEqual([...balance.dropped], [['rejected', PER_BATCH]]);
  t.is(balance.delivered, PER_BATCH);
});

test('a backend that takes requests but answers too late: the same bytes again, and never more under way than allowed', async (t) => {
  const stage = await startSpansStage(t, { timeout: '5s', sending_queue: { num_consumers: 3 } });
  const { exporter, backend, balance, clock, drained } = stage;
  const late = new Map<number, number>();
  backend.react = (request) => {
    const id = idsOf(request)[0]!;
    late.set(id, (late.get(id) ?? 0) + 1);
    return late.get(id)! <= 2 ? 'hang' : {};
  };
  const ids = feed(stage, 0, 6);
  while (!drained()) {
    await breathe();
    clock.advance(1000);
    t.is(balance.unaccounted, 0);
  }
  await exporter.stop(NEVER);
  t.is(backend.received.length, 18, 'each of the six came three times');
  t.deepEqual([...new Set(sortedIds(backend.received))], ids);
  t.is(new Set(backend.received.map(({ wire }) => wire.toString('hex'))).size, 6);
  t.true(backend.mostInFlight <= 3);
  t.is(balance.delivered, ids.length);
  t.is(balance.dropped.size, 0);
});

for (const reaction of ['drop', { status: 502 }, { status: 504 }, { status: 429 }] as const) {
  const name = typeof reaction === 'string' ? reaction : `status ${reaction.status}`;
  test(`${name}: sent again until it is taken`, async (t) => {
    const stage = await startSpansStage(t);
    const { backend, balance, run, drained } = stage;
    let failures = 0;
    backend.react = (request) => {
      if (idsOf(request)[0] !== 11 || failures === 3) return {};
      failures += 1;
      return reaction;
    };
    const ids = feed(stage, 0, 3);
    await run(drained);
    t.is(failures, 3);
    t.deepEqual([...new Set(sortedIds(backend.received))], ids);
    t.is(backend.received.length, 6);
    t.is(balance.delivered, ids.length);
    t.is(balance.dropped.size, 0);
  });
}

test('a success whose answer broke off is not sent again, for its spans would be there twice, and is not called delivered', async (t) => {
  const stage = await startSpansStage(t);
  const { exporter, backend, balance, drained, log } = stage;
  backend.react = () => 'cut';
  const ids = feed(stage, 0, 3);
  await until(drained, 'an empty queue');
  await exporter.stop(NEVER);
  t.deepEqual(sortedIds(backend.received), ids, 'each span once');
  t.deepEqual([...balance.dropped], [['unreadable_answer', ids.length]]);
  t.deepEqual([balance.delivered, balance.unaccounted], [0, 0]);
  const error = String(log.find(({ level }) => level === 'error')?.fields.error);
  t.regex(error, /: status 200, but its body broke off: .*; how much was taken is unknown$/);
});

test('a success whose answer broke off, after an attempt without an answer: its status is what counts', async (t) => {
  const stage = await startSpansStage(t);
  const { backend, balance, run, drained } = stage;
  backend.react = (_request, number) => (number === 0 ? 'drop' : 'cut');
  feed(stage, 0, 1);
  await run(drained);
  t.is(backend.received.length, 2);
  t.deepEqual([...balance.dropped], [['unreadable_answer', PER_BATCH]]);
  t.is(balance.delivered, 0);
});

/** RFC 1952, XFL of deflate: 4 for the fastest way, 2 for the slowest; 0 for any other. */
for (const [level, told] of [
  [1, 4],
  [6, 0],
  [9, 2],
] as const) {
  test(`gzip at level ${level}, of short bodies and of long ones`, async (t) => {
    const stage = await startSpansStage(t, { compression_params: { level } });
    const { exporter, backend } = stage;
    exporter.consume(spansBatch([1]));
    exporter.consume(spansBatch([2], 'x'.repeat(40_000)));
    await exporter.stop(NEVER);
    t.deepEqual(sortedIds(backend.received), [1, 2]);
    t.deepEqual(
      backend.received.map(({ wire }) => wire[8]),
      [told, told],
    );
  });
}

test('zstd at the level that is configured', async (t) => {
  const packed = async (level: number) => {
    const { exporter, backend } = await startSpansStage(t, { compression: 'zstd', compression_params: { level } });
    exporter.consume(spansBatch(idsFrom(1, 50)));
    await exporter.stop(NEVER);
    const [request] = backend.received;
    const params = { [constants.ZSTD_c_compressionLevel]: level };
    t.deepEqual(request!.wire, zstdCompressSync(request!.body, { params }), `level ${level}`);
    return request!.wire;
  };
  t.notDeepEqual(await packed(1), await packed(9));
});

for (const [what, first] of [
  ['at once', {}],
  ['when they come again, though they may be there', 'drop'],
] as const) {
  test(`two spans that are too large together ${what} go one by one`, async (t) => {
    const stage = await startSpansStage(t);
    const { exporter, backend, balance, run, drained } = stage;
    backend.react = (request, number) =>
      number === 0 && first === 'drop' ? first : idsOf(request).length > 1 ? { status: 413 } : {};
    exporter.consume(spansBatch([1, 2]));
    await run(drained);
    await exporter.stop(NEVER);
    const whole =
      first === 'drop'
        ? [
            [1, 2],
            [1, 2],
          ]
        : [[1, 2]];
    t.deepEqual(backend.received.map(idsOf), [...whole, [1], [2]]);
    t.deepEqual([balance.delivered, balance.dropped.size], [2, 0]);
  });
}

test('requests that are too large for the backend are halved until they pass; a span that stays too large is dropped alone', async (t) => {
  const stage = await startSpansStage(t, { compression: 'none' });
  const { exporter, backend, balance } = stage;
  backend.react = (request) => (request.wire.length > 2000 ? { status: 413 } : {});
  exporter.consume(spansBatch(idsFrom(1, 333)));
  exporter.consume(spansBatch([334], 'x'.repeat(3000)));
  await exporter.stop(NEVER);
  const taken = backend.received.filter(({ wire }) => wire.length <= 2000);
  t.deepEqual(sortedIds(taken), idsFrom(1, 333), 'each span once');
  t.deepEqual([...balance.dropped], [['too_large', 1]]);
  t.is(balance.delivered, 333);
  t.is(balance.unaccounted, 0);
});

test('too large only when it comes again, though the first may have arrived: halves, whose spans may be there twice, or dropped as perhaps there', async (t) => {
  const stage = await startSpansStage(t, { compression: 'none' });
  const { backend, balance, run, drained, log } = stage;
  // Taken without an answer, then too large, as behind a balancer; the second half is refused for good.
  const second = 1 + PER_BATCH / 2;
  backend.react = (request, number) =>
    number === 0 ? 'drop' : number === 1 ? { status: 413 } : idsOf(request)[0] === second ? { status: 400 } : {};
  const ids = feed(stage, 0, 1);
  await run(drained);
  t.deepEqual(backend.received.map(idsOf), [ids, ids, ids.slice(0, PER_BATCH / 2), ids.slice(PER_BATCH / 2)]);
  t.is(balance.delivered, PER_BATCH / 2);
  t.deepEqual([...balance.dropped], [['refused_repeat', PER_BATCH / 2]]);
  t.true(log.some(({ fields }) => String(fields.error).includes('an earlier attempt may have arrived')));
  t.is(balance.unaccounted, 0);
});

test('a Retry-After of years silences the exporter for max_retry_after, not for years', async (t) => {
  const stage = await startSpansStage(t);
  const { backend, balance, clock, waits, drained, log } = stage;
  backend.react = (_request, number) => (number === 0 ? { status: 503, headers: { 'retry-after': '315360000' } } : {});
  feed(stage, 0, 1);
  await until(() => backend.received.length === 1 && waits(), 'the refusal');
  clock.advance(119_999);
  await breathe();
  t.is(backend.received.length, 1);
  clock.advance(1);
  await until(drained, 'the end');
  t.is(balance.delivered, PER_BATCH);
  t.true(log.some(({ fields }) => fields.askedSeconds === 315_360_000 && fields.waitedSeconds === 120));
});

test('a kept connection that the backend closed meanwhile costs nothing', async (t) => {
  const stage = await startSpansStage(t);
  const { backend, balance, drained } = stage;
  feed(stage, 0, 1);
  await until(drained, 'the first');
  backend.closeKept();
  await breathe();
  feed(stage, 1, 2);
  await until(drained, 'the second');
  t.is(balance.delivered, 2 * PER_BATCH);
});

test('without retries the first failure drops', async (t) => {
  const stage = await startSpansStage(t, { retry_on_failure: { enabled: false } });
  const { exporter, backend, balance } = stage;
  backend.react = () => ({ status: 503 });
  feed(stage, 0, 2);
  await exporter.stop(NEVER);
  t.is(backend.received.length, 2);
  t.deepEqual([...balance.dropped], [['retry_disabled', 2 * PER_BATCH]]);
});

for (const [retryAfter, calls] of [
  ['1', 'many'],
  ['60', 'one'],
] as const) {
  test(`a shutdown while the backend asks for ${retryAfter} s: ${calls} more`, async (t) => {
    const stage = await startSpansStage(t, { sending_queue: { num_consumers: 2 } });
    const { exporter, backend, balance, clock, waits, log } = stage;
    backend.react = () => ({ status: 503, headers: { 'retry-after': retryAfter } });
    feed(stage, 0, 5);
    await until(() => backend.received.length === 2 && waits(), 'the first refusals');
    const deadline = new AbortController();
    let stopped = false;
    const stopping = exporter.stop(deadline.signal).then(() => {
      stopped = true;
    });
    for (let seconds = 0; seconds < 10 && !stopped; seconds++) {
      await breathe();
      if (!stopped) clock.advance(1000);
    }
    await breathe();
    t.is(stopped, retryAfter === '60', 'a backend that wants to be left alone is');
    t.true(retryAfter === '60' ? backend.received.length === 3 : backend.received.length >= 10);
    deadline.abort();
    await stopping;
    t.deepEqual([...balance.dropped], [['shutdown', 5 * PER_BATCH]]);
    t.is(balance.unaccounted, 0);
    t.true(log.some(({ fields }) => fields.reason === 'shutdown'));
  });
}
