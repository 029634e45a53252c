/**
 * @module Unary calls of gRPC to one peer: bytes out, and a status with bytes in, or why there is none.
 *
 * The only importer of `@grpc/grpc-js`. Nothing is tried again here: whoever calls owns the repeats and the time. While
 * no connection stands, each call connects anew, with names looked up and TLS files read again, so that a peer that is
 * back is found by the next call.
 */
import { Buffer } from 'node:buffer';
import {
  type ChannelOptions,
  Client,
  type ClientUnaryCall,
  compressionAlgorithms,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import type { Clock } from '../clock/clock.ts';
import { errorText } from '../errors.ts';
import { localFailure } from './grpc-failure.ts';
import type { TlsClientOptions } from './http-client.ts';
import { USER_AGENT } from './http-post.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

/** Pings on a connection that calls wait on (grpc/proposal A8). */
export interface GrpcKeepalive {
  /** Silence after which a ping is sent, and how long its answer may take, milliseconds. */
  readonly timeMs: number;
  readonly timeoutMs: number;
  /** Pings also while no call waits. */
  readonly permitWithoutStream: boolean;
}

export interface GrpcClientOptions {
  /** `host:port`; the host is a name or an address, IPv6 in brackets. */
  readonly address: string;
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
  /** No connection: refused, unreachable, unknown name, TLS not accepted. */
  | 'connect'
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

/** A client that is not connected yet. */
export const createGrpcClient: CreateGrpcClient = (options) => new Caller(options);

/** TLS files are compared with those in use after this long, so that a connection that lasts takes up new ones, too. */
const FILES_AGE_MS = 60_000;
/** Waits between the library's own attempts to connect, for calls that wait for a connection. */
const FIRST_RECONNECT_MS = 500;
const LONGEST_RECONNECT_MS = 3000;
const NOTHING = new Uint8Array(0);
const CLOSED: GrpcFailure = {
  kind: 'failure',
  reason: 'closed',
  error: 'the exporter was stopped',
  mayHaveArrived: false,
};

class Caller implements GrpcClient {
  readonly #options: GrpcClientOptions;
  readonly #metadata: Metadata;
  #connection: Connection | null = null;
  #opening: Promise<Connection | string> | null = null;
  #filesReadMs = 0;
  readonly #running = new Set<RunningCall>();
  #closed = false;

  constructor(options: GrpcClientOptions) {
    this.#options = options;
    this.#metadata = metadataOf(options);
  }

  async check(): Promise<string | null> {
    const { tls } = this.#options;
    const read = tls === null ? null : await readTlsFiles(tls);
    return typeof read === 'string' ? read : null;
  }

  async call(path: string, body: Uint8Array): Promise<GrpcResult> {
    const { clock, timeoutMs } = this.#options;
    const deadlineMs = clock.monoMs() + timeoutMs;
    const connection = await this.#usable();
    if (this.#closed) return CLOSED;
    if (typeof connection === 'string')
      return { kind: 'failure', reason: 'tls_file', error: connection, mayHaveArrived: false };
    return new Promise((resolve) => {
      const running = new RunningCall(connection, (result) => {
        timer.cancel();
        this.#running.delete(running);
        resolve(result);
      });
      const timer = clock.after(deadlineMs - clock.monoMs(), () => running.expire(timeoutMs));
      this.#running.add(running);
      running.start(path, body, this.#metadata);
    });
  }

  /** The connection that stands or is being made, or a new one; a text says what is wrong with the TLS files. */
  async #usable(): Promise<Connection | string> {
    const current = this.#connection;
    if (current?.isUsable && !this.#filesAreDue) return current;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  get #filesAreDue(): boolean {
    const { tls, clock } = this.#options;
    return tls !== null && clock.monoMs() - this.#filesReadMs >= FILES_AGE_MS;
  }

  /** Files that cannot be read do no harm to a connection that stands. */
  async #open(): Promise<Connection | string> {
    const { tls, clock } = this.#options;
    this.#filesReadMs = clock.monoMs();
    const files = tls === null ? null : await readTlsFiles(tls);
    const current = this.#connection;
    if (current?.isUsable && (typeof files === 'string' || current.hasFiles(files))) return current;
    if (typeof files === 'string') return files;
    current?.retire();
    this.#connection = null;
    try {
      const opened = new Connection(this.#options, files);
      if (this.#closed) opened.retire();
      else this.#connection = opened;
      return opened;
    } catch (error) {
      return `cannot use the TLS files: ${errorText(error)}`;
    }
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#running) call.end(CLOSED);
    this.#connection?.retire();
    this.#connection = null;
  }
}

/** A channel of the library with its connections, closed when nobody needs it any more. */
class Connection {
  readonly client: Client;
  /** As the peer's addresses are written while no connection to one of them is chosen. */
  readonly target: string;
  readonly #files: string;
  #calls = 0;
  #isRetired = false;

  constructor(options: GrpcClientOptions, files: TlsClientOptions | null) {
    this.#files = JSON.stringify(files);
    this.client = new Client(`dns:${options.address}`, credentialsOf(files), channelOptions(options, files));
    this.target = this.client.getChannel().getTarget();
    // From here on `IDLE` says that a connection was there, and is no more.
    this.client.getChannel().getConnectivityState(true);
  }

  hasFiles(files: TlsClientOptions | null): boolean {
    return this.#files === JSON.stringify(files);
  }

  /** A call may be sent, or will be soon. */
  get isReady(): boolean {
    return this.client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  get isUsable(): boolean {
    if (this.#isRetired) return false;
    const state = this.client.getChannel().getConnectivityState(false);
    return state === connectivityState.READY || state === connectivityState.CONNECTING;
  }

  enter(): void {
    this.#calls += 1;
  }

  leave(): void {
    this.#calls -= 1;
    this.#closeWhenDone();
  }

  /** No further calls; those that run come to their end. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#isRetired && this.#calls === 0) this.client.close();
  }
}

/** One call; tells its end once. */
class RunningCall {
  readonly #connection: Connection;
  readonly #onEnd: (result: GrpcResult) => void;
  #call: ClientUnaryCall | null = null;
  #answered = false;
  #over = false;

  constructor(connection: Connection, onEnd: (result: GrpcResult) => void) {
    this.#connection = connection;
    this.#onEnd = onEnd;
    connection.enter();
  }

  start(path: string, body: Uint8Array, metadata: Metadata): void {
    try {
      const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const call = this.#connection.client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, (error, answer) =>
        this.#finish(error === null ? answerOf(answer) : this.#told(call, error)),
      );
      this.#call = call;
      call.on('metadata', () => {
        this.#answered = true;
      });
    } catch (error) {
      this.#finish({ kind: 'failure', reason: 'lost', error: errorText(error), mayHaveArrived: false });
    }
  }

  /** A peer that does not answer may be gone without a word: what follows connects anew. */
  expire(timeoutMs: number): void {
    const mayHaveArrived = this.#connection.isReady;
    this.#connection.retire();
    this.end({ kind: 'failure', reason: 'timeout', error: `no answer within ${timeoutMs / 1000}s`, mayHaveArrived });
  }

  end(failure: GrpcFailure): void {
    this.#call?.cancel();
    this.#finish(failure);
  }

  #told(call: ClientUnaryCall, error: ServiceError): GrpcResult {
    const { code, details: message, metadata } = error;
    const connected = call.getPeer() !== this.#connection.target;
    const failure = localFailure({ code, message, connected, answered: this.#answered });
    if (failure !== null) return { kind: 'failure', ...failure };
    return { kind: 'answer', code, message, details: detailsOf(metadata), body: NOTHING };
  }

  #finish(result: GrpcResult): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.leave();
    this.#onEnd(result);
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function answerOf(body: Buffer | undefined): GrpcAnswer {
  return { kind: 'answer', code: 0, message: '', details: NOTHING, body: body ?? NOTHING };
}

function detailsOf(metadata: Metadata): Uint8Array {
  const [details] = metadata.get('grpc-status-details-bin');
  return details instanceof Uint8Array ? details : NOTHING;
}

function metadataOf({ headers, timeoutMs, waitForReady }: GrpcClientOptions): Metadata {
  const metadata = new Metadata({ waitForReady });
  for (const [name, value] of headers) if (name !== 'user-agent') metadata.set(name, value);
  metadata.set('grpc-timeout', timeoutText(timeoutMs));
  return metadata;
}

/** At most 8 digits and a unit (grpc/grpc `doc/PROTOCOL-HTTP2.md`, Timeout). */
function timeoutText(timeoutMs: number): string {
  const ms = Math.ceil(timeoutMs);
  return ms < 1e8 ? `${ms}m` : `${Math.min(Math.ceil(ms / 1000), 99_999_999)}S`;
}

function credentialsOf(files: TlsClientOptions | null) {
  if (files === null) return credentials.createInsecure();
  const { ca, key, cert, insecureSkipVerify } = files;
  const any = { rejectUnauthorized: false, checkServerIdentity: () => undefined };
  return credentials.createSsl(pem(ca), pem(key), pem(cert), insecureSkipVerify ? any : {});
}

function pem(text: string | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text);
}

function channelOptions(options: GrpcClientOptions, files: TlsClientOptions | null): ChannelOptions {
  const { authority, balancer, compression, headers, keepalive, maxAnswerBytes } = options;
  const { gzip, identity } = compressionAlgorithms;
  return {
    'grpc.primary_user_agent': headers.get('user-agent') ?? USER_AGENT,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ [balancer]: {} }] }),
    'grpc.service_config_disable_resolution': 1,
    'grpc.default_compression_algorithm': compression === 'gzip' ? gzip : identity,
    'grpc.max_receive_message_length': maxAnswerBytes,
    'grpc.max_send_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS,
    'grpc.max_reconnect_backoff_ms': LONGEST_RECONNECT_MS,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    ...(authority === '' ? {} : { 'grpc.default_authority': authority }),
    ...(files?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': files.serverName }),
    ...(keepalive === null ? {} : keepaliveOptions(keepalive)),
  };
}

function keepaliveOptions({ timeMs, timeoutMs, permitWithoutStream }: GrpcKeepalive): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': timeMs,
    'grpc.keepalive_timeout_ms': timeoutMs,
    'grpc.keepalive_permit_without_calls': permitWithoutStream ? 1 : 0,
  };
}
