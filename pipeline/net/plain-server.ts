/**
 * @module The plain HTTP server of listeners with a few fixed routes (health, own metrics): GET and HEAD, no bodies.
 *
 * A tiny sidecar has these, so they cost no framework.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WeirError } from '../errors.ts';
import { localTarget } from './request-target.ts';

export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/**
 * Answers one GET. `query` holds the decoded parameters, `host` is the header of that name, '' without one. May throw: the
 * client then gets 500 without details.
 */
export type PlainRoute = (query: URLSearchParams, host: string) => PlainAnswer | Promise<PlainAnswer>;

export interface PlainServerOptions {
  /** Configuration key that set the address, for messages: `service.telemetry.metrics.address`. */
  readonly key: string;
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  /** By exact path. */
  readonly routes: ReadonlyMap<string, PlainRoute>;
  /** Told when a route threw; must not throw. */
  readonly failed?: (path: string, error: unknown) => void;
  /** Open connections at most; more are closed at once. */
  readonly maxConnections?: number;
}

export interface PlainServer {
  readonly host: string;
  /** The port that was bound. */
  readonly port: number;
  /** Ends idle connections at once and waits for answers under way; may be called twice. */
  close(): Promise<void>;
}

/** A request line and headers must arrive within this time; nothing these servers take is larger than a line. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16_384;
const MAX_CONNECTIONS = 128;

/** Binds and listens. Rejects with a message that names key, address and mend when the address cannot be had. */
export async function startPlainServer(options: PlainServerOptions): Promise<PlainServer> {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: 65_000,
    },
    (request, response) => void answer(options, request, response),
  );
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  const port = await listen(server, options);
  let closed: Promise<void> | null = null;
  return {
    host: options.host,
    port,
    close() {
      closed ??= closeServer(server);
      return closed;
    },
  };
}

function listen(server: Server, { host, port, key }: PlainServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, key, host, port)));
    server.listen({ host, port, exclusive: true }, () => resolve(boundPort(server.address())));
  });
}

function boundPort(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** What a listener says when it cannot have its address: the key, the address, the reason and the mend. */
export function listenError(error: NodeJS.ErrnoException, key: string, host: string, port: number): WeirError {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const mends = new Map([
    ['EADDRINUSE', ['is already in use', 'end the process that holds it, or set another port']],
    ['EADDRNOTAVAIL', ['is no address of this machine', 'set an address this machine has, such as 127.0.0.1']],
    ['EACCES', ['may not be bound by this user', 'set a port above 1023']],
    ['ENOTFOUND', ['has a host name that does not resolve', 'set an address, such as 127.0.0.1']],
  ]);
  const [reason, mend] = mends.get(error.code ?? '') ?? [`cannot be bound (${error.message})`, 'set another address'];
  return new WeirError('WEIR_NET_LISTEN_FAILED', `${key}: ${address} ${reason}; ${mend}`, {
    details: { key, address, reason: error.code ?? '' },
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

async function answer(options: PlainServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { path, query } = splitTarget(localTarget(request.url ?? '/'));
  const route = options.routes.get(path);
  if (route === undefined) return send(request, response, plain(404, 'not found'));
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(request, response, plain(405, 'only GET and HEAD'));
  }
  try {
    send(request, response, await route(query, request.headers.host ?? ''));
  } catch (error) {
    options.failed?.(path, error);
    send(request, response, plain(500, 'failed'));
  }
}

/** Split by hand: a target such as `//x` must not be read as a host, nor throw. */
function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf('?');
  return mark === -1
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}

function plain(status: number, text: string): PlainAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: PlainAnswer): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': bytes.byteLength,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // A body is neither expected nor read; a connection that may carry one is not used again.
    ...(hasBody(request) ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
}
