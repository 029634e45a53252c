/** @module Requests of one signal at the path of another: what they are known by, what their senders are told, what is counted. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Balance } from '../../../pipeline/balance.ts';
import type { Body } from '../../../pipeline/batch.ts';
import { systemClock } from '../../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { ADMITTED, type Signal } from '../../../pipeline/component.ts';
import { otlpConfig } from '../../../receivers/otlp/config.ts';
import { factory } from '../../../receivers/otlp/factory.ts';
import { beginningOf, jsonSignal, protobufSignal } from '../../../receivers/otlp/wrong-signal.ts';
import { spansRequest } from '../../bench/span-payload.ts';
import { createTestLog } from '../../kit/log.ts';
import { REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { createTestMeters } from '../scrape/harness.ts';

const PROTO = 'application/x-protobuf';
const JSON_TYPE = 'application/json';
const SPANS = Buffer.from(spansRequest(3));
const METRICS = requestOf({ name: 'a.b', gauge: { dataPoints: [{ asDouble: 1 }] } });
/** resource_logs { scope_logs { log_records { time_unix_nano } } }, by the public schema. */
const LOGS_REQUEST = Buffer.from('0a0d120b1209090100000000000000', 'hex');

/** A request of one metric, by the public schema. */
function requestOf(metric: object): Uint8Array {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'app' } }] };
  const scopeMetrics = [{ scope: { name: 'x' }, metrics: [metric] }];
  return REQUEST_TYPE.encode(REQUEST_TYPE.fromObject({ resourceMetrics: [{ resource, scopeMetrics }] })).finish();
}

/** A request whose first item is this. */
function inRequest(item: Uint8Array): Uint8Array {
  return [0x12, 0x12, 0x0a].reduce((inner, tag) => Buffer.concat([Buffer.of(tag, inner.length), inner]), item);
}

async function startReceiver(
  t: ExecutionContext,
  signals: readonly Signal[] = ['traces', 'metrics'],
  http: object = {},
) {
  const log = createTestLog();
  const meters = createTestMeters();
  const books = new Map<Body, Balance>();
  const balanceOf = (body: Body) => books.get(body) ?? books.set(body, new Balance()).get(body)!;
  let batches = 0;
  const receiver = await factory.create({
    ...{ id: 'otlp', clock: systemClock, time: createEngineTime(systemClock), log, meters },
    ...{ balance: balanceOf('spans'), balanceOf, startedMs: systemClock.wallMs() },
    config: otlpConfig.parse({ protocols: { http: { endpoint: '127.0.0.1:0', ...http } } }),
    ...{ signals: new Set(signals), demand: new Set() },
    meshTable: () => Promise.reject(new Error('no mesh is asked for')),
    next: {
      admits: () => ADMITTED,
      consume(batch) {
        batches += 1;
        batch.delivery.settle({ kind: 'taken' });
      },
    },
  });
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  await receiver.start();
  const address = String(log.lines.find(({ fields }) => fields.protocol === 'http')?.fields.address);
  const post = async (path: string, body: string | Uint8Array, type = JSON_TYPE) => {
    const sent = typeof body === 'string' ? body : new Uint8Array(body);
    const answer = await fetch(`http://${address}${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: sent,
    });
    return { status: answer.status, text: await answer.text() };
  };
  return { post, log, meters, batches: () => batches };
}

const ONLY_OTHER: readonly (readonly [path: string, signal: Signal, body: string, told: string])[] = [
  [
    '/v1/metrics',
    'metrics',
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}',
    'metrics, and these are spans: they go to /v1/traces',
  ],
  [
    '/v1/metrics',
    'metrics',
    ' {"version" : 2, "resourceSpans" : []}',
    'metrics, and these are spans: they go to /v1/traces',
  ],
  [
    '/v1/traces',
    'traces',
    '{"resourceMetrics":[{"scopeMetrics":[]}]}',
    'spans, and these are metrics: they go to /v1/metrics',
  ],
  ['/v1/traces', 'traces', '{"resourceLogs":[{}]}', 'spans, and these are logs: only spans and metrics are taken here'],
  [
    '/v1/metrics',
    'metrics',
    '{"resourceProfiles":[{}]}',
    'metrics, and these are profiles: only spans and metrics are taken here',
  ],
];

for (const [path, signal, body, told] of ONLY_OTHER) {
  test(`${body} at ${path} is refused with the place for it, counted and told`, async (t) => {
    const { post, log, meters, batches } = await startReceiver(t);
    const answer = await post(path, body);
    const message = `this path takes ${told}`;
    t.is(answer.status, 400);
    t.deepEqual(JSON.parse(answer.text), { code: 3, message });
    t.is(batches(), 0);
    const attributes = { receiver: 'otlp', protocol: 'http', signal, reason: 'wrong_signal' };
    t.is(meters.read('weir_otlp_received_requests_total', attributes), 1);
    const line = log.lines.find((one) => one.message === 'An OTLP request was refused');
    t.like(line?.fields, { path, reason: 'wrong_signal', told: message });
  });
}

test('a body that has the right list as well passes, whatever stands beside it', async (t) => {
  const { post, batches } = await startReceiver(t);
  const spans = '"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c"}]}]}]';
  t.like(await post('/v1/traces', `{"resourceMetrics":[{}],${spans}}`), { status: 200, text: '{}' });
  t.like(await post('/v1/traces', `{${spans},"resourceLogs":[{}]}`), { status: 200, text: '{}' });
  t.is(batches(), 2);
  t.like(await post('/v1/traces', '{"resourceMetrics":[{}],"resourceSpans":[]}'), { status: 200, text: '{}' });
});

test('names of lists elsewhere than at the top are unknown fields, which are legal', async (t) => {
  const { post, meters } = await startReceiver(t);
  for (const body of ['{"x":{"resourceSpans":[]}}', '{"x":["resourceSpans",":"]}', '{"x":"\\"resourceSpans\\":"}'])
    t.like(await post('/v1/metrics', body), { status: 200, text: '{}' }, body);
  t.is(meters.read('weir_otlp_nothing_known_total', { receiver: 'otlp', signal: 'metrics' }), 3);
});

test('paths of the configuration are named, and a signal that no pipeline takes is said to be that', async (t) => {
  const renamed = await startReceiver(t, ['traces', 'metrics'], { traces_url_path: '/spans' });
  t.regex((await renamed.post('/v1/metrics', '{"resourceSpans":[]}')).text, /they go to \/spans"/);
  const metrics = await startReceiver(t, ['metrics']);
  t.regex((await metrics.post('/v1/metrics', '{"resourceSpans":[]}')).text, /spans: no pipeline takes spans here"/);
});

test('protobuf of another signal is refused as before, with a hint at what it looks like', async (t) => {
  const { post, batches } = await startReceiver(t);
  for (const [path, body, hint] of [
    ['/v1/metrics', SPANS, 'this looks like spans: they go to /v1/traces'],
    ['/v1/traces', METRICS, 'this looks like metrics: they go to /v1/metrics'],
    ['/v1/traces', LOGS_REQUEST, 'this looks like logs: only spans and metrics are taken here'],
  ] as const) {
    const { status, text } = await post(path, body, PROTO);
    t.is(status, 400, hint);
    t.true(text.includes(`; ${hint}`), text);
  }
  t.is(batches(), 0);
});

test('what is broken and of the right signal gets no hint', async (t) => {
  const { post } = await startReceiver(t);
  for (const [path, body] of [
    ['/v1/traces', SPANS],
    ['/v1/metrics', METRICS],
  ] as const) {
    const { status, text } = await post(path, body.subarray(0, body.length - 1), PROTO);
    t.is(status, 400);
    t.false(text.includes('looks like'), text);
  }
});

test('signals are told from the first item in protobuf, and any bytes are looked at without harm', (t) => {
  t.is(protobufSignal(SPANS), 'traces');
  t.is(protobufSignal(METRICS), 'metrics');
  t.is(protobufSignal(LOGS_REQUEST), 'logs');
  const gauge = { dataPoints: [{ asDouble: 1 }] };
  for (const metric of [
    { name: 'sixteen_letters_', gauge },
    { name: 'sixteen_letters_', description: 'of more', histogram: { dataPoints: [{ count: 1 }] } },
  ])
    t.is(protobufSignal(requestOf(metric)), 'metrics');
  // A trace id of 13 bytes makes no metric of a span, with times or without.
  for (const item of [
    `0a0d${'ab'.repeat(13)}`,
    `0a0d${'ab'.repeat(13)}2a0161390100000000000000`,
    `0a0d${'ab'.repeat(13)}3901000000000000004a020a00`,
  ])
    t.is(protobufSignal(inRequest(Buffer.from(item, 'hex'))), null);
  t.is(protobufSignal(new Uint8Array()), null);
  t.is(protobufSignal(Buffer.alloc(1024, 0x80)), null);
  t.is(protobufSignal(SPANS.subarray(0, 20)), null);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      protobufSignal(bytes);
      jsonSignal(beginningOf(bytes), 'traces');
    }),
  );
});

test('names of any JSON are told as JSON.parse finds them', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.boolean(), (value, isSpans) => {
      const body = isSpans ? { other: value, resourceSpans: [] } : { other: value };
      const start = Buffer.from(JSON.stringify(body));
      fc.pre(start.length <= 1024);
      t.is(jsonSignal(start, 'metrics'), isSpans ? 'traces' : 'unknown');
    }),
  );
});
