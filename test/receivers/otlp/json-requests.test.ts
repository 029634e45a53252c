/** @module Requests in OTLP/JSON become protobuf that has its room and may be kept for long. */
import test from 'ava';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { ReceivingRoom } from '../../../pipeline/net/receiving-room.ts';
import { MalformedJson, MetricsRequest, readSpans, TraceRequest } from '../../../pipeline/wire/otlp-spans.ts';
import { createJsonReading, NoRoomForJson } from '../../../receivers/otlp/json-requests.ts';
import { createTestClock } from '../../kit/clock.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };
const LONG = 200_000;

function stage(roomBytes = 2 ** 24, request = TraceRequest) {
  const room = new ReceivingRoom(roomBytes);
  return { room, read: createJsonReading(request, LIMITS, { turns: new Turns(createTestClock()), room }) };
}

const named = (name: string) => Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"${name}"}]}]}]}`);

for (const [what, padding] of [
  ['text that is mostly white space', ' '.repeat(100_000)],
  ['dense text', ''],
] as const) {
  test(`what ${what} is in protobuf keeps no much larger buffer alive`, async (t) => {
    const span = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708', name: 'a' };
    const spans = JSON.stringify(Array.from({ length: 10 }, () => span));
    const text = `{"resourceSpans":[{"scopeSpans":[{${padding}"spans":${spans}}]}]}`;
    const { bytes } = await stage().read(Buffer.from(text));
    t.is(readSpans(bytes, LIMITS).count, 10);
    t.true(bytes.buffer.byteLength <= 2 * bytes.length + 1024, `${bytes.buffer.byteLength} for ${bytes.length}`);
  });
}

test('protobuf takes room until it is released', async (t) => {
  const { room, read } = stage();
  const { bytes, release } = await read(named('a'.repeat(LONG)));
  t.true(bytes.length > LONG);
  t.is(room.bytes, bytes.length);
  release();
  t.is(room.bytes, 0);
});

test('a request that turns out to be malformed or too much leaves no room taken', async (t) => {
  const { room, read } = stage();
  await t.throwsAsync(read(Buffer.concat([named('a'.repeat(LONG)), Buffer.from('!')])), { instanceOf: MalformedJson });
  t.is(room.bytes, 0);
});

test('where others have the room, a request is to come again; what would never fit is too much for good', async (t) => {
  const body = named('a'.repeat(LONG));
  const { room, read } = stage(2 * LONG + 1000);
  const bodyBytes = body.length;
  room.take(bodyBytes + LONG / 2);
  t.like(await t.throwsAsync(read(Buffer.from(body)), { instanceOf: NoRoomForJson }), { isForGood: false });
  t.is(room.bytes, bodyBytes + LONG / 2);
  room.give(LONG / 2);
  const { release } = await read(body);
  release();
  const numbers = Buffer.from(
    `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"explicitBounds":[${'1,'.repeat(LONG / 2)}1]}]}}]}]}]}`,
  );
  const small = stage(3 * LONG, MetricsRequest);
  const others = numbers.length + LONG / 8;
  small.room.take(others);
  t.like(await t.throwsAsync(small.read(numbers), { instanceOf: NoRoomForJson }), { isForGood: true });
  t.is(small.room.bytes, others);
});

/** A body in a buffer of its own, as servers hand them on. */
const owned = (bytes: Uint8Array) => new Uint8Array(bytes);

for (const [what, text, error] of [
  ['it is protobuf', named('a'.repeat(LONG)), undefined],
  ['it turned out to be malformed', Buffer.concat([named('a'.repeat(LONG)), Buffer.from('!')]), MalformedJson],
  ['there was no room for its protobuf', named('a'.repeat(9 * LONG)), NoRoomForJson],
] as const) {
  test(`JSON is freed, and lets go of its room, once, when ${what}`, async (t) => {
    const { room, read } = stage(16 * LONG);
    const body = owned(text);
    const { length } = body;
    room.take(length);
    let times = 0;
    const reading = read(body, () => {
      t.is(body.buffer.byteLength, 0, 'freed before its room is free');
      times += 1;
      room.give(length);
    });
    if (error === undefined) {
      const { bytes, release } = await reading;
      t.is(room.bytes, bytes.length, 'only the protobuf has room');
      t.is(readSpans(bytes, LIMITS).count, 1);
      release();
    } else await t.throwsAsync(reading, { instanceOf: error });
    t.is(times, 1);
    t.is(room.bytes, 0);
  });
}

test('JSON that is a part of a larger buffer leaves that as it is', async (t) => {
  const text = named('abc');
  const larger = Buffer.alloc(text.length + 1, text);
  const before = Buffer.from(larger);
  await stage().read(larger.subarray(0, text.length));
  t.deepEqual(larger, before);
});
