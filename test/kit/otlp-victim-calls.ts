/**
 * @module How attackers and good clients speak to both OTLP ports: requests, calls, frames of HTTP/2, and bytes as they are,
 * each from the address that is given.
 */
import { Agent, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect as connectH2 } from 'node:http2';
import { connect, type Socket } from 'node:net';

/** Where a victim listens. */
export interface Ports {
  readonly httpPort: number;
  readonly grpcPort: number;
}

export type Protocol = 'http' | 'grpc';
export type Signal = 'traces' | 'metrics';
/** One of the four ways in. */
export interface Door {
  readonly protocol: Protocol;
  readonly signal: Signal;
}

export const DOORS: readonly Door[] = [
  { protocol: 'http', signal: 'traces' },
  { protocol: 'http', signal: 'metrics' },
  { protocol: 'grpc', signal: 'traces' },
  { protocol: 'grpc', signal: 'metrics' },
];
export const SIGNALS: readonly Signal[] = ['traces', 'metrics'];

/** Paths of the HTTP port, and methods of the gRPC port (opentelemetry-proto, docs/specification.md and the services). */
export const PATHS: Readonly<Record<Signal, string>> = { traces: '/v1/traces', metrics: '/v1/metrics' };
export const METHODS: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
};

/** Where attackers come from: not from the address of the good clients, so that limits of an address are theirs alone. */
export const ATTACKER = '127.0.0.2';
/** Longer than any answer may take; whoever waits for so long was forgotten. */
const PATIENCE_MS = 60_000;

export interface Form {
  readonly encoding?: string;
  readonly json?: true;
}

/** A client of both ports from one address. Answers are `200` or `grpc 0`; `threw …` for none. Close it after use. */
export class Caller {
  readonly #ports: Ports;
  readonly #from: string;
  readonly #agent: Agent;
  #session: ClientHttp2Session | null = null;

  /** `keepAlive`: whether requests over HTTP share connections; calls of gRPC do. */
  constructor(ports: Ports, from: string, keepAlive = true) {
    this.#ports = ports;
    this.#from = from;
    this.#agent = new Agent({ keepAlive });
  }

  send({ protocol, signal }: Door, body: Uint8Array, form: Form = {}): Promise<string> {
    return protocol === 'http' ? this.post(signal, body, form) : this.call(signal, body, form);
  }

  post(signal: Signal, body: Uint8Array, { encoding, json }: Form = {}): Promise<string> {
    const headers = {
      'content-type': json ? 'application/json' : 'application/x-protobuf',
      'content-length': body.length,
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    };
    const { httpPort: port } = this.#ports;
    const where = { host: '127.0.0.1', port, path: PATHS[signal], method: 'POST', localAddress: this.#from };
    return new Promise((resolve) => {
      const call = httpRequest({ ...where, agent: this.#agent, headers, timeout: PATIENCE_MS }, (answer) => {
        answer.resume().on('close', () => resolve(`${answer.statusCode}`));
      });
      call.on('timeout', () => call.destroy(new Error('no answer')));
      call.on('error', (error) => resolve(`threw ${error.message}`));
      call.end(body);
    });
  }

  /** `frame` goes in the place of the one that `body` has. */
  call(signal: Signal, body: Uint8Array, { encoding, frame }: Form & { frame?: Uint8Array } = {}): Promise<string> {
    return grpcCall(this.session(), signal, frame ?? grpcFrame(body, encoding !== undefined), encoding);
  }

  /** The connection of calls, made again when the last one ended. */
  session(): ClientHttp2Session {
    if (this.#session === null || this.#session.destroyed || this.#session.closed) {
      const { grpcPort: port } = this.#ports;
      const socket = connect({ host: '127.0.0.1', port, localAddress: this.#from });
      // Node's client reads no answer while more than this waits to be sent.
      this.#session = connectH2(`http://127.0.0.1:${port}`, { createConnection: () => socket, maxSessionMemory: 100 });
      this.#session.on('error', () => {});
    }
    return this.#session;
  }

  close(): void {
    this.#agent.destroy();
    this.#session?.destroy();
    this.#session = null;
  }
}

/** Frame of one message. */
export function grpcFrame(body: Uint8Array, compressed = false, length = body.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

/** One unary call: `grpc` and the number of its status, -1 when the stream ended without one. Never throws. */
function grpcCall(
  session: ClientHttp2Session,
  signal: Signal,
  frame: Uint8Array,
  encoding: string | undefined,
): Promise<string> {
  return new Promise((resolve) => {
    let status = -1;
    const stream = session.request({
      ':method': 'POST',
      ':path': METHODS[signal],
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(encoding === undefined ? {} : { 'grpc-encoding': encoding }),
    });
    const read = (fields: Record<string, unknown>) => {
      if (fields['grpc-status'] !== undefined) status = Number(fields['grpc-status']);
    };
    stream.setTimeout(PATIENCE_MS, () => stream.destroy());
    stream
      .on('response', read)
      .on('trailers', read)
      .on('error', () => {});
    stream.on('close', () => resolve(`grpc ${status}`));
    stream.resume().end(frame);
  });
}

/** A connection from an address; errors are none of anybody's business. */
export function open(port: number, from: string): Socket {
  return connect({ host: '127.0.0.1', port, localAddress: from }).on('error', () => {});
}

/**
 * Sends bytes as they are and gives all that comes back until the far side closes, `patienceMs` have passed, or, with
 * `half`, this side has said that nothing more comes.
 */
export function rawExchange(
  port: number,
  bytes: Uint8Array | string,
  { patienceMs = 30_000, half = false, from = ATTACKER } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = open(port, from);
    const timer = setTimeout(() => {
      answer += ' and stayed open';
      socket.destroy();
    }, patienceMs);
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    if (half) socket.end(bytes);
    else socket.write(bytes);
  });
}

const NOTHING = Buffer.alloc(0);
const H2_HEAD_BYTES = 9;

/** A frame of HTTP/2 (RFC 9113 §4.1). */
export function h2Frame(type: number, flags: number, stream: number, content: Uint8Array = NOTHING): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
}

/** What begins a connection of HTTP/2: the words, and settings (RFC 9113 §3.4). */
export const H2_PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), h2Frame(4, 0, 0)]);

/**
 * Sends bytes to a port that speaks HTTP/2 and tells what comes first: `answered` for headers of an answer, `ended` for the
 * end of the stream or of the connection (RFC 9113 §6), `nothing` when `patienceMs` have passed.
 */
export function h2Outcome(port: number, bytes: Uint8Array, patienceMs = 30_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = open(port, ATTACKER);
    const came: Buffer[] = [];
    const timer = setTimeout(() => end('nothing'), patienceMs);
    const end = (outcome: string) => {
      clearTimeout(timer);
      resolve(outcome);
      socket.destroy();
    };
    socket.on('data', (piece: Buffer) => {
      came.push(piece);
      const types = h2Frames(Buffer.concat(came)).map(({ type }) => type);
      if (types.includes(1)) end('answered');
      else if (types.includes(3) || types.includes(7)) end('ended');
    });
    socket.on('close', () => end('ended'));
    socket.write(bytes);
  });
}

/** The frames that came whole. */
export function h2Frames(bytes: Buffer): { readonly type: number; readonly content: Buffer }[] {
  const frames: { type: number; content: Buffer }[] = [];
  for (let at = 0; at + H2_HEAD_BYTES <= bytes.length; ) {
    const end = at + H2_HEAD_BYTES + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({ type: bytes[at + 3]!, content: bytes.subarray(at + H2_HEAD_BYTES, end) });
    at = end;
  }
  return frames;
}

/** Headers of a call: POST, http, then :authority, :path and content-type (RFC 7541 §6.2.2 and appendix A). */
export function callHeaders(signal: Signal): Buffer {
  const path = METHODS[signal];
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x01, 1]),
    Buffer.from('x'),
    Buffer.from([0x04, path.length]),
    Buffer.from(path),
    Buffer.from([0x0f, 0x10, 'application/grpc'.length]),
    Buffer.from('application/grpc'),
  ]);
}
