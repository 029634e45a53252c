/** @module Connections whose bytes are no HTTP, or whose headers or requests are too long or too late. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock/clock.ts';
import type { IngestClosing, IngestEvents } from './ingest.ts';
import { peerOf } from './peer.ts';
import { goAway, openingOf, wrongPortText } from './wrong-port.ts';

export interface UnreadableOptions {
  readonly clock: Clock;
  readonly events: Pick<IngestEvents, 'closed'>;
  /** Port of OTLP over gRPC; null while there is none. */
  readonly otherPort?: () => number | null;
}

/** What Node tells of bytes that it cannot read. */
interface ParseError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
}

/** How long (ms) a client of HTTP/2 may take to end a connection once it was told why. */
const LINGER_MS = 2000;
/** llhttp at the preface of HTTP/2. */
const HTTP2_PREFACE = 'HPE_PAUSED_H2_UPGRADE';

/** Has `server` answer what it cannot read as Node would, or in the client's protocol, and tell of it. */
export function answerUnreadable(server: Server, options: UnreadableOptions): void {
  server.on('clientError', (error: ParseError, socket: Socket) => answer(error, socket, options));
}

/** Node tells of every piece that comes behind the first bad one; only that one counts. */
function answer(error: ParseError, socket: Socket, options: UnreadableOptions): void {
  if (!socket.writable || socket.writableEnded) return;
  const { code = '' } = error;
  if (code === HTTP2_PREFACE) sendAway(socket, options);
  else {
    const [why, status] = UNREADABLE.get(code) ?? generally(error);
    if (why !== undefined) options.events.closed(why, '', peerOf(socket));
    // What was answered before on this connection may have been the last answer.
    if (status === undefined || socket.bytesWritten > 0) socket.destroy();
    else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  }
}

/** Its client reads the end in its own protocol; a reset at once would reach it before that does. */
function sendAway(socket: Socket, { clock, events, otherPort = () => null }: UnreadableOptions): void {
  events.closed('grpc_at_http', '', peerOf(socket));
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.on('close', () => timer.cancel());
  socket.end(goAway(wrongPortText('grpc_at_http', otherPort())));
}

type Unreadable = readonly [why?: IngestClosing, status?: string];

/** Handshakes that failed come here too; `ingest-tls.ts` tells of them. */
function generally({ code = '', rawPacket }: ParseError): Unreadable {
  if (!code.startsWith('HPE_')) return [];
  const isTls = rawPacket !== undefined && openingOf(rawPacket) === 'tls';
  return [isTls ? 'tls_at_plain' : 'bad_http', '400 Bad Request'];
}

/** Codes of Node's parser (llhttp) and of its server. */
const UNREADABLE: ReadonlyMap<string, Unreadable> = new Map([
  ['HPE_HEADER_OVERFLOW', ['headers_too_large', '431 Request Header Fields Too Large']],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', ['bad_http', '413 Payload Too Large']],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['timeout', '408 Request Timeout']],
]);
