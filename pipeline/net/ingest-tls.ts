/** @module TLS of servers that take bodies. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { IngestClosing, IngestEvents } from './ingest.ts';
import type { IngestListenerConfig } from './ingest-config.ts';
import type { TlsPair } from './listener-files.ts';
import { peerOf } from './peer.ts';

/** Options of a TLS server: clients need a certificate where an authority is named. */
export function tlsOptions({ tls }: IngestListenerConfig, { cert, key, clientCa }: TlsPair) {
  const minVersion = tls?.min_version === '1.3' ? ('TLSv1.3' as const) : ('TLSv1.2' as const);
  const mutual = clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, minVersion, ...mutual };
}

/** Codes of OpenSSL that say what the client has to do. */
const HANDSHAKES: ReadonlyMap<string, IngestClosing> = new Map([
  ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'tls_no_certificate'],
  ['ERR_SSL_HTTP_REQUEST', 'tls_plain_http'],
  // What begins as no record of TLS does: HTTP/2, and methods of HTTP/1.1 that OpenSSL does not know.
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_plain_http'],
]);

/** Where nothing that a client speaks is spoken here, it has the wrong port. */
const NO_COMMON_PROTOCOL = 'ERR_SSL_NO_APPLICATION_PROTOCOL';

/** Tells of handshakes that fail; `wrongPort` is what a client does here that speaks no protocol of this port. Who connects and says nothing before it goes, such as a probe of the port, is none. */
export function tellFailedHandshakes(
  server: EventEmitter,
  { closed }: Pick<IngestEvents, 'closed'>,
  wrongPort: 'grpc_at_http' | 'http_at_grpc',
): void {
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const { code = '' } = error;
    const peer = peerOf(socket);
    // Node ends the connection itself, and leaves the reason with it. Its type says Error, its value is the code.
    const distrust = socket.authorizationError as unknown;
    if (typeof distrust === 'string') closed('tls_foreign_certificate', distrust, peer);
    else if (code === NO_COMMON_PROTOCOL) closed(wrongPort, code, peer);
    else if (code !== 'ECONNRESET' || hasSpoken(socket)) closed(HANDSHAKES.get(code) ?? 'tls', code, peer);
  });
}

/** Only the connection beneath has counted the bytes of a handshake; where Node does not give it, anybody has spoken. */
function hasSpoken(socket: TLSSocket): boolean {
  return (socket as { readonly _parent?: Socket | null })._parent?.bytesRead !== 0;
}
