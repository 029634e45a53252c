/** @module One GET on Node's own client: for the command line, which must start fast and needs no pool. */
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../clock/clock.ts';
import { codeOf, errorText, NotConnectedError, TimeoutError, WeirError } from '../errors.ts';

export interface HttpGetOptions {
  readonly clock: Clock;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole exchange, milliseconds. */
  readonly timeoutMs: number;
  /** Longest answer that is read. */
  readonly maxBytes: number;
  /** PEM text of certificate authorities to trust in place of the system's. */
  readonly ca?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * The answer, whatever its status. Redirects are not followed. Throws `NotConnectedError`, `TimeoutError`, or a
 * `WeirError` with `WEIR_NET_BAD_ANSWER` when it is too long; messages never hold headers.
 */
export function httpGet(url: URL, options: HttpGetOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { clock, headers = {}, timeoutMs, maxBytes, ca } = options;
    const settings: RequestOptions & { ca?: string } = {
      headers: { accept: 'application/json', ...headers },
      agent: false,
    };
    if (ca !== undefined) settings.ca = ca;
    const request = url.protocol === 'https:' ? requestHttps(url, settings) : requestHttp(url, settings);
    const timer = clock.after(timeoutMs, () => {
      request.destroy(new TimeoutError(`GET ${where(url)}: no answer within ${timeoutMs / 1000}s`));
    });
    const fail = (error: unknown) => {
      timer.cancel();
      reject(translate(url, error));
    };
    request.on('error', fail);
    request.on('response', (response) => {
      readBody(response, maxBytes).then((body) => {
        timer.cancel();
        resolve({ status: response.statusCode ?? 0, body });
      }, fail);
    });
    request.end();
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response) {
    if (!Buffer.isBuffer(piece)) continue;
    bytes += piece.length;
    if (bytes > maxBytes) throw new WeirError('WEIR_NET_BAD_ANSWER', `the answer is longer than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Scheme, host and path: a query or user name may hold what must not be printed. */
function where(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

const REASONS = new Map<string, string>([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ENOTFOUND', 'the host name does not resolve'],
  ['EAI_AGAIN', 'the host name does not resolve'],
  ['ECONNRESET', 'the connection was closed before an answer'],
  ['EHOSTUNREACH', 'no way to that host'],
  ['HPE_INVALID_CONSTANT', 'what listens there does not speak HTTP'],
]);

function translate(url: URL, error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const reason = REASONS.get(codeOf(error)) ?? errorText(error);
  return new NotConnectedError(`GET ${where(url)}: ${reason}`, { cause: error });
}
