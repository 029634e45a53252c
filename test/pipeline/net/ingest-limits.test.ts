/** @module Limits of the servers of receivers that Node enforces for them: each key of a listener has its effect. */
import { request } from 'node:http';
import test from 'ava';
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
