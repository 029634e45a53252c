/**
 * @module Unary calls of gRPC to one peer: bytes out, and a status with bytes in, or why there is none.
 *
 * The only importer of `@grpc/grpc-js`. Nothing is tried again here: whoever calls owns the repeats and the time. While
 * no connection stands, each call connects anew, with names looked up and TLS files read again, so that a peer that is
 * back is found by the next call. Proxies named in the environment are not used.
 */
import { Buffer } from 'node:buffer';
import {
  CallCredentials,
  ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientUnaryCall,
  compressionAlgorithms,
  connectivityState,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { errorText } from '../errors.ts';
import type {
  CreateGrpcClient,
  GrpcAnswer,
  GrpcClient,
  GrpcClientOptions,
  GrpcFailure,
  GrpcKeepalive,
  GrpcResult,
} from './grpc-call.ts';
import { localFailure } from './grpc-failure.ts';
import { GrpcSockets } from './grpc-sockets.ts';
import { USER_AGENT } from './http-post.ts';
import { readTlsFiles } from './tls-files.ts';

/** A client that is not connected yet. */
export const createGrpcClient: CreateGrpcClient = (options) => new Caller(options);

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
    if (this.#closed) return CLOSED;
    const { clock, timeoutMs } = this.#options;
    const connection = this.#usable();
    return new Promise((resolve) => {
      const running = new RunningCall(connection, (result) => {
        timer.cancel();
        this.#running.delete(running);
        resolve(result);
      });
      const timer = clock.after(timeoutMs, () => running.expire(timeoutMs));
      this.#running.add(running);
      running.start(path, body, this.#metadata);
    });
  }

  /** The connection that stands or is being made, or a new one. */
  #usable(): Connection {
    if (this.#connection?.isUsable) return this.#connection;
    this.#connection?.retire();
    this.#connection = new Connection(this.#options);
    return this.#connection;
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
  /** What the library gives as the peer's address while no connection is chosen. */
  readonly target: string;
  readonly #sockets: GrpcSockets;
  #calls = 0;
  #isRetired = false;

  constructor(options: GrpcClientOptions) {
    const { host, port, tls } = options;
    this.#sockets = new GrpcSockets(host, tls);
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    this.client = new Client(`dns:${address}`, new OwnSockets(this.#sockets), channelOptions(options));
    this.target = this.client.getChannel().getTarget();
    // From here on `IDLE` says that a connection was there, and is no more.
    this.#state(true);
  }

  #state(connect = false): connectivityState {
    return this.client.getChannel().getConnectivityState(connect);
  }

  /** Calls are sent at once. */
  get isReady(): boolean {
    return this.#state() === connectivityState.READY;
  }

  get isUsable(): boolean {
    return !this.#isRetired && (this.isReady || this.#state() === connectivityState.CONNECTING);
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
    if (!this.#isRetired || this.#calls > 0) return;
    this.client.close();
    this.#sockets.close();
  }
}

/** Has the library use sockets as they are given. */
class OwnSockets extends ChannelCredentials {
  readonly #sockets: GrpcSockets;

  constructor(sockets: GrpcSockets) {
    super();
    this.#sockets = sockets;
  }

  override compose(): ChannelCredentials {
    return this;
  }

  override _isSecure(): boolean {
    return this.#sockets.isSecure;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): ReturnType<ChannelCredentials['_createSecureConnector']> {
    return {
      connect: async (socket) => ({ socket: await this.#sockets.secured(socket), secure: this.#sockets.isSecure }),
      waitForReady: async () => {},
      getCallCredentials: () => CallCredentials.createEmpty(),
      destroy: () => {},
    };
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

function channelOptions(options: GrpcClientOptions): ChannelOptions {
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
