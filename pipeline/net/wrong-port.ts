/** @module What clients that speak another protocol than their port does are told, and how they are known by their first bytes. */
import { Buffer } from 'node:buffer';
import type { IngestClosing } from './ingest.ts';

/** What a connection may begin with: `other` for anything that is neither, `unsure` while more bytes have to tell. */
export type Opening = 'http1' | 'http2' | 'tls' | 'other' | 'unsure';

/** RFC 9113 §3.4: what each client of HTTP/2 sends first. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** RFC 8446 §5.1: a record of type handshake; all versions there are begin with 3. */
const HANDSHAKE = 0x16;
const MAJOR_VERSION = 3;
const LONGEST_METHOD_BYTES = 10;
/** Of the preface, `PRI` and a space: no method of HTTP/1.1 is called so. */
const PREFACE_WORD_BYTES = 4;

/** What the first bytes of a connection are the beginning of; with 10 bytes it is no more `unsure`. O(1). */
export function openingOf(bytes: Uint8Array): Opening {
  if (bytes[0] === HANDSHAKE && (bytes.length === 1 || bytes[1] === MAJOR_VERSION)) return 'tls';
  const length = Math.min(bytes.length, PREFACE.length);
  const isPreface = PREFACE.compare(bytes, 0, length, 0, length) === 0;
  if (isPreface && length >= PREFACE_WORD_BYTES) return 'http2';
  const start = Buffer.from(bytes.subarray(0, LONGEST_METHOD_BYTES)).toString('latin1');
  if (/^[A-Z]{3,9} /.test(start)) return 'http1';
  return /^[A-Z]{0,9}$/.test(start) ? 'unsure' : 'other';
}

/** Ports that were exchanged, and TLS where there is none. */
export type WrongPort = Extract<IngestClosing, 'grpc_at_http' | 'http_at_grpc' | 'tls_at_plain'>;

/** What is wrong and how to mend it, for whoever made the connection. `otherPort`: that of the other protocol; null: not served. */
export function wrongPortText(what: WrongPort, otherPort: number | null): string {
  if (what === 'tls_at_plain')
    return 'the client speaks TLS, and this port has none: give the client http:// (or insecure), or set tls here';
  const isGrpc = what === 'grpc_at_http';
  const mend = isGrpc ? `OTLP over gRPC ${takenAt(otherPort)}` : `OTLP over HTTP ${takenAt(otherPort)}`;
  return isGrpc
    ? `the client speaks gRPC (HTTP/2), and this port takes OTLP over HTTP/1.1: ${mend}`
    : `the client speaks HTTP/1.1, and this port takes OTLP over gRPC (HTTP/2): ${mend}`;
}

function takenAt(port: number | null): string {
  return port === null ? 'is not served here' : `is taken on port ${port}`;
}

/** A whole answer of HTTP/1.1, after which the connection ends. */
export function badRequest(text: string): string {
  const body = `${text}\n`;
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;
}

/** RFC 9113 §6.5 and §6.8, types of frames; §7: the peer wants HTTP/1.1 instead. */
const SETTINGS = 4;
const GOAWAY = 7;
const HTTP_1_1_REQUIRED = 0xd;
const HEAD_BYTES = 9;

/** The end of a connection of HTTP/2 as its client reads it: no settings, and GOAWAY with `text` for people to read. */
export function goAway(text: string): Buffer {
  const debug = Buffer.from(text);
  const frame = Buffer.alloc(HEAD_BYTES + 8);
  frame.writeUIntBE(8 + debug.length, 0, 3);
  frame[3] = GOAWAY;
  frame.writeUInt32BE(HTTP_1_1_REQUIRED, HEAD_BYTES + 4);
  const settings = Buffer.alloc(HEAD_BYTES);
  settings[3] = SETTINGS;
  return Buffer.concat([settings, frame, debug]);
}
