/** @module The gRPC client against real servers: the stock one, and HTTP/2 by hand where a stock server behaves too well. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { GrpcClientOptions, GrpcResult } from '../../../pipeline/net/grpc-call.ts';
import { createGrpcClient } from '../../../pipeline/net/grpc-client.ts';
import { USER_AGENT } from '../../../pipeline/net/http-post.ts';
import type { TlsFiles } from '../../../pipeline/net/tls-files.ts';
import { createTestClock } from '../../kit/clock.ts';
import { GrpcBackend, METRICS } from '../../kit/grpc-backend.ts';
import { until } from '../../kit/otlp-backend.ts';

const BODY = Buffer.from('a message');
const TIMEOUT_MS = 5000;
const NO_FILES: TlsFiles = { caFile: '', certFile: '', keyFile: '', serverName: '', insecureSkipVerify: false };
const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));

function clientFor(t: ExecutionContext, port: number, options: Partial<GrpcClientOptions> = {}) {
  const clock = createTestClock();
  const client = createGrpcClient({
    host: '127.0.0.1',
    port,
    tls: null,
    authority: '',
    headers: new Map(),
    compression: 'none',
    timeoutMs: TIMEOUT_MS,
    waitForReady: false,
    balancer: 'round_robin',
    keepalive: null,
    maxAnswerBytes: 1000,
    clock,
    ...options,
  });
  t.teardown(() => client.close());
  return { clock, client, call: (body: Uint8Array = BODY) => client.call(METRICS, body) };
}

const codeOf = (result: GrpcResult) => (result.kind === 'answer' ? result.code : result.reason);

/** A TCP server whose connections are counted, and ended with the test. */
async function listen(t: ExecutionContext, server: Server | Http2Server) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** HTTP/2 by hand. */
async function listenHttp2(t: ExecutionContext, onStream: (stream: ServerHttp2Stream) => void) {
  const server = createHttp2Server();
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    onStream(stream);
  });
  return listen(t, server);
}

for (const compression of ['none', 'gzip'] as const) {
  test(`${compression}: bytes go out and come back as they are, over one connection, several calls at a time`, async (t) => {
    const backend = await GrpcBackend.start(t);
    backend.react = ({ body }) => ({ body: body.subarray(0, 3) });
    const headers = new Map([
      ['authorization', 'Bearer hunter2'],
      ['x-tenant', 'a'],
    ]);
    const { call } = clientFor(t, backend.port, { compression, headers });
    const bodies = Array.from({ length: 20 }, (_, i) => Buffer.alloc(1 + i * 7919, `${i}-`));
    const results = await Promise.all(bodies.map((body) => call(body)));
    for (const [i, result] of results.entries())
      t.deepEqual(result.kind === 'answer' && Buffer.from(result.body), bodies[i]!.subarray(0, 3));
    t.deepEqual(
      backend.received.map(({ body }) => body.toString('latin1')).sort(),
      bodies.map((body) => body.toString('latin1')).sort(),
    );
    t.is(backend.connections, 1);
    const [first] = backend.received;
    t.is(first?.host, `127.0.0.1:${backend.port}`);
    t.is(first?.metadata.get('authorization'), 'Bearer hunter2');
    t.is(first?.metadata.get('x-tenant'), 'a');
    t.true(String(first?.metadata.get('user-agent')).startsWith(`${USER_AGENT} `));
  });
}

test('what goes over the wire is smaller with gzip', async (t) => {
  const sizes: number[] = [];
  for (const compression of ['none', 'gzip'] as const) {
    let bytes = 0;
    const { port } = await listenHttp2(t, (stream) => {
      stream.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      stream.on('end', () => {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '13' },
          { endStream: true },
        );
      });
    });
    const { call } = clientFor(t, port, { compression });
    t.is(codeOf(await call(Buffer.alloc(100_000))), 13);
    sizes.push(bytes);
  }
  t.is(sizes[0], 100_005);
  t.true(sizes[1]! < 1000);
});

test('the peer is told the authority, how long there is, and the name of another program where one is given', async (t) => {
  let sent: Record<string, unknown> = {};
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    sent = headers;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
  });
  const { port } = await listen(t, server);
  await clientFor(t, port, { authority: 'otlp.example', headers: new Map([['user-agent', 'mine/1']]) }).call();
  t.like(sent, { ':authority': 'otlp.example', ':path': METRICS, 'grpc-timeout': '5000m', te: 'trailers' });
  t.regex(String(sent['user-agent']), /^mine\/1 /);
});

test('a status comes with its message and details', async (t) => {
  const backend = await GrpcBackend.start(t);
  backend.react = () => ({ code: 8, message: 'später, bitte', retryAfterMs: 1500 });
  const result = await clientFor(t, backend.port).call();
  t.like(result, { kind: 'answer', code: 8, message: 'später, bitte' });
  t.true(result.kind === 'answer' && result.details.length > 20);
});

test('nobody there: it never arrived, and the next call finds who is there again, with no wait between', async (t) => {
  const backend = await GrpcBackend.start(t);
  backend.stop();
  const { call } = clientFor(t, backend.port);
  for (let i = 0; i < 3; i++) {
    const result = await call();
    t.like(result, { kind: 'failure', reason: 'connect', mayHaveArrived: false });
    t.regex(result.kind === 'failure' ? result.error : '', /^connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
  }
  const again = await GrpcBackend.start(t, { port: backend.port });
  t.is(codeOf(await call()), 0);
  again.stop();
  const third = await GrpcBackend.start(t, { port: backend.port });
  const after = await call();
  // The end of the connection may be heard of only when the call is on its way.
  t.true(codeOf(after) === 0 || codeOf(after) === 'lost' || codeOf(after) === 'connect');
  t.is(codeOf(await call()), 0);
  t.true(third.received.length >= 1);
});

test('a name that nobody knows', async (t) => {
  const result = await clientFor(t, 1, { host: 'nowhere.invalid' }).call();
  t.like(result, { kind: 'failure', reason: 'connect', mayHaveArrived: false });
  t.regex(result.kind === 'failure' ? result.error : '', /nowhere\.invalid/);
});

test('a backend that never answers: the call ends at its time, may have arrived, and what follows connects anew', async (t) => {
  const backend = await GrpcBackend.start(t);
  backend.react = (_call, number) => (number === 0 ? 'hang' : {});
  const { call, clock } = clientFor(t, backend.port);
  const result = call();
  await until(() => backend.received.length === 1);
  clock.advance(TIMEOUT_MS - 1);
  clock.advance(1);
  t.deepEqual(await result, {
    kind: 'failure',
    reason: 'timeout',
    error: 'no answer within 5s',
    mayHaveArrived: true,
  });
  t.is(codeOf(await call()), 0);
  t.is(backend.connections, 2);
  t.is(clock.timers, 0);
});

test('a peer that takes connections and says nothing: it never arrived, and no connection stays behind', async (t) => {
  const { port, sockets } = await listen(
    t,
    createServer((socket) => socket.resume()),
  );
  const { call, clock, client } = clientFor(t, port);
  for (let i = 0; i < 5; i++) {
    const result = call();
    await until(() => sockets.size > 0, 'a connection');
    clock.advance(TIMEOUT_MS);
    t.like(await result, { kind: 'failure', reason: 'timeout', mayHaveArrived: false });
    await until(() => sockets.size === 0, 'the end of the connection');
  }
  client.close();
  t.is(clock.timers, 0);
});

test('a peer that reads nothing of a large message is left behind with its connection', async (t) => {
  const { port, sockets } = await listenHttp2(t, (stream) => stream.pause());
  const { call, clock } = clientFor(t, port);
  const result = call(Buffer.alloc(5_000_000));
  await until(() => sockets.size === 1, 'a connection');
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(TIMEOUT_MS);
  t.like(await result, { kind: 'failure', reason: 'timeout', mayHaveArrived: true });
  await until(() => sockets.size === 0, 'the end of the connection');
});

test('pings find out that a peer is gone without a word, before the call is out of time', async (t) => {
  const { port, sockets } = await listenHttp2(t, () => {
    for (const socket of sockets) socket.pause();
  });
  // The library has timers of its own for these.
  const keepalive = { timeMs: 50, timeoutMs: 50, permitWithoutStream: false };
  const { call, clock } = clientFor(t, port, { keepalive });
  t.like(await call(), { kind: 'failure', reason: 'lost', mayHaveArrived: true });
  t.is(clock.timers, 0);
});

for (const [name, text, reason] of [
  ['HTTP/1', 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n', 'connect'],
  ['something that hangs up', '', 'connect'],
] as const) {
  test(`${name} in the place of gRPC: no connection`, async (t) => {
    const { port } = await listen(
      t,
      createServer((socket) => socket.resume().end(text)),
    );
    const result = await clientFor(t, port).call();
    t.like(result, { kind: 'failure', reason, mayHaveArrived: false });
    t.true(result.kind === 'failure' && result.error !== '' && !/\d{4}-\d\d-\d\dT/.test(result.error));
  });
}

const OK = { ':status': 200, 'content-type': 'application/grpc' };
/** Headers, perhaps a message, and trailers. */
function answerBy(message: Uint8Array | null, trailers: Record<string, string> | null) {
  return (stream: ServerHttp2Stream) => {
    stream.respond(OK, { waitForTrailers: trailers !== null });
    if (trailers !== null) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(message ?? undefined);
  };
}
const EMPTY_MESSAGE = Buffer.alloc(5);

for (const [name, onStream, expected] of [
  ['the connection breaks', (stream: ServerHttp2Stream) => stream.session?.destroy(), ['lost', true]],
  ['RST_STREAM NO_ERROR', (stream: ServerHttp2Stream) => stream.close(0), ['lost', true]],
  ['RST_STREAM INTERNAL_ERROR', (stream: ServerHttp2Stream) => stream.close(2), ['lost', true]],
  ['RST_STREAM REFUSED_STREAM', (stream: ServerHttp2Stream) => stream.close(7), ['lost', false]],
  ['RST_STREAM ENHANCE_YOUR_CALM', (stream: ServerHttp2Stream) => stream.close(11), ['lost', true]],
  ['RST_STREAM CANCEL', (stream: ServerHttp2Stream) => stream.close(8), 1],
  ['a message and no status', answerBy(EMPTY_MESSAGE, null), ['lost', true]],
  ['OK without a message', answerBy(null, { 'grpc-status': '0' }), ['bad_answer', true]],
  ['OK with an empty message', answerBy(EMPTY_MESSAGE, { 'grpc-status': '0' }), 0],
  ['a page for people', answerBy(Buffer.from('<html>hello</html>'), null), ['bad_answer', true]],
  [
    'a message longer than allowed',
    answerBy(Buffer.concat([Buffer.of(0, 0, 0, 4, 0), Buffer.alloc(1024)]), { 'grpc-status': '0' }),
    ['bad_answer', true],
  ],
  [
    'a compressed message that is none',
    answerBy(Buffer.of(1, 0, 0, 0, 1, 7), { 'grpc-status': '0' }),
    ['bad_answer', true],
  ],
  ['a status behind the headers', answerBy(null, { 'grpc-status': '14', 'grpc-message': 'soon' }), 14],
  ['a status that is no number', answerBy(null, { 'grpc-status': 'x' }), ['bad_answer', true]],
  ['HTTP 503', (stream: ServerHttp2Stream) => stream.respond({ ':status': 503 }, { endStream: true }), 14],
  ['HTTP 404', (stream: ServerHttp2Stream) => stream.respond({ ':status': 404 }, { endStream: true }), 12],
] as const) {
  test(`${name}: ${JSON.stringify(expected)}`, async (t) => {
    const { port } = await listenHttp2(t, onStream);
    const result = await clientFor(t, port).call();
    if (typeof expected === 'number') t.is(codeOf(result), expected);
    else t.like(result, { kind: 'failure', reason: expected[0], mayHaveArrived: expected[1] });
  });
}

test('the word of a server for a message of ours that is too large is not taken for trouble with its answer', async (t) => {
  const backend = await GrpcBackend.start(t, { options: { 'grpc.max_receive_message_length': 1000 } });
  for (const compression of ['none', 'gzip'] as const) {
    const result = await clientFor(t, backend.port, { compression }).call(Buffer.alloc(2000));
    t.is(codeOf(result), 8);
  }
});

test('close ends what runs, and what comes later, and leaves no connection', async (t) => {
  const { port, sockets } = await listenHttp2(t, () => {});
  const { call, client, clock } = clientFor(t, port);
  const results = [call(), call(), call()];
  await until(() => sockets.size === 1, 'a connection');
  client.close();
  for (const result of await Promise.all([...results, call()])) t.like(result, { kind: 'failure', reason: 'closed' });
  client.close();
  await until(() => sockets.size === 0, 'the end of the connection');
  t.is(clock.timers, 0);
});

test('wait_for_ready: a call waits for a backend that comes within its time', async (t) => {
  const gone = await GrpcBackend.start(t);
  gone.stop();
  const { call } = clientFor(t, gone.port, { waitForReady: true });
  let isOver = false;
  const result = call().finally(() => {
    isOver = true;
  });
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
  t.false(isOver);
  await GrpcBackend.start(t, { port: gone.port });
  t.is(codeOf(await result), 0);
});

const certificate = async (name: string) => ({
  cert: await readFile(file(`${name}.crt`)),
  key: await readFile(file(`${name}.key`)),
});

test('TLS: the own authority is trusted, another one is not, nor another name, and verification can be switched off', async (t) => {
  const backend = await GrpcBackend.start(t, { tls: await certificate('listener') });
  const call = (tls: Partial<TlsFiles>, host = '127.0.0.1') =>
    clientFor(t, backend.port, { host, tls: { ...NO_FILES, ...tls } }).call();
  t.is(codeOf(await call({ caFile: file('listener.crt') })), 0);
  t.is(codeOf(await call({ caFile: file('listener.crt') }, 'localhost')), 0);
  for (const refused of [
    { caFile: file('other.crt') },
    {},
    { caFile: file('listener.crt'), serverName: 'other.example' },
  ]) {
    const result = await call(refused);
    t.like(result, { kind: 'failure', reason: 'tls', mayHaveArrived: false });
    t.regex(result.kind === 'failure' ? result.error : '', /^TLS: /);
  }
  t.is(codeOf(await call({ insecureSkipVerify: true })), 0);
  t.is(codeOf(await call({ insecureSkipVerify: true, serverName: 'other.example' })), 0);
});

test('TLS towards a peer without it, and the other way round', async (t) => {
  const plain = await GrpcBackend.start(t);
  t.is(codeOf(await clientFor(t, plain.port, { tls: NO_FILES }).call()), 'tls');
  const secure = await GrpcBackend.start(t, { tls: await certificate('listener') });
  t.is(codeOf(await clientFor(t, secure.port).call()), 'connect');
});

test('TLS: a client certificate is shown to those who ask for one; without it nothing arrives', async (t) => {
  const tls = { ...(await certificate('listener')), clientCa: await readFile(file('other.crt')) };
  const backend = await GrpcBackend.start(t, { tls });
  const caFile = file('listener.crt');
  const own = { certFile: file('other.crt'), keyFile: file('other.key') };
  t.is(codeOf(await clientFor(t, backend.port, { tls: { ...NO_FILES, caFile, ...own } }).call()), 0);
  const without = await clientFor(t, backend.port, { tls: { ...NO_FILES, caFile } }).call();
  t.is(without.kind, 'failure');
  t.is(backend.received.length, 1);
});

test('TLS: files are read at each connection, so that renewed ones are taken up; a missing one is named', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-grpc-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const caFile = join(folder, 'ca.crt');
  const backend = await GrpcBackend.start(t, { tls: await certificate('listener') });
  const { call, client } = clientFor(t, backend.port, { tls: { ...NO_FILES, caFile } });
  t.regex(String(await client.check()), /^cannot read the TLS file .*ca\.crt: ENOENT/);
  const missing = await call();
  t.like(missing, { kind: 'failure', reason: 'tls_file', mayHaveArrived: false });
  await writeFile(caFile, await readFile(file('other.crt')));
  t.is(await client.check(), null);
  t.is(codeOf(await call()), 'tls');
  await writeFile(caFile, await readFile(file('listener.crt')));
  t.is(codeOf(await call()), 0);
  await writeFile(caFile, 'no certificate');
  t.is(codeOf(await call()), 0, 'the connection that stands is kept');
});
