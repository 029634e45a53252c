/** @module What the HTTP server of receivers answers, and which requests and connections it ends. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { createTestClock } from '../../kit/clock.ts';
import {
  HTTP_PATH,
  type IngestStage,
  MAX_BODY_BYTES,
  noise,
  rawConnection,
  startStage,
  until,
} from './ingest-stage.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const BODY = Buffer.from('a message that is long enough to be compressed, compressed, compressed');
const TYPE = { 'content-type': 'application/x-protobuf' };

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function post(
  { http }: IngestStage,
  body: Uint8Array,
  headers: Record<string, string> = TYPE,
  { path = HTTP_PATH, method = 'POST' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: http.port, path, method, headers, agent: false }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) });
      });
    });
    // What is refused early may be reset while the rest is still being sent.
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error);
    });
    sent.end(body);
  });
}

const ENCODINGS = [
  ['identity', (body: Buffer) => body],
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['zstd', zstdCompressSync],
] as const;

for (const [encoding, compress] of ENCODINGS) {
  test(`a body in ${encoding} is taken as it was before`, async (t) => {
    const stage = await startStage(t);
    const answer = await post(stage, compress(BODY), { ...TYPE, 'content-encoding': encoding });
    t.is(answer.status, 200);
    t.is(answer.headers['content-type'], 'application/x-protobuf');
    t.is(answer.body.length, 0);
    t.deepEqual(Buffer.from(stage.bodies[0]!), BODY);
    t.is(stage.room.bytes, 0);
  });
}

for (const [encoding, compress] of ENCODINGS.slice(1)) {
  test(`what is no whole ${encoding} is refused`, async (t) => {
    const stage = await startStage(t);
    const packed = compress(BODY);
    const spoilt = Buffer.from(packed);
    spoilt[packed.length - 3]! ^= 0xff;
    const wrong = { cut: packed.subarray(0, -1), spoilt, followed: Buffer.concat([packed, BODY]), plain: BODY };
    for (const [what, body] of Object.entries({ ...wrong, empty: Buffer.alloc(0) })) {
      const answer = await post(stage, body, { ...TYPE, 'content-encoding': encoding });
      t.is(answer.status, 400, what);
      t.is(answer.headers['content-type'], 'application/x-protobuf');
    }
    t.deepEqual(stage.bodies, []);
    t.is(stage.room.bytes, 0);
  });

  test(`a bomb of ${encoding} is refused as too large, small or large as it came`, async (t) => {
    const stage = await startStage(t);
    for (const size of [MAX_BODY_BYTES + 1, 64 << 20]) {
      const answer = await post(stage, compress(Buffer.alloc(size)), { ...TYPE, 'content-encoding': encoding });
      t.is(answer.status, 413, String(size));
    }
    const exact = await post(stage, compress(Buffer.alloc(MAX_BODY_BYTES)), { ...TYPE, 'content-encoding': encoding });
    t.is(exact.status, 200);
  });
}

const WRONG: readonly (readonly [name: string, headers: Record<string, string>, how: object, status: number])[] = [
  ['GET', TYPE, { method: 'GET' }, 405],
  ['PUT', TYPE, { method: 'PUT' }, 405],
  ['HEAD', TYPE, { method: 'HEAD' }, 405],
  ['OPTIONS, where there is no CORS', TYPE, { method: 'OPTIONS' }, 405],
  ['another path', TYPE, { path: '/v1/logs' }, 404],
  ['a path that only begins so', TYPE, { path: `${HTTP_PATH}/` }, 404],
  ['no content type', {}, {}, 415],
  ['another content type', { 'content-type': 'text/plain' }, {}, 415],
  ['an encoding nobody knows', { ...TYPE, 'content-encoding': 'br' }, {}, 400],
  ['two encodings', { ...TYPE, 'content-encoding': 'gzip, gzip' }, {}, 400],
];

for (const [name, headers, how, status] of WRONG) {
  test(`${name} is answered ${status}`, async (t) => {
    const stage = await startStage(t);
    const answer = await post(stage, BODY, headers, how);
    t.is(answer.status, status);
    t.deepEqual(stage.bodies, []);
    const isText = status === 404 || status === 405 || status === 415;
    t.is(answer.headers['content-type'], isText ? 'text/plain; charset=utf-8' : 'application/x-protobuf');
    // Browsers would take a text for what it looks like.
    t.is(answer.headers['x-content-type-options'], isText ? 'nosniff' : undefined);
    if (status === 405) t.is(answer.headers.allow, 'POST');
    if (status === 415) t.regex(answer.body.toString(), /application\/x-protobuf/);
  });
}

for (const [target, status, path = HTTP_PATH] of [
  [`http://127.0.0.1:4318${HTTP_PATH}`, 200],
  [`HTTPS://collector.example${HTTP_PATH}?a=http://b/c`, 200],
  [`http://[::1]:4318${HTTP_PATH}`, 200],
  [`${HTTP_PATH}?http://b/c`, 200],
  ['http://collector.example/v1/other', 404, '/v1/other'],
  ['http://collector.example', 404, '/'],
  ['http://collector.example?a', 404, '/'],
  [`http://me@collector.example${HTTP_PATH}`, 404, `http://me@collector.example${HTTP_PATH}`],
  [`http://${HTTP_PATH}`, 404, `http://${HTTP_PATH}`],
  [`//collector.example${HTTP_PATH}`, 404, `//collector.example${HTTP_PATH}`],
] as const) {
  test(`a request for ${target}, as clients behind a proxy write it, is answered ${status}`, async (t) => {
    const stage = await startStage(t);
    t.is((await post(stage, BODY, TYPE, { path: target })).status, status);
    t.is(stage.bodies.length, status === 200 ? 1 : 0);
    t.deepEqual(stage.paths, [path]);
  });
}

test('gzip and deflate have other names as well', async (t) => {
  const stage = await startStage(t);
  t.is((await post(stage, gzipSync(BODY), { ...TYPE, 'content-encoding': 'X-GZIP' })).status, 200);
  t.is((await post(stage, deflateSync(BODY), { ...TYPE, 'content-encoding': 'zlib' })).status, 200);
  t.deepEqual(
    stage.bodies.map((body) => Buffer.from(body)),
    [BODY, BODY],
  );
});

test('the content type may be in upper case and have parameters, the path a query', async (t) => {
  const stage = await startStage(t);
  const headers = { 'content-type': 'Application/X-Protobuf; charset=binary' };
  t.is((await post(stage, BODY, headers, { path: `${HTTP_PATH}?a=b` })).status, 200);
});

test('a body declared beyond the limit is refused unread, one that turns out so while it comes', async (t) => {
  const stage = await startStage(t);
  t.is((await post(stage, Buffer.alloc(MAX_BODY_BYTES + 1))).status, 413);
  const raw = await rawConnection(t, stage.http);
  raw.socket.write(`${head()}transfer-encoding: chunked\r\n\r\n`);
  const piece = Buffer.alloc(65_536);
  for (let i = 0; i <= MAX_BODY_BYTES / piece.length; i++) raw.socket.write(chunk(piece));
  await until(() => raw.text() !== '');
  t.regex(raw.text(), /^HTTP\/1\.1 413/);
  t.is(stage.room.bytes, 0);
});

test('a client that waits for leave gets it only when its body is wanted', async (t) => {
  const stage = await startStage(t);
  const wanted = await rawConnection(t, stage.http);
  wanted.socket.write(`${head()}expect: 100-continue\r\ncontent-length: 3\r\n\r\n`);
  await until(() => wanted.text() !== '');
  t.is(wanted.text(), 'HTTP/1.1 100 Continue\r\n\r\n');
  wanted.socket.write('abc');
  await until(() => wanted.text().includes('200 OK'));
  const unwanted = await rawConnection(t, stage.http);
  unwanted.socket.write(`${head()}expect: 100-continue\r\ncontent-length: ${MAX_BODY_BYTES + 1}\r\n\r\n`);
  await until(() => unwanted.text() !== '');
  t.regex(unwanted.text(), /^HTTP\/1\.1 413/);
});

const FRAMINGS: readonly (readonly [name: string, bytes: string, status: number])[] = [
  ['both framings', 'content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['both framings, the other first', 'transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n', 400],
  ['two lengths', 'content-length: 1\r\ncontent-length: 5\r\n\r\nabcde', 400],
  ['a length with a sign', 'content-length: +5\r\n\r\nabcde', 400],
  ['a chunk longer than any number', 'transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\na', 400],
  ['a chunk that is longer than told', 'transfer-encoding: chunked\r\n\r\n2\r\nabcde\r\n0\r\n\r\n', 400],
  ['chunks that are not the last coding', 'transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n', 400],
  ['another transfer coding beneath chunks', 'transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 400],
  ['a transfer coding nobody knows', 'transfer-encoding: xchunked\r\n\r\n0\r\n\r\n', 400],
  ['lines that end without CR', 'content-length: 0\n\n', 400],
  ['a header name with a space', 'content length: 0\r\n\r\n', 400],
  ['a header line of 64 KiB', `x: ${'y'.repeat(65_536)}\r\n\r\n`, 431],
  ['201 headers', `${'x: y\r\n'.repeat(199)}content-length: 0\r\n\r\n`, 431],
  ['1,000 headers', `${'x: y\r\n'.repeat(1000)}content-length: 0\r\n\r\n`, 431],
];

for (const [name, bytes, status] of FRAMINGS) {
  test(`${name} is answered ${status}, and nothing behind it is another request`, async (t) => {
    const stage = await startStage(t);
    const raw = await rawConnection(t, stage.http);
    raw.socket.write(head() + bytes);
    await until(() => raw.text() !== '');
    t.regex(raw.text(), new RegExp(`^HTTP/1\\.1 ${status} `));
    await raw.closed;
    // The two that Node reads are refused by their headers; what is behind these is no HTTP either.
    const told = [status === 431 ? 'headers_too_large' : 'bad_http'];
    if (!/transfer coding/.test(name)) t.deepEqual(stage.closed, told);
    t.is(raw.text().split('HTTP/1.1 ').length, 2);
    t.deepEqual(stage.bodies, []);
  });
}

test('a refusal that may be tried again says when', async (t) => {
  const stage = await startStage(t);
  for (const [code, retryAfterMs, status, seconds] of [
    [14, 1500, 503, '2'],
    [8, 10, 429, '1'],
    [14, undefined, 503, undefined],
    [13, undefined, 500, undefined],
    [3, undefined, 400, undefined],
  ] as const) {
    const when = retryAfterMs === undefined ? {} : { retryAfterMs };
    stage.answer = async () => ({ refusal: { reason: 'busy', code, message: 'not now', ...when } });
    const answer = await post(stage, BODY);
    t.is(answer.status, status);
    t.is(answer.headers['retry-after'], seconds);
    t.is(answer.body.toString(), 'not now');
  }
});

test('bodies beyond the room of all are told to come again, unpacked ones too, and the room is given back', async (t) => {
  const stage = await startStage(t, { roomBytes: 300_000 });
  const large = await post(stage, Buffer.alloc(400_000));
  t.is(large.status, 429);
  t.is(large.headers['retry-after'], '1');
  for (const size of [10_000, 40_000]) {
    const packed = gzipSync(Buffer.concat([noise(size), Buffer.alloc(400_000)]), { level: 1 });
    t.is((await post(stage, packed, { ...TYPE, 'content-encoding': 'gzip' })).status, 429);
  }
  t.is(stage.room.bytes, 0);
  t.is((await post(stage, Buffer.alloc(200_000))).status, 200);
  t.deepEqual(stage.ended, ['no_room', 'no_room', 'no_room', '']);
});

test('a body keeps its room until the pipeline has said what becomes of it', async (t) => {
  const stage = await startStage(t);
  let decide: () => void = () => {};
  stage.answer = () => new Promise((resolve) => (decide = () => resolve({ body: new Uint8Array() })));
  const packed = gzipSync(Buffer.alloc(100_000));
  const answered = post(stage, packed, { ...TYPE, 'content-encoding': 'gzip' });
  await until(() => stage.bodies.length === 1);
  t.is(stage.room.bytes, 100_000 + packed.length);
  decide();
  await answered;
  t.is(stage.room.bytes, 0);
});

test('many compressed bodies at once never take more than the room', async (t) => {
  // A machine that is busy with other tests must not let them time out.
  const patient = { header_timeout: '5m', request_timeout: '5m' };
  const stage = await startStage(t, { roomBytes: 2_500_000, listener: patient });
  let most = 0;
  stage.answer = async () => {
    most = Math.max(most, stage.room.bytes);
    return { body: new Uint8Array() };
  };
  const packed = gzipSync(Buffer.concat([noise(50_000), Buffer.alloc(900_000)]), { level: 1 });
  const headers = { ...TYPE, 'content-encoding': 'gzip' };
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(stage, packed, headers)));
  const statuses = new Set(answers.map(({ status }) => status));
  t.true(statuses.delete(200));
  t.deepEqual(
    [...statuses].filter((status) => status !== 429),
    [],
  );
  t.true(most <= 2_500_000);
  t.is(stage.room.bytes, 0);
});

test('a body of few bytes holds no large buffer', async (t) => {
  const stage = await startStage(t);
  await post(stage, BODY);
  await post(stage, gzipSync(BODY), { ...TYPE, 'content-encoding': 'gzip' });
  for (const { length, buffer } of stage.bodies) t.true(buffer.byteLength <= 2 * length + 1024);
});

test('a body slower than the minimum rate is ended, after its first ten seconds', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const slow = await rawConnection(t, stage.http);
  slow.socket.write(`${head()}content-length: 100000\r\n\r\nabc`);
  const fair = await rawConnection(t, stage.http);
  fair.socket.write(`${head()}content-length: 100000\r\n\r\n${'a'.repeat(20_000)}`);
  await until(() => stage.room.bytes === 20_003);
  clock.advance(10_000);
  t.deepEqual(stage.closed, []);
  clock.advance(1000);
  await slow.closed;
  t.deepEqual(stage.closed, ['min_rate']);
  fair.socket.write('a'.repeat(80_000));
  await until(() => fair.text().startsWith('HTTP/1.1 200'));
  t.is(stage.room.bytes, 0);
});

test('a body that breaks off is counted, and gives its room back', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.http);
  raw.socket.write(`${head()}content-length: 100\r\n\r\nabc`);
  await until(() => stage.room.bytes === 3);
  raw.socket.destroy();
  await until(() => stage.ended.length === 1);
  t.deepEqual(stage.ended, ['broke_off']);
  t.is(stage.room.bytes, 0);
});

test('connections beyond the limits are closed at once', async (t) => {
  const stage = await startStage(t, { listener: { max_connections_per_address: 2 } });
  const [first, second, third] = [
    await rawConnection(t, stage.http),
    await rawConnection(t, stage.http),
    await rawConnection(t, stage.http),
  ];
  await third.closed;
  t.deepEqual(stage.closed, ['max_connections_per_address']);
  t.false(first.socket.destroyed || second.socket.destroyed);
});

test('closing waits for what runs, and takes nothing new', async (t) => {
  const stage = await startStage(t);
  let decide: () => void = () => {};
  stage.answer = () => new Promise((resolve) => (decide = () => resolve({ body: new Uint8Array() })));
  const answered = post(stage, BODY);
  await until(() => stage.bodies.length === 1);
  const deadline = new AbortController();
  const closed = stage.http.close(deadline.signal);
  await t.throwsAsync(post(stage, BODY), { code: 'ECONNREFUSED' });
  decide();
  t.is((await answered).status, 200);
  await closed;
});

test('a connection that is kept alive ends with its answer when the server closes', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.http);
  raw.socket.write(`${head()}content-length: 3\r\n\r\nabc`);
  await until(() => raw.text() !== '');
  t.regex(raw.text(), /connection: keep-alive/i);
  raw.socket.write(`${head()}content-length: 3\r\n\r\na`);
  await until(() => stage.room.bytes === 1);
  const closed = stage.http.close(new AbortController().signal);
  raw.socket.write('bc');
  await closed;
  await raw.closed;
  const [, first = '', second = ''] = raw.text().split('HTTP/1.1 200 OK');
  t.regex(first, /connection: keep-alive/i);
  t.regex(second, /connection: close/i);
});

test('a body in chunks of one byte takes memory in proportion to its bytes', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.http);
  raw.socket.write(`${head()}transfer-encoding: chunked\r\n\r\n`);
  const before = heapBytes();
  const bytes = 200_000;
  raw.socket.write(Buffer.from('1\r\nx\r\n'.repeat(bytes)));
  await until(() => stage.room.bytes === bytes);
  // A view on each byte would take some 30 MB.
  t.true(heapBytes() - before < 12 << 20);
  raw.socket.write('0\r\n\r\n');
  await until(() => stage.bodies.length === 1);
  t.deepEqual(Buffer.from(stage.bodies[0]!), Buffer.alloc(bytes, 'x'));
});

/** What is in use once the garbage is gone. */
function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function head(): string {
  return `POST ${HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n`;
}

function chunk(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
}

/** What comes behind an early answer is thrown away for so long. */
const LINGER_MS = 2000;
const REFUSED_EARLY = `POST ${HTTP_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nabc`;

test('a client that is answered early and sends no more of its body loses its connection after a while', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const client = await rawConnection(t, stage.http);
  let isClosed = false;
  void client.closed.then(() => {
    isClosed = true;
  });
  client.socket.write(REFUSED_EARLY);
  await until(() => client.text().includes('application/x-protobuf'));
  t.regex(client.text(), /^HTTP\/1\.1 415 /);
  clock.advance(LINGER_MS - 1);
  // What is sent meanwhile is read; and who is served in between sees that the first one still stands.
  client.socket.write('def');
  t.is((await post(stage, BODY)).status, 200);
  t.false(isClosed);
  clock.advance(1);
  await client.closed;
  t.deepEqual(stage.closed, []);
});

test('a client that sends the rest of its body in time keeps its connection after an early answer', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const client = await rawConnection(t, stage.http);
  client.socket.write(REFUSED_EARLY);
  await until(() => client.text().includes('HTTP/1.1 415 '));
  client.socket.write('x'.repeat(997));
  const next = `POST ${HTTP_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n`;
  client.socket.write(next);
  await until(() => client.text().includes('HTTP/1.1 200 '));
  clock.advance(LINGER_MS);
  client.socket.write(next);
  await until(() => client.text().match(/HTTP\/1\.1 200 /g)?.length === 2);
  t.is(stage.bodies.length, 2);
});
