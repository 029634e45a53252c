/** @module Why the gRPC server of receivers does not take a call, and what it tells the caller. */
import type { FrameProblem } from '../wire/grpc/frame.ts';
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import { printableShort } from '../wire/printable.ts';
import { type IngestRefusal, NO_ROOM } from './ingest.ts';
import { CODECS } from './unpack.ts';

/** Value of `grpc-accept-encoding`. */
export const ACCEPTED = ['identity', ...CODECS].join(',');

export const DAMAGED = refusal('damaged', 'the message is no whole compressed stream');
export const BAD_TIMEOUT = refusal(
  'bad_timeout',
  'grpc-timeout is no number of at most 8 digits with a unit of H, M, S, m, u, n',
);
export const TOO_LATE: IngestRefusal = {
  reason: 'too_late',
  code: GRPC_STATUS.deadlineExceeded,
  message: 'the deadline of the call passed before its message was here',
};
export const NO_CODEC = refusal('no_encoding', 'the message is compressed, and grpc-encoding does not say how');
const BAD_FRAMES: Readonly<Record<Exclude<FrameProblem, 'too_large'>, IngestRefusal>> = {
  cut: refusal('cut', 'the message is shorter than its head says'),
  several: refusal('several', 'there is more than one message in a unary call'),
  bad_flag: refusal('bad_flag', 'the first byte of the frame is neither 0 nor 1'),
};

function refusal(reason: string, message: string): IngestRefusal {
  return { reason, code: GRPC_STATUS.internal, message };
}

/** What is wrong with the frames of a call, or too much in them. `maxBytes`: longest message. */
export function frameRefusal(problem: FrameProblem | 'no_room', maxBytes: number): IngestRefusal {
  if (problem === 'no_room') return NO_ROOM;
  if (problem !== 'too_large') return BAD_FRAMES[problem];
  const message = `the message is larger than ${maxBytes} bytes (max_recv_msg_size_mib); send less at once`;
  return { reason: 'too_large', code: GRPC_STATUS.resourceExhausted, message };
}

export function unauthenticated(message: string): IngestRefusal {
  return { reason: 'unauthenticated', code: GRPC_STATUS.unauthenticated, message };
}

/** `known`: paths that are served. */
export function unknownMethod(path: string, known: Iterable<string>): IngestRefusal {
  const message = `nothing here takes ${printableShort(path, 100)}, only ${[...known].join(', ')}`;
  return { reason: 'unimplemented', code: GRPC_STATUS.unimplemented, message };
}

export function unknownCodec(encoding: string): IngestRefusal {
  const message = `grpc-encoding "${printableShort(encoding, 40)}" is not one of ${ACCEPTED}`;
  return { reason: 'unknown_encoding', code: GRPC_STATUS.unimplemented, message };
}
