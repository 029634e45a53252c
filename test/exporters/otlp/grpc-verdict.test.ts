/** @module What each status of gRPC leads to, over the whole table of OTLP. */
import test from 'ava';
import fc from 'fast-check';
import { grpcVerdictOf } from '../../../exporters/otlp/grpc-verdict.ts';
import type { GrpcAnswer, GrpcFailureReason } from '../../../pipeline/net/grpc-call.ts';
import { encodeRpcStatus } from '../../../pipeline/wire/grpc/rpc-status.ts';
import type { GrpcStatus } from '../../../pipeline/wire/grpc/status.ts';
import { exportResponse } from '../../kit/otlp-reading.ts';

const NOTHING = new Uint8Array(0);

function answer(code: number, message = '', more: Partial<GrpcAnswer> = {}): GrpcAnswer {
  return { kind: 'answer', code, message, details: NOTHING, body: NOTHING, ...more };
}

function asking(code: number, retryAfterMs: number, message = ''): GrpcAnswer {
  return answer(code, message, { details: encodeRpcStatus({ code: code as GrpcStatus, message, retryAfterMs }) });
}

/** OTLP specification, "OTLP/gRPC: Failures": which codes are retryable. */
for (const [code, name, fate] of [
  [1, 'cancelled', 'again'],
  [2, 'unknown', 'never'],
  [3, 'invalid_argument', 'never'],
  [4, 'deadline_exceeded', 'again'],
  [5, 'not_found', 'never'],
  [6, 'already_exists', 'never'],
  [7, 'permission_denied', 'never'],
  [8, 'resource_exhausted', 'never'],
  [9, 'failed_precondition', 'never'],
  [10, 'aborted', 'again'],
  [11, 'out_of_range', 'again'],
  [12, 'unimplemented', 'never'],
  [13, 'internal', 'never'],
  [14, 'unavailable', 'again'],
  [15, 'data_loss', 'again'],
  [16, 'unauthenticated', 'never'],
  [17, 'other', 'never'],
] as const) {
  test(`${name} (${code}): ${fate}`, (t) => {
    const verdict = grpcVerdictOf(answer(code, 'because'));
    t.like(verdict, { kind: fate === 'again' ? 'transient' : 'permanent', reason: `grpc_${name}` });
    t.regex('error' in verdict ? verdict.error : '', /^[A-Z_]+: because|^status 17: because$/);
    if (verdict.kind === 'transient') t.is(verdict.arrived, 'maybe');
  });

  test(`${name} (${code}) with RetryInfo: ${code === 8 ? 'again' : fate}, and not before`, (t) => {
    const verdict = grpcVerdictOf(asking(code, 7000));
    if (fate === 'never' && code !== 8) t.like(verdict, { kind: 'permanent', reason: `grpc_${name}` });
    else t.like(verdict, { kind: 'transient', reason: `grpc_${name}`, afterMs: 7000, arrived: 'no' });
  });
}

test('a backend with too much to do slows other requests down as well', (t) => {
  t.like(grpcVerdictOf(answer(14)), { throttled: true });
  t.like(grpcVerdictOf(asking(8, 1000)), { throttled: true });
  t.false('throttled' in grpcVerdictOf(answer(4)));
});

test('a wait is told as it was asked for, however long', (t) => {
  t.like(grpcVerdictOf(asking(14, 1e12)), { afterMs: 1e12 });
});

/** Words of the servers there are: grpc-go, grpc core, grpc-js, grpc-java, grpc-dotnet, tonic, Weir. */
for (const [code, message] of [
  [8, 'grpc: received message larger than max (5000000 vs. 4194304)'],
  [8, 'grpc: received message after decompression larger than max 4194304'],
  [8, 'grpc: message after decompression larger than max (5007 vs. 1000)'],
  [8, 'SERVER: Received message larger than max (5000000 vs. 4194304)'],
  [8, 'Received message larger than max (200000 vs 100000)'],
  [8, 'Received message that decompresses to a size larger than 100000'],
  [8, 'gRPC message exceeds maximum size 4194304: 6027014'],
  [8, 'Decompressed gRPC message exceeds maximum size 4194304'],
  [8, 'Received message exceeds the maximum configured message size.'],
  [11, 'Error, decoded message length too large: found 8423749 bytes, the limit is: 4194304 bytes'],
  [8, 'the message is larger than 4194304 bytes (max_recv_msg_size_mib); send less at once'],
  [8, 'more than 50000 spans (max_items_per_request); send fewer at once'],
  [8, 'Error decompressing: size limit, of 1048576 bytes, exceeded while decompressing message'],
] as const) {
  test(`too large: ${message}`, (t) => {
    t.deepEqual(grpcVerdictOf(answer(code, message)), {
      kind: 'too_large',
      error: `${code === 8 ? 'RESOURCE_EXHAUSTED' : 'OUT_OF_RANGE'}: ${message}`,
    });
  });
}

test('the words alone say nothing of the size under another status', (t) => {
  t.like(grpcVerdictOf(answer(13, 'grpc: received message larger than max (2 vs. 1)')), { kind: 'permanent' });
  t.like(grpcVerdictOf(answer(8, 'quota of the tenant exceeded')), { kind: 'permanent' });
});

test('a success rejects what its message says, and nothing when it is empty', (t) => {
  t.deepEqual(grpcVerdictOf(answer(0)), { kind: 'accepted', rejected: 0, message: '' });
  t.deepEqual(grpcVerdictOf(answer(0, '', { body: exportResponse(3, 'too old') })), {
    kind: 'accepted',
    rejected: 3,
    message: 'too old',
  });
});

test('a success with an answer that is none is not claimed as delivered, and never repeated', (t) => {
  t.like(grpcVerdictOf(answer(0, '', { body: Buffer.from('<html>') })), {
    kind: 'permanent',
    reason: 'unreadable_answer',
  });
  const failure = { kind: 'failure', reason: 'bad_answer', error: 'x', mayHaveArrived: true } as const;
  t.like(grpcVerdictOf(failure), { kind: 'permanent', reason: 'unreadable_answer' });
});

for (const reason of ['connect', 'tls', 'tls_file', 'lost', 'timeout', 'closed'] satisfies GrpcFailureReason[]) {
  test(`no answer (${reason}): again, and what may have arrived is told`, (t) => {
    for (const mayHaveArrived of [true, false])
      t.deepEqual(grpcVerdictOf({ kind: 'failure', reason, error: 'why', mayHaveArrived }), {
        kind: 'transient',
        reason,
        error: 'why',
        arrived: mayHaveArrived ? 'maybe' : 'no',
      });
  });
}

test('UNIMPLEMENTED says what is usually wrong', (t) => {
  t.like(grpcVerdictOf(answer(12)), { error: 'UNIMPLEMENTED (is that the port of OTLP/gRPC, usually 4317?)' });
});

test('whatever a backend says: texts are short and safe to print, waits are bounded, and nothing is thrown', (t) => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.string({ unit: 'binary' }),
      fc.uint8Array(),
      fc.uint8Array(),
      (code, message, details, body) => {
        const verdict = grpcVerdictOf(answer(code, message, { details, body }));
        if (verdict.kind === 'accepted') return;
        t.notRegex(verdict.error, /\p{Cc}/u);
        t.true(verdict.error.length < 4000);
        if (verdict.kind === 'transient') t.true(Number.isFinite(verdict.afterMs ?? 0) && (verdict.afterMs ?? 0) >= 0);
      },
    ),
  );
});
