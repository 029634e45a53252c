/** @module A real HTTP server in the place of an OTLP backend: remembers what came, answers as a test says. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';

/** One request that arrived whole. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it came over the wire. */
  readonly wire: Buffer;
  /** Inflated. */
  readonly body: Buffer;
  /** Clock reading of the test when it arrived; see `OtlpBackend.now`. */
  readonly atMs: number;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/**
 * `answer`: as usual. `hang`: never. `drop`: the connection ends without an answer. `cut`: it ends within the body of a
 * success. `stall`: a success whose body never comes.
 */
export type Reaction = Answer | 'hang' | 'drop' | 'cut' | 'stall';

export class OtlpBackend {
  readonly received: Received[] = [];
  /** What happens to the request with this number, from 0. Default: an empty success. */
  react: (request: Received, number: number) => Reaction | Promise<Reaction> = () => ({});
  /** Read for `Received.atMs`. */
  now: () => number = () => 0;
  connections = 0;
  mostInFlight = 0;
  readonly url: string;
  #inFlight = 0;
  readonly #waiters = new Set<() => void>();

  private constructor(url: string) {
    this.url = url;
  }

  /** Listens on a port of its own until the test ends. With `tls` it speaks HTTPS; with `port` there again. */
  static async start(t: ExecutionContext, { tls, port = 0 }: { tls?: ServerOptions; port?: number } = {}) {
    let backend: OtlpBackend | null = null;
    const sockets = new Set<Socket>();
    const handle = (request: IncomingMessage, response: ServerResponse) => void backend?.handle(request, response);
    const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      if (backend !== null) backend.connections += 1;
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const stop = () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        if (server.listening) server.close(() => resolve());
        else resolve();
      });
    t.teardown(stop);
    const at = (server.address() as AddressInfo).port;
    backend = new OtlpBackend(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${at}`);
    /** Closes idle connections as a server does that has waited long enough. */
    const closeKept = () => {
      for (const socket of sockets) socket.destroy();
    };
    return Object.assign(backend, { port: at, stop, closeKept });
  }

  /** Resolves when `count` requests have arrived in all. */
  async arrived(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
    response.on('close', () => {
      this.#inFlight -= 1;
    });
    response.on('error', () => {});
    const received = await read(request, this.now).catch(() => null);
    if (received === null) return;
    const number = this.received.push(received) - 1;
    const reaction = await this.react(received, number);
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
    perform(reaction, response);
  }
}

async function read(request: IncomingMessage, now: () => number): Promise<Received> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const wire = Buffer.concat(pieces);
  const body = unpacked(wire, request.headers['content-encoding']);
  return { path: request.url ?? '', headers: request.headers, wire, body, atMs: now() };
}

function unpacked(wire: Buffer, encoding = 'identity'): Buffer {
  return encoding === 'gzip' ? gunzipSync(wire) : encoding === 'zstd' ? zstdDecompressSync(wire) : wire;
}

function perform(reaction: Reaction, response: ServerResponse): void {
  if (reaction === 'hang') return;
  if (reaction === 'drop') response.destroy();
  else if (reaction === 'cut') {
    response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': '10' });
    response.write('abc', () => response.destroy());
  } else if (reaction === 'stall') {
    response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': '10' });
    response.flushHeaders();
  } else {
    response.writeHead(reaction.status ?? 200, { 'content-type': 'application/x-protobuf', ...reaction.headers });
    response.end(reaction.body ?? '');
  }
}

/** Lets the process read and write until `done` answers true; no time of a test clock passes. Fails after 20 s. */
export async function until(done: () => boolean, what = 'it'): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!done()) {
    if (Date.now() > deadline) throw new Error(`${what} never happened`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
