/** @module Connections to the gRPC port until their first bytes say that they are HTTP/2; what is none is answered and ended. */
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../clock/clock.ts';
import type { IngestEvents } from './ingest.ts';
import { peerOf } from './peer.ts';
import { badRequest, type Opening, openingOf, wrongPortText } from './wrong-port.ts';

export interface FirstBytesOptions {
  readonly clock: Clock;
  /** Port of OTLP over HTTP; null while there is none. */
  readonly otherPort?: () => number | null;
  readonly events: Pick<IngestEvents, 'closed'>;
}

/** Has a server without TLS see the connections only that speak HTTP/2, or nothing that is known here. */
export class FirstBytes {
  readonly #options: FirstBytesOptions;
  readonly #headerTimeoutMs: number;
  readonly #silent = new Set<Socket>();
  #isDraining = false;

  /** `headerTimeoutMs`: time for as many bytes as tell what is spoken. */
  constructor(server: Http2Server, options: FirstBytesOptions, headerTimeoutMs: number) {
    this.#options = options;
    this.#headerTimeoutMs = headerTimeoutMs;
    // Node's own listener reads from the socket's handle, past everybody else, so it must come second.
    const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#await(socket, () => {
        for (const listener of listeners) listener.call(server, socket);
      });
    });
  }

  /** Ends those that have not said anything. */
  drain(): void {
    this.#isDraining = true;
    for (const socket of this.#silent) socket.destroy();
  }

  #await(socket: Socket, take: () => void): void {
    if (this.#isDraining) {
      socket.destroy();
      return;
    }
    const { clock, events } = this.#options;
    this.#silent.add(socket);
    const timer = clock.after(this.#headerTimeoutMs, () => {
      events.closed('no_call', '', peerOf(socket));
      socket.destroy();
    });
    let bytes: Buffer = Buffer.alloc(0);
    const heard = () => {
      const piece: Buffer | null = socket.read();
      if (piece === null) return;
      bytes = bytes.length === 0 ? piece : Buffer.concat([bytes, piece]);
      const opening = openingOf(bytes);
      // No more than a word, which never grows beyond 9 bytes.
      if (opening === 'unsure') return;
      leave();
      this.#judge(socket, opening, bytes, take);
    };
    const leave = () => {
      timer.cancel();
      this.#silent.delete(socket);
      socket.off('readable', heard);
      socket.off('close', leave);
      socket.off('error', ignore);
    };
    socket.on('readable', heard);
    socket.on('close', leave);
    socket.on('error', ignore);
  }

  #judge(socket: Socket, opening: Opening, bytes: Buffer, take: () => void): void {
    if (opening === 'http1' || opening === 'tls') {
      endAtWrongPort(socket, opening === 'tls' ? 'tls_at_plain' : 'http_at_grpc', this.#options);
      return;
    }
    socket.unshift(bytes);
    take();
  }
}

/** How long (ms) a client may take to end a connection that was answered. */
const LINGER_MS = 2000;

/** Tells of a client that took the gRPC port for another one, answers it if it can read that, and ends its connection. */
export function endAtWrongPort(
  socket: Socket,
  what: 'tls_at_plain' | 'http_at_grpc',
  { clock, events, otherPort = () => null }: FirstBytesOptions,
): void {
  events.closed(what, '', peerOf(socket));
  socket.on('error', ignore);
  // Half-closed first: a reset would reach the client before the answer does.
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.on('close', () => timer.cancel());
  socket.resume();
  socket.end(what === 'tls_at_plain' ? '' : badRequest(wrongPortText(what, otherPort())));
}

function ignore(): void {}
