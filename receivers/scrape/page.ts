/**
 * @module One GET of a metrics page: status, type and encoding are judged, limits counted, and every piece of plain
 * text handed on the moment it arrives. A page is never held as a whole.
 */
import type { Clock, Timer } from '../../pipeline/clock/clock.ts';
import type { HttpClient, HttpFailure, ResponseHandler, ResponseHeaders } from '../../pipeline/net/http-client.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { type FailureReason, failure, type ScrapeFailure } from './failure.ts';
import { Inflater } from './inflate.ts';

export interface PageRequest {
  readonly client: HttpClient;
  readonly path: string;
  /** Flat list of header names and values. */
  readonly headers: readonly string[];
  readonly clock: Clock;
  /** Time for everything from the connection to the last byte, milliseconds. */
  readonly timeoutMs: number;
  /** Limit of the body, on the wire and inflated, bytes. */
  readonly bodyLimitBytes: number;
  /** Takes each piece of plain text, valid during the call only. */
  readonly feed: (piece: Uint8Array) => void;
  /**
   * Called once, never after `abort`; null for a whole body. `endsByClose`: nothing but the end of the connection says
   * that it is whole.
   */
  readonly done: (failure: ScrapeFailure | null, endsByClose: boolean) => void;
}

/** A timer later than this tells that the process stood still, milliseconds. */
const LATE_MS = 50;

/** A page being fetched. */
export interface PageFetch {
  /** Ends it with this failure, unless it has ended. */
  abort(failure: ScrapeFailure): void;
}

/** Begins a GET. `done` may be called before this returns. */
export function fetchPage(request: PageRequest): PageFetch {
  const page = new Page(request);
  page.start();
  return page;
}

class Page implements ResponseHandler, PageFetch {
  readonly #request: PageRequest;
  #running: { abort(): void; resume(): void } | null = null;
  #timer: Timer | null = null;
  /** Monotonic time (ms) at which time is up. */
  #endMonoMs = 0;
  #extended = false;
  #inflater: Inflater | null = null;
  #headersSeen = false;
  #endsByClose = false;
  #over = false;
  #wireBytes = 0;
  #textBytes = 0;

  constructor(request: PageRequest) {
    this.#request = request;
  }

  start(): void {
    const { client, path, headers, clock, timeoutMs } = this.#request;
    this.#endMonoMs = clock.monoMs() + timeoutMs;
    this.#timer = clock.after(timeoutMs, () => this.#timedOut());
    this.#running = client.get(path, headers, this);
    if (this.#over) this.#running.abort();
  }

  abort(reason: ScrapeFailure): void {
    this.#finish(reason);
  }

  onHeaders(status: number, headers: ResponseHeaders): void {
    this.#headersSeen = true;
    const refused = judgeHeaders(status, headers, this.#request.bodyLimitBytes);
    if (refused !== null) {
      this.#finish(refused);
      return;
    }
    this.#endsByClose = !headers.has('content-length') && !headers.has('transfer-encoding');
    if (header(headers, 'content-encoding').toLowerCase() !== 'gzip') return;
    this.#inflater = new Inflater({
      onText: (piece) => this.#takeText(piece),
      onDrain: () => this.#running?.resume(),
      onEnd: () => this.#finish(null),
      onError: (cut, text) => this.#finish(cut ? failure('body_cut', text) : failure('content_encoding', text)),
    });
  }

  onPiece(piece: Uint8Array): boolean {
    if (this.#over) return true;
    this.#wireBytes += piece.length;
    if (this.#wireBytes > this.#request.bodyLimitBytes) {
      this.#finish(tooLarge(this.#request.bodyLimitBytes));
      return true;
    }
    if (this.#inflater !== null) return this.#inflater.write(piece);
    this.#takeText(piece);
    return true;
  }

  onEnd(): void {
    if (this.#inflater === null) this.#finish(null);
    else this.#inflater.end();
  }

  onFailure(problem: HttpFailure): void {
    this.#finish(ofHttp(problem));
  }

  #takeText(piece: Uint8Array): void {
    if (this.#over) return;
    this.#textBytes += piece.length;
    if (this.#textBytes > this.#request.bodyLimitBytes) this.#finish(tooLarge(this.#request.bodyLimitBytes));
    else this.#request.feed(piece);
  }

  /** Time in which Weir itself stood still is given back once: the answer may be waiting in the socket. */
  #timedOut(): void {
    const { clock, timeoutMs } = this.#request;
    const lateMs = clock.monoMs() - this.#endMonoMs;
    if (lateMs > LATE_MS && !this.#extended) {
      this.#extended = true;
      this.#timer = clock.after(Math.min(lateMs, timeoutMs), () => this.#timedOut());
      return;
    }
    const where = this.#headersSeen ? `after headers and ${this.#textBytes} bytes of body` : 'before any headers';
    this.#finish(failure('timeout', `no whole page within scrape_timeout ${timeoutMs}ms: it stopped ${where}`));
  }

  #finish(reason: ScrapeFailure | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#inflater?.close();
    if (reason !== null) this.#running?.abort();
    this.#request.done(reason, this.#endsByClose);
  }
}

/** Null when the body may be read. */
function judgeHeaders(status: number, headers: ResponseHeaders, bodyLimitBytes: number): ScrapeFailure | null {
  if (status >= 300 && status < 400) {
    const location = printableShort(header(headers, 'location'), 120);
    return failure('redirect', `status ${status} to "${location}": redirects are not followed; scrape that address`);
  }
  if (status !== 200) return failure('http_status', statusText(status));
  const encoding = header(headers, 'content-encoding').toLowerCase();
  if (encoding !== '' && encoding !== 'identity' && encoding !== 'gzip') {
    return failure('content_encoding', `content-encoding "${printableShort(encoding, 60)}": expected gzip or none`);
  }
  const length = Number(header(headers, 'content-length'));
  if (length > bodyLimitBytes) return tooLarge(bodyLimitBytes, length);
  return judgeType(header(headers, 'content-type'));
}

function judgeType(contentType: string): ScrapeFailure | null {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'text/html') {
    return failure('html', 'content-type text/html: a web page (a login page?) answers instead of the proxy');
  }
  if (type === 'application/vnd.google.protobuf') {
    return failure('content_type', `content-type "${type}": expected a text format, which is all that was asked for`);
  }
  return null;
}

function statusText(status: number): string {
  if (status === 403) {
    return "status 403: the proxy's inbound policy does not allow this scrape; authorize Weir for the admin port";
  }
  if (status === 401) return 'status 401: credentials are missing or wrong; set basic_auth or authorization';
  if (status === 404) return 'status 404: nothing is served at metrics_path';
  return `status ${status}: expected 200`;
}

const HTTP_REASONS: Readonly<Record<HttpFailure['kind'], FailureReason>> = {
  connect: 'connect',
  tls: 'tls',
  lost: 'connection_lost',
  cut: 'body_cut',
  protocol: 'bad_http',
};

function ofHttp({ kind, text }: HttpFailure): ScrapeFailure {
  const said = printableShort(text);
  if (kind === 'cut') return failure('body_cut', `the connection ended before the page did: ${said}`);
  if (kind === 'lost') return failure('connection_lost', `the connection ended before an answer: ${said}`);
  return failure(HTTP_REASONS[kind], said);
}

function tooLarge(limitBytes: number, foundBytes?: number): ScrapeFailure {
  const found = foundBytes === undefined ? 'more' : `${foundBytes} bytes`;
  return failure('body_too_large', `the page has ${found}, body_size_limit allows ${limitBytes} bytes`);
}

function header(headers: ResponseHeaders, name: string): string {
  return (headers.get(name) ?? '').trim();
}
