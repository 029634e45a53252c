/** @module Single attempts to send: timed, ended with the drain, and never followed by a longer wait than is allowed. */
import type { Clock } from '../clock/clock.ts';
import { errorText } from '../errors.ts';
import type { AttemptEvents } from './attempt-telemetry.ts';
import { type AttemptUnderWay, PeerRecord } from './peer-record.ts';
import type { RetryConfig } from './retry.ts';
import { settledOr } from './settled-or.ts';

/** What a sender that throws comes to: a defect of its own, which another attempt may not meet. */
export interface Defect {
  readonly kind: 'transient';
  readonly reason: 'defect';
  readonly error: string;
}

interface Outcome {
  readonly kind: string;
  /** Of what is transient. */
  readonly reason?: string;
  readonly error?: string;
  /** The peer asks not to be called earlier, milliseconds. */
  readonly afterMs?: number;
}

export class Attempts {
  /** What comes of them all. */
  readonly peer: PeerRecord;
  readonly #maxAskedMs: number;
  readonly #clock: Clock;
  readonly #over: AbortSignal;
  readonly #events: Pick<AttemptEvents, 'attempted' | 'waitCut'>;

  /** Nothing is waited for any more once `over` is aborted. */
  constructor(
    { maxRetryAfterMs = Number.POSITIVE_INFINITY }: RetryConfig,
    clock: Clock,
    over: AbortSignal,
    events: Pick<AttemptEvents, 'attempted' | 'waitCut'>,
  ) {
    this.#maxAskedMs = maxRetryAfterMs;
    this.#clock = clock;
    this.#over = over;
    this.#events = events;
    this.peer = new PeerRecord(clock);
  }

  /** Null when nothing more is tried; what an attempt under way then does is nobody's business any more. */
  async make<Made extends Outcome>(send: () => Promise<Made>): Promise<Made | Defect | null> {
    const attempt = this.peer.begin();
    const outcome: Made | Defect | null = await settledOr(withDefects(send), this.#over);
    if (outcome === null) {
      this.peer.left(attempt);
      return null;
    }
    this.#record(attempt, outcome);
    this.#events.attempted(outcome.kind, this.#clock.monoMs() - attempt.startedMs);
    return this.#bounded(outcome);
  }

  #record(attempt: AttemptUnderWay, { kind, reason = '', error = '' }: Outcome): void {
    if (kind === 'transient') this.peer.failed(attempt, reason, error);
    else this.peer.answered(attempt);
  }

  /** A peer whose clock or wits are off does not silence an exporter for as long as it says. */
  #bounded<Made extends Outcome>(outcome: Made): Made {
    const { afterMs = 0 } = outcome;
    if (afterMs <= this.#maxAskedMs) return outcome;
    this.#events.waitCut(afterMs, this.#maxAskedMs);
    return { ...outcome, afterMs: this.#maxAskedMs };
  }
}

async function withDefects<Made extends Outcome>(send: () => Promise<Made>): Promise<Made | Defect> {
  try {
    return await send();
  } catch (error) {
    return { kind: 'transient', reason: 'defect', error: errorText(error) };
  }
}
