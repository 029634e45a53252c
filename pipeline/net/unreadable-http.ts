/** @module Connections whose bytes are no HTTP, or whose headers or requests are too long or too late. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { IngestClosing, IngestEvents } from './ingest.ts';

/** Has `server` answer what it cannot read as Node would, and tell of it. */
export function answerUnreadable(server: Server, events: IngestEvents): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    answer(error.code ?? '', socket, events);
  });
}

/** Node tells of every piece that comes behind the first bad one; only that one counts. */
function answer(code: string, socket: Socket, events: IngestEvents): void {
  if (!socket.writable || socket.writableEnded) return;
  const [why, status] = UNREADABLE.get(code) ?? generally(code);
  if (why !== undefined) events.closed(why);
  // What was answered before on this connection may have been the last answer.
  if (status === undefined || socket.bytesWritten > 0) socket.destroy();
  else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
}

type Unreadable = readonly [why?: IngestClosing, status?: string];

/** Handshakes that failed come here too; `ingest-tls.ts` tells of them. */
function generally(code: string): Unreadable {
  return code.startsWith('HPE_') ? ['bad_http', '400 Bad Request'] : [];
}

/** Codes of Node's parser (llhttp) and of its server. */
const UNREADABLE: ReadonlyMap<string, Unreadable> = new Map([
  ['HPE_HEADER_OVERFLOW', ['headers_too_large', '431 Request Header Fields Too Large']],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', ['bad_http', '413 Payload Too Large']],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['timeout', '408 Request Timeout']],
]);
