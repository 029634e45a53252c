/** @module What senders are told whose requests cannot be read, hold too much, or are of another signal. */
import { type IngestRefusal, type IngestResult, NO_ROOM } from '../../pipeline/net/ingest.ts';
import { GRPC_STATUS } from '../../pipeline/wire/grpc/status.ts';
import {
  MalformedJson,
  MalformedProtobuf,
  TooManyItems,
  WrongIdInJson,
  WrongIdInProtobuf,
} from '../../pipeline/wire/otlp-spans.ts';
import { NoRoomForJson } from './json-requests.ts';

const TOO_LARGE_IN_PROTOBUF: IngestRefusal = {
  reason: 'too_large',
  code: GRPC_STATUS.resourceExhausted,
  httpStatus: 413,
  message: 'the request and what it is in protobuf take more than max_receiving_size; send less at once',
};

/** What a sender is told whose request cannot be read, or holds too much; null for what is our own defect. `hint`: what it may be, or ''. */
export function refusedFor(error: unknown, hint: string): IngestResult | null {
  if (error instanceof TooManyItems) {
    const message = `${error.message} (${error.key}); send fewer at once`;
    const reason = error.key === 'max_items_per_request' ? 'too_many_items' : 'too_many_samples';
    return { refusal: { reason, code: GRPC_STATUS.resourceExhausted, httpStatus: 413, message } };
  }
  if (error instanceof NoRoomForJson) return { refusal: error.isForGood ? TOO_LARGE_IN_PROTOBUF : NO_ROOM };
  if (!(error instanceof MalformedProtobuf || error instanceof MalformedJson)) return null;
  const message = `the request cannot be read: ${error.message}${hint === '' ? '' : `; ${hint}`}`;
  const reason = error instanceof WrongIdInProtobuf || error instanceof WrongIdInJson ? 'wrong_id' : 'malformed';
  return { refusal: { reason, code: GRPC_STATUS.invalidArgument, message } };
}

/** The answer to a request that has nothing but another signal. */
export function wrongSignal(message: string): IngestResult {
  return { refusal: { reason: 'wrong_signal', code: GRPC_STATUS.invalidArgument, message } };
}

/** A message that cannot be read is INTERNAL over gRPC, as its libraries have it, and 400 over HTTP. */
export function asGrpc(result: IngestResult): IngestResult {
  if (!('refusal' in result) || result.refusal.code !== GRPC_STATUS.invalidArgument) return result;
  return { refusal: { ...result.refusal, code: GRPC_STATUS.internal } };
}
