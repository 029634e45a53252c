/** @module HTTP answers of the exporter. */
import type { HttpAnswer } from '../../pipeline/net/http-server.ts';

/** A page in its own type; `ended` is told when nobody takes it any more. */
export function page(body: readonly Uint8Array[], contentType: string, gzip: boolean, ended: () => void): HttpAnswer {
  const encoding = gzip ? { 'content-encoding': 'gzip' } : {};
  const headers = { 'content-type': contentType, vary: 'accept, accept-encoding', ...encoding };
  return { status: 200, headers, body, ended };
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${body}\n` };
}

export function notFound(): HttpAnswer {
  return text(404, 'not found: metrics are at /metrics');
}

export function unauthorized(): HttpAnswer {
  return text(401, 'a bearer token is needed', { 'www-authenticate': 'Bearer' });
}

export function methodNotAllowed(): HttpAnswer {
  return text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
}

export function internalError(): HttpAnswer {
  return text(500, 'the page could not be made; see the log of Weir');
}

export function tooMany(): HttpAnswer {
  return text(503, 'too many scrapes at once', { 'retry-after': '1' });
}
