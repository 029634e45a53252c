/**
 * @module Which of several senders to one peer may try now: all of them, and while the peer is throttling none before the
 * time it asked for, and then one after the other until it takes something.
 */
import type { Clock, Timer } from '../clock/clock.ts';

/** While draining nobody is held back longer than this, milliseconds. */
const DRAIN_HOLD_MS = 1000;

/** Leave to make one attempt; handed back with `leave`. */
export interface Pass {
  /** Times the peer had throttled, or the drain had cut its hold short, before. */
  readonly epoch: number;
  /** The others wait for what comes of it. */
  readonly probes: boolean;
}

/** What an attempt tells of the peer. */
export type GateNews =
  /** It answered to the request itself. */
  | 'answered'
  /** Nothing: it failed for a reason of its own. */
  | 'failed'
  /** It is throttling: nobody is to come within `holdMs`, of which `askedMs` are its own word. */
  | { readonly holdMs: number; readonly askedMs: number };

export class SendingGate {
  readonly #clock: Clock;
  #epoch = 0;
  #throttled = false;
  #probing = false;
  #heldUntilMonoMs = Number.NEGATIVE_INFINITY;
  #waiting: ((pass: Pass | null) => void)[] = [];
  #timer: Timer | null = null;
  #draining = false;
  /** Epoch from which on a long wait that the peer asks for is the second one of the drain; null before the first. */
  #hurriedEpoch: number | null = null;
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until somebody may try, 0 when the peer asked for nothing. */
  get heldMs(): number {
    return Math.max(0, this.#heldUntilMonoMs - this.#clock.monoMs());
  }

  /** Leave to try, at once or when it is due; null when nothing more is tried. In the order of asking. */
  enter(): Pass | null | Promise<Pass | null> {
    if (this.#ended) return null;
    if (this.#waiting.length === 0 && this.#isOpen()) return this.#admit();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#wake();
    });
  }

  #isOpen(): boolean {
    return !(this.#throttled && this.#probing) && this.heldMs === 0;
  }

  #admit(): Pass {
    this.#probing = this.#throttled;
    return { epoch: this.#epoch, probes: this.#throttled };
  }

  /** Hands a pass back; false when the drain is to end, because the peer asks for a long wait again. */
  leave(pass: Pass, news: GateNews): boolean {
    if (pass.probes && pass.epoch === this.#epoch) this.#probing = false;
    // An answer to what was sent before the peer began to throttle says nothing of now.
    if (news === 'answered' && pass.epoch === this.#epoch) this.#throttled = false;
    const goesOn = typeof news === 'string' || this.#hold(pass, news.holdMs, news.askedMs);
    this.#wake();
    return goesOn;
  }

  #hold(pass: Pass, holdMs: number, askedMs: number): boolean {
    this.#throttled = true;
    this.#probing = false;
    const isTooLong = this.#draining && askedMs > DRAIN_HOLD_MS;
    if (isTooLong && this.#hurriedEpoch !== null && pass.epoch >= this.#hurriedEpoch) return false;
    this.#epoch += 1;
    if (isTooLong) this.#hurriedEpoch ??= this.#epoch;
    const ms = this.#draining ? Math.min(holdMs, DRAIN_HOLD_MS) : holdMs;
    this.#heldUntilMonoMs = Math.max(this.#heldUntilMonoMs, this.#clock.monoMs() + ms);
    return true;
  }

  /**
   * From now on nobody is held back for long: a hold is cut short, but one that the peer asked for once only. A peer that
   * is up again takes all that is left, and one that asks for more time is left alone.
   */
  hurry(): void {
    if (this.#draining) return;
    this.#draining = true;
    if (this.heldMs > 0) {
      this.#epoch += 1;
      if (this.heldMs > DRAIN_HOLD_MS) this.#hurriedEpoch = this.#epoch;
      this.#heldUntilMonoMs = this.#clock.monoMs();
    }
    this.#wake();
  }

  /** Nothing more is tried: all who wait are told. */
  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    for (const resolve of this.#waiting.splice(0)) resolve(null);
  }

  #wake(): void {
    while (this.#waiting.length > 0 && this.#isOpen()) this.#waiting.shift()?.(this.#admit());
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#waiting.length > 0 && this.heldMs > 0) this.#timer = this.#clock.after(this.heldMs, () => this.#wake());
  }
}
