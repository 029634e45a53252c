/** @module OTLP bodies over HTTP: compressed off the main thread, posted, and the answer judged. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '../../pipeline/clock/clock.ts';
import { type CreateHttpPoster, type HttpPoster, USER_AGENT } from '../../pipeline/net/http-post.ts';
import { metricsUrl, type OtlpHttpConfig } from './config.ts';
import type { OtlpEvents } from './telemetry.ts';
import type { Attempt, OtlpTransport } from './traffic-sender.ts';
import { verdictOf } from './verdict.ts';

/** Bytes read of an answer, as the Collector does. */
const MAX_ANSWER_BYTES = 64 * 1024;

const compress = promisify(gzip);

export class HttpTransport implements OtlpTransport {
  readonly #config: OtlpHttpConfig;
  readonly #clock: Clock;
  readonly #events: OtlpEvents;
  readonly #poster: HttpPoster;
  readonly #headers: readonly string[];

  constructor(config: OtlpHttpConfig, clock: Clock, events: OtlpEvents, createPoster: CreateHttpPoster) {
    this.#config = config;
    this.#clock = clock;
    this.#events = events;
    this.#headers = headersOf(config);
    this.#poster = createPoster({
      url: metricsUrl(config),
      tls: config.tls ?? null,
      timeoutMs: config.timeout,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      clock,
    });
  }

  /** Says early what is wrong with the TLS files; whether anybody listens is seen with the first request. */
  open(): void {
    this.#poster.check().then(
      (problem) => {
        if (problem !== null) this.#events.misconfigured(problem);
      },
      () => {},
    );
  }

  async pack(body: Uint8Array): Promise<Uint8Array> {
    if (this.#config.compression === 'none') return body;
    return compress(body, { level: this.#config.compression_params.level });
  }

  async send(packed: Uint8Array): Promise<Attempt> {
    const result = await this.#poster.post(this.#headers, packed);
    return { verdict: verdictOf(result, this.#clock.wallMs()), resent: result.resent };
  }

  close(): void {
    this.#poster.close();
  }
}

/** Flat list of names and values; those of the configuration may replace the name of this program. */
function headersOf({ encoding, compression, headers }: OtlpHttpConfig): string[] {
  const list = ['content-type', encoding === 'json' ? 'application/json' : 'application/x-protobuf'];
  if (compression === 'gzip') list.push('content-encoding', 'gzip');
  let named = false;
  for (const [name, value] of headers) {
    list.push(name, value.reveal());
    named ||= name.toLowerCase() === 'user-agent';
  }
  return named ? list : [...list, 'user-agent', USER_AGENT];
}
