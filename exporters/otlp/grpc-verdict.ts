/**
 * @module What a call over OTLP/gRPC means for what was sent: taken, to be sent again, or never to be sent again.
 *
 * Source: open-telemetry/opentelemetry-proto `docs/specification.md` (OTLP/gRPC: Failures, OTLP/gRPC Throttling).
 */
import type { GrpcAnswer, GrpcFailure, GrpcResult } from '../../pipeline/net/grpc-call.ts';
import { retryDelayMs } from '../../pipeline/wire/grpc/retry-info.ts';
import { GRPC_STATUS } from '../../pipeline/wire/grpc/status.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { readPartialSuccess } from './answer.ts';
import { UNKNOWN_REST, UNREADABLE_ANSWER, type Verdict } from './verdict.ts';

/** Longest text of a backend in a message. */
const LONGEST_TEXT = 400;

/** grpc/grpc `doc/statuscodes.md`, by number. */
const NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** Statuses after which the same request is sent again; RESOURCE_EXHAUSTED is one only when it says when. */
const RETRIED: ReadonlySet<number> = new Set([
  GRPC_STATUS.cancelled,
  GRPC_STATUS.deadlineExceeded,
  GRPC_STATUS.aborted,
  GRPC_STATUS.outOfRange,
  GRPC_STATUS.unavailable,
  GRPC_STATUS.dataLoss,
]);
/** Those by which a backend says that it has too much to do. */
const THROTTLING: ReadonlySet<number> = new Set([GRPC_STATUS.unavailable, GRPC_STATUS.resourceExhausted]);
/** Those under which servers refuse a message for its size: OUT_OF_RANGE is Rust's. */
const SIZE_STATUSES: ReadonlySet<number> = new Set([GRPC_STATUS.resourceExhausted, GRPC_STATUS.outOfRange]);
/**
 * How the servers of gRPC say so, compressed or not: "message … larger than max" (Go, C, JavaScript), "decompresses to a
 * size larger than" (JavaScript), "exceeds maximum size" and "exceeds the maximum configured message size" (Java, .NET),
 * "message length too large" and "size limit … exceeded" (Rust), "send less at once" and "send fewer at once" (Weir).
 */
const TOO_LARGE =
  /message (?:after decompression )?larger than max|decompresses to a size larger than|exceeds (?:the )?maximum (?:configured message )?size|message length too large|size limit[^.]* exceeded|send (?:less|fewer) at once/i;

/** The verdict on one call. Pure. */
export function grpcVerdictOf(result: GrpcResult): Verdict {
  if (result.kind === 'failure') return verdictOfFailure(result);
  if (result.code === GRPC_STATUS.ok) return verdictOfSuccess(result);
  return verdictOfRefusal(result);
}

function verdictOfFailure({ reason, error, mayHaveArrived }: GrpcFailure): Verdict {
  const text = printableShort(error, LONGEST_TEXT);
  if (reason === 'bad_answer') return unreadable(text);
  return { kind: 'transient', reason, error: text, arrived: mayHaveArrived ? 'maybe' : 'no' };
}

function verdictOfSuccess({ body }: GrpcAnswer): Verdict {
  const partial = readPartialSuccess(body, 'proto');
  return partial === null ? unreadable(`${body.length} bytes`) : { kind: 'accepted', ...partial };
}

function unreadable(why: string): Verdict {
  const error = `the call succeeded, but its message is no answer of OTLP: ${why}; ${UNKNOWN_REST}`;
  return { kind: 'permanent', reason: UNREADABLE_ANSWER, error };
}

function verdictOfRefusal(answer: GrpcAnswer): Verdict {
  const { code, message, details } = answer;
  const error = refusalText(answer);
  if (SIZE_STATUSES.has(code) && TOO_LARGE.test(message)) return { kind: 'too_large', error };
  const delayMs = retryDelayMs(details);
  const comesAgain = RETRIED.has(code) || (code === GRPC_STATUS.resourceExhausted && delayMs !== null);
  if (!comesAgain) return { kind: 'permanent', reason: reasonOf(code), error };
  return {
    kind: 'transient',
    reason: reasonOf(code),
    error,
    // Who asks to come again has not taken it; any other may be one on the way that lost the answer.
    arrived: delayMs === null ? 'maybe' : 'no',
    ...(delayMs === null ? {} : { afterMs: delayMs }),
    ...(THROTTLING.has(code) ? { throttled: true } : {}),
  };
}

/** A constant word for each status there is. */
function reasonOf(code: number): string {
  return `grpc_${(NAMES[code] ?? 'other').toLowerCase()}`;
}

function refusalText({ code, message }: GrpcAnswer): string {
  const name = NAMES[code] ?? `status ${code}`;
  const text = printableShort(message.trim(), LONGEST_TEXT);
  const hint = code === GRPC_STATUS.unimplemented ? ' (is that the port of OTLP/gRPC, usually 4317?)' : '';
  return `${text === '' ? name : `${name}: ${text}`}${hint}`;
}
