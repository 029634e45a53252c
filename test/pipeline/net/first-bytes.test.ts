/** @module First bytes that come one by one, connections that are half open, and what is left of either. */
import { connect as connectTcp } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createTestClock } from '../../kit/clock.ts';
import { call, frame, HTTP_PATH, h2, type IngestStage, rawConnection, startStage, until } from './ingest-stage.ts';

const REQUEST = `POST ${HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = '\0\0\0\x04\0\0\0\0\0';
const CLIENT_HELLO = `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'r'.repeat(200)}`;

/** A second is usual; what is not answered at all is to fail soon. */
const WATCHDOG_MS = 20_000;

/** Sends `bytes` in pieces that the server reads one by one: each is written once a call was answered after the last. */
async function sendByOnes(t: ExecutionContext, stage: IngestStage, port: { readonly port: number }, bytes: string) {
  const raw = await rawConnection(t, port);
  raw.socket.setNoDelay(true);
  const session = await h2(t, stage.grpc);
  for (const byte of Buffer.from(bytes, 'latin1')) {
    // What comes behind an answer would reset the connection.
    if (raw.text().startsWith('HTTP/') || raw.socket.readableEnded) break;
    raw.socket.write(Buffer.of(byte));
    await call(session, frame(Buffer.from('x')));
  }
  return raw;
}

test('HTTP/1.1 that comes byte by byte to the gRPC port is answered as in one piece', async (t) => {
  t.timeout(WATCHDOG_MS);
  for (const request of [
    REQUEST,
    REQUEST.replace('POST', 'GET'),
    REQUEST.replace('POST', 'PUT'),
    REQUEST.replace('POST', 'PROPFIND'),
  ]) {
    const stage = await startStage(t);
    const raw = await sendByOnes(t, stage, stage.grpc, request);
    await raw.closed;
    t.regex(raw.text(), /^HTTP\/1\.1 400 [\s\S]*OTLP over HTTP is taken on port \d+\n$/, request);
    t.deepEqual(stage.closed, ['http_at_grpc'], request);
  }
});

test('TLS that comes byte by byte is known on both ports', async (t) => {
  t.timeout(WATCHDOG_MS);
  for (const which of ['grpc', 'http'] as const) {
    const stage = await startStage(t);
    const raw = await sendByOnes(t, stage, stage[which], CLIENT_HELLO);
    await raw.closed;
    t.deepEqual(stage.closed, ['tls_at_plain'], which);
  }
});

test('HTTP/2 that comes byte by byte to the HTTP port reads a GOAWAY', async (t) => {
  t.timeout(WATCHDOG_MS);
  const stage = await startStage(t);
  const raw = await sendByOnes(t, stage, stage.http, PREFACE + SETTINGS);
  await until(() => raw.text().includes('OTLP over gRPC is taken on port'));
  raw.socket.end();
  await raw.closed;
  t.deepEqual(stage.closed, ['grpc_at_http']);
});

test('HTTP/2 that comes byte by byte to the gRPC port is served', async (t) => {
  t.timeout(WATCHDOG_MS);
  const stage = await startStage(t);
  const raw = await sendByOnes(t, stage, stage.grpc, PREFACE + SETTINGS);
  await until(() => raw.text().includes('\0\0\0\x04\x01'));
  t.deepEqual(stage.closed, []);
});

test('a client that says a part of a first word, or nothing, and ends its half is let go at once', async (t) => {
  t.timeout(WATCHDOG_MS);
  for (const bytes of ['', 'P', 'PO', 'PRI', 'PROPFIND', 'GET']) {
    const clock = createTestClock();
    const stage = await startStage(t, { clock });
    const socket = connectTcp({ port: stage.grpc.port, host: '127.0.0.1', allowHalfOpen: true });
    const ended = new Promise((resolve) => socket.resume().on('end', resolve));
    socket.end(bytes);
    await ended;
    t.is(clock.timers, 0, bytes);
    t.deepEqual(stage.closed, [], bytes);
  }
});

test('a part of a first word is waited for no longer than header_timeout, from when the connection came', async (t) => {
  t.timeout(WATCHDOG_MS);
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const raw = await rawConnection(t, stage.grpc);
  for (const byte of 'POS') {
    raw.socket.write(byte);
    const session = await h2(t, stage.grpc);
    await call(session, frame(Buffer.from('x')));
    session.destroy();
    clock.advance(3000);
  }
  t.deepEqual(stage.closed, []);
  clock.advance(1000);
  await raw.closed;
  t.deepEqual(stage.closed, ['no_call']);
});

test('who is answered and neither reads nor ends is cut off after a while, and no timer is left', async (t) => {
  t.timeout(WATCHDOG_MS);
  for (const bytes of [REQUEST, CLIENT_HELLO]) {
    const clock = createTestClock();
    const stage = await startStage(t, { clock });
    const socket = connectTcp({ port: stage.grpc.port, host: '127.0.0.1', allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve));
    socket.write(Buffer.from(bytes, 'latin1'));
    await until(() => stage.closed.length === 1);
    clock.advance(2000);
    // Reset: what it goes on to say is wanted by nobody.
    const noise = setInterval(() => socket.write('x'.repeat(1000)), 5);
    t.teardown(() => clearInterval(noise));
    await closed;
    clearInterval(noise);
    t.is(clock.timers, 0);
  }
});

test('connections that come and go in any state leave nothing behind', async (t) => {
  t.timeout(WATCHDOG_MS);
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const starts = [
    '',
    'P',
    'PRI',
    'PRI * HT',
    REQUEST.slice(0, 3),
    REQUEST,
    CLIENT_HELLO.slice(0, 1),
    CLIENT_HELLO,
    'SSH-2.0-x\r\n',
    '\0',
  ];
  const session = await h2(t, stage.grpc);
  for (let round = 0; round < 20; round++) {
    for (const bytes of starts) {
      const raw = await rawConnection(t, stage.grpc);
      if (bytes !== '') raw.socket.write(Buffer.from(bytes, 'latin1'));
      await call(session, frame(Buffer.from('x')));
      if (round % 2 === 0) raw.socket.resetAndDestroy();
      else raw.socket.destroy();
    }
  }
  // Two are left, one for all connections that stand and one for all calls.
  await until(() => clock.timers <= 2);
  t.is(clock.timers, 2);
  t.deepEqual([...new Set(stage.closed)].sort(), ['http2', 'http_at_grpc', 'tls_at_plain']);
});
