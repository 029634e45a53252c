/**
 * @module Requests to the HTTP server of receivers: POSTs of whole bodies, with every limit enforced while bytes arrive.
 *
 * Statuses follow the OpenTelemetry Collector (`config/confighttp`, `receiver/otlpreceiver/otlphttp.go`), except that a body
 * beyond a limit is 413, as OTLP asks, where the Collector says 400. Bodies are kept as they come; nothing is copied but
 * once, when they are put together.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock/clock.ts';
import { freeWhole } from '../wire/free.ts';
import { httpStatusOf } from '../wire/grpc/status.ts';
import { Arriving } from './arriving.ts';
import { BodyWatch } from './body-watch.ts';
import { type CorsConfig, corsHeaders, isPreflight, preflightHeaders } from './cors.ts';
import { Crumbs } from './crumbs.ts';
import { hostProblem } from './host-header.ts';
import { codecOf, damaged, mediaType, TRANSFER_ENCODING, tooLarge, unknownCodec } from './http-refusals.ts';
import { DEFECT, type IngestEvents, type IngestRefusal, type IngestResult, NO_ROOM } from './ingest.ts';
import type { IngestListenerConfig } from './ingest-config.ts';
import { authorizationProblem, type ListenerFiles } from './listener-files.ts';
import { peerOf } from './peer.ts';
import { Pipelining } from './pipelining.ts';
import type { ReceivingRoom } from './receiving-room.ts';
import { pathOf } from './request-target.ts';
import type { Codec } from './unpack.ts';
import { Unpacker, type Unpacking } from './unpacking.ts';

/** How a route's bodies are written. */
export interface IngestForm {
  readonly contentType: string;
  /**
   * Takes a whole body, which belongs to it. May throw: the client then gets 500 without details. `letGo` gives the room of
   * the body back once nothing of it is left; where it is not called, the answer does.
   */
  take(body: Uint8Array, letGo: () => void): Promise<IngestResult>;
  /** A refusal in this form. */
  refusalBody(refusal: IngestRefusal): Uint8Array | string;
}

export interface HttpIngestOptions {
  /** Configuration key of the address, for messages. */
  readonly key: string;
  readonly config: IngestListenerConfig;
  readonly cors: CorsConfig | null;
  readonly clock: Clock;
  readonly room: ReceivingRoom;
  /** Longest body, as it comes and unpacked, bytes. */
  readonly maxBodyBytes: number;
  /** By exact path; forms by media type in lower case. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<string, IngestForm>>;
  /** What is said of paths without a route that somebody may well ask for; of all others, that they are not found. */
  readonly unserved?: ReadonlyMap<string, string>;
  /** Port of OTLP over gRPC, for clients that took this one for it; null while there is none. */
  readonly otherPort?: () => number | null;
  readonly events: IngestEvents;
}

/** How long (ms) what comes behind an early answer is thrown away, so that the client gets to read the answer. */
const LINGER_MS = 2000;

/** What becomes of requests, one after the other on each connection. */
export class HttpRequests {
  readonly #options: HttpIngestOptions;
  readonly #files: ListenerFiles;
  readonly #watch: BodyWatch;
  readonly #unpacker: Unpacker;
  readonly #pipelining: Pipelining;
  /** Connections that end with the answer they were given: nothing more is taken from them (RFC 9112 §9.6). */
  readonly #ending = new WeakSet<object>();
  #draining = false;

  constructor(options: HttpIngestOptions, files: ListenerFiles) {
    this.#options = options;
    this.#files = files;
    this.#unpacker = new Unpacker(options.room);
    this.#pipelining = new Pipelining(options.clock);
    const { min_rate: minRate, request_timeout: maxMs } = options.config;
    // Node ends requests that take too long; the watch only adds the rate.
    this.#watch = new BodyWatch(options.clock, minRate, 2 * maxMs);
  }

  /** Each connection ends with the next answer on it. */
  drain(): void {
    this.#draining = true;
  }

  close(): void {
    this.#watch.close();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    if (this.#ending.has(request.socket)) return;
    if (this.#pipelining.isLast(request.socket)) this.#endWith(request, response);
    const host = hostProblem(request);
    if (host !== '') {
      this.#plain(request, response, 400, host);
      return;
    }
    const { cors, routes, unserved } = this.#options;
    for (const [name, value] of corsHeaders(cors, request.headers.origin)) response.setHeader(name, value);
    const path = pathOf(request.url ?? '/');
    const forms = routes.get(path);
    const form = forms?.get(mediaType(request.headers['content-type']));
    const problem = authorizationProblem(this.#files, request.headers.authorization);
    if (isPreflight(cors, request)) this.#preflight(request, response);
    else if (forms === undefined)
      this.#plain(request, response, 404, unserved?.get(path) ?? `not found; ${servedText(routes.keys())}`);
    else if (request.method !== 'POST') this.#wrongMethod(request, response);
    else if (problem !== '') this.#unauthorized(request, response, problem);
    else if (form === undefined)
      this.#plain(request, response, 415, `content-type must be one of ${[...forms.keys()].join(', ')}`);
    else this.#take({ request, response, path, form });
  }

  /** Tells in the answer that nothing after it is taken, so that whoever sent more may send that again. */
  #endWith(request: IncomingMessage, response: ServerResponse): void {
    this.#options.events.closed('pipelined');
    response.shouldKeepAlive = false;
    this.#ending.add(request.socket);
  }

  #preflight(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of preflightHeaders(this.#options.cors!, request)) response.setHeader(name, value);
    this.#send(response, 204, {});
    this.#discard(request);
  }

  #wrongMethod(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('allow', 'POST');
    this.#plain(request, response, 405, `${request.method} is not served here, only POST`);
  }

  #unauthorized(request: IncomingMessage, response: ServerResponse, problem: string): void {
    response.setHeader('www-authenticate', 'Bearer');
    this.#plain(request, response, 401, problem);
  }

  /** Texts for people who ask in the wrong way; nothing of a body is read for them. */
  #plain(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
    const refused = { peer: peerOf(request.socket), message: text };
    this.#options.events.ended(pathOf(request.url ?? '/'), `http_${status}`, 0, refused);
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
    this.#send(response, status, headers, `${text}\n`);
    this.#discard(request);
  }

  #take(exchange: Exchange): void {
    const { headers } = exchange.request;
    if ((headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked') {
      exchange.response.shouldKeepAlive = false;
      this.#refuse(exchange, TRANSFER_ENCODING, 0);
      return;
    }
    const codec = codecOf(headers['content-encoding']);
    if (codec === undefined) this.#refuse(exchange, unknownCodec(String(headers['content-encoding'])), 0);
    else if (Number(headers['content-length'] ?? 0) > this.#options.maxBodyBytes)
      this.#refuse(exchange, this.#refusalOf('too_large'), 0);
    else this.#receive(exchange, codec);
  }

  #receive(exchange: Exchange, codec: Codec | null): void {
    const { request, response, path } = exchange;
    const { room, maxBodyBytes, clock, events } = this.#options;
    const arriving = new Arriving(room, maxBodyBytes, clock.monoMs(), () => {
      // Node may just be ending it with 408, which is counted.
      if (request.socket.writable) events.closed('min_rate');
      request.destroy();
    });
    arriving.expect(Number(request.headers['content-length'] ?? 0));
    this.#watch.add(arriving);
    if (request.headers.expect !== undefined) response.writeContinue();
    const crumbs = new Crumbs(clock, request.socket);
    request.on('data', (piece: Buffer) => {
      crumbs.came();
      if (arriving.isOver) return;
      const problem = arriving.add(piece);
      if (problem === null) return;
      arriving.end();
      this.#refuse(exchange, this.#refusalOf(problem), arriving.bytes);
    });
    request.on('end', () => {
      this.#watch.remove(arriving);
      if (!arriving.isOver) void this.#whole(arriving, codec, exchange);
    });
    // A body that broke off is no request: nobody reads an answer.
    request.on('close', () => {
      this.#watch.remove(arriving);
      if (!request.complete && arriving.end()) events.ended(path, 'broke_off', arriving.bytes);
    });
    request.on('error', () => {});
  }

  async #whole(arriving: Arriving, codec: Codec | null, exchange: Exchange): Promise<void> {
    try {
      const body = await this.#body(arriving, codec);
      if (body === 'damaged') this.#refuse(exchange, damaged(codec), arriving.bytes);
      else if (!(body instanceof Uint8Array)) this.#refuse(exchange, this.#refusalOf(body), arriving.bytes);
      // Who has gone sends the same again, or wants it no more.
      else if (exchange.request.socket.destroyed)
        this.#options.events.ended(exchange.path, 'broke_off', arriving.bytes);
      else {
        const result = await exchange.form.take(body, () => arriving.end());
        this.#answer(exchange, result, arriving.bytes);
      }
    } catch (error) {
      this.#options.events.failed(exchange.path, error);
      this.#refuse(exchange, DEFECT, arriving.bytes);
    } finally {
      arriving.end();
    }
  }

  async #body(arriving: Arriving, codec: Codec | null): Promise<Unpacking> {
    const body = arriving.whole();
    if (codec === null) return body;
    const unpacked = await this.#unpacker.unpack(body, codec, this.#options.maxBodyBytes);
    if (!(unpacked instanceof Uint8Array)) return unpacked;
    arriving.took(unpacked.length);
    // Only now: a codec that was stopped on the way may still be reading.
    freeWhole(body);
    return unpacked;
  }

  #answer(exchange: Exchange, result: IngestResult, bytes: number): void {
    if ('refusal' in result) {
      this.#refuse(exchange, result.refusal, bytes);
      return;
    }
    this.#options.events.ended(exchange.path, '', bytes);
    this.#send(exchange.response, 200, { 'content-type': exchange.form.contentType }, result.body);
  }

  #refuse({ request, response, path, form }: Exchange, refusal: IngestRefusal, bytes: number): void {
    const refused = { peer: peerOf(request.socket), message: refusal.message };
    this.#options.events.ended(path, refusal.reason, bytes, refused);
    if (response.headersSent) return;
    // Its sender would go on with the rest of the body, which nobody wants.
    if (refusal.reason === 'too_large' && !request.complete) response.shouldKeepAlive = false;
    if (refusal.retryAfterMs !== undefined)
      response.setHeader('retry-after', Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)));
    const status = refusal.httpStatus ?? httpStatusOf(refusal.code);
    this.#send(response, status, { 'content-type': form.contentType }, form.refusalBody(refusal));
    this.#discard(request);
  }

  #send(
    response: ServerResponse,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string = '',
  ): void {
    if (this.#draining) response.shouldKeepAlive = false;
    if (!response.shouldKeepAlive) this.#ending.add(response.req.socket);
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': length });
    response.end(body);
  }

  /** Reads on for a while what nobody wants, then ends the connection. */
  #discard(request: IncomingMessage): void {
    if (request.complete) return;
    const timer = this.#options.clock.after(LINGER_MS, () => request.destroy());
    request.on('end', () => timer.cancel());
    request.on('close', () => timer.cancel());
    request.on('error', () => {});
    request.resume();
  }

  #refusalOf(problem: 'too_large' | 'no_room'): IngestRefusal {
    return problem === 'no_room' ? NO_ROOM : tooLarge(this.#options.maxBodyBytes);
  }
}

function servedText(paths: Iterable<string>): string {
  return `served here: ${Array.from(paths, (path) => `POST ${path}`).join(', ')}`;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly form: IngestForm;
}
