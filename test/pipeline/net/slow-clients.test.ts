/**
 * @module Very many clients that dawdle, in every way there is, while others are served.
 *
 * 200 of them unless WEIR_SLOW_CLIENTS says otherwise; the full form is 2,000 (and `ulimit -n` of 10,000).
 */
import { connect, type Socket } from 'node:net';
import test from 'ava';
import { createTestClock } from '../../kit/clock.ts';
import { call, frame, HTTP_PATH, h2, startStage, until } from './ingest-stage.ts';

const CLIENTS = Number(process.env.WEIR_SLOW_CLIENTS ?? '200');
const HALF_HEAD = `POST ${HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n`;
const HALF_BODY = `${HALF_HEAD}content-length: 100000\r\n\r\nabc`;
/** What opens a connection of HTTP/2, and headers that more are to follow on (RFC 9113 §3.4, §6.2). */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const OPEN_HEADERS = Buffer.concat([PREFACE, Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83])]);

const WAYS = [
  { port: 'http', bytes: HALF_HEAD },
  { port: 'http', bytes: HALF_BODY },
  { port: 'grpc', bytes: '' },
  { port: 'grpc', bytes: PREFACE },
  { port: 'grpc', bytes: OPEN_HEADERS },
] as const;

test('all of them are closed in time, and nothing of their bodies stays', async (t) => {
  t.timeout(120_000);
  const clock = createTestClock();
  const limits = { max_connections: CLIENTS + 10, max_connections_per_address: CLIENTS + 10 };
  const stage = await startStage(t, { clock, listener: { ...limits, header_timeout: '2s', request_timeout: '60s' } });
  const good = await h2(t, stage.grpc);
  const open = new Set<Socket>();
  for (let i = 0; i < CLIENTS; i++) {
    const { port, bytes } = WAYS[i % WAYS.length]!;
    const socket = connect(stage[port].port, '127.0.0.1').on('error', () => {});
    t.teardown(() => socket.destroy());
    open.add(socket);
    socket.resume().on('close', () => open.delete(socket));
    await new Promise((resolve) => socket.write(bytes, resolve));
  }
  t.is((await call(good, frame(Buffer.from('hello')))).status, '0');
  await until(() => stage.room.bytes === 3 * (CLIENTS / WAYS.length));
  // The clock of the servers does not move by itself; only Node's own timeout of headers runs meanwhile.
  for (let second = 0; second < 12; second++) {
    clock.advance(1000);
    t.is((await call(good, frame(Buffer.from('hello')))).status, '0');
  }
  await until(() => open.size === 0);
  t.is(stage.room.bytes, 0);
  t.is(stage.closed.filter((why) => why === 'min_rate').length, CLIENTS / WAYS.length);
  t.is(stage.closed.filter((why) => why === 'no_call').length, (3 * CLIENTS) / WAYS.length);
  t.is(stage.closed.filter((why) => why === 'timeout').length, CLIENTS / WAYS.length);
  t.is((await call(good, frame(Buffer.from('hello')))).status, '0');
});
