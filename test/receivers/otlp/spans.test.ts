/** @module Requests of spans at both ports of an `otlp` receiver: what senders are told, what the pipeline gets, the books. */
import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import type { Body, SpansBatch } from '../../../pipeline/batch.ts';
import { systemClock } from '../../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { ADMITTED, type Admission, type Signal } from '../../../pipeline/component.ts';
import { type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import { otlpConfig } from '../../../receivers/otlp/config.ts';
import { factory } from '../../../receivers/otlp/factory.ts';
import { spansRequest } from '../../bench/span-payload.ts';
import { createTestLog } from '../../kit/log.ts';
import { REQUEST_TYPE, TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { call, frame } from '../../pipeline/net/ingest-stage.ts';
import { createTestMeters } from '../scrape/harness.ts';

const PROTO = 'application/x-protobuf';
const JSON_TYPE = 'application/json';
const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const BODY = Buffer.from(spansRequest(3));
/** One span of which only the ids are told, as the specification's JSON has it. */
const SPAN = { traceId: '5B8EFFF798038103D269B633813FC60C', spanId: 'EEE19B7EC3C1B174', name: 'call' };
const BODY_JSON = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [SPAN] }] }] });

interface Pipeline {
  admission: Admission;
  /** null: nothing is said yet. */
  outcome: Outcome | null;
  readonly batches: SpansBatch[];
}

async function startReceiver(t: ExecutionContext, yaml: object = {}, signals: readonly Signal[] = ['traces']) {
  const log = createTestLog();
  const meters = createTestMeters();
  const books = new Map<Body, Balance>();
  const balanceOf = (body: Body) => books.get(body) ?? books.set(body, new Balance()).get(body)!;
  const pipeline: Pipeline = { admission: ADMITTED, outcome: TAKEN, batches: [] };
  const endpoint = '127.0.0.1:0';
  const receiver = await factory.create({
    id: 'otlp',
    config: otlpConfig.parse({ protocols: { grpc: { endpoint }, http: { endpoint } }, ...yaml }),
    clock: systemClock,
    time: createEngineTime(systemClock),
    log,
    meters,
    balance: balanceOf('spans'),
    balanceOf,
    startedMs: systemClock.wallMs(),
    signals: new Set(signals),
    demand: new Set(),
    meshTable: () => Promise.reject(new Error('no mesh is asked for')),
    next: {
      admits: () => pipeline.admission,
      consume(batch) {
        pipeline.batches.push(batch as SpansBatch);
        if (pipeline.outcome !== null) batch.delivery.settle(pipeline.outcome);
      },
    },
  });
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  await receiver.start();
  const [grpc = '', http = ''] = ['grpc', 'http'].map((protocol) =>
    String(log.lines.find(({ fields }) => fields.protocol === protocol)?.fields.address),
  );
  const session = connect(`http://${grpc}`);
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  const post = (body: string | Uint8Array, type = PROTO, headers: Record<string, string> = {}, path = '/v1/traces') =>
    fetch(`http://${http}${path}`, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
  const send = (bytes: Uint8Array, path = EXPORT) => call(session, frame(bytes), { ':path': path });
  return { receiver, pipeline, meters, log, post, send, balance: balanceOf('spans') };
}

test('spans reach the pipeline as the bytes they came in, and senders are told of success', async (t) => {
  const { pipeline, post, send, balance } = await startReceiver(t);
  const answer = await post(BODY);
  t.is(answer.status, 200);
  t.is(answer.headers.get('content-type'), PROTO);
  t.is((await answer.arrayBuffer()).byteLength, 0);
  t.is((await post(gzipSync(BODY), PROTO, { 'content-encoding': 'gzip' })).status, 200);
  t.is((await send(BODY)).status, '0');
  t.deepEqual(
    pipeline.batches.map(({ spans, items }) => [Buffer.from(spans.bytes).equals(BODY), spans.count, items]),
    [1, 2, 3].map(() => [true, 3, 3]),
  );
  t.is(balance.accepted, 9);
  t.is(balance.delivered, 9);
  t.is(balance.unaccounted, 0);
});

test('spans in JSON are answered in JSON', async (t) => {
  const { pipeline, post } = await startReceiver(t);
  const answer = await post(BODY_JSON, `${JSON_TYPE}; charset=utf-8`);
  t.is(answer.status, 200);
  t.is(answer.headers.get('content-type'), JSON_TYPE);
  t.is(await answer.text(), '{}');
  t.is(pipeline.batches[0]?.spans.count, 1);
  t.true(Buffer.from(pipeline.batches[0]!.spans.bytes).includes(Buffer.from(SPAN.traceId, 'hex')));
});

test('an empty request is a success that no pipeline hears of', async (t) => {
  const { pipeline, post, send } = await startReceiver(t);
  pipeline.admission = { ok: false, reason: 'full', retryAfterMs: 1000 };
  t.is((await post(new Uint8Array())).status, 200);
  t.is((await post('{}', JSON_TYPE)).status, 200);
  t.is((await post('{"resourceSpans":[{"scopeSpans":[]}]}', JSON_TYPE)).status, 200);
  t.is((await send(new Uint8Array())).status, '0');
  t.is(pipeline.batches.length, 0);
});

const MALFORMED: readonly (readonly [name: string, body: string | Uint8Array, type: string])[] = [
  ['a length beyond the end', Buffer.from([0x0a, 0x7f, 0x01]), PROTO],
  ['a request that is cut', BODY.subarray(0, -1), PROTO],
  ['a trace id of 15 bytes', Buffer.from(`0a1312111 20f0a0d${'ab'.repeat(13)}`.replace(/ /g, ''), 'hex'), PROTO],
  ['text', 'hello', PROTO],
  ['JSON that is cut', BODY_JSON.slice(0, -1), JSON_TYPE],
  ['JSON nested 100,000 deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, JSON_TYPE],
  ['protobuf called JSON', BODY, JSON_TYPE],
];

for (const [name, body, type] of MALFORMED) {
  test(`${name} is refused whole, in its own form`, async (t) => {
    const { pipeline, post, send, balance } = await startReceiver(t);
    const answer = await post(body, type);
    t.is(answer.status, 400);
    t.is(answer.headers.get('content-type'), type);
    const content = Buffer.from(await answer.arrayBuffer());
    if (type === JSON_TYPE) t.is(JSON.parse(content.toString()).code, 3);
    else t.deepEqual([...content.subarray(0, 2)], [0x08, 3]);
    if (type === PROTO) t.is((await send(Buffer.from(body))).status, '13');
    t.is(pipeline.batches.length, 0);
    t.is(balance.accepted, 0);
  });
}

test('one span more than the limit is refused, the limit itself is taken', async (t) => {
  const { post, send } = await startReceiver(t, { max_items_per_request: 3 });
  t.is((await post(BODY)).status, 200);
  const more = spansRequest(4);
  t.is((await post(more)).status, 413);
  t.is((await send(more)).status, '8');
  const spans = Array.from({ length: 4 }, () => SPAN);
  t.is((await post(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), JSON_TYPE)).status, 413);
});

test('what the pipeline does not admit is to come again, and is no part of the books', async (t) => {
  const { pipeline, post, send, balance } = await startReceiver(t);
  pipeline.admission = { ok: false, reason: 'queue_full', retryAfterMs: 2500 };
  const answer = await post(BODY);
  t.is(answer.status, 503);
  t.is(answer.headers.get('retry-after'), '3');
  const { status, details, message } = await send(BODY);
  t.is(status, '14');
  t.regex(message, /queue_full/);
  t.true(Buffer.from(details, 'base64').includes('type.googleapis.com/google.rpc.RetryInfo'));
  t.is(pipeline.batches.length, 0);
  t.is(balance.refused, 6);
  t.is(balance.accepted, 0);
});

for (const [outcome, http, grpc, dropped, refused] of [
  [{ kind: 'retry', afterMs: 100, reason: 'later' }, 503, '14', 0, 6],
  [{ kind: 'rejected', reason: 'broken' }, 500, '13', 6, 0],
] as const) {
  test(`what the pipeline settles as ${outcome.kind} is told so`, async (t) => {
    const { pipeline, post, send, balance } = await startReceiver(t);
    pipeline.outcome = outcome;
    const answer = await post(
      BODY_JSON.replace('[{"traceId', `[${`${JSON.stringify(SPAN)},`.repeat(2)}{"traceId`),
      JSON_TYPE,
    );
    t.is(answer.status, http);
    t.is(JSON.parse(await answer.text()).code, Number(grpc));
    t.is((await send(BODY)).status, grpc);
    t.is(balance.dropped.get('broken') ?? 0, dropped);
    t.is(balance.refused, refused);
    t.is(balance.unaccounted, 0);
  });
}

test('a sender is answered only when the pipeline has settled', async (t) => {
  const { pipeline, send } = await startReceiver(t);
  pipeline.outcome = null;
  let answered = false;
  const answer = send(BODY).then((told) => {
    answered = true;
    return told;
  });
  while (pipeline.batches.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.false(answered);
  pipeline.batches[0]!.delivery.settle(TAKEN);
  t.is((await answer).status, '0');
});

test('requests and their bytes are counted by protocol, signal and what became of them', async (t) => {
  const { meters, post, send } = await startReceiver(t);
  await post(BODY);
  await post(gzipSync(BODY), PROTO, { 'content-encoding': 'gzip' });
  await post('hello');
  await post(BODY, PROTO, {}, '/v1/logs');
  await send(BODY);
  const counted = (name: string, protocol: string, signal: string, reason: string) =>
    meters.read(`weir_otlp_${name}_total`, { receiver: 'otlp', protocol, signal, reason });
  t.is(counted('received_requests', 'http', 'traces', ''), 2);
  t.is(counted('received_bytes', 'http', 'traces', ''), BODY.length + gzipSync(BODY).length);
  t.is(counted('received_requests', 'http', 'traces', 'malformed'), 1);
  t.is(counted('received_requests', 'http', '', 'http_404'), 1);
  t.is(counted('received_requests', 'grpc', 'traces', ''), 1);
  t.is(counted('received_bytes', 'grpc', 'traces', ''), BODY.length + 5);
  t.is(meters.read('weir_otlp_receiving_bytes'), 0);
});

test('spans whose trace or span id is all zero are passed on, and counted', async (t) => {
  const { pipeline, meters, post } = await startReceiver(t);
  const zero = { ...SPAN, traceId: '0'.repeat(32) };
  const spans = [SPAN, zero, { ...SPAN, spanId: '0'.repeat(16) }, { name: 'none' }];
  const { status } = await post(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), JSON_TYPE);
  t.is(status, 200);
  t.is(pipeline.batches[0]?.spans.count, 4);
  t.is(meters.read('weir_otlp_invalid_ids_total', { receiver: 'otlp' }), 3);
});

test('spans that end before they begin are passed on, and counted', async (t) => {
  const { pipeline, meters, post } = await startReceiver(t);
  const [before, after] = ['1700000000000000000', '1700000000000000001'];
  const spans = [
    { ...SPAN, startTimeUnixNano: after, endTimeUnixNano: before },
    { ...SPAN, startTimeUnixNano: before, endTimeUnixNano: after },
    { ...SPAN, startTimeUnixNano: before },
  ];
  const { status } = await post(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), JSON_TYPE);
  t.is(status, 200);
  t.is(pipeline.batches[0]?.spans.count, 3);
  t.is(meters.read('weir_otlp_backwards_spans_total', { receiver: 'otlp' }), 2);
});

const WRONG_IDS: readonly (readonly [name: string, span: object])[] = [
  ['a trace id of 31 digits', { ...SPAN, traceId: 'a'.repeat(31) }],
  ['a trace id of 30 digits', { ...SPAN, traceId: 'a'.repeat(30) }],
  ['a trace id as UUID', { ...SPAN, traceId: '5b8efff7-9803-8103-d269-b633813fc60c' }],
  ['a span id in base64', { ...SPAN, spanId: '7uGbfsPBsXQ=' }],
  ['a span id of 32 digits', { ...SPAN, spanId: 'a'.repeat(32) }],
  ['a parent of 14 digits', { ...SPAN, parentSpanId: 'a'.repeat(14) }],
  ['a link with a trace id of 16 digits', { ...SPAN, links: [{ traceId: 'a'.repeat(16) }] }],
];

for (const [name, span] of WRONG_IDS) {
  test(`${name} is refused with its request, and counted as that`, async (t) => {
    const { pipeline, meters, post } = await startReceiver(t);
    const spans = [SPAN, span];
    const answer = await post(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), JSON_TYPE);
    t.is(answer.status, 400);
    t.regex(
      ((await answer.json()) as { message: string }).message,
      /Id: expected (?:16|32) hexadecimal digits at byte/,
    );
    t.is(pipeline.batches.length, 0);
    const attributes = { receiver: 'otlp', protocol: 'http', signal: 'traces', reason: 'wrong_id' };
    t.is(meters.read('weir_otlp_received_requests_total', attributes), 1);
  });
}

test('an id of another length in protobuf is counted as that on both ports', async (t) => {
  const { pipeline, meters, post, send } = await startReceiver(t);
  const body = Buffer.from(`0a131211120f0a0d${'ab'.repeat(13)}`, 'hex');
  t.is((await post(body)).status, 400);
  t.is((await send(body)).status, '13');
  t.is(pipeline.batches.length, 0);
  for (const protocol of ['http', 'grpc']) {
    const attributes = { receiver: 'otlp', protocol, signal: 'traces', reason: 'wrong_id' };
    t.is(meters.read('weir_otlp_received_requests_total', attributes), 1);
  }
});

test('a defect is answered without details, which are for the log', async (t) => {
  const { pipeline, meters, log, post, send } = await startReceiver(t);
  Object.defineProperty(pipeline, 'admission', {
    get() {
      throw new Error('inner secret');
    },
  });
  const answer = await post(BODY_JSON, JSON_TYPE);
  t.is(answer.status, 500);
  t.deepEqual(await answer.json(), { code: 13, message: 'failed' });
  const { status, message } = await send(BODY);
  t.deepEqual([status, message], ['13', 'failed']);
  for (const protocol of ['http', 'grpc']) {
    const attributes = { receiver: 'otlp', protocol, signal: 'traces', reason: 'defect' };
    t.is(meters.read('weir_otlp_received_requests_total', attributes), 1);
  }
  const told = log.lines.filter(({ message: text }) => text === 'An OTLP request failed, which is a defect');
  t.is(told.length, 2);
  t.true(told.every(({ fields }) => String(fields.error).includes('inner secret')));
});

test('JSON with names only that OTLP does not have is a success, counted and told', async (t) => {
  const { post, log, meters, pipeline } = await startReceiver(t);
  for (const body of ['{}', ' { } ', '{"resourceSpans":[]}', '{"resource_spans":[{}]}', '{"resource_spans":[]}'])
    t.deepEqual([(await post(body, JSON_TYPE)).status, pipeline.batches.length], [200, 0], body);
  t.is(meters.read('weir_otlp_nothing_known_total', { receiver: 'otlp', signal: 'traces' }), 2);
  const told = log.lines.filter(({ message }) => message.includes('nothing that OTLP knows'));
  t.deepEqual(
    told.map(({ message, fields }) => [message, fields]),
    [
      [
        'A request in JSON has nothing that OTLP knows and was taken as empty: it needs "resourceSpans"',
        { signal: 'traces', times: 1 },
      ],
    ],
  );
});

test('JSON that is sent as protobuf is named as that, to its sender and in the log', async (t) => {
  const { post, log } = await startReceiver(t);
  const answer = await post('{"resourceSpans":[]}', PROTO);
  t.is(answer.status, 400);
  const hint = 'this looks like JSON: set content-type: application/json';
  t.true(
    Buffer.from(await answer.arrayBuffer())
      .toString()
      .includes(hint),
  );
  const line = log.lines.find(({ message }) => message === 'An OTLP request was refused');
  t.like(line?.fields, { path: '/v1/traces', reason: 'malformed' });
  t.true(String(line?.fields.told).endsWith(hint));
  t.regex(String(line?.fields.peer), /^127\.0\.0\.1:\d+$/);
  t.false(Buffer.from(await (await post('x', PROTO)).arrayBuffer()).includes('JSON'));
});

test('a signal that no pipeline uses is not served', async (t) => {
  const { post, send } = await startReceiver(t);
  const answer = await post(BODY, PROTO, {}, '/v1/metrics');
  t.deepEqual([answer.status, await answer.text()], [404, 'no pipeline takes metrics here\n']);
  const other = await post(BODY, PROTO, {}, '/v1/logs');
  t.deepEqual([other.status, await other.text()], [404, 'logs are not taken here, only traces and metrics\n']);
  const nowhere = await post(BODY, PROTO, {}, '/traces');
  t.deepEqual([nowhere.status, await nowhere.text()], [404, 'not found; served here: POST /v1/traces\n']);
  t.is((await send(BODY, '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export')).status, '12');
  t.is((await send(BODY, '/opentelemetry.proto.collector.logs.v1.LogsService/Export')).status, '12');
});

/** Both protocols with further keys of their own. */
const protocols = (http: object, grpc: object = {}) => {
  const endpoint = '127.0.0.1:0';
  return { protocols: { grpc: { endpoint, ...grpc }, http: { endpoint, ...http } } };
};

test('each signal is taken under its path', async (t) => {
  const paths = { traces_url_path: '/t', metrics_url_path: '/m' };
  const { pipeline, post } = await startReceiver(t, protocols(paths), ['traces', 'metrics']);
  const statuses = ['/t', '/v1/traces', '/m', '/v1/metrics'].map(async (path) => {
    const body = path === '/m' ? new Uint8Array() : BODY;
    return (await post(body, PROTO, {}, path)).status;
  });
  t.deepEqual(await Promise.all(statuses), [200, 404, 200, 404]);
  t.is(pipeline.batches.length, 1);
});

test('bodies are as long as the keys of their protocol allow', async (t) => {
  const keys = protocols({ max_request_body_size: '2KiB' }, { max_recv_msg_size_mib: 1 });
  const { pipeline, post, send } = await startReceiver(t, keys);
  t.is((await post(BODY)).status, 200);
  t.is((await post(spansRequest(10))).status, 413);
  t.is((await send(spansRequest(10))).status, '0');
  const { status, message } = await send(Buffer.alloc(2 ** 20 + 1));
  t.is(status, '8');
  t.regex(message, /1048576 bytes \(max_recv_msg_size_mib\)/);
  t.is(pipeline.batches.length, 2);
});

test('what arrives beyond max_receiving_size is to come again, on both ports', async (t) => {
  const sizes = protocols({ max_request_body_size: '1MiB' }, { max_recv_msg_size_mib: 1 });
  const { pipeline, post, send } = await startReceiver(t, { ...sizes, max_receiving_size: '1MiB' });
  const large = spansRequest(1400);
  t.true(large.length > 2 ** 19 && large.length < 2 ** 20);
  pipeline.outcome = null;
  const first = send(large);
  while (pipeline.batches.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const { status, details } = await send(large);
  t.is(status, '8');
  t.true(Buffer.from(details, 'base64').includes('google.rpc.RetryInfo'));
  t.is((await post(large)).status, 429);
  pipeline.batches[0]!.delivery.settle(TAKEN);
  t.is((await first).status, '0');
  pipeline.outcome = TAKEN;
  t.is((await post(large)).status, 200, 'the room is free again');
});

test('max_nesting_depth holds for both signals and both encodings alike', async (t) => {
  const { post } = await startReceiver(t, { max_nesting_depth: 9 }, ['traces', 'metrics']);
  // Request, ResourceSpans or ResourceMetrics, Resource, KeyValue, AnyValue, and two for each list.
  const nested = (lists: number, field: string) => {
    let value: object = { intValue: '1' };
    for (let i = 0; i < lists; i++) value = { arrayValue: { values: [value] } };
    return { [field]: [{ resource: { attributes: [{ key: 'a', value }] } }] };
  };
  for (const [path, field, type] of [
    ['/v1/traces', 'resourceSpans', TRACE_REQUEST_TYPE],
    ['/v1/metrics', 'resourceMetrics', REQUEST_TYPE],
  ] as const) {
    for (const [lists, status] of [
      [2, 200],
      [3, 400],
    ] as const) {
      const request = nested(lists, field);
      t.is((await post(JSON.stringify(request), JSON_TYPE, {}, path)).status, status, `${path} JSON`);
      t.is((await post(type.encode(type.fromObject(request)).finish(), PROTO, {}, path)).status, status, path);
    }
  }
});

test('pages of the origins that cors names may send', async (t) => {
  const { post } = await startReceiver(t, protocols({ cors: { allowed_origins: ['https://a.example'] } }));
  const allowed = await post(BODY, PROTO, { origin: 'https://a.example' });
  t.is(allowed.headers.get('access-control-allow-origin'), 'https://a.example');
  const other = await post(BODY, PROTO, { origin: 'https://b.example' });
  t.is(other.headers.get('access-control-allow-origin'), null);
});

test('stopping waits for what the pipeline has not settled yet', async (t) => {
  const { receiver, pipeline, post, send, balance } = await startReceiver(t);
  pipeline.outcome = null;
  const answers = [post(BODY).then(({ status }) => status), send(BODY).then(({ status }) => Number(status))];
  while (pipeline.batches.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const stopped = receiver.stop(new AbortController().signal);
  for (const { delivery } of pipeline.batches) delivery.settle(TAKEN);
  t.deepEqual(await Promise.all(answers), [200, 0]);
  await stopped;
  t.is(balance.delivered, 6);
});

test('a port that is taken keeps the receiver from starting, and the other one is free again', async (t) => {
  const taken = await startReceiver(t);
  const [, port] = /:(\d+)$/.exec(new URL((await taken.post(BODY)).url).origin) ?? [];
  await t.throwsAsync(startReceiver(t, protocols({ endpoint: `127.0.0.1:${port}` })), {
    code: 'WEIR_NET_LISTEN_FAILED',
    message: /^receivers\.otlp\.protocols\.http\.endpoint: 127\.0\.0\.1:\d+ is already in use/,
  });
});
