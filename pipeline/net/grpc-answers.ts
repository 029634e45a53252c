/**
 * @module The ends of gRPC calls: a message, a refusal with its details, or the plain refusal of what is no gRPC; and what a
 * client may do with them.
 *
 * Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, `doc/compression.md`.
 */
import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../clock/clock.ts';
import { FRAME_HEAD_BYTES, frameOf } from '../wire/grpc/frame.ts';
import { encodeRpcStatus } from '../wire/grpc/rpc-status.ts';
import { encodeMessage } from '../wire/grpc/status.ts';
import type { BodyWatch } from './body-watch.ts';
import { ACCEPTED } from './grpc-refusals.ts';
import type { IngestEvents, IngestRefusal, IngestResult } from './ingest.ts';
import { peerOf } from './peer.ts';

/** How long (ms) what comes behind an early answer is thrown away, so that the client gets to read the answer. */
const LINGER_MS = 2000;

/** NO_ERROR (RFC 9113 §8.1): the answer is complete, the rest of the request is not needed. */
const NO_ERROR = 0;
const SUCCESS_HEADERS = { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': ACCEPTED };
const EMPTY_FRAME = Buffer.alloc(FRAME_HEAD_BYTES);

/** Ends calls, each once, and tells so. */
export class GrpcAnswers {
  readonly #clock: Clock;
  readonly #events: IngestEvents;
  readonly #watch: BodyWatch;

  /** `watch` looks after ends that nobody reads. */
  constructor(clock: Clock, events: IngestEvents, watch: BodyWatch) {
    this.#clock = clock;
    this.#events = events;
    this.#watch = watch;
  }

  /** With the message of a result; a refusal ends the call as `refuse` does. */
  answer(stream: ServerHttp2Stream, path: string, result: IngestResult, bytes: number): void {
    if ('refusal' in result) {
      this.refuse(stream, path, result.refusal, bytes);
      return;
    }
    this.#events.ended(path, '', bytes);
    if (stream.destroyed || stream.closed) return;
    stream.respond(SUCCESS_HEADERS, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(result.body.length === 0 ? EMPTY_FRAME : frameOf(result.body));
    this.watchEnd(stream);
  }

  /** A client that does not read the end of its call loses its connection: nothing else would ever end that. */
  watchEnd(stream: ServerHttp2Stream): void {
    const unread = {
      beganMonoMs: this.#clock.monoMs(),
      bytes: Number.POSITIVE_INFINITY,
      tooSlow: () => {
        this.#events.closed('unread');
        stream.session?.destroy();
      },
    };
    this.#watch.add(unread);
    stream.on('close', () => this.#watch.remove(unread));
  }

  /** Ends a call with its status alone, and wants no more of what it may still send. */
  refuse(stream: ServerHttp2Stream, path: string, refusal: IngestRefusal, bytes: number): void {
    const refused = { peer: peerOf(stream.session?.socket), message: refusal.message };
    this.#events.ended(path, refusal.reason, bytes, refused);
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
    this.watchEnd(stream);
    if (stream.readableEnded) return;
    const timer = this.#clock.after(LINGER_MS, () => stream.close(NO_ERROR));
    stream.on('close', () => timer.cancel());
    stream.resume();
  }

  /** Answers what is no gRPC in plain HTTP. */
  noGrpc(stream: ServerHttp2Stream, path: string): void {
    const message = 'this is no POST of application/grpc';
    this.#events.ended(path, 'no_grpc', 0, { peer: peerOf(stream.session?.socket), message });
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ':status': 415 }, { endStream: true });
    this.#discard(stream);
  }
}

function detailsOf(refusal: IngestRefusal): string {
  // Binary headers are base64 without padding (PROTOCOL-HTTP2, Custom-Metadata).
  return Buffer.from(encodeRpcStatus(refusal)).toString('base64').replace(/=+$/, '');
}
