/** @module RetryInfo in the details of a status, written by protobufjs and read by Weir. */
import test from 'ava';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { retryDelayMs } from '../../../../pipeline/wire/grpc/retry-info.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
`);
const STATUS = root.lookupType('Status');
const RETRY_INFO = root.lookupType('RetryInfo');
const TYPE = 'type.googleapis.com/google.rpc.RetryInfo';

function detail(retryDelay: object | undefined, typeUrl = TYPE) {
  return { typeUrl, value: RETRY_INFO.encode(RETRY_INFO.fromObject({ retryDelay })).finish() };
}

function status(...details: object[]): Uint8Array {
  return STATUS.encode(STATUS.fromObject({ code: 8, message: 'come later', details })).finish();
}

for (const [name, bytes, expected] of [
  ['seconds', status(detail({ seconds: 7 })), 7000],
  ['seconds and nanoseconds, rounded up to whole milliseconds', status(detail({ seconds: 1, nanos: 1_500_001 })), 1002],
  ['a delay of nothing', status(detail({})), 0],
  ['no delay in it', status(detail(undefined)), 0],
  ['no value at all', status({ typeUrl: TYPE }), 0],
  ['a negative delay', status(detail({ seconds: -3, nanos: -5 })), 0],
  ['another server of types', status(detail({ seconds: 2 }, 'types.example.com/x/google.rpc.RetryInfo')), 2000],
  ['behind other details', status({ typeUrl: 'a/google.rpc.DebugInfo', value: [1, 2] }, detail({ seconds: 3 })), 3000],
  ['twice: the first', status(detail({ seconds: 4 }), detail({ seconds: 5 })), 4000],
  ['another type', status(detail({ seconds: 7 }, 'type.googleapis.com/google.rpc.Retry')), null],
  ['no details', status(), null],
  ['no bytes', new Uint8Array(0), null],
  ['bytes that are no message', Uint8Array.of(0x1a, 0xff, 0xff, 0xff), null],
  [
    'the value before its type',
    Uint8Array.of(
      0x1a,
      34,
      0x12,
      4,
      0x0a,
      2,
      8,
      9,
      0x0a,
      26,
      ...Buffer.from('a/b/google.rpc.RetryInfo'.padStart(26, '/')),
    ),
    9000,
  ],
] as const) {
  test(`${name}: ${expected === null ? 'none' : `${expected} ms`}`, (t) => {
    t.is(retryDelayMs(bytes), expected);
  });
}

test('any delay comes back; cut anywhere it is the delay, or none, and never throws', (t) => {
  fc.assert(
    fc.property(fc.nat(10_000_000), fc.nat(999), fc.nat(), (seconds, ms, cut) => {
      const whole = status(detail({ seconds, nanos: ms * 1_000_000 }));
      t.is(retryDelayMs(whole), seconds * 1000 + ms);
      const part = retryDelayMs(whole.subarray(0, cut % whole.length));
      t.is(part, null);
    }),
  );
});
