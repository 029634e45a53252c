/**
 * @module `google.rpc.Status` as an answer that refuses: in protobuf with RetryInfo in its details, and as OTLP's JSON.
 *
 * Sources: googleapis `google/rpc/status.proto`, `google/rpc/error_details.proto` (RetryInfo), `google/protobuf/any.proto`,
 * `duration.proto`; open-telemetry/opentelemetry-proto `docs/specification.md` (failures, throttling).
 */
import { MessageBuilder } from '../protobuf/message-builder.ts';
import type { GrpcStatus } from './status.ts';

/** Why a request was not taken. */
export interface RpcStatus {
  readonly code: GrpcStatus;
  /** For people. */
  readonly message: string;
  /** When to come again, milliseconds from now; absent: do not. */
  readonly retryAfterMs?: number;
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

/** Status { code = 1, message = 2, details = 3 }; details hold RetryInfo when there is a time to come again. Allocates. */
export function encodeRpcStatus({ code, message, retryAfterMs }: RpcStatus): Uint8Array {
  const status = new MessageBuilder().varint(1, code).text(2, message);
  if (retryAfterMs !== undefined) status.message(3, retryDetail(retryAfterMs));
  return status.take();
}

/** Any { type_url = 1, value = 2 } of RetryInfo { retry_delay = 1 } of Duration { seconds = 1, nanos = 2 }. */
function retryDetail(retryAfterMs: number): Uint8Array {
  const wholeMs = Math.max(0, Math.ceil(retryAfterMs));
  const duration = new MessageBuilder();
  if (wholeMs >= 1000) duration.varint(1, Math.floor(wholeMs / 1000));
  if (wholeMs % 1000 > 0) duration.varint(2, (wholeMs % 1000) * 1e6);
  const info = new MessageBuilder().message(1, duration.take()).take();
  return new MessageBuilder().text(1, RETRY_INFO).message(2, info).take();
}

/** Code and message as OTLP/HTTP answers them to JSON. */
export function rpcStatusJson({ code, message }: RpcStatus): string {
  return JSON.stringify({ code, message });
}
