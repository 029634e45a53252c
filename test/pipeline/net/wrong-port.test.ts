/** @module Clients that exchanged the ports of OTLP, or speak TLS where there is none: what they are told, and what is counted. */
import { connect as connectH2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openingOf, wrongPortText } from '../../../pipeline/net/wrong-port.ts';
import { createTestClock } from '../../kit/clock.ts';
import { call, frame, HTTP_PATH, h2, rawConnection, startStage, until } from './ingest-stage.ts';

const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));
const LISTENER = { cert_file: file('listener.crt'), key_file: file('listener.key') };
const TO_HTTP =
  'the client speaks HTTP/1.1, and this port takes OTLP over gRPC (HTTP/2): OTLP over HTTP is taken on port';
const TO_GRPC =
  'the client speaks gRPC (HTTP/2), and this port takes OTLP over HTTP/1.1: OTLP over gRPC is taken on port';

for (const [bytes, opening] of [
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0', 'http2'],
  ['PRI ', 'http2'],
  ['', 'unsure'],
  ['P', 'unsure'],
  ['PRI', 'unsure'],
  ['PROPFIND', 'unsure'],
  ['PROPPATCH', 'unsure'],
  ['PROPPATCHE', 'other'],
  ['PROPPATCH ', 'http1'],
  ['GO ', 'other'],
  ['PRI * HTTP/2.1\r\n\r\n', 'http1'],
  ['POST /v1/traces HTTP/1.1\r\n', 'http1'],
  ['GET /', 'http1'],
  ['\x16\x03\x01\x02\x00\x01', 'tls'],
  ['\x16', 'tls'],
  ['\x16\x04', 'other'],
  ['SSH-2.0-OpenSSH_9.6\r\n', 'other'],
  ['post / HTTP/1.1', 'other'],
] as const) {
  test(`a connection that begins with ${JSON.stringify(bytes)} is ${opening}`, (t) => {
    t.is(openingOf(Buffer.from(bytes, 'latin1')), opening);
  });
}

test('texts name the port of the other protocol, or say that it is not served', (t) => {
  t.is(wrongPortText('http_at_grpc', 4318), `${TO_HTTP} 4318`);
  t.is(wrongPortText('grpc_at_http', 4317), `${TO_GRPC} 4317`);
  t.regex(wrongPortText('grpc_at_http', null), /OTLP over gRPC is not served here$/);
});

test('HTTP/1.1 at the gRPC port is answered 400 with the port it wants, and counted as that', async (t) => {
  const stage = await startStage(t);
  const answer = await fetch(`http://127.0.0.1:${stage.grpc.port}${HTTP_PATH}`, { method: 'POST', body: 'x' });
  t.is(answer.status, 400);
  t.is(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(await answer.text(), `${TO_HTTP} ${stage.http.port}\n`);
  t.deepEqual(stage.closed, ['http_at_grpc']);
  t.deepEqual(
    stage.peers.map((peer) => peer.replace(/\d+$/, 'port')),
    ['127.0.0.1:port'],
  );
});

test('gRPC at the HTTP port reads a GOAWAY that names the port it wants', async (t) => {
  const stage = await startStage(t);
  const session = connectH2(`http://127.0.0.1:${stage.http.port}`);
  t.teardown(() => session.destroy());
  session.on('error', () => {});
  session.request({ ':method': 'POST', ':path': '/x' }).on('error', () => {});
  const [code, , text] = await new Promise<[number, number, Buffer]>((resolve) => {
    session.once('goaway', (...told: [number, number, Buffer]) => resolve(told));
  });
  t.deepEqual([code, Buffer.from(text).toString()], [13, `${TO_GRPC} ${stage.grpc.port}`]);
  await until(() => session.destroyed);
  t.deepEqual(stage.closed, ['grpc_at_http']);
});

test('TLS at a port without it is counted as that on both ports, and its connection is ended', async (t) => {
  const stage = await startStage(t);
  for (const { port } of [stage.grpc, stage.http]) {
    const socket = connectTls({ host: '127.0.0.1', port });
    await new Promise<void>((resolve) => socket.on('error', () => {}).on('close', () => resolve()));
  }
  t.deepEqual(stage.closed, ['tls_at_plain', 'tls_at_plain']);
});

test('with TLS, whoever offers only the protocol of the other port is counted as having the wrong one', async (t) => {
  const stage = await startStage(t, { listener: { tls: LISTENER } });
  for (const [{ port }, protocol] of [
    [stage.grpc, 'http/1.1'],
    [stage.http, 'h2'],
  ] as const) {
    const options = { host: '127.0.0.1', port, ALPNProtocols: [protocol], rejectUnauthorized: false };
    const socket = connectTls(options);
    await new Promise<void>((resolve) => socket.on('error', () => {}).on('close', () => resolve()));
  }
  await until(() => stage.closed.length === 2);
  t.deepEqual(stage.closed, ['http_at_grpc', 'grpc_at_http']);
});

test('with TLS, HTTP/1.1 that names no protocol in its handshake is answered at the gRPC port', async (t) => {
  const stage = await startStage(t, { listener: { tls: LISTENER } });
  const socket = connectTls({ host: '127.0.0.1', port: stage.grpc.port, rejectUnauthorized: false });
  socket.write(`POST ${HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
  let text = '';
  socket.on('data', (piece) => (text += piece));
  await new Promise<void>((resolve) => socket.on('end', resolve));
  t.true(text.startsWith('HTTP/1.1 400 ') && text.endsWith(`${TO_HTTP} ${stage.http.port}\n`), text);
  t.deepEqual(stage.closed, ['http_at_grpc']);
});

test('HTTP/2 whose preface comes in pieces is served', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.grpc);
  raw.socket.setNoDelay(true);
  raw.socket.write('PRI * HT');
  await call(await h2(t, stage.grpc), frame(Buffer.from('x')));
  raw.socket.write('TP/2.0\r\n\r\nSM\r\n\r\n');
  raw.socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  // Settings, and the acknowledgement of those of the client.
  await until(() => raw.text().includes('\0\0\0\x04\x01'));
  t.deepEqual(stage.closed, []);
});

test('a connection to the gRPC port that says nothing is ended after header_timeout, or when the server drains', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const late = await rawConnection(t, stage.grpc);
  await h2(t, stage.grpc);
  clock.advance(10_000);
  await late.closed;
  t.is(stage.closed[0], 'no_call');
  const silent = await rawConnection(t, stage.grpc);
  const session = await h2(t, stage.grpc);
  const closing = stage.grpc.close(new AbortController().signal);
  await silent.closed;
  session.destroy();
  await closing;
});
