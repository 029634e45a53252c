/** @module Requests of spans over OTLP, several at once, whatever carries them: bytes go out as they came. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { Turns } from '../../pipeline/clock/turns.ts';
import type { SpansOutcome, SpansRequest, SpansSender } from '../../pipeline/sending/spans-sender.ts';
import { spansToJsonSteps } from '../../pipeline/wire/otlp-spans.ts';
import { type OtlpEvents, rejectedError } from './telemetry.ts';
import type { OtlpTransport } from './transport.ts';
import { isUnread, UNKNOWN_REST, UNREADABLE_ANSWER, type Verdict } from './verdict.ts';

/** One request, ready to be sent, and what attempts to send it may have met. */
export interface PackedSpans {
  readonly packed: Uint8Array;
  readonly count: number;
  /** An earlier attempt, of it or of what it is a half of, may have arrived. */
  mayBeThere: boolean;
}

export interface SpansSenderSettings {
  readonly encoding: 'proto' | 'json';
  readonly transport: OtlpTransport;
  readonly events: OtlpEvents;
  readonly clock: Clock;
}

type Refusal = Extract<Verdict, { kind: 'permanent' | 'too_large' }>;

export class OtlpSpansSender implements SpansSender<PackedSpans> {
  readonly #settings: SpansSenderSettings;
  /** Requests written as JSON take turns with each other and with everything else. */
  readonly #turns: Turns;

  constructor(settings: SpansSenderSettings) {
    this.#settings = settings;
    this.#turns = new Turns(settings.clock);
  }

  open(): void {
    this.#settings.transport.open();
  }

  /** Protobuf is not written anew: the bytes are those that were received. */
  async prepare(spans: SpansRequest, whole: PackedSpans | null): Promise<PackedSpans> {
    const { encoding, transport } = this.#settings;
    const body = encoding === 'json' ? await this.#turns.run(spansToJsonSteps(spans)) : spans.bytes;
    return { packed: await transport.pack(body), count: spans.count, mayBeThere: whole?.mayBeThere === true };
  }

  async send(request: PackedSpans): Promise<SpansOutcome> {
    const { transport, events } = this.#settings;
    if (request.mayBeThere) events.repeated();
    const { verdict, resent } = await transport.send(request.packed);
    if (resent) {
      events.repeated();
      request.mayBeThere = true;
    }
    if (verdict.kind === 'accepted') return this.#accepted(request, verdict);
    if (verdict.kind !== 'transient') return this.#refused(request, verdict);
    const { arrived, ...failure } = verdict;
    if (arrived === 'yes') return this.#refused(request, takenUnread(failure.error));
    request.mayBeThere ||= arrived === 'maybe';
    return failure;
  }

  #accepted(
    { packed, count }: PackedSpans,
    { rejected, message }: Extract<Verdict, { kind: 'accepted' }>,
  ): SpansOutcome {
    const { events } = this.#settings;
    events.sent(packed.length);
    if (rejected > 0 || message !== '') events.warned(Math.min(rejected, count), message);
    return { kind: 'sent', rejected, error: rejected > 0 ? rejectedError('spans', message) : '' };
  }

  /**
   * Of a request that was refused when it was sent again only what is known is claimed. One that is too large goes in halves
   * whatever became of it before: spans may come twice, but must not be lost.
   */
  #refused({ mayBeThere, count }: PackedSpans, refusal: Refusal): SpansOutcome {
    const { events } = this.#settings;
    const { error } = refusal;
    if (refusal.kind === 'too_large' && count > 1) return refusal;
    if (mayBeThere && !isUnread(refusal)) {
      events.repeatRefused();
      return { kind: 'permanent', reason: 'refused_repeat', error: `${error} (an earlier attempt may have arrived)` };
    }
    events.refused(refusal.kind === 'too_large' ? 'too_large' : refusal.reason);
    return refusal;
  }

  async close(): Promise<void> {
    this.#settings.transport.close();
    this.#settings.events.end();
  }
}

/** The status said that it is taken, the rest of the answer never came: sent again, every span taken would be there twice. */
function takenUnread(error: string): Refusal {
  return { kind: 'permanent', reason: UNREADABLE_ANSWER, error: `${error}; ${UNKNOWN_REST}` };
}
