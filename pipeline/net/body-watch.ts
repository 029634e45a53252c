/** @module Bodies that come too slowly: looked at now and then, so that a request costs no timer of its own. */
import type { Clock, Timer } from '../clock/clock.ts';

/** How long a body may take before its rate matters, and how often rates are looked at, milliseconds. */
const GRACE_MS = 10_000;
const LOOK_MS = 1000;

/** A body that is arriving. */
export interface ArrivingBody {
  /** Monotonic time (ms) at which it began. */
  readonly beganMonoMs: number;
  /** Bytes that arrived. */
  readonly bytes: number;
  /** Ends it. */
  tooSlow(): void;
}

export class BodyWatch {
  readonly #clock: Clock;
  readonly #minRate: number;
  readonly #maxMs: number;
  /** With what `#stalledMs` was when they began. */
  readonly #bodies = new Map<ArrivingBody, number>();
  #timer: Timer | null = null;
  #dueMonoMs = 0;
  /** How long the process has stood still so far: what was sent meanwhile waits to be read. */
  #stalledMs = 0;

  /** `minRate` in bytes a second; `maxMs` is how long any body may take. */
  constructor(clock: Clock, minRate: number, maxMs: number) {
    this.#clock = clock;
    this.#minRate = minRate;
    this.#maxMs = maxMs;
  }

  add(body: ArrivingBody): void {
    this.#bodies.set(body, this.#stalledMs);
    if (this.#timer === null) this.#arm();
  }

  remove(body: ArrivingBody): void {
    this.#bodies.delete(body);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#bodies.clear();
  }

  #arm(): void {
    this.#dueMonoMs = this.#clock.monoMs() + LOOK_MS;
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#timer = null;
      const nowMonoMs = this.#clock.monoMs();
      const lateMs = nowMonoMs - this.#dueMonoMs;
      if (lateMs > LOOK_MS) this.#stalledMs += lateMs;
      this.#look(nowMonoMs);
      if (this.#bodies.size > 0) this.#arm();
    });
  }

  #look(nowMonoMs: number): void {
    for (const [body, stalledMs] of this.#bodies) {
      const tookMs = nowMonoMs - body.beganMonoMs - (this.#stalledMs - stalledMs);
      const isSlow = tookMs > GRACE_MS && body.bytes < (this.#minRate * tookMs) / 1000;
      if (!isSlow && tookMs <= this.#maxMs) continue;
      this.#bodies.delete(body);
      body.tooSlow();
    }
  }
}
