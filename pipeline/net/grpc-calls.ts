/**
 * @module Unary gRPC calls received: their messages stay bytes, and every limit is enforced while these arrive.
 *
 * Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, `doc/compression.md`.
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../clock/clock.ts';
import { readTimeoutMs } from '../wire/grpc/timeout.ts';
import { ArrivingCall } from './arriving-call.ts';
import { BodyWatch } from './body-watch.ts';
import { GrpcAnswers } from './grpc-answers.ts';
import {
  BAD_TIMEOUT,
  DAMAGED,
  frameRefusal,
  NO_CODEC,
  TOO_LATE,
  unauthenticated,
  unknownCodec,
  unknownMethod,
} from './grpc-refusals.ts';
import { DEFECT, type IngestEvents, type IngestRefusal, type IngestResult } from './ingest.ts';
import type { IngestListenerConfig } from './ingest-config.ts';
import { authorizationProblem, type ListenerFiles } from './listener-files.ts';
import type { ReceivingRoom } from './receiving-room.ts';
import { SessionWatch } from './session-watch.ts';
import { CODECS, type Codec } from './unpack.ts';
import { Unpacker } from './unpacking.ts';

/** Takes a whole message, which belongs to it. May throw: the client then gets INTERNAL without details. */
export type GrpcMethod = (message: Uint8Array) => Promise<IngestResult>;

/** What all calls of one listener share. */
export interface GrpcCallsOptions {
  readonly config: IngestListenerConfig;
  readonly clock: Clock;
  readonly room: ReceivingRoom;
  /** Longest message, as it comes and unpacked, bytes. */
  readonly maxMessageBytes: number;
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  readonly events: IngestEvents;
}

/** Bytes a client may send ahead on a connection. */
const SESSION_WINDOW_BYTES = 8 << 20;
/** CANCEL (RFC 9113 §7). */
const TOO_SLOW = 8;

/** Calls of all connections of a listener; after `end` it is of no use. */
export class GrpcCalls {
  readonly #options: GrpcCallsOptions;
  readonly #files: ListenerFiles;
  readonly #watch: BodyWatch;
  readonly #answers: GrpcAnswers;
  readonly #unpacker: Unpacker;
  readonly #idle: SessionWatch<unknown>;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: GrpcCallsOptions, files: ListenerFiles) {
    const { clock, config, events } = options;
    this.#options = options;
    this.#files = files;
    this.#unpacker = new Unpacker(options.room);
    this.#watch = new BodyWatch(clock, config.min_rate, config.request_timeout);
    this.#answers = new GrpcAnswers(clock, events, this.#watch);
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
    if (headers[':method'] !== 'POST' || !isGrpc(headers['content-type'])) this.#answers.noGrpc(stream, path);
    else if (problem !== '') this.#answers.refuse(stream, path, unauthenticated(problem), 0);
    else if (method === undefined)
      this.#answers.refuse(stream, path, unknownMethod(path, this.#options.methods.keys()), 0);
    else if (encoding !== 'identity' && !CODECS.has(encoding))
      this.#answers.refuse(stream, path, unknownCodec(encoding), 0);
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
    if (timeoutMs === null) this.#answers.refuse(stream, path, BAD_TIMEOUT, 0);
    else this.#receive(this.#callOf(stream, timeoutMs), stream, path, codec, method);
  }

  #callOf(stream: ServerHttp2Stream, timeoutMs: number): ArrivingCall {
    const { room, maxMessageBytes, clock, events } = this.#options;
    return new ArrivingCall(room, maxMessageBytes, { beganMonoMs: clock.monoMs(), timeoutMs }, () => {
      events.closed('min_rate');
      this.#idle.callWasSlow(stream.session);
      stream.close(TOO_SLOW);
      this.#answers.watchEnd(stream);
    });
  }

  #receive(call: ArrivingCall, stream: ServerHttp2Stream, path: string, codec: Codec | null, method: GrpcMethod): void {
    this.#watch.add(call);
    stream.on('data', (piece: Buffer) => {
      const problem = call.isOver ? null : call.add(piece);
      if (problem !== null)
        this.#answers.refuse(stream, path, frameRefusal(problem, this.#options.maxMessageBytes), call.end());
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
      if (!(message instanceof Uint8Array)) this.#answers.refuse(stream, path, message, call.bytes);
      // Who has gone sends the same again, or wants it no more.
      else if (stream.destroyed) this.#options.events.ended(path, 'broke_off', call.bytes);
      else if (call.isLate(this.#options.clock.monoMs())) this.#answers.refuse(stream, path, TOO_LATE, call.bytes);
      else this.#answers.answer(stream, path, await method(message), call.bytes);
    } catch (error) {
      this.#options.events.failed(path, error);
      this.#answers.refuse(stream, path, DEFECT, call.bytes);
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
}

function isGrpc(contentType: string | undefined): boolean {
  return /^application\/grpc(?:$|[;+])/i.test(contentType ?? '');
}
