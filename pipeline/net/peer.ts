/** @module The address at the other end of a connection, for lines of the log. */
import type { Socket } from 'node:net';

/** `host:port` with IPv6 in brackets; '' once nobody knows any more. At most 60 characters, all of them printable. */
export function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'> | null | undefined): string {
  const { remoteAddress = '', remotePort = 0 } = socket ?? {};
  if (remoteAddress === '') return '';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
