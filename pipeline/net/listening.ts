/** @module Taking an address, and how many connections may be open there. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { listenError } from './plain-server.ts';

export interface ConnectionLimits {
  readonly config: { readonly max_connections: number; readonly max_connections_per_address: number };
  /** Told when a connection was closed for a limit; must not throw. */
  readonly refused?: (limit: 'max_connections' | 'max_connections_per_address') => void;
}

/** Connections that are open, those included whose handshake of TLS has not ended. */
export interface OpenConnections {
  /** Ends all of them. */
  cut(): void;
}

/** Closes at once what is beyond the limits. */
export function limitConnections(server: Server, { config, refused }: ConnectionLimits): OpenConnections {
  const open = new Map<string, number>();
  const sockets = new Set<Socket>();
  server.maxConnections = config.max_connections;
  server.on('drop', () => refused?.('max_connections'));
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count <= config.max_connections_per_address) return;
    refused?.('max_connections_per_address');
    socket.destroy();
  });
  return {
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * Listens on an address and gives the port. Rejects with a message that names key, address and mend. Connections that
 * cannot be accepted later, because the process has too many files open, are lost, and others go on.
 */
export function listenOn(
  server: Server,
  key: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    // Without a listener, later errors would end the process.
    server.on('error', (error: NodeJS.ErrnoException) => reject(listenError(error, key, host, port)));
    server.listen({ host, port, exclusive: true }, () => resolve(portOf(server.address())));
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
