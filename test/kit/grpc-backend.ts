/** @module A gRPC server of the stock library in the place of an OTLP backend: remembers calls, answers as a test says. */
import {
  type Metadata,
  type MetadataValue,
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServerUnaryCall,
  type ServiceError,
  Metadata as StockMetadata,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { ExecutionContext } from 'ava';
import { encodeRpcStatus } from '../../pipeline/wire/grpc/rpc-status.ts';
import type { GrpcStatus } from '../../pipeline/wire/grpc/status.ts';

export const METRICS = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
export const TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** One call that arrived whole. */
export interface ReceivedCall {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** Unpacked. */
  readonly body: Buffer;
  /** `:authority`. */
  readonly host: string;
  /** Address and port it came from, one for each connection. */
  readonly peer: string;
  /** Clock reading of the test when it arrived; see `GrpcBackend.now`. */
  readonly atMs: number;
}

/** A status, or the message of a success, empty by default. `retryAfterMs` makes RetryInfo of it. */
export interface GrpcAnswer {
  readonly code?: number;
  readonly message?: string;
  readonly retryAfterMs?: number;
  readonly body?: Uint8Array;
}

export interface GrpcBackendOptions {
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer; readonly clientCa?: Buffer };
  readonly port?: number;
  readonly options?: ServerOptions;
}

const asIs = (bytes: Buffer) => bytes;
const METHOD = {
  requestStream: false,
  responseStream: false,
  requestDeserialize: asIs,
  requestSerialize: asIs,
  responseDeserialize: asIs,
  responseSerialize: asIs,
} as const;

export class GrpcBackend {
  readonly received: ReceivedCall[] = [];
  /** What happens to the call with this number, from 0: an answer, one later, or none ever. Default: an empty success. */
  react: (call: ReceivedCall, number: number) => GrpcAnswer | 'hang' | Promise<GrpcAnswer> = () => ({});
  /** Read for `ReceivedCall.atMs`. */
  now: () => number = () => 0;
  mostInFlight = 0;
  readonly port: number;
  /** Ends all connections and listens no more. */
  readonly stop: () => void;
  #inFlight = 0;

  private constructor(port: number, stop: () => void) {
    this.port = port;
    this.stop = stop;
  }

  /** `host:port`, as the `otlp` exporter wants it. */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Listens until the test ends; with `port` there again. */
  static async start(t: ExecutionContext, { tls, port = 0, options = {} }: GrpcBackendOptions = {}) {
    let backend: GrpcBackend | null = null;
    const server = new Server(options);
    for (const path of [METRICS, TRACES])
      server.addService(
        { Export: { ...METHOD, path } },
        {
          Export: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
            backend?.handle(path, call, answer),
        },
      );
    const credentials = tls === undefined ? ServerCredentials.createInsecure() : secure(tls);
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) => (error === null ? resolve(at) : reject(error)));
    });
    const stop = () => server.forceShutdown();
    t.teardown(stop);
    backend = new GrpcBackend(bound, stop);
    return backend;
  }

  /** Distinct connections that calls came over. */
  get connections(): number {
    return new Set(this.received.map(({ peer }) => peer)).size;
  }

  handle(path: string, call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void {
    this.#inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
    const received = {
      path,
      metadata: new Map(Object.entries(call.metadata.getMap())),
      body: call.request,
      host: call.getHost(),
      peer: call.getPeer(),
      atMs: this.now(),
    };
    call.on('cancelled', () => {
      this.#inFlight -= 1;
    });
    const reaction = this.react(received, this.received.push(received) - 1);
    if (reaction === 'hang') return;
    if (reaction instanceof Promise) {
      void reaction.then((late) => perform(late, answer));
      return;
    }
    this.#inFlight -= 1;
    perform(reaction, answer);
  }
}

function secure({ cert, key, clientCa }: NonNullable<GrpcBackendOptions['tls']>): ServerCredentials {
  return ServerCredentials.createSsl(
    clientCa ?? null,
    [{ cert_chain: cert, private_key: key }],
    clientCa !== undefined,
  );
}

function perform({ code = 0, message = '', retryAfterMs, body }: GrpcAnswer, answer: sendUnaryData<Buffer>): void {
  if (code === 0) {
    answer(null, Buffer.from(body ?? []));
    return;
  }
  const metadata: Metadata = new StockMetadata();
  if (retryAfterMs !== undefined) {
    const status = encodeRpcStatus({ code: code as GrpcStatus, message, retryAfterMs });
    metadata.set('grpc-status-details-bin', Buffer.from(status));
  }
  answer({ code, details: message, metadata } as Partial<ServiceError>);
}
