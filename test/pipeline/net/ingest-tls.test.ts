/** @module TLS of the servers of receivers: certificates of both sides, versions, files that change. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectH2 } from 'node:http2';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { createTestClock } from '../../kit/clock.ts';
import { call, frame, HTTP_PATH, rawConnection, startStage, until } from './ingest-stage.ts';

const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));
const LISTENER = { cert_file: file('listener.crt'), key_file: file('listener.key') };

/** Options of a client that trusts the listener and shows the certificate `own`, or none. */
async function client(own: 'listener' | 'other' | null = null): Promise<ConnectionOptions> {
  const ca = await readFile(LISTENER.cert_file);
  if (own === null) return { ca };
  return { ca, cert: await readFile(file(`${own}.crt`)), key: await readFile(file(`${own}.key`)) };
}

/** Status of a POST over HTTPS, or the code of the error. */
function post(port: number, options: ConnectionOptions): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/x-protobuf' };
    const asked = { host: '127.0.0.1', port, path: HTTP_PATH, method: 'POST', headers, agent: false, ...options };
    const sent = request(asked as object, (answer) => resolve(answer.resume().statusCode ?? 0));
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end('hello');
  });
}

/** `grpc-status` of a call over TLS, '' when there was no answer. */
async function callOver(t: ExecutionContext, port: number, options: ConnectionOptions): Promise<string> {
  const session = connectH2(`https://127.0.0.1:${port}`, options as object);
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  return (await call(session, frame(Buffer.from('hello')))).status;
}

test('with a certificate both ports speak TLS, and clients need none of their own', async (t) => {
  const stage = await startStage(t, { listener: { tls: LISTENER } });
  t.is(await post(stage.http.port, await client()), 200);
  t.is(await callOver(t, stage.grpc.port, await client()), '0');
  t.is(stage.bodies.length, 2);
});

test('with an authority for clients, only those it stands for are served', async (t) => {
  const stage = await startStage(t, { listener: { tls: { ...LISTENER, client_ca_file: file('listener.crt') } } });
  t.is(await post(stage.http.port, await client('listener')), 200);
  t.is(await callOver(t, stage.grpc.port, await client('listener')), '0');
  for (const own of [null, 'other'] as const) {
    t.is(typeof (await post(stage.http.port, await client(own))), 'string', `HTTP, ${own}`);
    t.is(await callOver(t, stage.grpc.port, await client(own)), '', `gRPC, ${own}`);
  }
  await until(() => stage.closed.length === 4);
  t.deepEqual(stage.closed, [
    ...['tls_no_certificate', 'tls_no_certificate'],
    ...['tls_foreign_certificate', 'tls_foreign_certificate'],
  ]);
  t.is(stage.bodies.length, 2);
});

for (const [minimum, offered, served] of [
  ['1.2', 'TLSv1.2', true],
  ['1.3', 'TLSv1.2', false],
  ['1.3', 'TLSv1.3', true],
] as const) {
  test(`a listener of TLS ${minimum} or newer ${served ? 'serves' : 'refuses'} ${offered}`, async (t) => {
    const stage = await startStage(t, { listener: { tls: { ...LISTENER, min_version: minimum } } });
    const options = { ...(await client()), minVersion: offered, maxVersion: offered };
    t.is((await post(stage.http.port, options)) === 200, served);
    t.is((await callOver(t, stage.grpc.port, options)) === '0', served);
  });
}

test('who speaks plain HTTP, distrusts the certificate or breaks off is told apart, and a probe of the port is no handshake', async (t) => {
  const stage = await startStage(t, { listener: { tls: LISTENER } });
  const count = () => stage.closed.length;
  for (const { port } of [stage.http, stage.grpc]) {
    const before = count();
    await spoken(port, '');
    await spoken(port, 'POST /v1/things HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => count() === before + 1);
    t.is(typeof (await post(port, {})), 'string');
    await until(() => count() === before + 2);
    await spoken(port, '\x16\x03\x01\x02\x00\x01');
    await until(() => count() === before + 3);
    t.deepEqual(stage.closed.slice(before), ['tls_plain_http', 'tls', 'tls']);
  }
});

for (const [text, told] of [
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'tls_plain_http'],
  ['OPTIONS /v1/things HTTP/1.1\r\nhost: x\r\n\r\n', 'tls_plain_http'],
  ['\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00', 'tls'],
] as const) {
  test(`at a port of TLS what begins with ${JSON.stringify(text.slice(0, 8))} is told as ${told}`, async (t) => {
    const stage = await startStage(t, { listener: { tls: LISTENER } });
    for (const { port } of [stage.http, stage.grpc]) await spoken(port, text);
    await until(() => stage.closed.length === 2);
    t.deepEqual(stage.closed, [told, told]);
  });
}

test('a stock client of gRPC without TLS is told as speaking without it', async (t) => {
  const stage = await startStage(t, { listener: { tls: LISTENER } });
  const session = connectH2(`http://127.0.0.1:${stage.grpc.port}`);
  t.teardown(() => session.destroy());
  session.on('error', () => {});
  session.request({ ':method': 'POST', ':path': '/x' }).on('error', () => {});
  await until(() => stage.closed.length === 1);
  t.deepEqual(stage.closed, ['tls_plain_http']);
});

/** Connects, says `text` and goes; resolves when the connection has ended. */
function spoken(port: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1', () => socket.end(text, 'latin1'));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });
}

test('a handshake that does not come to its end is ended in time', async (t) => {
  const stage = await startStage(t, { listener: { tls: LISTENER, header_timeout: '100ms' } });
  const silent = [await rawConnection(t, stage.http), await rawConnection(t, stage.grpc)];
  await Promise.all(silent.map(({ closed }) => closed));
  await until(() => stage.closed.length === 2);
  t.deepEqual(stage.closed, ['tls', 'tls']);
});

test('closing cuts handshakes that do not come to their end before the deadline', async (t) => {
  const stage = await startStage(t, { listener: { tls: LISTENER, header_timeout: '10m' } });
  const silent = [await rawConnection(t, stage.http), await rawConnection(t, stage.grpc)];
  await Promise.all([stage.http.close(AbortSignal.abort()), stage.grpc.close(AbortSignal.abort())]);
  await Promise.all(silent.map(({ closed }) => closed));
  t.pass();
});

test('new files are in use a minute after they changed, and bad ones are not', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const [cert_file, key_file] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const use = async (name: string) => {
    await copyFile(file(`${name}.crt`), cert_file);
    await copyFile(file(`${name}.key`), key_file);
  };
  await use('listener');
  const clock = createTestClock();
  const stage = await startStage(t, { clock, listener: { tls: { cert_file, key_file } } });
  const listener = await serialOf(stage.grpc.port);
  await use('other');
  clock.advance(60_000);
  for (const { port } of [stage.grpc, stage.http]) {
    while ((await serialOf(port)) === listener);
  }
  const other = await serialOf(stage.grpc.port);
  await writeFile(cert_file, 'half a certific');
  clock.advance(60_000);
  while (stage.unusable.length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.is(await serialOf(stage.http.port), other);
  t.is(await serialOf(stage.grpc.port), other);
});

/** Serial number of the certificate that a port shows. */
function serialOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

test('a bearer token is asked for on both ports', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-token-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'token');
  await writeFile(path, 's3cret\n');
  const stage = await startStage(t, { listener: { tls: LISTENER, bearer_token_file: path } });
  const session = connectH2(`https://127.0.0.1:${stage.grpc.port}`, (await client()) as object);
  t.teardown(() => session.destroy());
  for (const [authorization, status, httpStatus] of [
    ['Bearer s3cret', '0', 200],
    ['Bearer wrong', '16', 401],
    ['Basic s3cret', '16', 401],
  ] as const) {
    t.is((await call(session, frame(Buffer.from('x')), { authorization })).status, status);
    const headers = { 'content-type': 'application/x-protobuf', authorization };
    t.is(await post(stage.http.port, { ...(await client()), headers } as ConnectionOptions), httpStatus);
  }
  t.is(await post(stage.http.port, await client()), 401);
  const wrong = 'the bearer token is wrong: bearer_token_file of this listener holds another one';
  const scheme = 'a bearer token is needed: authorization must begin with "Bearer "';
  const missing = 'a bearer token is needed: send the header "authorization: Bearer TOKEN"';
  t.deepEqual(stage.told, [wrong, wrong, scheme, scheme, missing]);
});
