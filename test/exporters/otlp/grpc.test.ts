/** @module The `otlp` exporter against a real gRPC server: what is sent of both signals, and what every answer leads to. */
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Signal } from '../../../pipeline/component.ts';
import { decodeTraffic } from '../../../pipeline/wire/otlp-traffic.ts';
import { GrpcBackend, METRICS, TRACES } from '../../kit/grpc-backend.ts';
import { until } from '../../kit/otlp-backend.ts';
import { exportResponse, readOtlp } from '../../kit/otlp-reading.ts';
import { idsFrom, spanIdsIn, spansBatch } from '../../kit/sent-spans.ts';
import { itemsOf } from '../../kit/slots.ts';
import { ITEMS, numberOf, startGrpcStage } from './grpc-stage.ts';
import { NEVER, numbered, WEB } from './stage.ts';

const SIGNALS: readonly Signal[] = ['metrics', 'traces'];
const breathe = async () => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};

for (const signal of SIGNALS) {
  for (const compression of ['gzip', 'none'] as const) {
    test(`${signal} with ${compression}: what was handed over arrives, under its headers, over one connection`, async (t) => {
      const headers = { Authorization: 'Bearer hunter2', 'X-Scope-OrgID': 'team' };
      const { give, exporter, backend, balance, log } = await startGrpcStage(t, signal, { compression, headers });
      for (let n = 0; n < 3; n++) give(n);
      await exporter.stop(NEVER);
      t.deepEqual(backend.received.map((call) => numberOf(signal, call)).sort(), [0, 1, 2]);
      for (const { path, metadata } of backend.received) {
        t.is(path, signal === 'metrics' ? METRICS : TRACES);
        t.is(metadata.get('authorization'), 'Bearer hunter2');
        t.is(metadata.get('x-scope-orgid'), 'team');
      }
      t.is(backend.connections, 1);
      t.is(balance.delivered, 3 * ITEMS[signal]);
      t.is(balance.unaccounted, 0);
      t.notRegex(JSON.stringify(log), /hunter2/);
    });
  }
}

test('traffic is read back by Weir itself without loss, spans are the bytes that came', async (t) => {
  const traffic = await startGrpcStage(t, 'metrics');
  const slot = numbered(0);
  traffic.exporter.consume(slot);
  await traffic.exporter.stop(NEVER);
  const read = decodeTraffic(traffic.backend.received[0]!.body).resources[0];
  t.like(read?.envelope, { source: 'weir-1', seq: 0 });
  t.deepEqual(read?.sums[0]?.interval, slot.sum.interval);
  t.is(itemsOf(read!.sums[0]!), ITEMS.metrics);

  const spans = await startGrpcStage(t, 'traces');
  const batch = spansBatch(idsFrom(1, 100));
  spans.exporter.consume(batch);
  await spans.exporter.stop(NEVER);
  t.true(spans.backend.received[0]!.body.equals(batch.spans.bytes));
});

for (const signal of SIGNALS) {
  for (const [code, name] of [
    [1, 'CANCELLED'],
    [4, 'DEADLINE_EXCEEDED'],
    [10, 'ABORTED'],
    [11, 'OUT_OF_RANGE'],
    [14, 'UNAVAILABLE'],
    [15, 'DATA_LOSS'],
  ] as const) {
    test(`${signal}, ${name}: sent again until it is taken`, async (t) => {
      const { give, backend, balance, run, drained } = await startGrpcStage(t, signal);
      let failures = 0;
      backend.react = (call) => {
        if (numberOf(signal, call) !== 1 || failures === 3) return {};
        failures += 1;
        return { code, message: 'later' };
      };
      for (let n = 0; n < 3; n++) give(n);
      await run(drained);
      t.is(failures, 3);
      t.is(backend.received.length, 6);
      t.is(balance.delivered, 3 * ITEMS[signal]);
      t.is(balance.dropped.size, 0);
      t.is(balance.unaccounted, 0);
    });
  }

  for (const [code, reason] of [
    [2, 'grpc_unknown'],
    [3, 'grpc_invalid_argument'],
    [7, 'grpc_permission_denied'],
    [8, 'grpc_resource_exhausted'],
    [12, 'grpc_unimplemented'],
    [13, 'grpc_internal'],
    [16, 'grpc_unauthenticated'],
  ] as const) {
    test(`${signal}, ${reason}: that request alone is dropped with its reason, the others arrive`, async (t) => {
      const { give, exporter, backend, balance, log } = await startGrpcStage(t, signal);
      backend.react = (call) => (numberOf(signal, call) === 1 ? { code, message: 'no room' } : {});
      for (let n = 0; n < 3; n++) give(n);
      await exporter.stop(NEVER);
      t.is(backend.received.length, 3);
      t.deepEqual([...balance.dropped], [[reason, ITEMS[signal]]]);
      t.is(balance.delivered, 2 * ITEMS[signal]);
      t.is(balance.unaccounted, 0);
      t.true(
        log.some(
          ({ fields }) => String(fields.error).endsWith(': no room') || String(fields.error).includes(': no room '),
        ),
      );
    });
  }

  for (const code of [8, 14]) {
    test(`${signal}, status ${code} with RetryInfo of 7 s: no call before, and nothing is lost`, async (t) => {
      const { give, backend, balance, clock, drained, waits } = await startGrpcStage(t, signal, {
        retry_on_failure: { initial_interval: '1s' },
      });
      backend.react = (_call, number) => (number < 2 ? { code, message: 'busy', retryAfterMs: 7000 } : {});
      give(0);
      for (let attempt = 1; attempt <= 2; attempt++) {
        await until(() => backend.received.length === attempt && waits(), 'a wait');
        clock.advance(6999);
        await breathe();
        t.is(backend.received.length, attempt, 'not yet');
        clock.advance(1);
      }
      await until(drained, 'the end');
      t.deepEqual(
        backend.received.map(({ atMs }) => atMs - backend.received[0]!.atMs),
        [0, 7000, 14_000],
      );
      t.is(new Set(backend.received.map(({ body }) => body.toString('hex'))).size, 1);
      t.is(balance.delivered, ITEMS[signal]);
      t.is(balance.unaccounted, 0);
    });
  }

  test(`${signal}, partial success: what is rejected is dropped in the backend's words, and never sent again`, async (t) => {
    const { give, exporter, backend, balance, log } = await startGrpcStage(t, signal);
    backend.react = (_call, number) => (number === 1 ? { body: exportResponse(2, 'too old') } : {});
    for (let n = 0; n < 3; n++) give(n);
    await exporter.stop(NEVER);
    t.is(backend.received.length, 3);
    t.deepEqual([...balance.dropped], [['rejected', 2]]);
    t.is(balance.delivered, 3 * ITEMS[signal] - 2);
    t.is(balance.unaccounted, 0);
    const lines = log.filter(({ level }) => level === 'warn' || level === 'error');
    t.is(lines.length, 1, 'one line for one drop');
    t.regex(String(lines[0]?.fields.error), /^the backend took the request, but rejected .* of it: too old$/);
  });

  test(`${signal}: a success whose message is no answer of OTLP is never claimed as delivered`, async (t) => {
    const { give, exporter, backend, balance } = await startGrpcStage(t, signal);
    backend.react = () => ({ body: Buffer.from('<html>') });
    give(0);
    await exporter.stop(NEVER);
    t.deepEqual([...balance.dropped], [['unreadable_answer', ITEMS[signal]]]);
    t.is(balance.unaccounted, 0);
  });

  test(`${signal}: a backend that is down and comes back gets everything`, async (t) => {
    const { give, backend, balance, waits, run, drained } = await startGrpcStage(t, signal, {
      sending_queue: { num_consumers: 1 },
    });
    backend.stop();
    for (let n = 0; n < 5; n++) give(n);
    await until(waits, 'a wait');
    t.is(balance.delivered, 0);
    const again = await GrpcBackend.start(t, { port: backend.port });
    await run(drained);
    t.deepEqual(
      again.received.map((call) => numberOf(signal, call)),
      [0, 1, 2, 3, 4],
    );
    t.is(balance.delivered + balance.merged, 5 * ITEMS[signal]);
    t.is(balance.dropped.size, 0);
    t.is(balance.unaccounted, 0);
  });

  test(`${signal}: a backend that takes requests but answers too late: the same bytes again, few in flight`, async (t) => {
    const { give, backend, balance, clock, drained, waits } = await startGrpcStage(t, signal, {
      timeout: '5s',
      sending_queue: { num_consumers: 1 },
    });
    backend.react = (_call, number) => (number < 2 ? 'hang' : {});
    for (let n = 0; n < 3; n++) give(n);
    for (let attempt = 1; attempt <= 2; attempt++) {
      await until(() => backend.received.length === attempt, 'an attempt');
      clock.advance(4999);
      t.is(backend.mostInFlight, 1);
      clock.advance(1);
      await until(() => waits() && clock.timers === 1, 'a wait');
      await breathe();
      clock.fireNext();
    }
    await until(drained, 'the end');
    t.deepEqual(
      backend.received.map((call) => numberOf(signal, call)),
      [0, 0, 0, 1, 2],
    );
    t.is(new Set(backend.received.slice(0, 3).map(({ body }) => body.toString('hex'))).size, 1);
    t.is(backend.mostInFlight, 1);
    t.is(balance.delivered, 3 * ITEMS[signal]);
    t.is(balance.unaccounted, 0);
  });

  test(`${signal}: a connection that goes dead without a word is found out within the timeout, and nothing is lost`, async (t) => {
    const backend = await GrpcBackend.start(t);
    const way = await startRelay(t, backend.port);
    const { give, balance, clock, drained, waits } = await startGrpcStage(
      t,
      signal,
      { endpoint: `127.0.0.1:${way.port}`, timeout: '5s', sending_queue: { num_consumers: 1 } },
      backend,
    );
    give(0);
    await until(drained, 'the first delivery');
    way.cut();
    give(1);
    await until(() => clock.timers === 1, 'a call');
    await breathe();
    clock.advance(5000);
    await until(() => waits() && balance.queued > 0, 'a wait');
    t.is(balance.delivered, ITEMS[signal]);
    clock.fireNext();
    await until(drained, 'the end');
    t.is(balance.delivered, 2 * ITEMS[signal]);
    t.is(balance.unaccounted, 0);
    t.is(way.connections, 2);
  });

  test(`${signal}: refused after an attempt that may have arrived is told as that`, async (t) => {
    const { give, backend, balance, run, drained } = await startGrpcStage(t, signal);
    backend.react = (_call, number) => (number === 0 ? { code: 14, message: 'lost' } : { code: 3, message: 'twice' });
    give(0);
    await run(drained);
    t.deepEqual([...balance.dropped], [['refused_repeat', ITEMS[signal]]]);
    t.is(balance.unaccounted, 0);
  });

  test(`${signal}: at the deadline what is left is dropped and counted, and no handle stays`, async (t) => {
    const { give, exporter, backend, balance, clock } = await startGrpcStage(t, signal);
    backend.react = () => 'hang';
    for (let n = 0; n < 3; n++) give(n);
    await until(() => backend.received.length > 0, 'a call');
    const deadline = new AbortController();
    const stopped = exporter.stop(deadline.signal);
    deadline.abort();
    await stopped;
    t.deepEqual([...balance.dropped], [['shutdown', 3 * ITEMS[signal]]]);
    t.is(balance.unaccounted, 0);
    t.is(clock.timers, 0);
  });
}

/** A relay whose connections may stop to pass anything on, in silence; later ones pass. */
async function startRelay(t: ExecutionContext, to: number) {
  const sockets = new Set<Socket>();
  const relay = { port: 0, connections: 0, cut: () => {} };
  const server = createServer((near) => {
    relay.connections += 1;
    const far = connect(to, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    near.pipe(far);
    far.pipe(near);
    near.on('close', () => far.destroy());
  });
  relay.cut = () => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  relay.port = (server.address() as AddressInfo).port;
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return relay;
}

const MANY = Array.from({ length: 30 }, (_, i) => ({ ...WEB, source: `web-${i}` }));

for (const compression of ['none', 'gzip'] as const) {
  test(`traffic too large for the backend is halved until it passes, ${compression}; what stays too large is dropped alone`, async (t) => {
    const backend = await GrpcBackend.start(t, { options: { 'grpc.max_receive_message_length': 6000 } });
    const { exporter, balance } = await startGrpcStage(t, 'metrics', { compression }, backend);
    exporter.consume(numbered(0, [...MANY, { ...WEB, source: 'g'.repeat(6000) }]));
    await exporter.stop(NEVER);
    t.deepEqual([...balance.dropped], [['too_large', 3]]);
    t.is(balance.delivered, 91);
    t.is(balance.unaccounted, 0);
    const requests = backend.received.flatMap(({ body }) =>
      readOtlp(body).points.filter(({ metric }) => metric === 'weir.requests'),
    );
    t.is(
      requests.reduce((total, { value }) => total + value, 0),
      30 * 2 * 10,
    );
  });

  test(`spans too large for the backend are halved until they pass, ${compression}; what stays too large is dropped alone`, async (t) => {
    const backend = await GrpcBackend.start(t, { options: { 'grpc.max_receive_message_length': 2000 } });
    const { exporter, balance } = await startGrpcStage(t, 'traces', { compression }, backend);
    exporter.consume(spansBatch(idsFrom(1, 300)));
    exporter.consume(spansBatch([1000], 'g'.repeat(3000)));
    await exporter.stop(NEVER);
    t.deepEqual([...balance.dropped], [['too_large', 1]]);
    t.deepEqual(
      backend.received.flatMap(({ body }) => spanIdsIn(body)).sort((a, b) => a - b),
      idsFrom(1, 300),
    );
    t.is(balance.unaccounted, 0);
  });
}

test('a sum larger than max_request_items goes in several calls, one after the other', async (t) => {
  const { exporter, backend, balance } = await startGrpcStage(t, 'metrics', { max_request_items: 7 });
  exporter.consume(numbered(0, MANY));
  await exporter.stop(NEVER);
  t.deepEqual(
    backend.received.map((call) => numberOf('metrics', call)),
    Array.from({ length: 13 }, (_, i) => i),
  );
  t.is(backend.mostInFlight, 1);
  t.is(balance.delivered, 91);
});

test('several requests of spans are under way at once, over one connection', async (t) => {
  const { give, backend, exporter, clock } = await startGrpcStage(t, 'traces', { sending_queue: { num_consumers: 4 } });
  backend.react = () => 'hang';
  for (let n = 0; n < 10; n++) give(n);
  await until(() => backend.received.length === 4, 'four calls');
  await breathe();
  t.is(backend.received.length, 4);
  t.is(backend.connections, 1);
  t.true(clock.timers >= 4);
  const ended = new AbortController();
  ended.abort();
  await exporter.stop(ended.signal);
});

test('cumulative: totals since the first slot, coverage filtered', async (t) => {
  const { give, exporter, backend, balance } = await startGrpcStage(t, 'metrics', { temporality: 'cumulative' });
  for (let n = 0; n < 3; n++) give(n);
  await exporter.stop(NEVER);
  const successes = backend.received.map(({ body }) =>
    readOtlp(body)
      .points.filter(
        ({ metric, attributes }) =>
          metric === 'weir.requests' &&
          attributes.get('classification') === 'success' &&
          attributes.get('side') === 'client',
      )
      .map(({ value }) => value),
  );
  t.deepEqual(successes, [[9], [18], [27]]);
  t.true((balance.filtered.get('coverage') ?? 0) > 0);
  t.is(balance.unaccounted, 0);
});

const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));

test('TLS with a certificate of its own: what is sent arrives; with a wrong authority it waits and says why', async (t) => {
  const tls = {
    cert: await readFile(file('listener.crt')),
    key: await readFile(file('listener.key')),
    clientCa: await readFile(file('other.crt')),
  };
  const own = { cert_file: file('other.crt'), key_file: file('other.key') };
  const right = await startGrpcStage(
    t,
    'traces',
    { tls: { ca_file: file('listener.crt'), ...own } },
    await GrpcBackend.start(t, { tls }),
  );
  right.give(0);
  await right.exporter.stop(NEVER);
  t.is(right.balance.delivered, ITEMS.traces);

  const wrong = await startGrpcStage(
    t,
    'metrics',
    { tls: { ca_file: file('other.crt'), ...own } },
    await GrpcBackend.start(t, { tls }),
  );
  wrong.give(0);
  await until(wrong.waits, 'a wait');
  t.is(wrong.balance.queued, ITEMS.metrics);
  t.like(
    wrong.log.find(({ level }) => level === 'warn'),
    { fields: { reason: 'tls' } },
  );
});

test('a TLS file that is not there is said at start, and nothing is lost meanwhile', async (t) => {
  const { give, balance, log, waits } = await startGrpcStage(t, 'metrics', {
    endpoint: '127.0.0.1:1',
    tls: { ca_file: '/nowhere/ca.crt' },
  });
  await until(() => log.length > 0, 'a line');
  t.regex(String(log[0]?.fields.error), /^cannot read the TLS file \/nowhere\/ca\.crt: ENOENT/);
  give(0);
  await until(waits, 'a wait');
  t.is(balance.queued, ITEMS.metrics);
});
