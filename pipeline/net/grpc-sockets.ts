/**
 * @module The sockets under a gRPC channel: TLS with the files as they are when each one opens, and an end when told.
 *
 * The library never ends a connection that is still being made, and takes an address for a name to be told in TLS.
 */
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import { errorText } from '../errors.ts';
import type { TlsClientOptions } from './http-client.ts';
import { readableTls } from './socket-error.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

/** How the errors of a TLS handshake begin. */
export const TLS_PREFIX = 'TLS: ';

export class GrpcSockets {
  readonly #tls: TlsFiles | null;
  readonly #host: string;
  readonly #open = new Set<Socket>();
  #closed = false;

  /** `host` is what the certificate must be for, unless `tls` names another. Null: without TLS. */
  constructor(host: string, tls: TlsFiles | null) {
    this.#host = host;
    this.#tls = tls;
  }

  get isSecure(): boolean {
    return this.#tls !== null;
  }

  /**
   * The socket to speak over, given one that has just been connected. Rejects when a TLS file cannot be read or the
   * handshake fails.
   */
  async secured(socket: Socket): Promise<Socket> {
    this.#watch(socket);
    if (this.#closed) throw new Error('the channel was closed');
    if (this.#tls === null) return socket;
    const files = await readTlsFiles(this.#tls);
    if (typeof files === 'string') throw new Error(files);
    return handshake(socket, files, files.serverName ?? this.#host);
  }

  /** Between its owners a socket's error would be nobody's, and end the process. */
  #watch(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#open.delete(socket));
    if (this.#closed) socket.destroy();
  }

  /** Ends all of them, and those that are connected later. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#open) socket.destroy();
  }
}

function handshake(socket: Socket, files: TlsClientOptions, name: string): Promise<TLSSocket> {
  const { ca, cert, key, insecureSkipVerify } = files;
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(TLS_PREFIX + why));
    try {
      const secured = connect({
        socket,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        // RFC 6066 §3: an address is no server name.
        ...(isIP(name) === 0 ? { servername: name } : {}),
        ALPNProtocols: ['h2'],
        rejectUnauthorized: !insecureSkipVerify,
        checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      });
      secured.once('secureConnect', () => resolve(secured));
      secured.on('error', (error) => fail(readableTls(errorText(error))));
      secured.once('close', () => fail('the connection ended during the handshake'));
    } catch (error) {
      fail(errorText(error));
    }
  });
}
