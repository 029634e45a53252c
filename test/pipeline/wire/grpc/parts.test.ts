/** @module Frames, statuses and timeouts of gRPC as they stand in bytes and headers. */
import test from 'ava';
import fc from 'fast-check';
import { frameOf, MessageGatherer } from '../../../../pipeline/wire/grpc/frame.ts';
import { encodeRpcStatus, rpcStatusJson } from '../../../../pipeline/wire/grpc/rpc-status.ts';
import { encodeMessage, GRPC_STATUS, type GrpcStatus, httpStatusOf } from '../../../../pipeline/wire/grpc/status.ts';
import { readTimeoutMs } from '../../../../pipeline/wire/grpc/timeout.ts';

test('a message comes out of its frame whole, however the frame is cut into pieces', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.array(fc.nat(3005), { maxLength: 8 }), (message, cuts) => {
      const frame = frameOf(message);
      const gatherer = new MessageGatherer(3000);
      const places = [0, ...cuts.map((cut) => Math.min(cut, frame.length)).sort((a, b) => a - b), frame.length];
      for (let i = 1; i < places.length; i++)
        t.is(gatherer.add(Buffer.from(frame.subarray(places[i - 1], places[i]))), null);
      t.is(gatherer.bytes, frame.length);
      t.deepEqual(Buffer.from(gatherer.take() as Uint8Array), Buffer.from(message));
    }),
  );
});

for (const [name, bytes, problem] of [
  ['a message of one byte too many', [0, 0, 0, 0, 11], 'too_large'],
  ['the longest length there is', [0, 255, 255, 255, 255], 'too_large'],
  ['a flag of 2', [2, 0, 0, 0, 0], 'bad_flag'],
  ['a byte behind the message', [0, 0, 0, 0, 1, 7, 7], 'several'],
] as const) {
  test(`${name} is told as soon as it shows`, (t) => {
    const gatherer = new MessageGatherer(10);
    const told = bytes.map((byte) => gatherer.add(Buffer.from([byte])));
    t.deepEqual(told, [...bytes.slice(1).map(() => null), problem]);
  });
}

test('a frame without its end, or without its head, is cut', (t) => {
  for (const bytes of [[], [0, 0], [0, 0, 0, 0, 2, 1]]) {
    const gatherer = new MessageGatherer(10);
    gatherer.add(Buffer.from(bytes));
    t.is(gatherer.take(), 'cut');
  }
});

for (const [text, ms] of [
  [undefined, Number.POSITIVE_INFINITY],
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3000],
  ['250m', 250],
  ['1500u', 1.5],
  ['0n', 0],
  ['99999999S', 99_999_999_000],
  ['100000000S', null],
  ['', null],
  ['5', null],
  ['5s', null],
  ['-5S', null],
  ['1.5S', null],
] as const) {
  test(`a timeout of ${text ?? 'nothing'} is ${ms ?? 'none'}`, (t) => {
    t.is(readTimeoutMs(text), ms);
  });
}

test('a status message is percent-encoded outside printable ASCII', (t) => {
  t.is(encodeMessage('plain text: ~ok'), 'plain text: ~ok');
  t.is(encodeMessage('50 % ü\n\u{1f600}'), '50 %25 %C3%BC%0A%F0%9F%98%80');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      t.regex(encodeMessage(text), /^[\x20-\x7e]*$/);
      t.is(decodeURIComponent(encodeMessage(text)), text);
    }),
  );
});

/** The OpenTelemetry Collector's map, `receiver/otlpreceiver/internal/errors`. */
const HTTP: readonly (readonly [keyof typeof GRPC_STATUS, number])[] = [
  ['ok', 200],
  ['cancelled', 503],
  ['deadlineExceeded', 503],
  ['aborted', 503],
  ['outOfRange', 503],
  ['unavailable', 503],
  ['dataLoss', 503],
  ['resourceExhausted', 429],
  ['invalidArgument', 400],
  ['unauthenticated', 401],
  ['permissionDenied', 403],
  ['unimplemented', 404],
  ['unknown', 500],
  ['internal', 500],
  ['notFound', 500],
];

for (const [name, status] of HTTP) {
  test(`${name} is ${status} over HTTP`, (t) => {
    t.is(httpStatusOf(GRPC_STATUS[name]), status);
  });
}

for (const [retryAfterMs, duration] of [
  [0, ''],
  [1, '10c0843d'],
  [1000, '0801'],
  [90_061, '085a10c0928b1d'],
  [0.2, '10c0843d'],
] as const) {
  test(`a delay of ${retryAfterMs} ms stands in the details as RetryInfo`, (t) => {
    const bytes = Buffer.from(encodeRpcStatus({ code: GRPC_STATUS.unavailable, message: 'busy', retryAfterMs }));
    const url = 'type.googleapis.com/google.rpc.RetryInfo';
    const delay = Buffer.from(duration, 'hex');
    const info = Buffer.concat([Buffer.from([0x0a, delay.length]), delay]);
    const any = Buffer.concat([
      Buffer.from([0x0a, url.length]),
      Buffer.from(url),
      Buffer.from([0x12, info.length]),
      info,
    ]);
    const head = Buffer.concat([
      Buffer.from([0x08, 14, 0x12, 4]),
      Buffer.from('busy'),
      Buffer.from([0x1a, any.length]),
    ]);
    t.deepEqual(bytes, Buffer.concat([head, any]));
  });
}

test('a refusal that is final has no details, and in JSON its code is a number', (t) => {
  const refusal = { code: GRPC_STATUS.invalidArgument satisfies GrpcStatus, message: 'no' };
  t.deepEqual(Buffer.from(encodeRpcStatus(refusal)), Buffer.from([0x08, 3, 0x12, 2, 0x6e, 0x6f]));
  t.deepEqual(JSON.parse(rpcStatusJson(refusal)), { code: 3, message: 'no' });
});
