/** @module The `otlphttp` exporter against a real HTTP server: what is sent, and what every answer leads to. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { USER_AGENT } from '../../../pipeline/net/http-post.ts';
import { decodeTraffic, decodeTrafficJson } from '../../../pipeline/wire/otlp-traffic.ts';
import { OtlpBackend, until } from '../../kit/otlp-backend.ts';
import { exportResponse } from '../../kit/otlp-reading.ts';
import { itemsOf } from '../../kit/slots.ts';
import { START_MS } from './running.ts';
import {
  distinct,
  intervals,
  NEVER,
  numbered,
  readingOf,
  requestCounts,
  SLOT_MS,
  seqOf,
  startStage,
  WEB,
} from './stage.ts';

const ITEMS = itemsOf(numbered(0).sum);

/** Ids of test records are not canonical; everything else must come back as it went. */
function withoutIds(sums: readonly TrafficSum[]) {
  return sums.map((sum) => ({
    ...sum,
    records: sum.records.map(({ key, ...rest }) => ({ ...rest, key: { ...key, id: '' } })),
  }));
}

for (const encoding of ['proto', 'json'] as const) {
  for (const compression of ['gzip', 'none'] as const) {
    test(`${encoding} with ${compression}: each slot is one request that says what the slot held`, async (t) => {
      const { exporter, backend, balance } = await startStage(t, { encoding, compression });
      for (let n = 0; n < 3; n++) exporter.consume(numbered(n, [{ ...WEB, successes: n + 1 }]));
      await exporter.stop(NEVER);
      t.deepEqual(backend.received.map(seqOf), [0, 1, 2]);
      for (const [n, request] of backend.received.entries()) {
        t.is(request.path, '/v1/metrics');
        t.like(request.headers, {
          'content-type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
          'user-agent': USER_AGENT,
        });
        t.is(request.headers['content-encoding'], compression === 'gzip' ? 'gzip' : undefined);
        const { resource } = readingOf(request);
        t.is(resource.get('weir.source'), 'weir-1');
        t.regex(resource.get('weir.epoch') ?? '', /^[0-9a-f]{16}$/);
        t.deepEqual(intervals([request]), [[START_MS + n * SLOT_MS, START_MS + (n + 1) * SLOT_MS]]);
        t.deepEqual(
          [...requestCounts([request])].sort(),
          ['client', 'server'].flatMap((side) => [
            [`${side} web>emoji failure`, 1],
            [`${side} web>emoji success`, n + 1],
          ]),
        );
        const durations = readingOf(request).points.filter(({ metric }) => metric === 'weir.request.duration');
        t.deepEqual(
          durations.map(({ value, buckets, temporality }) => [value, buckets, temporality]),
          [
            [n + 2, n + 2, 1],
            [n + 2, n + 2, 1],
          ],
        );
      }
      for (const [n, { body }] of backend.received.entries()) {
        const { sum } = numbered(n, [{ ...WEB, successes: n + 1 }]);
        const read = (encoding === 'json' ? decodeTrafficJson(body.toString('utf8')) : decodeTraffic(body))
          .resources[0];
        t.is(read?.envelope?.seq, n);
        t.deepEqual(withoutIds(read!.sums), withoutIds([sum]), 'read by Weir itself: nothing is lost');
      }
      t.is(new Set(backend.received.map((request) => readingOf(request).resource.get('weir.epoch'))).size, 1);
      t.is(balance.delivered, 3 * ITEMS);
      t.is(balance.unaccounted, 0);
      t.is(backend.connections, 1);
    });
  }
}

test('headers of the configuration are sent, and may replace the name of the program', async (t) => {
  const headers = { authorization: 'Bearer hunter2', 'X-Scope-OrgID': 'team', 'user-agent': 'mine' };
  const { exporter, backend, log } = await startStage(t, { headers });
  backend.react = () => ({ status: 401 });
  exporter.consume(numbered(0));
  await exporter.stop(NEVER);
  t.like(backend.received[0]?.headers, {
    authorization: 'Bearer hunter2',
    'x-scope-orgid': 'team',
    'user-agent': 'mine',
  });
  t.notRegex(JSON.stringify(log), /hunter2/);
});

test('windows of the smi processor by key, and metrics_endpoint as it is', async (t) => {
  const backend = await OtlpBackend.start(t);
  const yaml = { interval: 'window', metrics_endpoint: `${backend.url}/otlp?tenant=a` };
  const { exporter } = await startStage(t, yaml, backend);
  for (let n = 0; n < 4; n++) exporter.consume(numbered(n));
  await exporter.stop(NEVER);
  t.deepEqual(
    backend.received.map(({ path }) => path),
    ['/otlp?tenant=a', '/otlp?tenant=a'],
  );
  // 1,700,000,010 s is a multiple of 30 s; the second window was cut short.
  t.deepEqual(intervals(backend.received), [
    [START_MS, START_MS + 30_000],
    [START_MS + 30_000, START_MS + 40_000],
  ]);
});

test('a backend that is down for a while with a small queue: windows grow, tile the run, and no request is lost', async (t) => {
  const { exporter, backend, balance, clock, run, drained, waits } = await startStage(t, {
    sending_queue: { queue_size: 3 },
  });
  await backend.stop();
  const sent = 60;
  for (let n = 0; n < sent; n++) {
    exporter.consume(numbered(n, [WEB, { ...WEB, source: 'voting', successes: n }]));
    await until(waits, 'a wait');
    clock.advance(SLOT_MS);
  }
  t.is(backend.received.length, 0);
  const again = await OtlpBackend.start(t, { port: backend.port });
  await run(drained);
  t.is(again.received.length, 3, 'one was tried, two waited');
  t.deepEqual(
    [...requestCounts(again.received)].sort(),
    ['client', 'server'].flatMap((side) => [
      [`${side} voting>emoji failure`, sent],
      [`${side} voting>emoji success`, (sent * (sent - 1)) / 2],
      [`${side} web>emoji failure`, sent],
      [`${side} web>emoji success`, sent * 9],
    ]),
  );
  let end = START_MS;
  for (const [startMs, endMs] of intervals(again.received)) {
    t.is(startMs, end);
    end = endMs;
  }
  t.is(end, START_MS + sent * SLOT_MS);
  t.is(balance.dropped.size, 0);
  t.is(balance.delivered + balance.merged, balance.accepted);
  t.is(balance.unaccounted, 0);
});

for (const [name, value] of [
  ['seconds', '7'],
  ['a date', new Date(START_MS + 7000).toUTCString()],
] as const) {
  test(`503 with Retry-After as ${name}: no call before 7 s, and nothing is lost`, async (t) => {
    const { exporter, backend, balance, clock, drained, waits } = await startStage(t, {
      retry_on_failure: { initial_interval: '1s' },
    });
    backend.react = (_request, number) => (number < 3 ? { status: 503, headers: { 'retry-after': value } } : {});
    exporter.consume(numbered(0));
    for (let attempt = 1; attempt <= 3; attempt++) {
      await backend.arrived(attempt);
      await until(() => waits() || drained(), 'a wait');
      if (name === 'a date' && attempt > 1) {
        clock.advance(30_000);
        continue;
      }
      clock.advance(6999);
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
      t.is(backend.received.length, attempt, 'not yet');
      clock.advance(1);
    }
    await until(drained, 'the end');
    const times = backend.received.map(({ atMs }) => atMs);
    t.true(times[1]! - times[0]! >= 7000);
    t.is(new Set(backend.received.map(({ wire }) => wire.toString('hex'))).size, 1);
    t.is(balance.delivered, ITEMS);
  });
}

test('400 to some: those alone are dropped with the reason in the words of the backend, the others arrive', async (t) => {
  const { exporter, backend, balance, log } = await startStage(t);
  const status = Buffer.from([0x08, 3, 0x12, 7, ...Buffer.from('no room')]);
  backend.react = (request) => (seqOf(request) % 10 === 4 ? { status: 400, body: status } : {});
  for (let n = 0; n < 20; n++) exporter.consume(numbered(n));
  await exporter.stop(NEVER);
  t.is(backend.received.length, 20);
  t.deepEqual([...balance.dropped], [['http_400', 2 * ITEMS]]);
  t.is(balance.delivered, 18 * ITEMS);
  t.is(balance.unaccounted, 0);
  const [line, rest, ...others] = log.filter(({ level }) => level === 'error');
  t.like(line, { message: 'Traffic was dropped', fields: { reason: 'http_400', items: ITEMS, total: ITEMS } });
  t.like(rest?.fields, { items: ITEMS, total: 2 * ITEMS });
  t.is(others.length, 0, 'each drop is told once');
  t.regex(String(line?.fields.error), /^http:\/\/127\.0\.0\.1:\d+\/v1\/metrics: status 400: no room \(rpc code 3\)$/);
});

for (const [form, answer] of [
  ['protobuf', { body: exportResponse(3, 'too old') }],
  [
    'JSON',
    {
      headers: { 'content-type': 'application/json' },
      body: '{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}',
    },
  ],
] as const) {
  test(`partial success as ${form}: rejected points count as dropped items, in the backend's words, and are never resent`, async (t) => {
    const { exporter, backend, balance, log } = await startStage(t);
    backend.react = (_request, number) => (number === 1 ? answer : {});
    for (let n = 0; n < 3; n++) exporter.consume(numbered(n));
    await exporter.stop(NEVER);
    t.deepEqual(backend.received.map(seqOf), [0, 1, 2]);
    t.deepEqual([...balance.dropped], [['rejected', 3]]);
    t.is(balance.delivered, 3 * ITEMS - 3);
    t.is(balance.unaccounted, 0);
    const lines = log.filter(({ level }) => level === 'warn' || level === 'error');
    t.is(lines.length, 1, 'one line for one drop');
    const error = 'the backend took the request, but rejected data points of it: too old';
    t.like(lines[0], {
      message: 'Traffic was dropped',
      fields: { reason: 'rejected', items: 3, error, signal: 'traffic' },
    });
  });
}

test('more points rejected than there are items drop all items; a message alone drops none', async (t) => {
  const { exporter, backend, balance, log } = await startStage(t);
  backend.react = (_request, number) => ({ body: exportResponse(number === 0 ? 1000 : 0, 'careful') });
  for (let n = 0; n < 2; n++) exporter.consume(numbered(n));
  await exporter.stop(NEVER);
  t.deepEqual([...balance.dropped], [['rejected', ITEMS]]);
  t.is(balance.delivered, ITEMS);
  t.true(log.some(({ level, fields }) => level === 'warn' && fields.message === 'careful'));
});

test('a backend that takes requests but answers too late: the same bytes again with the same number, one in flight', async (t) => {
  const { exporter, backend, balance, clock, drained, waits } = await startStage(t, { timeout: '5s' });
  backend.react = (_request, number) => (number < 2 ? 'hang' : {});
  for (let n = 0; n < 3; n++) exporter.consume(numbered(n));
  for (let attempt = 1; attempt <= 2; attempt++) {
    await backend.arrived(attempt);
    clock.advance(4999);
    t.is(backend.mostInFlight, 1);
    clock.advance(1);
    await until(() => clock.timers === 1, 'a wait');
    t.true(waits());
    // The server hears of the connection's end before the next one comes.
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    clock.fireNext();
  }
  await until(drained, 'the end');
  t.deepEqual(backend.received.map(seqOf), [0, 0, 0, 1, 2]);
  t.is(new Set(backend.received.slice(0, 3).map(({ wire }) => wire.toString('hex'))).size, 1);
  t.is(backend.mostInFlight, 1);
  t.deepEqual([...requestCounts(distinct(backend.received)).values()], [27, 3, 27, 3]);
  t.is(balance.delivered, 3 * ITEMS);
  t.is(balance.unaccounted, 0);
});

for (const reaction of ['drop', 'cut', { status: 502 }, { status: 504 }, { status: 429 }] as const) {
  const name = typeof reaction === 'string' ? reaction : `status ${reaction.status}`;
  test(`${name}: sent again until it is taken, with its number`, async (t) => {
    const { exporter, backend, balance, run, drained } = await startStage(t);
    let failures = 0;
    backend.react = (request) => {
      if (seqOf(request) !== 1 || failures === 3) return {};
      failures += 1;
      return reaction;
    };
    for (let n = 0; n < 3; n++) exporter.consume(numbered(n));
    await run(drained);
    t.deepEqual([...new Set(backend.received.map(seqOf))], [0, 1, 2]);
    t.is(failures, 3);
    t.is(distinct(backend.received).length, 3);
    t.deepEqual([...requestCounts(distinct(backend.received)).values()], [27, 3, 27, 3]);
    t.is(balance.delivered, 3 * ITEMS);
    t.is(balance.dropped.size, 0);
  });
}

test('redirects and unreadable answers are never followed or repeated', async (t) => {
  const { exporter, backend, balance } = await startStage(t);
  backend.react = (_request, number) =>
    number === 0
      ? { status: 308, headers: { location: 'https://elsewhere.example/' } }
      : { headers: { 'content-type': 'text/html' }, body: '<title>Log in</title>' };
  for (let n = 0; n < 2; n++) exporter.consume(numbered(n));
  await exporter.stop(NEVER);
  t.is(backend.received.length, 2);
  t.deepEqual(
    [...balance.dropped],
    [
      ['redirected', ITEMS],
      ['unreadable_answer', ITEMS],
    ],
  );
  t.is(balance.unaccounted, 0);
});

const MANY = Array.from({ length: 30 }, (_, i) => ({ ...WEB, source: `web-${i}` }));

test('a sum larger than max_request_items goes in several requests that add up, each with its own number', async (t) => {
  const { exporter, backend, balance } = await startStage(t, { max_request_items: 7 });
  const whole = await startStage(t);
  for (const stage of [exporter, whole.exporter]) {
    for (let n = 0; n < 2; n++) stage.consume(numbered(n, MANY));
    await stage.stop(NEVER);
  }
  // 60 records and 31 coverage records.
  t.deepEqual(
    backend.received.map(seqOf),
    Array.from({ length: 26 }, (_, i) => i),
  );
  t.deepEqual([...requestCounts(backend.received)].sort(), [...requestCounts(whole.backend.received)].sort());
  const targets = (requests: typeof backend.received) =>
    requests
      .flatMap((request) => readingOf(request).points)
      .filter(({ metric }) => metric === 'weir.coverage.scrapes_due')
      .map(({ attributes, startMs }) => `${attributes.get('target')} ${startMs}`)
      .sort();
  t.is(targets(backend.received).length, 62);
  t.deepEqual(targets(backend.received), targets(whole.backend.received));
  t.is(balance.delivered, 182);
  t.is(balance.unaccounted, 0);
});

test('a failure in the middle of a sum goes on with the request that failed', async (t) => {
  const { exporter, backend, run, drained } = await startStage(t, { max_request_items: 7 });
  let failures = 0;
  backend.react = (request) => (seqOf(request) === 5 && failures++ < 2 ? { status: 503 } : {});
  exporter.consume(numbered(0, MANY));
  await run(drained);
  t.deepEqual(backend.received.map(seqOf), [0, 1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test('requests that are too large for the backend are halved until they pass; what stays too large is dropped alone', async (t) => {
  const { exporter, backend, balance } = await startStage(t, { compression: 'none' });
  let largest = 0;
  backend.react = (request) => {
    if (request.wire.length > 6000) return { status: 413 };
    largest = Math.max(largest, request.wire.length);
    return {};
  };
  const giant = { ...WEB, source: 'g'.repeat(6000) };
  exporter.consume(numbered(0, [...MANY, giant]));
  await exporter.stop(NEVER);
  t.true(largest > 3000);
  // The giant names itself in both records and in its coverage.
  t.deepEqual([...balance.dropped], [['too_large', 3]]);
  t.is(balance.delivered, 91);
  const taken = backend.received.filter(({ wire }) => wire.length <= 6000);
  t.is(
    [...requestCounts(taken).values()].reduce((total, count) => total + count, 0),
    30 * 2 * 10,
  );
  t.is(new Set(backend.received.map(seqOf)).size, backend.received.length, 'no number twice');
  t.is(balance.unaccounted, 0);
});

test('what cannot be encoded is dropped, and does not hold up what follows', async (t) => {
  const { exporter, backend, balance } = await startStage(t);
  const batch = numbered(0);
  exporter.consume({ ...batch, sum: { ...batch.sum, interval: { startMs: -20_000, endMs: -10_000 } } });
  exporter.consume(numbered(1));
  await exporter.stop(NEVER);
  t.deepEqual([...balance.dropped], [['encode_failed', ITEMS]]);
  t.is(backend.received.length, 1);
  t.is(balance.delivered, ITEMS);
});

test('at SIGTERM the open window is flushed and the queue sent within the deadline, or dropped and counted at it', async (t) => {
  const good = await startStage(t, { interval: 'window' });
  for (let n = 0; n < 2; n++) good.exporter.consume(numbered(n));
  t.is(good.balance.held, ITEMS);
  await good.exporter.stop(NEVER);
  t.is(good.backend.received.length, 1);
  t.is(good.balance.held + good.balance.queued, 0);

  const stuck = await startStage(t);
  stuck.backend.react = () => 'hang';
  for (let n = 0; n < 3; n++) stuck.exporter.consume(numbered(n));
  await stuck.backend.arrived(1);
  const deadline = new AbortController();
  const stopped = stuck.exporter.stop(deadline.signal);
  deadline.abort();
  await stopped;
  t.deepEqual([...stuck.balance.dropped], [['shutdown', 3 * ITEMS]]);
  t.is(stuck.balance.unaccounted, 0);
  t.is(stuck.clock.timers, 0);
});

const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));

test('TLS: with the right authority traffic arrives; with a wrong one it waits and says why', async (t) => {
  const tls = { cert: await readFile(file('listener.crt')), key: await readFile(file('listener.key')) };
  const right = await startStage(t, { tls: { ca_file: file('listener.crt') } }, await OtlpBackend.start(t, { tls }));
  right.exporter.consume(numbered(0));
  await right.exporter.stop(NEVER);
  t.is(right.balance.delivered, ITEMS);

  const wrong = await startStage(t, { tls: { ca_file: file('other.crt') } }, await OtlpBackend.start(t, { tls }));
  wrong.exporter.consume(numbered(0));
  await until(wrong.waits, 'a wait');
  t.is(wrong.balance.queued, ITEMS);
  t.like(
    wrong.log.find(({ level }) => level === 'warn'),
    { fields: { reason: 'tls' } },
  );
});

test('a TLS file that is not there is said at start, and nothing is lost meanwhile', async (t) => {
  const { exporter, balance, log, waits } = await startStage(t, {
    endpoint: 'https://127.0.0.1:1',
    tls: { ca_file: '/nowhere/ca.crt' },
  });
  await until(() => log.length > 0, 'a line');
  t.regex(String(log[0]?.fields.error), /^cannot read the TLS file \/nowhere\/ca\.crt: ENOENT/);
  exporter.consume(numbered(0));
  await until(waits, 'a wait');
  t.is(balance.queued, ITEMS);
});

for (const encoding of ['proto', 'json'] as const) {
  test(`cumulative as ${encoding}: totals since the first slot, coverage filtered, one series whatever the request`, async (t) => {
    const { exporter, backend, balance } = await startStage(t, { temporality: 'cumulative', encoding });
    for (let n = 0; n < 3; n++) exporter.consume(numbered(n));
    await exporter.stop(NEVER);
    for (const [n, request] of backend.received.entries()) {
      t.deepEqual([...requestCounts([request]).values()], [9 * (n + 1), n + 1, 9 * (n + 1), n + 1]);
      const { resource, points } = readingOf(request);
      t.deepEqual([...resource.keys()], ['weir.source', 'weir.epoch', 'weir.seq']);
      t.is(resource.get('weir.seq'), '0');
      t.false(points.some(({ metric }) => metric.startsWith('weir.coverage') || metric === 'weir.interval'));
      for (const { startMs, endMs, temporality } of points)
        t.deepEqual([startMs, endMs, temporality], [START_MS, START_MS + (n + 1) * SLOT_MS, 2]);
    }
    t.deepEqual([...balance.filtered], [['coverage', 6]]);
    t.is(balance.accepted, 3 * ITEMS);
    t.is(balance.delivered, 6);
    t.is(balance.unaccounted, 0);
  });
}

test('cumulative: a dropped request is made good by the next, totals expire, and beyond max_series is counted', async (t) => {
  const { exporter, backend, balance, clock, drained } = await startStage(t, {
    temporality: 'cumulative',
    metric_expiration: '60s',
    max_series: 4,
  });
  backend.react = (_request, number) => (number === 0 ? { status: 400 } : {});
  exporter.consume(numbered(0));
  await until(drained, 'the first');
  t.deepEqual([...balance.dropped], [['http_400', 2]]);
  exporter.consume(numbered(1));
  await until(drained, 'the second');
  t.deepEqual([...requestCounts(backend.received.slice(1)).values()], [18, 2, 18, 2]);
  exporter.consume(numbered(2, [WEB, { ...WEB, source: 'a' }, { ...WEB, source: 'b' }]));
  await until(drained, 'the third');
  t.deepEqual(
    [...balance.dropped],
    [
      ['http_400', 2],
      ['max_series', 2],
    ],
  );
  clock.advance(61_000);
  exporter.consume(numbered(9, [{ ...WEB, source: 'a' }]));
  await exporter.stop(NEVER);
  t.deepEqual([...requestCounts(backend.received.slice(3)).keys()].sort(), [
    'client a>emoji failure',
    'client a>emoji success',
    'server a>emoji failure',
    'server a>emoji success',
  ]);
  t.is(balance.unaccounted, 0);
});
