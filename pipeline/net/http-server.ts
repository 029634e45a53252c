/**
 * @module HTTP listeners of API servers: routes, TLS, bearer token, limits. The only importer of hono.
 *
 * Limits are those of `ListenerConfig`. Certificates and tokens are read again when their files change; a bad new file
 * leaves the old content in use.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../clock/clock.ts';
import { WeirError } from '../errors.ts';
import { type FileWatch, watchFiles } from './file-watch.ts';
import type { FileContent } from './files.ts';
import type { ListenerConfig } from './listener-config.ts';
import { listenError } from './plain-server.ts';

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

const REREAD_MS = 60_000;
const MAX_FILE_BYTES = 256 * 1024;
const MAX_HEADER_BYTES = 16_384;
/** How often Node looks for connections whose headers or request are late. */
const CHECK_LATE_MS = 1_000;

/** Binds and listens. Rejects with a message that names key, address and mend when it cannot. */
export async function startHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const files = await readFiles(options);
  try {
    const server = await createServer(options, files);
    limitConnections(server, options);
    const port = await listen(server, options);
    return { host: options.config.endpoint.host, port, close: closer(server, files) };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Contents of the listener's files as last usable. */
interface ListenerFiles {
  token: string | null;
  cert: string | null;
  key: string | null;
  /** Set once the server stands: takes a new pair into use, throws when it does not fit. */
  use: ((cert: string, key: string) => void) | null;
  close(): void;
}

async function readFiles({ config, clock, key, fileUnusable }: HttpListenerOptions): Promise<ListenerFiles> {
  const { tls, bearer_token_file: tokenFile } = config;
  const paths = [tokenFile, tls?.cert_file, tls?.key_file].filter((path) => path !== undefined);
  const files: ListenerFiles = { token: null, cert: null, key: null, use: null, close: () => watch?.close() };
  let watch: FileWatch | null = null;
  if (paths.length === 0) return files;
  const unusable = (path: string, reason: string) => fileUnusable?.(path, reason);
  const options = { intervalMs: REREAD_MS, maxBytes: MAX_FILE_BYTES };
  watch = await watchFiles(clock, paths, options, (contents) => takeFiles(files, config, contents, unusable));
  takeFiles(files, config, watch.contents, (path, reason) => {
    watch?.close();
    throw new WeirError('WEIR_FILE_UNREADABLE', `${key}: "${path}" ${reason}; check the path and its permissions`);
  });
  return files;
}

function takeFiles(
  files: ListenerFiles,
  { tls, bearer_token_file: tokenFile }: ListenerConfig,
  contents: readonly FileContent[],
  unusable: (path: string, reason: string) => void,
): void {
  const text = (path: string | undefined): string | null => {
    const file = contents.find((candidate) => candidate.path === path);
    if (file === undefined) return null;
    const held = file.text?.trim() ?? '';
    if (held === '') unusable(file.path, file.error ?? 'is empty');
    return held === '' ? null : held;
  };
  files.token = text(tokenFile) ?? files.token;
  const cert = text(tls?.cert_file);
  const key = text(tls?.key_file);
  if (cert === null || key === null) return;
  try {
    files.use?.(cert, key);
    files.cert = cert;
    files.key = key;
  } catch (error) {
    unusable(tls?.cert_file ?? '', `does not fit its key (${error instanceof Error ? error.message : 'unreadable'})`);
  }
}

async function createServer(options: HttpListenerOptions, files: ListenerFiles): Promise<Server | SecureServer> {
  const { config } = options;
  const listener = await createRequestListener(options, files);
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: config.header_timeout,
    requestTimeout: Math.max(config.request_timeout, config.header_timeout),
    keepAliveTimeout: config.idle_timeout,
    connectionsCheckingInterval: CHECK_LATE_MS,
  };
  const { cert, key } = files;
  if (cert === null || key === null) {
    const { createServer: createPlain } = await import('node:http');
    return createPlain(limits, listener);
  }
  const { createServer: createSecure } = await import('node:https');
  const server = usable(options, () => createSecure({ ...limits, cert, key, minVersion: 'TLSv1.3' }, listener));
  files.use = (newCert, newKey) => server.setSecureContext({ cert: newCert, key: newKey, minVersion: 'TLSv1.3' });
  return server;
}

/** What `make` makes, or an error that names the files it was made from. */
function usable<Made>({ key, config }: HttpListenerOptions, make: () => Made): Made {
  try {
    return make();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable';
    const files = `certificate "${config.tls?.cert_file}" and key "${config.tls?.key_file}"`;
    throw new WeirError('WEIR_FILE_UNREADABLE', `${key}: tls: ${files} cannot be used: ${why}`, { cause });
  }
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
  if (!open && !isAuthorized(files, incoming)) return toResponse(request, options.unauthorized(request));
  try {
    return toResponse(request, await handle(request));
  } catch (error) {
    return toResponse(request, options.failed(request, error));
  }
}

/** Split by hand: parsing as a URL would resolve `%2e%2e` and let one name reach another's object. */
function requestOf(incoming: IncomingMessage): HttpRequest {
  const target = incoming.url ?? '/';
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

function isAuthorized({ token }: ListenerFiles, incoming: IncomingMessage): boolean {
  if (token === null) return true;
  const given = /^bearer +(.+)$/i.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
  return equalInConstantTime(Buffer.from(given), Buffer.from(token));
}

/** Takes as long for a wrong token as for a right one, so that time tells nothing about it. */
function equalInConstantTime(given: Buffer, wanted: Buffer): boolean {
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < wanted.length; i++) difference |= (given[i] ?? 0) ^ wanted[i]!;
  return difference === 0;
}

function limitConnections(server: Server | SecureServer, { config, refused }: HttpListenerOptions): void {
  const open = new Map<string, number>();
  server.maxConnections = config.max_connections;
  server.setTimeout(config.idle_timeout);
  server.on('drop', () => refused?.('max_connections'));
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count <= config.max_connections_per_address) return;
    refused?.('max_connections_per_address');
    socket.destroy();
  });
}

function listen(server: Server | SecureServer, { config, key }: HttpListenerOptions): Promise<number> {
  const { host, port } = config.endpoint;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, key, host, port)));
    server.listen({ host, port, exclusive: true }, () => resolve(portOf(server.address())));
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function closer(server: Server | SecureServer, files: ListenerFiles): HttpListener['close'] {
  let closed: Promise<void> | null = null;
  return (deadline) => {
    closed ??= new Promise((resolve) => {
      files.close();
      server.close(() => resolve());
      server.closeIdleConnections();
      if (deadline.aborted) server.closeAllConnections();
      deadline.addEventListener('abort', () => server.closeAllConnections(), { once: true });
    });
    return closed;
  };
}
