/**
 * @module A known load through two Envoys: the client beside one, the application behind the other, and what each of
 * the two saw with its own eyes. What Envoy should have counted is worked out from these records alone.
 */
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';

/** How one attempt ended, as the application knows it; `left`: whoever called was gone before the answer began. */
export interface Attempt {
  /** First part of the path: the cluster of the client's Envoy that it came through. */
  readonly via: string;
  /** Status with which the answer began; 0 for none. */
  status: number;
  ended: 'answered' | 'cut' | 'reset' | 'left';
}

/** How one request ended, as the client knows it. */
export interface Call {
  readonly via: string;
  /** Status with which the answer began; 0 when none came before the client left or the connection ended. */
  readonly status: number;
  readonly whole: boolean;
  /** The answer came from beyond the client's Envoy, which then says how long that took. */
  readonly fromUpstream: boolean;
}

const SLOW_MS = 600;
const PART = 'half of it ';

/** An application that does what the last part of the path says, and remembers every attempt. */
export class Application {
  readonly attempts: Attempt[] = [];
  readonly #server: Server;
  readonly #flaky = new Map<string, number>();

  private constructor() {
    this.#server = createHttpServer((incoming, response) => this.#serve(incoming, response));
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Socket) => this.#upgrade(incoming, socket));
    this.#server.keepAliveTimeout = 60_000;
  }

  static async start(): Promise<Application> {
    const application = new Application();
    application.#server.listen(0, '127.0.0.1');
    await once(application.#server, 'listening');
    return application;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    const { via, what, id } = partsOf(incoming);
    const attempt: Attempt = { via, status: 0, ended: 'left' };
    this.attempts.push(attempt);
    const begin = (status: number) => {
      if (incoming.socket.destroyed) return false;
      attempt.status = status;
      attempt.ended = 'cut';
      return true;
    };
    const answer = (status: number) => {
      if (!begin(status)) return;
      response.writeHead(status).end(`${status}`);
      attempt.ended = 'answered';
    };
    if (what === 'reset') {
      attempt.ended = 'reset';
      incoming.socket.destroy();
    } else if (what === 'slow') setTimeout(() => answer(200), SLOW_MS);
    else if (what === 'half') {
      begin(200);
      response.writeHead(200, { 'content-length': 2 * PART.length }).write(PART);
      setTimeout(() => incoming.socket.destroy(), 50);
    } else if (what === 'trickle') {
      begin(200);
      response.writeHead(200, { 'content-length': 2 * PART.length }).write(PART);
      setTimeout(() => {
        if (incoming.socket.destroyed) return;
        response.end(PART);
        attempt.ended = 'answered';
      }, SLOW_MS);
    } else if (what === 'flaky') answer(this.#second(`${via} ${id}`) ? 200 : 503);
    else answer(Number(what));
  }

  #second(key: string): boolean {
    const times = (this.#flaky.get(key) ?? 0) + 1;
    this.#flaky.set(key, times);
    return times > 1;
  }

  #upgrade(incoming: IncomingMessage, socket: Socket): void {
    this.attempts.push({ via: partsOf(incoming).via, status: 101, ended: 'answered' });
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
    socket.on('data', (piece) => socket.end(piece));
  }
}

function partsOf(incoming: IncomingMessage) {
  const [, via = '', what = '', id = ''] = (incoming.url ?? '').split('/');
  return { via, what, id };
}

/** Sends requests and remembers how each ended. */
export class Client {
  readonly calls: Call[] = [];
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** `times` requests, one after the other, each on a connection of its own; `leaveMs`: gives up after so long. */
  async call(via: string, what: string, times: number, leaveMs: number | null = null): Promise<void> {
    for (let i = 0; i < times; i++) this.calls.push(await this.#one(via, `${what}/${i}`, leaveMs, {}));
  }

  async callAtOnce(via: string, what: string, times: number): Promise<void> {
    const all = Array.from({ length: times }, (_, i) => this.#one(via, `${what}/${i}`, null, {}));
    this.calls.push(...(await Promise.all(all)));
  }

  async upgrade(via: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      this.calls.push(await this.#one(via, '101', null, { connection: 'upgrade', upgrade: 'websocket' }));
    }
  }

  #one(via: string, path: string, leaveMs: number | null, headers: Record<string, string>): Promise<Call> {
    return new Promise((resolve) => {
      const sent = request({ host: '127.0.0.1', port: this.#port, path: `/${via}/${path}`, agent: false, headers });
      const end = (answer: IncomingMessage | null, whole: boolean) =>
        resolve({
          via,
          status: answer?.statusCode ?? 0,
          whole,
          fromUpstream: answer?.headers['x-envoy-upstream-service-time'] !== undefined,
        });
      sent.on('response', (answer) => {
        answer.resume();
        answer.on('end', () => end(answer, answer.complete));
        answer.on('error', () => end(answer, false));
      });
      sent.on('upgrade', (answer, socket) => {
        socket.on('error', () => {});
        socket.on('data', () => socket.end());
        socket.on('close', () => end(answer, false));
        socket.write('echo');
      });
      sent.on('error', () => end(null, false));
      sent.end();
      if (leaveMs !== null) setTimeout(() => sent.destroy(), leaveMs);
    });
  }
}

/** Answers every byte with two. */
export async function startDoubler(): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server: TcpServer = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (piece: Buffer) => socket.write(Buffer.concat([piece, piece])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Connects to `port`, sends one byte and stays until the other side leaves, at most for half a second. */
export async function knock(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.setTimeout(500, () => socket.destroy());
  socket.resume().write('x');
  await closed;
}

/** Sends `bytes` to a doubler behind `port`, waits for all of its answer, then closes. */
export async function double(port: number, bytes: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  let got = 0;
  socket.on('data', (piece) => {
    got += piece.length;
    if (got === 2 * bytes) socket.end();
  });
  socket.write(Buffer.alloc(bytes, 'x'));
  await once(socket, 'close');
  if (got !== 2 * bytes) throw new Error(`got ${got} bytes of ${2 * bytes}`);
}
