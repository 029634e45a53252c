/**
 * @module HTTP listeners of API servers: routes, TLS, bearer token, limits. The only importer of hono.
 *
 * Limits are those of `ListenerConfig`. Certificates and tokens are read again when their files change; a bad new file
 * leaves the old content in use.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Clock } from '../clock/clock.ts';
import { httpLimits } from './http-limits.ts';
import type { ListenerConfig } from './listener-config.ts';
import { isAuthorized, type ListenerFiles, readListenerFiles, usableFiles } from './listener-files.ts';
import { limitConnections, listenOn, type OpenConnections } from './listening.ts';
import { localTarget } from './request-target.ts';

/** A request as routes see it. */
export interface HttpRequest {
  readonly method: string;
  /** Path as it stood in the request, still percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Pieces are sent one by one as the client takes them, are not copied, and may be shared by answers. */
  readonly body: string | readonly Uint8Array[];
  /** Told once when the pieces of `body` are handed over, or nobody takes them any more. Not told for a text. */
  readonly ended?: () => void;
}

export interface HttpRoute {
  /** Path, or path prefix when it ends in `/*`. */
  readonly path: string;
  /** True for what may be asked without the credential, such as health. */
  readonly open?: boolean;
  /** Answers every method. May throw: the client then gets `failed`'s answer. */
  readonly handle: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;
}

export interface HttpListenerOptions {
  /** Configuration key of the address, for messages: `exporters.smi.endpoint`. */
  readonly key: string;
  readonly config: ListenerConfig;
  readonly clock: Clock;
  /** The first that matches answers. */
  readonly routes: readonly HttpRoute[];
  readonly notFound: (request: HttpRequest) => HttpAnswer;
  readonly unauthorized: (request: HttpRequest) => HttpAnswer;
  /** Answers for a route that threw; tells the operator, and the client no detail. */
  readonly failed: (request: HttpRequest, error: unknown) => HttpAnswer;
  /** Told when a connection was closed for a limit, or a file could not be used again; must not throw. */
  readonly refused?: (limit: 'max_connections' | 'max_connections_per_address') => void;
  readonly fileUnusable?: (path: string, reason: string) => void;
}

export interface HttpListener {
  readonly host: string;
  /** The port that was bound. */
  readonly port: number;
  /** Waits for answers under way until `deadline`, then cuts them; may be called twice. */
  close(deadline: AbortSignal): Promise<void>;
}

/** Binds and listens. Rejects with a message that names key, address and mend when it cannot. */
export async function startHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const files = await readListenerFiles(options);
  try {
    const server = await createServer(options, files);
    const connections = limitConnections(server, options);
    server.setTimeout(options.config.idle_timeout);
    const port = await listenOn(server, options.key, options.config.endpoint);
    return { host: options.config.endpoint.host, port, close: closer(server, files, connections) };
  } catch (error) {
    files.close();
    throw error;
  }
}

async function createServer(options: HttpListenerOptions, files: ListenerFiles): Promise<Server | SecureServer> {
  const { config } = options;
  const listener = await createRequestListener(options, files);
  const limits = httpLimits(config);
  const { cert, key } = files;
  if (cert === null || key === null) {
    const { createServer: createPlain } = await import('node:http');
    return createPlain(limits, listener);
  }
  const { createServer: createSecure } = await import('node:https');
  const secure = { cert, key, minVersion: 'TLSv1.3', handshakeTimeout: config.header_timeout } as const;
  const server = usableFiles(options, () => createSecure({ ...limits, ...secure }, listener));
  files.use = (pair) => server.setSecureContext({ cert: pair.cert, key: pair.key, minVersion: 'TLSv1.3' });
  return server;
}

async function createRequestListener(options: HttpListenerOptions, files: ListenerFiles) {
  const [{ Hono }, { getRequestListener }] = await Promise.all([import('hono'), import('@hono/node-server')]);
  const app = new Hono<{ Bindings: { incoming: IncomingMessage } }>({ strict: false });
  for (const route of options.routes) {
    app.all(route.path, (c) => answer(options, files, c.env.incoming, route.open === true, route.handle));
  }
  app.notFound((c) => answer(options, files, c.env.incoming, false, options.notFound));
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return (incoming: IncomingMessage, outgoing: ServerResponse): void => void listener(incoming, outgoing);
}

async function answer(
  options: HttpListenerOptions,
  files: ListenerFiles,
  incoming: IncomingMessage,
  open: boolean,
  handle: HttpRoute['handle'],
): Promise<Response> {
  const request = requestOf(incoming);
  if (!open && !isAuthorized(files, incoming.headers.authorization))
    return toResponse(request, options.unauthorized(request));
  try {
    return toResponse(request, await handle(request));
  } catch (error) {
    return toResponse(request, options.failed(request, error));
  }
}

/** Split by hand: parsing as a URL would resolve `%2e%2e` and let one name reach another's object. */
function requestOf(incoming: IncomingMessage): HttpRequest {
  const target = localTarget(incoming.url ?? '/');
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark === -1 ? '' : target.slice(mark));
  return { method: incoming.method ?? '', path, query, headers: incoming.headers };
}

function toResponse({ method }: HttpRequest, { status, headers, body, ended }: HttpAnswer): Response {
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.reduce((sum, { length }) => sum + length, 0);
  const always = { 'content-length': String(bytes), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  const init = { status, headers: { ...always, ...headers } };
  if (typeof body === 'string') return new Response(body, init);
  if (method !== 'HEAD') return new Response(streamOf(body, ended), init);
  ended?.();
  return new Response(null, init);
}

/** One piece each time that the client has taken the one before. */
function streamOf(pieces: readonly Uint8Array[], ended: (() => void) | undefined): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[next++];
        if (piece !== undefined) return controller.enqueue(piece);
        controller.close();
        ended?.();
      },
      cancel: () => ended?.(),
    },
    { highWaterMark: 0 },
  );
}

function closer(
  server: Server | SecureServer,
  files: ListenerFiles,
  connections: OpenConnections,
): HttpListener['close'] {
  let closed: Promise<void> | null = null;
  return (deadline) => {
    closed ??= new Promise((resolve) => {
      files.close();
      server.close(() => resolve());
      server.closeIdleConnections();
      if (deadline.aborted) connections.cut();
      deadline.addEventListener('abort', () => connections.cut(), { once: true });
    });
    return closed;
  };
}
