/**
 * @module POSTs of one exporter to one peer: a kept connection, one deadline for the whole exchange, bounded answers.
 *
 * Redirects are not followed and proxies of the environment are not used. TLS files are read whenever a connection is
 * opened, so that renewed certificates are taken up.
 */
import manifest from '../../package.json' with { type: 'json' };
import type { Clock } from '../clock/clock.ts';
import type { HttpFailure, HttpPostClient, ResponseHeaders, RunningRequest, TlsClientOptions } from './http-client.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

/** Name and version of this program for peers. */
export const USER_AGENT = `weir/${manifest.version}`;

export interface HttpPosterOptions {
  /** Where every request goes. Without user name and fragment. */
  readonly url: URL;
  /** Null: the system's authorities, as `https` has them; ignored with `http`. */
  readonly tls: TlsFiles | null;
  /** For the whole exchange, connecting included, milliseconds. */
  readonly timeoutMs: number;
  /** Bytes read of an answer's body. */
  readonly maxAnswerBytes: number;
  readonly clock: Clock;
}

/** How far an answer's body was read: to its end, to `maxAnswerBytes`, or until the connection broke or time was up. */
export type BodyEnd = 'whole' | 'too_long' | 'cut' | 'timeout';

/** A word for why there was no answer. */
export type PostFailureReason = HttpFailure['kind'] | 'timeout' | 'tls_file' | 'closed';

interface Exchange {
  /** The request was sent twice, because the kept connection turned out to be dead; the first may have arrived. */
  readonly resent: boolean;
}

export interface PostAnswer extends Exchange {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Uint8Array;
  readonly bodyEnd: BodyEnd;
  /** What broke the body, '' for nothing. */
  readonly error: string;
}

export interface PostFailure extends Exchange {
  readonly kind: 'failure';
  readonly reason: PostFailureReason;
  readonly error: string;
}

export type PostResult = PostAnswer | PostFailure;

export interface HttpPoster {
  /** Says what is wrong with the TLS files, null when nothing is. Loads what posting needs, and connects to nobody. */
  check(): Promise<string | null>;
  /** One exchange, one at a time. `headers` is a flat list of names and values. Never rejects. */
  post(headers: readonly string[], body: Uint8Array): Promise<PostResult>;
  /** Ends what runs, with the reason `closed`. */
  close(): void;
}

export type CreateHttpPoster = (options: HttpPosterOptions) => HttpPoster;

/** A poster that is not connected yet. */
export const createHttpPoster: CreateHttpPoster = (options) => new Poster(options);

class Poster implements HttpPoster {
  readonly #options: HttpPosterOptions;
  readonly #path: string;
  #client: HttpPostClient | null = null;
  /**
   * No closure: what a closure holds that was put here, the request's body above all, is seen by collections of the young
   * generation as if it were still in use, so that every body would wait for a full one.
   */
  #running: RunningExchange | null = null;
  #closed = false;

  constructor(options: HttpPosterOptions) {
    this.#options = options;
    this.#path = `${options.url.pathname}${options.url.search}`;
  }

  async check(): Promise<string | null> {
    // Not with the first request, when packages may have been replaced under a Weir that runs.
    await loadClient();
    const tls = await this.#readTls();
    return typeof tls === 'string' ? tls : null;
  }

  async post(headers: readonly string[], body: Uint8Array): Promise<PostResult> {
    const deadline = this.#options.clock.monoMs() + this.#options.timeoutMs;
    const first = await this.#exchange(headers, body, deadline);
    if (!('onKept' in first) || !first.onKept || this.#closed) return withoutOnKept(first, false);
    return withoutOnKept(await this.#exchange(headers, body, deadline), true);
  }

  async #exchange(headers: readonly string[], body: Uint8Array, deadlineMonoMs: number): Promise<Ended> {
    const client = await this.#connectable();
    if (typeof client === 'string') return { kind: 'failure', reason: 'tls_file', error: client };
    if (this.#closed) return { kind: 'failure', reason: 'closed', error: 'the exporter was stopped' };
    return new Promise((resolve) => {
      const { clock, maxAnswerBytes, timeoutMs } = this.#options;
      const exchange = new RunningExchange(maxAnswerBytes, (ended) => {
        timer.cancel();
        this.#running = null;
        if (ended.kind === 'failure') this.#drop();
        resolve(ended);
      });
      const timer = clock.after(deadlineMonoMs - clock.monoMs(), () => exchange.expire(timeoutMs));
      this.#running = exchange;
      exchange.run((handler) => client.post(this.#path, headers, body, handler));
    });
  }

  /** The client of the open connection, or a new one with the TLS files as they are now; a text says what is wrong. */
  async #connectable(): Promise<HttpPostClient | string> {
    if (this.#client?.isConnected) return this.#client;
    this.#drop();
    const tls = await this.#readTls();
    if (typeof tls === 'string') return tls;
    const { createHttpClient } = await loadClient();
    this.#client = createHttpClient(this.#options.url.origin, tls);
    return this.#client;
  }

  async #readTls(): Promise<TlsClientOptions | null | string> {
    const { tls, url } = this.#options;
    if (tls === null || url.protocol !== 'https:') return null;
    return readTlsFiles(tls);
  }

  #drop(): void {
    this.#client?.close();
    this.#client = null;
  }

  close(): void {
    this.#closed = true;
    this.#running?.fail({ kind: 'failure', reason: 'closed', error: 'the exporter was stopped' });
    this.#drop();
  }
}

function loadClient(): Promise<typeof import('./http-client.ts')> {
  return import('./http-client.ts');
}

type Ended = Omit<PostAnswer, 'resent'> | (Omit<PostFailure, 'resent'> & { readonly onKept?: boolean });

function withoutOnKept(ended: Ended, resent: boolean): PostResult {
  if (ended.kind === 'answer') return { ...ended, resent };
  return { kind: 'failure', reason: ended.reason, error: ended.error, resent };
}

/** One request and the answer that is gathered; tells its end once. */
class RunningExchange {
  readonly #maxBytes: number;
  readonly #onEnd: (ended: Ended) => void;
  #request: RunningRequest | null = null;
  #head: { readonly status: number; readonly headers: ResponseHeaders } | null = null;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #over = false;

  constructor(maxBytes: number, onEnd: (ended: Ended) => void) {
    this.#maxBytes = maxBytes;
    this.#onEnd = onEnd;
  }

  run(start: (handler: Parameters<HttpPostClient['post']>[3]) => RunningRequest): void {
    this.#request = start({
      onHeaders: (status, headers) => {
        this.#head = { status, headers };
      },
      onPiece: (piece) => this.#take(piece),
      onEnd: () => this.#answer('whole', ''),
      onFailure: ({ kind, text, onKept = false }) =>
        this.#broken({ kind: 'failure', reason: kind, error: text, onKept }),
    });
    if (this.#over) this.#request.abort();
  }

  expire(timeoutMs: number): void {
    const error = `no whole answer within ${timeoutMs / 1000}s`;
    if (this.#head === null) this.fail({ kind: 'failure', reason: 'timeout', error });
    else this.#answer('timeout', error);
  }

  fail(failure: Ended): void {
    this.#finish(failure);
    this.#request?.abort();
  }

  /** A status that was heard counts even when its body broke off. */
  #broken(failure: Extract<Ended, { kind: 'failure' }>): void {
    if (this.#head === null) this.#finish(failure);
    else this.#answer('cut', failure.error);
  }

  #take(piece: Uint8Array): boolean {
    const room = this.#maxBytes - this.#bytes;
    // The piece is only lent.
    this.#pieces.push(piece.slice(0, room));
    this.#bytes += Math.min(piece.length, room);
    if (piece.length > room) this.#answer('too_long', `the answer has more than ${this.#maxBytes} bytes`);
    return true;
  }

  #answer(bodyEnd: BodyEnd, error: string): void {
    if (this.#head === null) return;
    this.#finish({ kind: 'answer', ...this.#head, body: Buffer.concat(this.#pieces), bodyEnd, error });
    if (bodyEnd !== 'whole') this.#request?.abort();
  }

  #finish(ended: Ended): void {
    if (this.#over) return;
    this.#over = true;
    this.#onEnd(ended);
  }
}
