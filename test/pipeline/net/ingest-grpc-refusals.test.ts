/** @module What callers of the gRPC server of receivers are told, and which calls and connections it ends. */
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { createTestClock } from '../../kit/clock.ts';
import { call, frame, GRPC_PATH, h2, MAX_BODY_BYTES, rawConnection, startStage, until } from './ingest-stage.ts';

const BODY = Buffer.from('a message that is long enough to be compressed, compressed, compressed');

test('a message reaches its method, whatever it is compressed with, and the call succeeds', async (t) => {
  const stage = await startStage(t);
  const session = await h2(t, stage.grpc);
  t.is((await call(session, frame(BODY))).status, '0');
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    const answer = await call(session, frame(compress(BODY), 1), { 'grpc-encoding': encoding });
    t.is(answer.status, '0', encoding);
  }
  t.is((await call(session, frame(BODY), { 'grpc-encoding': 'gzip' })).status, '0', 'named, but not used');
  t.deepEqual(
    stage.bodies.map((body) => Buffer.from(body).toString()),
    Array.from({ length: 5 }, () => BODY.toString()),
  );
  t.is(stage.room.bytes, 0);
});

const REFUSALS: readonly (readonly [name: string, bytes: Buffer, headers: Record<string, string>, status: string])[] = [
  ['a length beyond the limit, told before the message comes', frame(BODY, 0, MAX_BODY_BYTES + 1), {}, '8'],
  ['a message beyond the limit', frame(Buffer.alloc(MAX_BODY_BYTES + 1)), {}, '8'],
  ['one that is too large once unpacked', frame(gzipSync(Buffer.alloc(64 << 20)), 1), { 'grpc-encoding': 'gzip' }, '8'],
  ['a flag that is neither 0 nor 1', frame(BODY, 2), {}, '13'],
  ['a message that is cut', frame(BODY, 0, BODY.length + 1), {}, '13'],
  ['no message', Buffer.alloc(0), {}, '13'],
  ['two messages', Buffer.concat([frame(BODY), frame(BODY)]), {}, '13'],
  ['a compressed message of no encoding', frame(gzipSync(BODY), 1), {}, '13'],
  ['what is no gzip', frame(BODY, 1), { 'grpc-encoding': 'gzip' }, '13'],
  ['gzip that is cut', frame(gzipSync(BODY).subarray(0, -1), 1), { 'grpc-encoding': 'gzip' }, '13'],
  ['an encoding nobody knows', frame(BODY, 1), { 'grpc-encoding': 'snappy' }, '12'],
  ['a method nobody knows', frame(BODY), { ':path': '/example.Things/Drop' }, '12'],
  ['a large message for a method nobody knows', frame(Buffer.alloc(900_000)), { ':path': '/x/y' }, '12'],
  ['a timeout that is none', frame(BODY), { 'grpc-timeout': '5 s' }, '13'],
];

for (const [name, bytes, headers, status] of REFUSALS) {
  test(`the caller gets to read the status for ${name}`, async (t) => {
    const stage = await startStage(t);
    const answer = await call(await h2(t, stage.grpc), bytes, headers);
    t.is(answer.httpStatus, 200);
    t.is(answer.status, status, answer.message);
    t.is(answer.fields['grpc-accept-encoding'], 'identity,gzip,deflate,zstd');
    t.deepEqual(stage.bodies, []);
    t.is(stage.room.bytes, 0);
  });
}

test('a length beyond the limit is refused while the message is still to come', async (t) => {
  const stage = await startStage(t);
  const answer = await call(await h2(t, stage.grpc), frame(BODY, 0, MAX_BODY_BYTES + 1), {}, true);
  t.is(answer.status, '8');
});

test('what is no gRPC is answered 415', async (t) => {
  const stage = await startStage(t);
  const session = await h2(t, stage.grpc);
  t.is((await call(session, BODY, { 'content-type': 'application/json' })).httpStatus, 415);
  t.is((await call(session, BODY, { 'content-type': 'application/grpc-web' })).httpStatus, 415);
  t.is((await call(session, BODY, { 'content-type': 'application/grpc+proto' })).status, '13');
});

test('a refusal that may be tried again says when, in google.rpc.Status', async (t) => {
  const stage = await startStage(t);
  stage.answer = async () => ({ refusal: { reason: 'busy', code: 14, message: 'voll: ü', retryAfterMs: 1500 } });
  const { status, message, details } = await call(await h2(t, stage.grpc), frame(BODY));
  t.is(status, '14');
  t.is(message, 'voll: %C3%BC');
  // Status { code 14, message, Any { RetryInfo { Duration { 1 s, 500,000,000 ns } } } }.
  const text = Buffer.from(details, 'base64');
  t.is(details.includes('='), false);
  t.true(text.includes('type.googleapis.com/google.rpc.RetryInfo'));
  t.true(text.toString('hex').endsWith(`0a0808011080cab5ee01`));
});

test('what comes at once beyond the room of all bodies is told to come again', async (t) => {
  const stage = await startStage(t, { roomBytes: 100_000 });
  const answer = await call(await h2(t, stage.grpc), frame(Buffer.alloc(200_000)));
  t.is(answer.status, '8');
  t.not(answer.details, '');
  t.deepEqual(stage.ended, ['no_room']);
  t.is(stage.room.bytes, 0);
});

test('a call whose caller no longer waits is not begun', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const session = await h2(t, stage.grpc);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/example.Things/Take',
    'content-type': 'application/grpc',
    'grpc-timeout': '500m',
  });
  stream.write(frame(BODY).subarray(0, 20));
  await until(() => stage.room.bytes === 20);
  clock.advance(501);
  stream.end(frame(BODY).subarray(20));
  const [headers] = await new Promise<[Record<string, unknown>]>((resolve) =>
    stream.on('response', (fields) => resolve([fields])),
  );
  t.is(headers['grpc-status'], '4');
  t.deepEqual(stage.bodies, []);
});

test('a body slower than the minimum rate is ended, after its first ten seconds', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const answered = call(await h2(t, stage.grpc), frame(BODY, 0, 100_000).subarray(0, 50), {}, true);
  await until(() => stage.room.bytes === 50);
  clock.advance(10_000);
  t.deepEqual(stage.closed, []);
  clock.advance(1000);
  t.deepEqual(stage.closed, ['min_rate']);
  const { resetCode } = await answered;
  t.is(resetCode, 8);
  await until(() => stage.room.bytes === 0);
});

test('a connection that begins no call is closed, whatever it sends; one that had calls may rest longer', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const silent = await rawConnection(t, stage.grpc);
  const session = await h2(t, stage.grpc);
  await call(session, frame(BODY));
  const pinging = await h2(t, stage.grpc);
  await new Promise((resolve) => pinging.ping(resolve));
  clock.advance(9000);
  await new Promise((resolve) => pinging.ping(resolve));
  clock.advance(2000);
  await silent.closed;
  t.deepEqual(stage.closed, ['no_call', 'no_call']);
  await until(() => pinging.closed || pinging.destroyed);
  t.is((await call(session, frame(BODY))).status, '0');
  clock.advance(59_000);
  t.is((await call(session, frame(BODY))).status, '0');
  clock.advance(62_000);
  await until(() => session.closed || session.destroyed);
  t.is(stage.bodies.length, 3);
});

test('a connection that resets calls without end is closed, and others go on', async (t) => {
  const stage = await startStage(t, { limits: { max_resets: 50 } });
  const other = await h2(t, stage.grpc);
  const attacker = await h2(t, stage.grpc);
  for (let i = 0; i < 5000 && !attacker.closed && !attacker.destroyed; i++) {
    const stream = attacker.request({ ':method': 'POST', ':path': GRPC_PATH, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.close(8);
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(attacker.closed || attacker.destroyed);
  await until(() => stage.closed.length > 0);
  t.deepEqual(stage.closed, ['http2']);
  t.is((await call(other, frame(BODY))).status, '0');
});

/** What opens a connection of HTTP/2 whose client leaves no room for any answer (RFC 9113 §6.5.2). */
const NO_WINDOW = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]),
]);

test('a client that never reads the end of its calls loses its connection', async (t) => {
  const clock = createTestClock();
  const stage = await startStage(t, { clock });
  const raw = await rawConnection(t, stage.grpc);
  raw.socket.write(
    Buffer.concat([NO_WINDOW, headersOf(GRPC_PATH), Buffer.from([0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0])]),
  );
  await until(() => stage.ended.length === 1);
  t.deepEqual(stage.ended, ['']);
  clock.advance(29_000);
  t.deepEqual(stage.closed, []);
  clock.advance(3000);
  await raw.closed;
  t.deepEqual(stage.closed, ['unread']);
  t.is(stage.room.bytes, 0);
});

/** A frame of headers that begins call 1. */
function headersOf(path: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  // POST, http, then :authority, :path and content-type as literals that no table keeps (RFC 7541 §6.2.2, appendix A).
  const block = Buffer.concat([
    Buffer.from([0x83, 0x86, 0x01]),
    text('x'),
    Buffer.from([0x04]),
    text(path),
    Buffer.from([0x0f, 0x10]),
    text('application/grpc'),
  ]);
  return Buffer.concat([Buffer.from([0, 0, block.length, 1, 4, 0, 0, 0, 1]), block]);
}

test('closing lets calls under way end, and takes no new ones', async (t) => {
  const stage = await startStage(t);
  const session = await h2(t, stage.grpc);
  let decide: () => void = () => {};
  stage.answer = () => new Promise((resolve) => (decide = () => resolve({ body: new Uint8Array() })));
  const answered = call(session, frame(BODY));
  await until(() => stage.bodies.length === 1);
  const gone = new Promise((resolve) => session.once('goaway', resolve));
  const closed = stage.grpc.close(new AbortController().signal);
  await gone;
  decide();
  t.is((await answered).status, '0');
  await closed;
});

test('closing cuts calls that do not end before the deadline', async (t) => {
  const stage = await startStage(t);
  const session = await h2(t, stage.grpc);
  stage.answer = () => new Promise(() => {});
  const answered = call(session, frame(BODY));
  await until(() => stage.bodies.length === 1);
  const deadline = new AbortController();
  const closed = stage.grpc.close(deadline.signal);
  deadline.abort();
  await closed;
  t.is((await answered).status, '');
});

test('closing cuts connections that never said a word', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.grpc);
  // Connections are accepted one after the other.
  await h2(t, stage.grpc);
  await stage.grpc.close(AbortSignal.abort());
  await raw.closed;
  t.pass();
});
