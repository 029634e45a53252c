/** @module What servers that take bodies share: a request that came whole, the answer it gets, and who is told what. */
import { GRPC_STATUS, type GrpcStatus } from '../wire/grpc/status.ts';

/** Why a request was not taken. `reason` is a constant word for metrics, `message` is for its sender. */
export interface IngestRefusal {
  readonly reason: string;
  readonly code: GrpcStatus;
  readonly message: string;
  /** When to come again, milliseconds; absent: do not. */
  readonly retryAfterMs?: number;
  /** HTTP status where it is another one than the code's. */
  readonly httpStatus?: number;
}

/** What comes of a request that arrived whole: the body of a success, or a refusal. */
export type IngestResult = { readonly body: Uint8Array } | { readonly refusal: IngestRefusal };

/**
 * Why a server ended a connection or call: too many of them, a body that is too slow, no call in `header_timeout`, a flood or
 * an error of HTTP/2 (`http2`), more requests at once than anybody sends who waits for answers (`pipelined`), an answer that
 * is not read (`unread`), what is no HTTP (`bad_http`), headers that are too
 * long, a request that is too late, a handshake of TLS that failed: because the client showed no certificate, or one that
 * is none of `client_ca_file` (`tls_foreign_certificate`), or speaks plain HTTP, or for another reason; or a client that took
 * this port for another one: gRPC at the one of HTTP, HTTP/1.1 at the one of gRPC, TLS where there is none.
 */
export type IngestClosing =
  | 'max_connections'
  | 'max_connections_per_address'
  | 'min_rate'
  | 'no_call'
  | 'http2'
  | 'pipelined'
  | 'unread'
  | 'bad_http'
  | 'headers_too_large'
  | 'timeout'
  | 'tls_no_certificate'
  | 'tls_foreign_certificate'
  | 'tls_plain_http'
  | 'grpc_at_http'
  | 'http_at_grpc'
  | 'tls_at_plain'
  | 'tls';

/** Who was refused, and what it was told. */
export interface Refused {
  /** Address of the connection, '' where it is not known any more. */
  readonly peer: string;
  /** As the client got it; may quote what it sent. */
  readonly message: string;
}

/** What servers tell; every function must not throw. */
export interface IngestEvents {
  /** A request ended; `wireBytes` of its body were read. `reason` is '' for a success; `refused` is there for what was not. */
  ended(path: string, reason: string, wireBytes: number, refused?: Refused): void;
  /**
   * A connection or call was ended by the server. `code`: what TLS calls it, where there is more to say; else ''. `peer`: its
   * address, '' where it is not known any more.
   */
  closed(why: IngestClosing, code?: string, peer?: string): void;
  /** A route threw, which is a defect. */
  failed(path: string, error: unknown): void;
  /** A file could not be used again. */
  fileUnusable(path: string, reason: string): void;
}

/** A server that listens. */
export interface IngestServer {
  readonly host: string;
  /** The port that was bound. */
  readonly port: number;
  /** Takes nothing new, waits for what runs until `deadline`, then cuts it; may be called twice. */
  close(deadline: AbortSignal): Promise<void>;
}

/** Come again soon: others are being read. */
export const NO_ROOM: IngestRefusal = {
  reason: 'no_room',
  code: GRPC_STATUS.resourceExhausted,
  message: 'too many bytes are arriving at once (max_receiving_size)',
  retryAfterMs: 1000,
};

/** Something here is wrong; details are for the log. */
export const DEFECT: IngestRefusal = { reason: 'defect', code: GRPC_STATUS.internal, message: 'failed' };
