/** @module Why a scrape failed: a fixed set of reasons for counters, and a sentence for people. */

/**
 * Every reason a scrape may fail for. Reasons of the scanner (a limit, a line too long) are passed on under its own
 * names. `README.md` of each scraping receiver lists them.
 */
export type FailureReason =
  | 'connect'
  | 'tls'
  | 'connection_lost'
  | 'bad_http'
  | 'timeout'
  | 'redirect'
  | 'http_status'
  | 'html'
  | 'content_type'
  | 'content_encoding'
  | 'body_too_large'
  | 'body_cut'
  | 'partial_page'
  | 'backpressure'
  | 'overlap'
  | 'stopped';

export interface ScrapeFailure {
  /** A `FailureReason`, or the scanner's own reason. */
  readonly reason: string;
  /** What was found, what was expected, what to do. No secrets; text from outside is made printable and cut. */
  readonly text: string;
}

export function failure(reason: FailureReason, text: string): ScrapeFailure {
  return { reason, text };
}
