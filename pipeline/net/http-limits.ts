/** @module What Node's HTTP servers are told of headers and times, whoever they serve. */

const MAX_HEADER_BYTES = 16_384;
/** How often Node looks for connections whose headers or request are late. */
const CHECK_LATE_MS = 1000;

/** Keys of a listener, milliseconds. */
export interface HttpTimes {
  readonly header_timeout: number;
  readonly request_timeout: number;
  readonly idle_timeout: number;
}

/** Options of `createServer`; a request has at least as long as its headers. */
export function httpLimits(config: HttpTimes) {
  return {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: config.header_timeout,
    requestTimeout: Math.max(config.request_timeout, config.header_timeout),
    keepAliveTimeout: config.idle_timeout,
    connectionsCheckingInterval: CHECK_LATE_MS,
  };
}
