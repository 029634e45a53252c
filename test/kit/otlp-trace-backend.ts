/** @module A backend for traces over gRPC, by the stock library: remembers the requests that came, answers as a test says. */
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  type StatusObject,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { ExecutionContext } from 'ava';

const PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const NO_BYTES = Buffer.alloc(0);
const bytesAsTheyAre = (bytes: Buffer) => bytes;

/** A status to refuse with; null for success. */
export type GrpcReaction = Pick<StatusObject, 'code' | 'details'> | null;

export class GrpcTraceBackend {
  /** Messages, unpacked, in the order in which they arrived. */
  readonly received: Buffer[] = [];
  /** What happens to the request with this number, from 0. Default: an empty success. */
  react: (number: number) => GrpcReaction | Promise<GrpcReaction> = () => null;
  readonly port: number;

  private constructor(port: number) {
    this.port = port;
  }

  /** `host:port`, as the `otlp` exporter wants it. */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Listens on a port of its own, without TLS, until the test ends. */
  static async start(t: ExecutionContext): Promise<GrpcTraceBackend> {
    let backend: GrpcTraceBackend | null = null;
    const server = new Server();
    const definition = {
      path: PATH,
      requestStream: false,
      responseStream: false,
      requestDeserialize: bytesAsTheyAre,
      requestSerialize: bytesAsTheyAre,
      responseDeserialize: bytesAsTheyAre,
      responseSerialize: bytesAsTheyAre,
    };
    server.addService(
      { Export: definition },
      {
        Export: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
          void backend?.handle(call.request, answer),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    t.teardown(() => server.forceShutdown());
    backend = new GrpcTraceBackend(port);
    return backend;
  }

  async handle(message: Buffer, answer: sendUnaryData<Buffer>): Promise<void> {
    const refusal = await this.react(this.received.push(message) - 1);
    if (refusal === null) answer(null, NO_BYTES);
    else answer(refusal as Partial<ServiceError>);
  }
}
