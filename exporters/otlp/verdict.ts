/**
 * @module What an exchange over OTLP/HTTP means for what was sent: taken, to be sent again, or never to be sent again.
 *
 * Source: open-telemetry/opentelemetry-proto `docs/specification.md` (OTLP/HTTP response), and what the Collector's
 * `exporter/otlphttpexporter/otlp.go` makes of it.
 */
import type { PostAnswer, PostFailure, PostResult } from '../../pipeline/net/http-post.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { maskUrls } from '../../pipeline/wire/url-secrets.ts';
import { answerForm, readPartialSuccess, readStatusText } from './answer.ts';
import { retryAfterMs } from './retry-after.ts';

/** Whether an attempt that has to be repeated arrived: no, nobody knows, or yes, because its status told so. */
export type Arrival = 'no' | 'maybe' | 'yes';

/** `reason` is a constant word for metrics, `error` text for people. */
export type Verdict =
  /** The backend has it, but for `rejected` data points or spans; `message` is what it says beside, '' for nothing. */
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  /**
   * `arrived`: what a repeat may meet there already. `afterMs`: not earlier, milliseconds. `throttled`: the backend has
   * too much to do, so that other requests had better wait as well.
   */
  | {
      readonly kind: 'transient';
      readonly reason: string;
      readonly error: string;
      readonly arrived: Arrival;
      readonly afterMs?: number;
      readonly throttled?: true;
    }
  | { readonly kind: 'permanent'; readonly reason: string; readonly error: string }
  /** Too much for one request. */
  | { readonly kind: 'too_large'; readonly error: string };

/** Why something is dropped of which a backend said that it has it, but not, readably, how much. */
export const UNREADABLE_ANSWER = 'unreadable_answer';
/** What every error of that reason ends in. */
export const UNKNOWN_REST = 'how much was taken is unknown';

/** Longest text of a backend in a message. */
const LONGEST_TEXT = 400;
/** Statuses that have a word of their own; any other is told by its class. */
const NAMED = new Set([400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 415, 421, 422, 431, 451, 500, 501, 505]);
/** Statuses after which the same request is sent again (OTLP/HTTP, "Retryable Response Codes"). */
const RETRIED = new Set([429, 502, 503, 504]);
/** Of those, where the backend may say when. */
const THROTTLING = new Set([429, 503]);

/** Not refused at all: the backend has it, but for what nobody knows. */
export function isUnread(verdict: Verdict): boolean {
  return verdict.kind === 'permanent' && verdict.reason === UNREADABLE_ANSWER;
}

/** The verdict on one exchange. Pure; `nowWallMs` is for dates in `Retry-After`. */
export function verdictOf(result: PostResult, nowWallMs: number): Verdict {
  if (result.kind === 'failure') return verdictOfFailure(result);
  const { status } = result;
  if (status >= 200 && status < 300) return verdictOfSuccess(result);
  if (RETRIED.has(status)) return verdictOfThrottle(result, nowWallMs);
  if (status >= 300 && status < 400) return { kind: 'permanent', reason: 'redirected', error: redirectText(result) };
  if (status === 413) return { kind: 'too_large', error: refusalText(result) };
  return { kind: 'permanent', reason: reasonOf(status), error: refusalText(result) };
}

/** Nothing was connected, or no byte of the answer came. */
const NEVER_ARRIVED = new Set(['connect', 'tls', 'tls_file']);

function verdictOfFailure({ reason, error }: PostFailure): Verdict {
  return { kind: 'transient', reason, error, arrived: NEVER_ARRIVED.has(reason) ? 'no' : 'maybe' };
}

function verdictOfSuccess(answer: PostAnswer): Verdict {
  const { body, bodyEnd } = answer;
  if (bodyEnd === 'cut' || bodyEnd === 'timeout') {
    const error = `status ${answer.status}, but its body broke off: ${answer.error}`;
    return { kind: 'transient', reason: bodyEnd, error, arrived: 'yes' };
  }
  const contentType = answer.headers.get('content-type') ?? '';
  const form = answerForm(contentType);
  if (form === null && !isPage(contentType)) return { kind: 'accepted', rejected: 0, message: '' };
  const partial = form === null || bodyEnd === 'too_long' ? null : readPartialSuccess(body, form);
  if (partial !== null) return { kind: 'accepted', ...partial };
  return { kind: 'permanent', reason: UNREADABLE_ANSWER, error: unreadableText(answer, contentType) };
}

/** A page for people under a 200 comes from a login or a proxy, not from a backend. */
function isPage(contentType: string): boolean {
  return /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(contentType);
}

function verdictOfThrottle(answer: PostAnswer, nowWallMs: number): Verdict {
  const { status } = answer;
  const retry = { kind: 'transient', reason: `http_${status}`, error: refusalText(answer) } as const;
  // A gateway that got no answer cannot tell whether the request arrived.
  if (!THROTTLING.has(status)) return { ...retry, arrived: 'maybe' };
  const asked = answer.headers.get('retry-after') ?? '';
  const afterMs = asked === '' ? null : retryAfterMs(asked, nowWallMs);
  const throttle = { ...retry, arrived: 'no', throttled: true } as const;
  return afterMs === null ? throttle : { ...throttle, afterMs };
}

function reasonOf(status: number): string {
  if (NAMED.has(status)) return `http_${status}`;
  return status >= 400 && status < 600 ? `http_${Math.floor(status / 100)}xx` : 'http_other';
}

// --- Texts -----------------------------------------------------------------------------------------------------------

/** Status and what the body says of it. */
function refusalText(answer: PostAnswer): string {
  const form = answerForm(answer.headers.get('content-type') ?? '');
  const told = form === null ? '' : readStatusText(answer.body, form);
  const text = told === '' && form !== 'proto' ? bodyText(answer.body) : told;
  return text === '' ? `status ${answer.status}` : `status ${answer.status}: ${printableShort(text, LONGEST_TEXT)}`;
}

function bodyText(body: Uint8Array): string {
  return Buffer.from(body.subarray(0, LONGEST_TEXT)).toString('utf8').trim();
}

function redirectText(answer: PostAnswer): string {
  const location = answer.headers.get('location') ?? '';
  const where = location === '' ? 'nowhere' : printableShort(maskUrls(location, true), LONGEST_TEXT);
  return `status ${answer.status} points to ${where}; redirects are not followed: write that address as the endpoint if it is right`;
}

function unreadableText(answer: PostAnswer, contentType: string): string {
  const why = answer.bodyEnd === 'too_long' ? answer.error : `${answer.body.length} bytes as ${contentType}`;
  return `status ${answer.status}, but its body is no answer of OTLP: ${printableShort(why)}; ${UNKNOWN_REST}`;
}
