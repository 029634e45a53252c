/**
 * @module Requests of browsers from other origins, as the Collector's `cors` keys allow them; off without origins.
 *
 * The Collector answers every page that may send as if it were trusted with cookies and certificates of the browser. Here only
 * those are whose host the configuration names, at least in part (Fetch standard, "CORS protocol and credentials").
 */
import type { IncomingMessage } from 'node:http';

export interface CorsConfig {
  /** Origins, in which `*` stands for any text. */
  readonly allowedOrigins: readonly string[];
  /** Headers besides those that always are allowed; `*` allows all that are asked for. */
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  /** Seconds for which a browser may remember the answer; 0: its own default. */
  readonly maxAgeSeconds: number;
}

/** Headers that OTLP itself needs. */
const ALWAYS_ALLOWED = ['accept', 'content-type', 'content-encoding', 'x-requested-with'];

type HeaderPair = readonly [name: string, value: string];

/** Headers of any answer to `origin`: that it depends on the origin where some are allowed, and more for one that is. */
export function corsHeaders(cors: CorsConfig | null, origin: string | undefined): HeaderPair[] {
  if (!isOn(cors)) return [];
  const matching = origin === undefined ? [] : patternsFor(cors, origin);
  if (origin === undefined || matching.length === 0) return [['vary', 'Origin']];
  const exposed = cors.exposedHeaders.length === 0 ? [] : [cors.exposedHeaders.join(', ')];
  return [
    ['vary', 'Origin'],
    ...(matching.some(namesHost) ? trusted(origin) : [['access-control-allow-origin', '*'] as const]),
    ...exposed.map((value) => ['access-control-expose-headers', value] as const),
  ];
}

function trusted(origin: string): HeaderPair[] {
  return [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
  ];
}

/** Whether it asks, on behalf of a page, what that page may do. */
export function isPreflight(cors: CorsConfig | null, { method, headers }: IncomingMessage): boolean {
  return isOn(cors) && method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function isOn(cors: CorsConfig | null): cors is CorsConfig {
  return cors !== null && cors.allowedOrigins.length > 0;
}

/** What an allowed page may do; none for one that is not allowed. */
export function preflightHeaders(cors: CorsConfig, { headers }: IncomingMessage): HeaderPair[] {
  const { origin } = headers;
  if (origin === undefined || patternsFor(cors, origin).length === 0) return [];
  const asked = String(headers['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/.test(name));
  const known = new Set([...ALWAYS_ALLOWED, ...cors.allowedHeaders.map((name) => name.toLowerCase())]);
  const allowed = known.has('*') ? asked : asked.filter((name) => known.has(name));
  return [
    ['access-control-allow-methods', 'POST'],
    ...(allowed.length === 0 ? [] : [['access-control-allow-headers', allowed.join(', ')] as const]),
    ...(cors.maxAgeSeconds === 0 ? [] : [['access-control-max-age', String(cors.maxAgeSeconds)] as const]),
  ];
}

/** Those of the allowed origins that `origin` is one of. */
function patternsFor({ allowedOrigins }: CorsConfig, origin: string): string[] {
  return allowedOrigins.filter((pattern) => matches(pattern.toLowerCase(), origin.toLowerCase()));
}

/** Scheme and port, as far as a pattern tells them; what is between is a host. */
const SCHEME = /^(?:[^/]*:\/\/|[^*]*\*)/;
const PORT = /:[\d*]*$/;

/** Whether a pattern is of one origin or of some hosts only: `*`, `https://*` and `http*` are pages of anybody. */
function namesHost(pattern: string): boolean {
  return !pattern.includes('*') || /[^*./:]/.test(pattern.replace(SCHEME, '').replace(PORT, ''));
}

/** Pieces between the stars are looked for in order; no backtracking, so the time is that of reading the origin. */
function matches(pattern: string, origin: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === origin;
  if (!origin.startsWith(first)) return false;
  let at = first.length;
  const last = rest.pop()!;
  for (const piece of rest) {
    const found = origin.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return origin.length - last.length >= at && origin.endsWith(last);
}
