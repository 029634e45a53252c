/** @module Unary calls of gRPC as their users see them: what a client is given, and what a call comes to. */
import type { Clock } from '../clock/clock.ts';
import type { TlsFiles } from './tls-files.ts';

/** Pings on a connection that calls wait on (grpc/proposal A8). */
export interface GrpcKeepalive {
  /** Silence after which a ping is sent, and how long its answer may take, milliseconds. */
  readonly timeMs: number;
  readonly timeoutMs: number;
  /** Pings also while no call waits. */
  readonly permitWithoutStream: boolean;
}

export interface GrpcClientOptions {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Null: without TLS. */
  readonly tls: TlsFiles | null;
  /** `:authority` of each call; '' for the address. */
  readonly authority: string;
  /** Sent with each call; names in lower case. `user-agent` stands before that of the library. */
  readonly headers: ReadonlyMap<string, string>;
  readonly compression: 'gzip' | 'none';
  /** For a whole call, connecting included, milliseconds. */
  readonly timeoutMs: number;
  /** A call waits for a connection until its time is up, instead of failing with the first attempt to connect. */
  readonly waitForReady: boolean;
  /** Over all addresses of the name in turn, or the first that answers. */
  readonly balancer: 'round_robin' | 'pick_first';
  readonly keepalive: GrpcKeepalive | null;
  /** Longest message of an answer. */
  readonly maxAnswerBytes: number;
  readonly clock: Clock;
}

/** The peer's own word. */
export interface GrpcAnswer {
  readonly kind: 'answer';
  /** 0 is OK; grpc/grpc `doc/statuscodes.md`. */
  readonly code: number;
  readonly message: string;
  /** `grpc-status-details-bin`: a `google.rpc.Status`; empty for none. */
  readonly details: Uint8Array;
  /** The message of the answer; empty unless OK. */
  readonly body: Uint8Array;
}

/** A word for why there was no answer, or none that can be used. */
export type GrpcFailureReason =
  /** No connection: refused, unreachable, unknown name, no HTTP/2. */
  | 'connect'
  /** The peer's certificate or the handshake was not accepted. */
  | 'tls'
  /** The connection or the call ended without a status. */
  | 'lost'
  | 'timeout'
  | 'tls_file'
  /** OK, but with no message, one too long, or one that cannot be unpacked. */
  | 'bad_answer'
  | 'closed';

export interface GrpcFailure {
  readonly kind: 'failure';
  readonly reason: GrpcFailureReason;
  readonly error: string;
  /** False: the peer never began to work on it. */
  readonly mayHaveArrived: boolean;
}

export type GrpcResult = GrpcAnswer | GrpcFailure;

export interface GrpcClient {
  /** Says what is wrong with the TLS files, null when nothing is. Connects to nobody. */
  check(): Promise<string | null>;
  /**
   * One call of `/package.Service/Method`; any number at a time. `body` must not change until it has ended. Never rejects.
   */
  call(path: string, body: Uint8Array): Promise<GrpcResult>;
  /** Ends what runs, with the reason `closed`. */
  close(): void;
}

export type CreateGrpcClient = (options: GrpcClientOptions) => GrpcClient;
