/** @module Limits of the servers of receivers that Node enforces for them: each key of a listener has its effect. */
import { request } from 'node:http';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { systemClock } from '../../../pipeline/clock/clock.ts';
import { createHttp2Server } from '../../../pipeline/net/http2-server.ts';
import { ingestListenerConfig } from '../../../pipeline/net/ingest-config.ts';
import { readListenerFiles } from '../../../pipeline/net/listener-files.ts';
import { createTestClock } from '../../kit/clock.ts';
import {
  call,
  frame,
  GRPC_PATH,
  HTTP_PATH,
  h2,
  MAX_BODY_BYTES,
  rawConnection,
  startStage,
  until,
} from './ingest-stage.ts';

const HEAD = `POST ${HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n`;

test('a body of just as many bytes as are allowed is taken on both ports, one byte more on neither', async (t) => {
  const stage = await startStage(t);
  const session = await h2(t, stage.grpc);
  const post = (bytes: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/x-protobuf', 'transfer-encoding': 'chunked' };
      const sent = request(
        { port: stage.http.port, path: HTTP_PATH, method: 'POST', headers, agent: false },
        (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
        },
      );
      sent.on('error', reject).end(Buffer.alloc(bytes, 1));
    });
  t.is(await post(MAX_BODY_BYTES), 200);
  t.is(await post(MAX_BODY_BYTES + 1), 413);
  t.is((await call(session, frame(Buffer.alloc(MAX_BODY_BYTES, 1)))).status, '0');
  t.is((await call(session, frame(Buffer.alloc(MAX_BODY_BYTES + 1, 1)))).status, '8');
  t.deepEqual(
    stage.bodies.map(({ length }) => length),
    [MAX_BODY_BYTES, MAX_BODY_BYTES],
  );
});

test('clients of gRPC are told how many calls they may have at once, and how long headers may be', async (t) => {
  const stage = await startStage(t, { limits: { max_concurrent_streams: 7 } });
  const session = await h2(t, stage.grpc);
  t.like(session.remoteSettings, { maxConcurrentStreams: 7, maxHeaderListSize: 16_384, enablePush: false });
});

test('a call with more than 100 headers reaches no method, and one beside it does', async (t) => {
  const stage = await startStage(t);
  const session = await h2(t, stage.grpc);
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, 'y']));
  t.is((await call(session, frame(Buffer.from('few')), many(90))).status, '0');
  t.is((await call(session, frame(Buffer.from('many')), many(110))).status, '');
  t.is((await call(session, frame(Buffer.from('again')))).status, '0');
  t.deepEqual(
    stage.bodies.map((body) => Buffer.from(body).toString()),
    ['few', 'again'],
  );
});

test('a connection may reset as many calls as max_resets says, and no more', async (t) => {
  const stage = await startStage(t, { limits: { max_resets: 50 } });
  const reset = async (calls: number) => {
    const session = await h2(t, stage.grpc);
    for (let i = 0; i < calls && !session.closed && !session.destroyed; i++) {
      const stream = session.request({ ':method': 'POST', ':path': GRPC_PATH, 'content-type': 'application/grpc' });
      stream.on('error', () => {});
      stream.close(8);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return session;
  };
  const calm = await reset(40);
  t.is((await call(calm, frame(Buffer.from('still served')))).status, '0');
  const flooding = await reset(120);
  await until(() => stage.closed.length > 0 && (flooding.closed || flooding.destroyed));
  t.deepEqual(stage.closed, ['http2']);
});

const LATE: readonly (readonly [what: string, listener: Record<string, string>, bytes: string])[] = [
  ['headers that do not end within header_timeout', { header_timeout: '100ms' }, HEAD],
  [
    'a body that does not end within request_timeout',
    { header_timeout: '100ms', request_timeout: '100ms' },
    `${HEAD}content-length: 10\r\n\r\nabc`,
  ],
];

for (const [what, listener, bytes] of LATE) {
  test(`${what}: 408, and the connection is closed`, async (t) => {
    // Five times what Node takes to look; the limits that it has without these keys are from 30 s on.
    t.timeout(10_000);
    const stage = await startStage(t, { listener });
    const raw = await rawConnection(t, stage.http);
    raw.socket.write(bytes);
    await raw.closed;
    t.regex(raw.text(), /^HTTP\/1\.1 408 /);
    t.deepEqual(stage.closed, ['timeout']);
    t.is(stage.room.bytes, 0);
    t.is(stage.bodies.length, 0);
  });
}

test('a body has to come as fast as min_rate says', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock, listener: { min_rate: '10B', request_timeout: '1h' } });
  const connections = [90, 150].map(async (bytes) => {
    const raw = await rawConnection(t, stage.http);
    raw.socket.write(`${HEAD}content-length: 1000\r\n\r\n${'a'.repeat(bytes)}`);
    return raw;
  });
  const [slow, fair] = await Promise.all(connections);
  await until(() => stage.room.bytes === 240);
  clock.advance(11_000);
  await slow!.closed;
  t.deepEqual(stage.closed, ['min_rate']);
  fair!.socket.write('a'.repeat(850));
  await until(() => fair!.text().startsWith('HTTP/1.1 200'));
});

test('a connection that says nothing for idle_timeout is closed', async (t) => {
  t.timeout(5000);
  const stage = await startStage(t, { listener: { idle_timeout: '100ms' } });
  const raw = await rawConnection(t, stage.http);
  await raw.closed;
  t.is(raw.text(), '');
});

test('a connection that is kept after an answer is told for how long, and closed then', async (t) => {
  t.timeout(10_000);
  const told = async (idle_timeout: string) => {
    const stage = await startStage(t, { listener: { idle_timeout } });
    const raw = await rawConnection(t, stage.http);
    raw.socket.write(`${HEAD}content-length: 3\r\n\r\nabc`);
    await until(() => raw.text() !== '');
    return { raw, seconds: /keep-alive: timeout=(\d+)/i.exec(raw.text())?.[1] };
  };
  t.is((await told('60s')).seconds, '60');
  t.is((await told('7s')).seconds, '7');
  const { raw, seconds } = await told('1s');
  t.is(seconds, '1');
  await raw.closed;
});

test('an unknown coding beneath chunks ends its connection: what follows is not read as another request', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.http);
  const next = `${HEAD}content-length: 7\r\n\r\nsmuggle`;
  raw.socket.write(`${HEAD}transfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${next}`);
  await raw.closed;
  t.regex(raw.text(), /^HTTP\/1\.1 400 /);
  t.regex(raw.text(), /^connection: close\r$/im);
  t.is(raw.text().split('HTTP/1.1 ').length, 2);
  t.deepEqual(stage.bodies, []);
});

test('what the calls of one connection may take together is bounded to 16 MB, as Node counts it', async (t) => {
  t.timeout(30_000);
  const listener = z.strictObject(ingestListenerConfig('127.0.0.1:0')).parse({});
  // So many that their number is not what bounds them.
  const config = { ...listener, max_concurrent_streams: 100_000, max_resets: 100_000 };
  const files = await readListenerFiles({ key: 'test', config, clock: systemClock });
  const ours = await createHttp2Server({ key: 'test', config }, files);
  const plain = createServer({ maxSessionMemory: 16, settings: { maxConcurrentStreams: 100_000 } });
  const [taken, expected] = [await callsUntilRefused(t, ours), await callsUntilRefused(t, plain)];
  t.true(Math.abs(taken / expected - 1) < 0.15, `${taken} calls, expected about ${expected}`);
});

/** Opens calls on one connection until the first is refused; how many were not, to a hundred. */
async function callsUntilRefused(t: ExecutionContext, server: Http2Server): Promise<number> {
  server.on('stream', (stream) => stream.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const raw = await rawConnection(t, { port: (server.address() as AddressInfo).port });
  raw.socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), framed(SETTINGS, 0, 0)]));
  let opened = 0;
  for (; !framesOf(raw.text()).includes(RST_STREAM); opened += 100) {
    // POST, http, the path / and the name of :authority stand in HPACK's static table (RFC 7541, appendix A).
    const call = (i: number) => framed(HEADERS, END_HEADERS, 2 * (opened + i) + 1, [0x83, 0x86, 0x84, 0x01, 1, 0x78]);
    raw.socket.write(Buffer.concat([...Array.from({ length: 100 }, (_, i) => call(i)), PING]));
    await until(() => framesOf(raw.text()).filter((type) => type === PING_TYPE).length === opened / 100 + 1);
  }
  raw.socket.destroy();
  return opened - 100;
}

/** Types and flags of frames (RFC 9113 §6). */
const [HEADERS, RST_STREAM, SETTINGS, PING_TYPE, END_HEADERS] = [1, 3, 4, 6, 4];
const PING = framed(PING_TYPE, 0, 0, Array(8).fill(0));

function framed(type: number, flags: number, stream: number, content: readonly number[] = []): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head.set([type, flags], 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(content)]);
}

/** Types of the frames that came. */
function framesOf(text: string): number[] {
  const types: number[] = [];
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes[at + 3]!);
  return types;
}
