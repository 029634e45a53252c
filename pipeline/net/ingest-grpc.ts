/**
 * @module The gRPC server of receivers: unary calls whose messages stay bytes, on Node's HTTP/2, with every limit enforced
 * while bytes arrive (docs/adr/0011-own-grpc-server.md).
 *
 * Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, `doc/compression.md`.
 */
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../clock/clock.ts';
import { FRAME_HEAD_BYTES, frameOf } from '../wire/grpc/frame.ts';
import { encodeRpcStatus } from '../wire/grpc/rpc-status.ts';
import { encodeMessage } from '../wire/grpc/status.ts';
import { readTimeoutMs } from '../wire/grpc/timeout.ts';
import { ArrivingCall } from './arriving-call.ts';
import { BodyWatch } from './body-watch.ts';
import { endAtWrongPort, FirstBytes } from './first-bytes.ts';
import {
  ACCEPTED,
  BAD_TIMEOUT,
  DAMAGED,
  frameRefusal,
  NO_CODEC,
  TOO_LATE,
  unauthenticated,
  unknownCodec,
  unknownMethod,
} from './grpc-refusals.ts';
import { createHttp2Server, type Http2Options } from './http2-server.ts';
import { DEFECT, type IngestEvents, type IngestRefusal, type IngestResult, type IngestServer } from './ingest.ts';
import { tellFailedHandshakes } from './ingest-tls.ts';
import { authorizationProblem, type ListenerFiles, readListenerFiles, tlsPairOf } from './listener-files.ts';
import { limitConnections, listenOn, type OpenConnections } from './listening.ts';
import { peerOf } from './peer.ts';
import type { ReceivingRoom } from './receiving-room.ts';
import { SessionWatch } from './session-watch.ts';
import { CODECS, type Codec } from './unpack.ts';
import { Unpacker } from './unpacking.ts';

/** Takes a whole message, which belongs to it. May throw: the client then gets INTERNAL without details. */
export type GrpcMethod = (message: Uint8Array) => Promise<IngestResult>;

export interface GrpcIngestOptions extends Http2Options {
  readonly clock: Clock;
  readonly room: ReceivingRoom;
  /** Longest message, as it comes and unpacked, bytes. */
  readonly maxMessageBytes: number;
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** Port of OTLP over HTTP, for clients that took this one for it; null while there is none. */
  readonly otherPort?: () => number | null;
  readonly events: IngestEvents;
}

/** Bytes a client may send ahead on a connection. */
const SESSION_WINDOW_BYTES = 8 << 20;
/** How long (ms) what comes behind an early answer is thrown away, so that the client gets to read the answer. */
const LINGER_MS = 2000;

/** Binds and listens. Rejects with a message that names key, address and mend when it cannot. */
export async function startGrpcIngest(options: GrpcIngestOptions): Promise<IngestServer> {
  const { config, key, events } = options;
  const files = await readListenerFiles({ ...options, fileUnusable: events.fileUnusable });
  try {
    const ingest = new GrpcIngest(options, files);
    const server = await createHttp2Server(options, files);
    server.on('stream', (stream, headers) => ingest.handle(stream as ServerHttp2Stream, headers));
    server.on('session', (session) => ingest.open(session));
    const first = firstBytes(server, options, files);
    tellFailedHandshakes(server, events, 'http_at_grpc');
    // Without an application protocol in its handshake: Node answers, and ends the connection.
    server.on('unknownProtocol', (socket: TLSSocket) => endAtWrongPort(socket, 'http_at_grpc', options));
    server.on('sessionError', (_, session: ServerHttp2Session) => events.closed('http2', '', peerOf(session.socket)));
    const connections = limitConnections(server, { config, refused: events.closed });
    const port = await listenOn(server, key, config.endpoint);
    return { host: config.endpoint.host, port, close: closer(server, { files, ingest, connections, first }) };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Only where there is no TLS, which does that itself. */
function firstBytes(server: Http2Server, options: GrpcIngestOptions, files: ListenerFiles): FirstBytes | null {
  if (tlsPairOf(files) !== null) return null;
  return new FirstBytes(server, options, options.config.header_timeout);
}

interface Closing {
  readonly files: ListenerFiles;
  readonly ingest: GrpcIngest;
  readonly connections: OpenConnections;
  readonly first: FirstBytes | null;
}

function closer(server: Http2Server, { files, ingest, connections, first }: Closing): IngestServer['close'] {
  let closed: Promise<void> | null = null;
  return (deadline) => {
    closed ??= new Promise((resolve) => {
      files.close();
      const cut = () => {
        ingest.cut();
        connections.cut();
      };
      server.close(() => {
        deadline.removeEventListener('abort', cut);
        ingest.end();
        resolve();
      });
      first?.drain();
      ingest.drain();
      if (deadline.aborted) cut();
      else deadline.addEventListener('abort', cut, { once: true });
    });
    return closed;
  };
}

class GrpcIngest {
  readonly #options: GrpcIngestOptions;
  readonly #files: ListenerFiles;
  readonly #watch: BodyWatch;
  readonly #unpacker: Unpacker;
  readonly #idle: SessionWatch<unknown>;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: GrpcIngestOptions, files: ListenerFiles) {
    const { clock, config } = options;
    this.#options = options;
    this.#files = files;
    this.#unpacker = new Unpacker(options.room);
    this.#watch = new BodyWatch(clock, config.min_rate, config.request_timeout);
    this.#idle = new SessionWatch(clock, { firstCallMs: config.header_timeout, idleMs: config.idle_timeout });
  }

  open(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    this.#idle.opened(session, (hadCall) => {
      if (!hadCall) this.#options.events.closed('no_call');
      session.destroy();
    });
    session.on('close', () => {
      this.#sessions.delete(session);
      this.#idle.closed(session);
    });
    session.on('error', () => {});
  }

  /** Calls under way go on, new ones are told to go elsewhere. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  end(): void {
    this.#watch.close();
    this.#idle.close();
  }

  handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => {});
    if (stream.destroyed) return;
    const { session } = stream;
    this.#idle.callBegan(session);
    stream.on('close', () => this.#idle.callEnded(session));
    const path = String(headers[':path'] ?? '');
    const method = this.#options.methods.get(path);
    const encoding = String(headers['grpc-encoding'] ?? 'identity').toLowerCase();
    const problem = authorizationProblem(this.#files, headers.authorization);
    if (headers[':method'] !== 'POST' || !isGrpc(headers['content-type'])) this.#noGrpc(stream, path);
    else if (problem !== '') this.#refuse(stream, path, unauthenticated(problem), 0);
    else if (method === undefined) this.#refuse(stream, path, unknownMethod(path, this.#options.methods.keys()), 0);
    else if (encoding !== 'identity' && !CODECS.has(encoding)) this.#refuse(stream, path, unknownCodec(encoding), 0);
    else this.#time(stream, headers, path, encoding === 'identity' ? null : (encoding as Codec), method);
  }

  #time(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    path: string,
    codec: Codec | null,
    method: GrpcMethod,
  ): void {
    const timeoutMs = readTimeoutMs(headers['grpc-timeout']?.toString());
    if (timeoutMs === null) this.#refuse(stream, path, BAD_TIMEOUT, 0);
    else this.#receive(this.#callOf(stream, timeoutMs), stream, path, codec, method);
  }

  #callOf(stream: ServerHttp2Stream, timeoutMs: number): ArrivingCall {
    const { room, maxMessageBytes, clock, events } = this.#options;
    return new ArrivingCall(room, maxMessageBytes, { beganMonoMs: clock.monoMs(), timeoutMs }, () => {
      events.closed('min_rate');
      this.#idle.callWasSlow(stream.session);
      stream.close(TOO_SLOW);
      this.#watchEnd(stream);
    });
  }

  #receive(call: ArrivingCall, stream: ServerHttp2Stream, path: string, codec: Codec | null, method: GrpcMethod): void {
    this.#watch.add(call);
    stream.on('data', (piece: Buffer) => {
      const problem = call.isOver ? null : call.add(piece);
      if (problem !== null)
        this.#refuse(stream, path, frameRefusal(problem, this.#options.maxMessageBytes), call.end());
    });
    stream.on('end', () => {
      this.#watch.remove(call);
      if (!call.isOver) void this.#whole(call, stream, path, codec, method);
    });
    stream.on('close', () => {
      this.#watch.remove(call);
      if (!call.isWhole && !call.isOver) this.#options.events.ended(path, 'broke_off', call.end());
    });
  }

  async #whole(
    call: ArrivingCall,
    stream: ServerHttp2Stream,
    path: string,
    codec: Codec | null,
    method: GrpcMethod,
  ): Promise<void> {
    try {
      const message = await this.#message(call, codec);
      if (!(message instanceof Uint8Array)) this.#refuse(stream, path, message, call.bytes);
      // Who has gone sends the same again, or wants it no more.
      else if (stream.destroyed) this.#options.events.ended(path, 'broke_off', call.bytes);
      else if (call.isLate(this.#options.clock.monoMs())) this.#refuse(stream, path, TOO_LATE, call.bytes);
      else this.#answer(stream, path, await method(message), call.bytes);
    } catch (error) {
      this.#options.events.failed(path, error);
      this.#refuse(stream, path, DEFECT, call.bytes);
    } finally {
      call.end();
    }
  }

  async #message(call: ArrivingCall, codec: Codec | null): Promise<Uint8Array | IngestRefusal> {
    const { message, compressed } = call.take();
    if (!(message instanceof Uint8Array)) return frameRefusal(message, this.#options.maxMessageBytes);
    if (!compressed) return message;
    if (codec === null) return NO_CODEC;
    const unpacked = await this.#unpacker.unpack(message, codec, this.#options.maxMessageBytes);
    if (unpacked === 'damaged') return DAMAGED;
    if (!(unpacked instanceof Uint8Array)) return frameRefusal(unpacked, this.#options.maxMessageBytes);
    call.took(unpacked.length);
    return unpacked;
  }

  #answer(stream: ServerHttp2Stream, path: string, result: IngestResult, bytes: number): void {
    if ('refusal' in result) {
      this.#refuse(stream, path, result.refusal, bytes);
      return;
    }
    this.#options.events.ended(path, '', bytes);
    if (stream.destroyed || stream.closed) return;
    stream.respond(SUCCESS_HEADERS, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(result.body.length === 0 ? EMPTY_FRAME : frameOf(result.body));
    this.#watchEnd(stream);
  }

  /** A client that does not read the end of its call loses its connection: nothing else would ever end that. */
  #watchEnd(stream: ServerHttp2Stream): void {
    const { clock, events } = this.#options;
    const unread = {
      beganMonoMs: clock.monoMs(),
      bytes: Number.POSITIVE_INFINITY,
      tooSlow: () => {
        events.closed('unread');
        stream.session?.destroy();
      },
    };
    this.#watch.add(unread);
    stream.on('close', () => this.#watch.remove(unread));
  }

  /** Ends a call with its status alone, and wants no more of what it may still send. */
  #refuse(stream: ServerHttp2Stream, path: string, refusal: IngestRefusal, bytes: number): void {
    const refused = { peer: peerOf(stream.session?.socket), message: refusal.message };
    this.#options.events.ended(path, refusal.reason, bytes, refused);
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    const { code, message, retryAfterMs } = refusal;
    const details = retryAfterMs === undefined ? {} : { 'grpc-status-details-bin': detailsOf(refusal) };
    const status = { 'grpc-status': String(code), 'grpc-message': encodeMessage(message), ...details };
    stream.respond({ ...SUCCESS_HEADERS, ...status }, { endStream: true });
    this.#discard(stream);
  }

  /**
   * Reads on for a while what nobody wants: a client that sees its call end does so itself. A reset at once would reach it
   * before the answer does.
   */
  #discard(stream: ServerHttp2Stream): void {
    this.#watchEnd(stream);
    if (stream.readableEnded) return;
    const timer = this.#options.clock.after(LINGER_MS, () => stream.close(NO_ERROR));
    stream.on('close', () => timer.cancel());
    stream.resume();
  }

  #noGrpc(stream: ServerHttp2Stream, path: string): void {
    const message = 'this is no POST of application/grpc';
    this.#options.events.ended(path, 'no_grpc', 0, { peer: peerOf(stream.session?.socket), message });
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ':status': 415 }, { endStream: true });
    this.#discard(stream);
  }
}

/** NO_ERROR (RFC 9113 §8.1): the answer is complete, the rest of the request is not needed. */
const NO_ERROR = 0;
/** CANCEL (RFC 9113 §7). */
const TOO_SLOW = 8;
const SUCCESS_HEADERS = { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': ACCEPTED };
const EMPTY_FRAME = Buffer.alloc(FRAME_HEAD_BYTES);

function detailsOf(refusal: IngestRefusal): string {
  // Binary headers are base64 without padding (PROTOCOL-HTTP2, Custom-Metadata).
  return Buffer.from(encodeRpcStatus(refusal)).toString('base64').replace(/=+$/, '');
}

function isGrpc(contentType: string | undefined): boolean {
  return /^application\/grpc(?:$|[;+])/i.test(contentType ?? '');
}
