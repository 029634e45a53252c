/** @module Requests of browsers from other origins, as the Collector's `cors` keys allow them; off without origins. */
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
  if (cors === null) return [];
  if (origin === undefined || !isAllowed(cors, origin)) return [['vary', 'Origin']];
  const exposed = cors.exposedHeaders.length === 0 ? [] : [cors.exposedHeaders.join(', ')];
  return [
    ['vary', 'Origin'],
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
    ...exposed.map((value) => ['access-control-expose-headers', value] as const),
  ];
}

/** Whether it asks, on behalf of a page, what that page may do. */
export function isPreflight(cors: CorsConfig | null, { method, headers }: IncomingMessage): boolean {
  return cors !== null && method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

/** What an allowed page may do; none for one that is not allowed. */
export function preflightHeaders(cors: CorsConfig, { headers }: IncomingMessage): HeaderPair[] {
  const { origin } = headers;
  if (origin === undefined || !isAllowed(cors, origin)) return [];
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

function isAllowed({ allowedOrigins }: CorsConfig, origin: string): boolean {
  return allowedOrigins.some((pattern) => matches(pattern.toLowerCase(), origin.toLowerCase()));
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
