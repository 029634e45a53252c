/** @module OTLP bodies over HTTP: compressed off the main thread, posted, and the answer judged. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { type CreateHttpPoster, type HttpPoster, USER_AGENT } from '../../pipeline/net/http-post.ts';
import type { OtlpHttpConfig } from './config.ts';
import { pack } from './pack.ts';
import { type Place, placeOfUrl, withPlace } from './place.ts';
import type { OtlpEvents } from './telemetry.ts';
import type { Attempt, OtlpTransport } from './transport.ts';
import { verdictOf } from './verdict.ts';

/** Bytes read of an answer, as the Collector does. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** One connection for each attempt under way at once, kept for later ones. */
export class HttpTransport implements OtlpTransport {
  readonly #config: OtlpHttpConfig;
  readonly #clock: Clock;
  readonly #events: OtlpEvents;
  readonly #createPoster: () => HttpPoster;
  readonly #place: Place;
  readonly #headers: readonly string[];
  readonly #posters: HttpPoster[] = [];
  /** Those with nothing to do, the last used one last, so that few connections stay warm. */
  readonly #free: HttpPoster[] = [];

  constructor(config: OtlpHttpConfig, url: URL, clock: Clock, events: OtlpEvents, createPoster: CreateHttpPoster) {
    this.#config = config;
    this.#clock = clock;
    this.#events = events;
    this.#headers = headersOf(config);
    this.#place = placeOfUrl(url);
    const options = {
      url,
      tls: config.tls ?? null,
      timeoutMs: config.timeout,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      clock,
    };
    this.#createPoster = () => {
      const poster = createPoster(options);
      this.#posters.push(poster);
      return poster;
    };
  }

  /** Says early what is wrong with the TLS files; whether anybody listens is seen with the first request. */
  open(): void {
    const poster = this.#createPoster();
    this.#free.push(poster);
    poster.check().then(
      (problem) => {
        if (problem !== null) this.#events.misconfigured(problem);
      },
      () => {},
    );
  }

  pack(body: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const { compression, compression_params: params } = this.#config;
    return pack(body, compression, params.level);
  }

  async send(packed: Uint8Array): Promise<Attempt> {
    const poster = this.#free.pop() ?? this.#createPoster();
    const result = await poster.post(this.#headers, packed);
    this.#free.push(poster);
    const verdict = verdictOf(result, this.#clock.wallMs());
    return { verdict: withPlace(verdict, this.#place), resent: result.resent };
  }

  close(): void {
    for (const poster of this.#posters) poster.close();
  }
}

/** Flat list of names and values; those of the configuration may replace the name of this program. */
function headersOf({ encoding, compression, headers }: OtlpHttpConfig): string[] {
  const list = ['content-type', encoding === 'json' ? 'application/json' : 'application/x-protobuf'];
  if (compression !== 'none') list.push('content-encoding', compression);
  let named = false;
  for (const [name, value] of headers) {
    list.push(name, value.reveal());
    named ||= name.toLowerCase() === 'user-agent';
  }
  return named ? list : [...list, 'user-agent', USER_AGENT];
}
