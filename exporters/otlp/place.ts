/** @module Where requests went, and what may mend a failure, told with the failure. */
import { maskUrls } from '../../pipeline/wire/url-secrets.ts';
import type { Verdict } from './verdict.ts';

/** A backend as its exporter is configured. */
export interface Place {
  /** For people: a URL without secrets, or `host:port`. */
  readonly name: string;
  readonly protocol: 'http' | 'grpc';
  readonly isSecure: boolean;
  /** Of a URL, else ''. */
  readonly path: string;
}

export function placeOfUrl(url: URL): Place {
  const name = maskUrls(url.href, true);
  return { name, protocol: 'http', isSecure: url.protocol === 'https:', path: url.pathname };
}

export function placeOfTarget(host: string, port: number, isSecure: boolean): Place {
  const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return { name, protocol: 'grpc', isSecure, path: '' };
}

/** The verdict, with the place before what is wrong and a mend behind it where one is known. Pure. */
export function withPlace(verdict: Verdict, place: Place): Verdict {
  if (verdict.kind === 'accepted') return verdict;
  const mend = mendOf(verdict, place);
  return { ...verdict, error: `${place.name}: ${verdict.error}${mend === '' ? '' : `; ${mend}`}` };
}

function mendOf(verdict: Exclude<Verdict, { kind: 'accepted' }>, place: Place): string {
  if (verdict.kind === 'too_large') return '';
  const { reason, error } = verdict;
  if (reason === 'http_404') return isTwice(place.path) ? TWICE : '';
  if (NO_HANDSHAKE.test(error)) return NO_TLS_MAYBE;
  if (reason === 'tls') return tlsMend(error, place);
  for (const [when, pattern, mend] of place.isSecure ? SECURE : PLAIN)
    if (when === `${place.protocol} ${reason}` && pattern.test(error)) return mend;
  return reason === 'connect' ? connectMend(error) : '';
}

const TWICE = 'the path has the signal twice: endpoint gets /v1/traces or /v1/metrics appended, so leave it out there';

function isTwice(path: string): boolean {
  return /\/v1\/(traces|metrics)\b.*\/v1\/\1\b/.test(path);
}

type Mend = readonly [when: string, error: RegExp, mend: string];

const HTTPS_MAYBE = 'if that port has TLS, write https://';
const GRPC_HTTPS_MAYBE = 'if that port has TLS, write https:// or leave tls.insecure out';
const GRPC_PORT =
  'it speaks no HTTP/2: OTLP over gRPC usually is on port 4317; for OTLP over HTTP take the otlphttp exporter';
const HTTP_PORT = 'it may be a port of gRPC: OTLP over HTTP usually is on port 4318; for gRPC take the otlp exporter';
const CERTIFICATE_MAYBE = 'if it asks for a certificate of this client, set tls.cert_file and tls.key_file';

const NO_TLS = 'that port has no TLS: write http://, or tls.insecure: true with gRPC';
const NO_TLS_MAYBE = `if ${NO_TLS}`;
/** Node's words when the peer hung up on the greeting of TLS, as ports of plain gRPC do, whatever the reason it is counted as. */
const NO_HANDSHAKE = /disconnected before secure TLS connection/i;

/** Without TLS here. */
const PLAIN: readonly Mend[] = [
  ['grpc connect', /^Protocol error/, GRPC_PORT],
  ['grpc connect', /^Failed to connect/, GRPC_HTTPS_MAYBE],
  // HTTP_1_1_REQUIRED (RFC 9113 §7), as Weir's own port of OTLP over HTTP says.
  ['grpc lost', /error code 13\b/, GRPC_PORT],
  ['http protocol', /./, HTTP_PORT],
  ['http lost', /./, HTTPS_MAYBE],
];
const SECURE: readonly Mend[] = [['http lost', /./, CERTIFICATE_MAYBE]];

function tlsMend(error: string, { protocol }: Place): string {
  const known = TLS.find(([pattern]) => pattern.test(error));
  if (known !== undefined) return known[1];
  if (!/no application protocol/i.test(error)) return '';
  return protocol === 'grpc' ? GRPC_PORT : HTTP_PORT;
}

/** Words of OpenSSL and of Node. */
const TLS: readonly (readonly [error: RegExp, mend: string])[] = [
  [/wrong version number|packet length too long|http request/i, NO_TLS],
  [
    /certificate required|handshake failure|bad certificate|unknown ca/i,
    'it wants a certificate of this client that it trusts: tls.cert_file and tls.key_file',
  ],
  [/self.signed|unable to (?:verify|get)/i, 'name the authority of its certificate in tls.ca_file'],
  [/altnames|Hostname\/IP/i, 'write the name that is in its certificate, or set tls.server_name_override'],
  [/has expired/i, 'its certificate has to be renewed'],
];

function connectMend(error: string): string {
  if (error.includes('ECONNREFUSED')) return 'nothing listens there';
  return /ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(error) ? 'the name of the host is not known' : '';
}
