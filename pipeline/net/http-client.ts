/**
 * @module An HTTP/1.1 client for one origin: GET and POST over one kept connection, the body in pieces as they arrive.
 *
 * The only importer of `undici`, for targets with TLS and for whatever is sent; plain targets go by
 * `plain-http-client.ts`. Its dispatch interface hands each piece over synchronously and costs half of what its streams
 * do. No redirects are followed, no proxy of the environment is used, and no timers run here: whoever asks owns the time.
 */
import type { Dispatcher } from 'undici';
// Its front door loads a hundred modules more, a browser's `fetch` among them: 6 MB that nothing here needs.
import Client from 'undici/lib/dispatcher/client.js';
import { socketErrorText } from './socket-error.ts';

export interface TlsClientOptions {
  /** PEM texts; undefined means the system's own. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify: boolean;
}

export type HttpFailureKind =
  /** No connection: refused, unreachable, unknown name. */
  | 'connect'
  /** The peer's certificate or the handshake was not accepted. */
  | 'tls'
  /** The connection ended before the answer's headers. */
  | 'lost'
  /** The connection ended before the body did. */
  | 'cut'
  /** The answer is not HTTP/1.1. */
  | 'protocol';

export interface HttpFailure {
  readonly kind: HttpFailureKind;
  readonly text: string;
  /** Of a POST, when `lost`: the connection was a kept one, which the peer may have closed before the request came. */
  readonly onKept?: boolean;
}

/** By name in lower case; several fields of one name are joined with a comma. */
export type ResponseHeaders = ReadonlyMap<string, string>;

/** Callbacks of one request. After `onEnd`, `onFailure` or `abort` none is called any more. */
export interface ResponseHandler {
  onHeaders(status: number, headers: ResponseHeaders): void;
  /** `piece` is valid during the call only. Returning false pauses until `resume` is called. */
  onPiece(piece: Uint8Array): boolean;
  onEnd(): void;
  onFailure(failure: HttpFailure): void;
}

/** A request under way. `abort` closes the connection; both may be called at any time. */
export interface RunningRequest {
  abort(): void;
  resume(): void;
}

export interface HttpClient {
  /** Sends one GET; one at a time. `headers` is a flat list of names and values. */
  get(path: string, headers: readonly string[], handler: ResponseHandler): RunningRequest;
  /** Closes the connection, aborting what runs. */
  close(): void;
}

/** A client that can send a body, too. */
export interface HttpPostClient extends HttpClient {
  /** True while a connection is open: kept for the next request, or in use. */
  readonly isConnected: boolean;
  /** Sends one POST, one at a time, never twice. `body` must not change until it has ended. */
  post(path: string, headers: readonly string[], body: Uint8Array, handler: ResponseHandler): RunningRequest;
}

/** Kept connections close after this long without a request, unless the server asks for less. */
const KEEP_ALIVE_MS = 600_000;

/** `origin` is `http://host:port` or `https://host:port`; nothing is connected yet. */
export function createHttpClient(origin: string, tls: TlsClientOptions | null): HttpPostClient {
  let client: Client | null = null;
  /** True until a connection has answered once: a kept one may have been closed by the peer meanwhile. */
  const state = { fresh: true };

  function open(): Client {
    const opened = new Client(origin, {
      connectTimeout: 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      allowH2: false,
      ...(tls === null ? {} : { connect: connectOptions(tls) }),
    });
    opened.on('connect', () => {
      state.fresh = true;
    });
    return opened;
  }

  function drop(): void {
    const dropped = client;
    client = null;
    dropped?.destroy().catch(() => {});
  }

  function send(options: Dispatcher.DispatchOptions, handler: ResponseHandler): RunningRequest {
    client ??= open();
    const request = new Request(handler, drop, state);
    request.send(client, options);
    return request;
  }

  return {
    get: (path, headers, handler) => send({ path, method: 'GET', headers: [...headers] }, handler),
    // Whether what may have arrived is sent again is for the caller to decide, and to count.
    post: (path, headers, body, handler) => send({ path, method: 'POST', headers: [...headers], body }, handler),
    get isConnected() {
      return client?.stats.connected ?? false;
    },
    close: drop,
  };
}

/** One request; a GET is sent a second time when a kept connection turns out to be dead before any byte of the answer. */
class Request implements Dispatcher.DispatchHandler, RunningRequest {
  readonly #handler: ResponseHandler;
  readonly #drop: () => void;
  readonly #connection: { fresh: boolean };
  #controller: Dispatcher.DispatchController | null = null;
  #resend: (() => void) | null = null;
  #headersSeen = false;
  #over = false;

  constructor(handler: ResponseHandler, drop: () => void, connection: { fresh: boolean }) {
    this.#handler = handler;
    this.#drop = drop;
    this.#connection = connection;
  }

  send(client: Client, options: Dispatcher.DispatchOptions): void {
    if (options.method === 'GET') this.#resend = () => client.dispatch(options, this);
    client.dispatch(options, this);
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#controller === null) this.#drop();
    else this.#controller.abort(new Error('aborted'));
  }

  resume(): void {
    if (!this.#over && this.#controller?.paused) this.#controller.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over) controller.abort(new Error('aborted'));
    this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: UndiciHeaders): void {
    if (this.#over || status < 200) return;
    this.#headersSeen = true;
    this.#connection.fresh = false;
    this.#handler.onHeaders(status, mapOf(headers));
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Uint8Array): void {
    if (!this.#over && !this.#handler.onPiece(piece)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    const failure = describe(error, this.#headersSeen);
    const resend = this.#resend;
    const onKept = failure.kind === 'lost' && !this.#connection.fresh;
    if (onKept && resend !== null) {
      this.#connection.fresh = true;
      this.#controller = null;
      this.#resend = null;
      resend();
      return;
    }
    this.#over = true;
    this.#handler.onFailure(onKept ? { ...failure, onKept } : failure);
  }
}

function connectOptions(tls: TlsClientOptions) {
  return {
    rejectUnauthorized: !tls.insecureSkipVerify,
    minVersion: 'TLSv1.2' as const,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}

type UndiciHeaders = Readonly<Record<string, string | string[] | undefined>>;

function mapOf(headers: UndiciHeaders): ResponseHeaders {
  const map = new Map<string, string>();
  for (const [name, value = ''] of Object.entries(headers)) {
    map.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return map;
}

const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

function describe(error: Error, headersSeen: boolean): HttpFailure {
  const code = 'code' in error ? String(error.code) : '';
  const text = socketErrorText(error);
  if (TLS_CODE.test(code)) return { kind: 'tls', text };
  if (isProtocolError(error, code)) return { kind: 'protocol', text };
  if (headersSeen) return { kind: 'cut', text };
  const lost = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
  return { kind: lost ? 'lost' : 'connect', text };
}

/** The parser tells an end that came too early by its text alone. */
function isProtocolError(error: Error, code: string): boolean {
  if (error.name === 'HTTPParserError') return !error.message.includes('Invalid EOF state');
  return code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}
