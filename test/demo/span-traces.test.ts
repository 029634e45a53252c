/** @module What the demo sends, keeps and shows of spans: requests by the schema, resent as they were, traces as trees. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { startTraceBackend } from '../../demo/spans/backend.ts';
import { readRequest } from '../../demo/spans/read.ts';
import { spansRequest } from '../../demo/spans/request.ts';
import { startSpanSender } from '../../demo/spans/sender.ts';
import { NewestTraces, type ReadSpan } from '../../demo/spans/traces.ts';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import { createWorld, type World } from '../../demo/world/world.ts';
import { createTestClock } from '../kit/clock.ts';
import { until } from '../kit/otlp-backend.ts';
import { freePorts } from '../kit/ports.ts';

const START_MS = 1_700_000_000_000;
const HOST = '127.0.0.1';

function tracedWorld(): World {
  return createWorld({ seed: 1, startMs: START_MS, topology: THREE_MESHES, keepSamples: false, spansPerSecond: 20 });
}

function span(more: Partial<ReadSpan> = {}): ReadSpan {
  return {
    ...{ traceId: 'a'.repeat(32), spanId: '1'.repeat(16), parentSpanId: '', service: 'web', name: '/cart', kind: 3 },
    ...{ startMs: 1000, endMs: 1012.5, isError: false, ...more },
  };
}

function textOf(...spans: readonly ReadSpan[]): string {
  const traces = new NewestTraces();
  for (const each of spans) traces.add(each);
  return traces.text();
}

test('what is sent reads back as it was, each proxy process one resource', (t) => {
  const world = tracedWorld();
  world.advance(START_MS + 30_000);
  const spans = world.takeSpans();
  const request: { resourceSpans: unknown[] } = JSON.parse(spansRequest(spans));
  t.is(request.resourceSpans.length, new Set(spans.map(({ place }) => place.pod)).size);
  const read = new Map(readRequest(request).map((each) => [each.spanId, each]));
  t.is(read.size, spans.length);
  for (const { spanId, traceId, parentSpanId, side, startMs, endMs } of spans) {
    const back = read.get(spanId);
    t.is(back?.traceId, traceId);
    t.is(back?.parentSpanId, parentSpanId);
    t.is(back?.kind, side === 'client' ? 3 : 2);
    t.true(Math.abs((back?.startMs ?? 0) - startMs) < 0.001);
    t.true(Math.abs((back?.endMs ?? 0) - endMs) < 0.001);
  }
});

test('no JSON value is too much for the reader', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      t.deepEqual(readRequest({ resourceSpans: [{ scopeSpans: [{ spans: [value] }] }] }).length, 1);
      textOf(...readRequest({ resourceSpans: [{ resource: value, scopeSpans: [{ spans: [value] }] }] }));
      readRequest(value);
    }),
  );
});

test('a trace is a tree in the order of starts, spans without a known parent at its top', (t) => {
  const text = textOf(
    span({ spanId: 'c', parentSpanId: 'b', service: 'cart', kind: 2, startMs: 1001 }),
    span({ spanId: 'd', parentSpanId: 'b', service: 'search', kind: 2, startMs: 1000.5, isError: true }),
    span({ spanId: 'b', parentSpanId: 'unknown' }),
  );
  t.deepEqual(text.split('\n').slice(0, 5), [
    `trace ${'a'.repeat(32)}, 3 spans`,
    '  web client /cart 12.5ms',
    '    search server /cart 12ms ERROR',
    '    cart server /cart 11.5ms',
    '',
  ]);
});

test('hostile names stay in their line, and parents in a ring end', (t) => {
  const text = textOf(
    span({ spanId: 'a', parentSpanId: 'b', name: 'x\n\u001b[2Jy', service: '\u202eweb' }),
    span({ spanId: 'b', parentSpanId: 'a' }),
    span({ spanId: 'c', name: 'x\n\u001b[2Jy', service: '\u202eweb' }),
  );
  t.is(text.trimEnd().split('\n').length, 4);
  t.true(text.includes('\\u202eweb client x\\x0a\\x1b[2Jy 12.5ms'));
});

test('of many traces the newest stay, of a long one its first spans, and all are counted', (t) => {
  const traces = new NewestTraces();
  for (let n = 0; n < 500; n++) traces.add(span({ traceId: `trace-${n}`, service: `s${n % 3}` }));
  for (let n = 0; n < 500; n++) traces.add(span({ traceId: 'long', spanId: `${n}` }));
  const lines = traces.text().split('\n');
  t.is(traces.count, 1000);
  t.is(lines.filter((line) => line.startsWith('trace ')).length, 20);
  t.true(lines.includes('trace trace-499, 1 span'));
  t.true(lines.includes('trace long, 500 spans'));
  t.true(lines.length < 200);
  t.deepEqual(
    [...traces.byService],
    [
      ['s0', 167],
      ['s1', 167],
      ['s2', 166],
      ['web', 500],
    ],
  );
});

async function receiver(t: ExecutionContext, statuses: number[]) {
  const bodies: string[] = [];
  const server = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    incoming.on('end', () => {
      bodies.push(body);
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  t.teardown(() => server.close());
  return { bodies, port: (server.address() as AddressInfo).port };
}

test('a refused request is sent again as it was, and none is doubled or lost', async (t) => {
  const { bodies, port } = await receiver(t, [200, 503, 429]);
  const clock = createTestClock(START_MS);
  const world = tracedWorld();
  const sender = startSpanSender({ clock, host: HOST, port, take: () => world.takeSpans() });
  for (let n = 1; n <= 5; n++) {
    world.advance(START_MS + n * 2000);
    clock.fireNext();
    await until(() => bodies.length === n && clock.timers > 0, `request ${n}`);
    t.is(sender.failure, n === 2 ? 'it answers 503' : n === 3 ? 'it answers 429' : '');
  }
  world.advance(START_MS + 12_000);
  await sender.stop();
  t.is(bodies[1], bodies[2]);
  t.is(bodies[2], bodies[3]);
  const arrived = [bodies[0], ...bodies.slice(3)].flatMap((body) => readRequest(JSON.parse(body ?? '')));
  const told = [...world.spansTold().values()].reduce((sum, count) => sum + count, 0);
  t.is(sender.sent, told);
  t.is(new Set(arrived.map(({ spanId }) => spanId)).size, told);
  t.is(arrived.length, told);
});

test('the backend takes OTLP in JSON, shows it, and refuses what is none', async (t) => {
  const [port = 0] = await freePorts(1);
  const backend = await startTraceBackend(HOST, port);
  t.teardown(() => backend.close());
  const url = `http://${HOST}:${port}`;
  const world = tracedWorld();
  world.advance(START_MS + 5000);
  const spans = world.takeSpans();
  const answer = await fetch(`${url}/v1/traces`, { method: 'POST', body: spansRequest(spans) });
  t.is(answer.status, 200);
  t.is(await answer.text(), '{}');
  t.is((await fetch(`${url}/v1/traces`, { method: 'POST', body: '{"resourceSpans"' })).status, 400);
  t.deepEqual(new Map(backend.traces.byService), new Map(world.spansTold()));
  t.regex(await (await fetch(url)).text(), new RegExp(`^${spans.length} spans so far`, 'm'));
  await t.throwsAsync(startTraceBackend(HOST, port), { code: 'EADDRINUSE' });
});
