/** @module Whether a request says in one way, and as HTTP has it, which host it is for (RFC 9112 §3.2). */
import type { IncomingMessage } from 'node:http';

/** `uri-host [":" port]` of RFC 9110 §7.2, by characters; an `http` URI with an empty host is invalid (§4.2.1). */
const HOST = /^(?:\[[\w:.%~-]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?$/;

/**
 * Why a request of HTTP/1.1 is to be refused with 400; '' for nothing. Node itself refuses those without any. O(headers);
 * nothing is allocated.
 */
export function hostProblem({ httpVersion, rawHeaders, headers }: IncomingMessage): string {
  if (httpVersion !== '1.1') return '';
  const { host = '' } = headers;
  if (hostsIn(rawHeaders) > 1) return 'host must be there once';
  if (host === '') return 'host is empty; it must name the host and port that the request is for';
  return HOST.test(host) ? '' : 'host must be a name or address, and perhaps a port';
}

/** Names and values by turns. */
function hostsIn(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts;
}
