/**
 * @module Statuses of gRPC: their numbers, how they stand in trailers, and their twins in HTTP.
 *
 * Sources: grpc/grpc `doc/statuscodes.md` and `doc/PROTOCOL-HTTP2.md` (Status-Message), and the OpenTelemetry Collector's
 * `receiver/otlpreceiver/internal/errors` (the HTTP statuses).
 */
import { Buffer } from 'node:buffer';

/** Numbers of the statuses that Weir uses or tells apart. */
export const GRPC_STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type GrpcStatus = (typeof GRPC_STATUS)[keyof typeof GRPC_STATUS];

const HTTP_OF: ReadonlyMap<number, number> = new Map([
  [GRPC_STATUS.invalidArgument, 400],
  [GRPC_STATUS.unauthenticated, 401],
  [GRPC_STATUS.permissionDenied, 403],
  [GRPC_STATUS.unimplemented, 404],
  [GRPC_STATUS.resourceExhausted, 429],
  [GRPC_STATUS.cancelled, 503],
  [GRPC_STATUS.deadlineExceeded, 503],
  [GRPC_STATUS.aborted, 503],
  [GRPC_STATUS.outOfRange, 503],
  [GRPC_STATUS.unavailable, 503],
  [GRPC_STATUS.dataLoss, 503],
]);

/** The HTTP status under which OTLP/HTTP tells a status of gRPC. */
export function httpStatusOf(status: GrpcStatus): number {
  return status === GRPC_STATUS.ok ? 200 : (HTTP_OF.get(status) ?? 500);
}

/** `text` as `grpc-message` carries it: bytes outside printable ASCII, and `%`, as `%XX` of their UTF-8. */
export function encodeMessage(text: string): string {
  let out = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    out += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
