/** @module Answers of the `otlp` receiver: partial successes as protobufjs reads them by the public schema, and as JSON has them. */
import test from 'ava';
import type protobuf from 'protobufjs';
import { jsonAnswers, PROTO_ANSWERS, resultOf } from '../../../receivers/otlp/answers.ts';
import { REQUEST_TYPE, TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';

const SERVICES = [
  ['metrics', REQUEST_TYPE, 'ExportMetricsServiceResponse', 'rejectedDataPoints'],
  ['traces', TRACE_REQUEST_TYPE, 'ExportTraceServiceResponse', 'rejectedSpans'],
] as const;
const CASES: readonly (readonly [rejected: number, message: string])[] = [
  [3, 'of no mesh'],
  [0, 'a warning, ünd ☃'],
  [2 ** 40, ''],
];

for (const [signal, request, name, rejectedName] of SERVICES) {
  const response = (request.parent as protobuf.Namespace).lookupType(name);
  for (const [rejected, message] of CASES) {
    const partialSuccess = {
      ...(rejected > 0 ? { [rejectedName]: String(rejected) } : {}),
      ...(message === '' ? {} : { errorMessage: message }),
    };

    test(`${signal}: ${rejected} rejected with "${message}" is that by the schema, in both forms`, (t) => {
      const read = response.decode(PROTO_ANSWERS.success(rejected, message));
      t.deepEqual(response.toObject(read, { longs: String }), { partialSuccess });
      const json: unknown = JSON.parse(Buffer.from(jsonAnswers(rejectedName).success(rejected, message)).toString());
      t.deepEqual(json, { partialSuccess: { errorMessage: '', ...partialSuccess } });
    });
  }

  test(`${signal}: a whole success sets nothing`, (t) => {
    t.is(PROTO_ANSWERS.success(0, '').length, 0);
    t.is(Buffer.from(jsonAnswers(rejectedName).success(0, '')).toString(), '{}');
  });
}

test('what is to come again is UNAVAILABLE and says when, what is refused for good is INTERNAL', (t) => {
  t.like(resultOf({ kind: 'retry', reason: 'queue_full', afterMs: 1500 }, PROTO_ANSWERS), {
    refusal: { reason: 'busy', code: 14, retryAfterMs: 1500 },
  });
  const refused = resultOf({ kind: 'rejected', reason: 'broken' }, PROTO_ANSWERS);
  t.deepEqual(refused, { refusal: { reason: 'rejected', code: 13, message: 'Permanent error: broken' } });
});
