/** @module When scrapes that are held are applied: a while after their first part came, proxy by proxy and by steps. */
import type { Clock, Timer } from '../../pipeline/clock/clock.ts';
import { FinishableSteps } from '../../pipeline/clock/turns.ts';
import { type InSteps, ITEM_WORK, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { SampledTarget } from './samples-target.ts';

/** What going on to another proxy costs, as work of `Pace`. */
const TARGET_WORK = 16 * ITEM_WORK;

export interface SettlingSettings {
  readonly clock: Clock;
  /** How long scrapes are held, ms. */
  readonly settleMs: number;
  /** Applies what is held of a proxy, which is removed here first. */
  readonly settle: (target: SampledTarget, pace: Pace) => InSteps<void>;
  /** Whether something else is being applied: then nothing is settled, and whoever does that calls `arm` at its end. */
  readonly isBusy: () => boolean;
  /** All that was due has been applied. */
  readonly ended: () => void;
}

export class Settling {
  readonly #settings: SettlingSettings;
  /** With the monotonic time (ms) since when; longest first. */
  readonly #held = new Map<SampledTarget, number>();
  #timer: Timer | null = null;
  /** What is under way, and whether it is to end after the proxy at hand. */
  #steps: FinishableSteps<void> | null = null;
  #isCut = false;

  constructor(settings: SettlingSettings) {
    this.#settings = settings;
  }

  /** Something of this proxy is held from now on. */
  add(target: SampledTarget): void {
    this.#held.set(target, this.#settings.clock.monoMs());
  }

  remove(target: SampledTarget): void {
    this.#held.delete(target);
  }

  /** Waits for what is held the longest, unless that is done already. */
  arm(): void {
    const [sinceMs] = this.#held.values();
    if (sinceMs === undefined || this.#timer !== null || this.#steps !== null) return;
    const { clock, settleMs } = this.#settings;
    this.#timer = clock.after(Math.max(0, sinceMs + settleMs - clock.monoMs()), () => this.#begin());
  }

  /** Brings the proxy at hand to its end, since others are to be touched; call `arm` after that. */
  cut(): void {
    this.#isCut = true;
    this.#steps?.finish();
    this.#steps = null;
    this.#isCut = false;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.cut();
  }

  #begin(): void {
    this.#timer = null;
    if (this.#settings.isBusy()) return;
    this.#steps = new FinishableSteps(this.#settleDue());
    this.#goOn(this.#steps);
  }

  *#settleDue(): InSteps<void> {
    const { clock, settleMs, settle } = this.#settings;
    const pace = new Pace();
    const untilMs = clock.monoMs() - settleMs;
    for (const [target, sinceMs] of this.#held) {
      if (sinceMs > untilMs || this.#isCut) return;
      yield* settle(target, pace);
      target.tidy();
      if (pace.isStep(TARGET_WORK)) yield;
    }
  }

  /** A step for each turn of the event loop. */
  #goOn(steps: FinishableSteps<void>): void {
    // Those that were cut are at their end, with what went wrong there.
    const isDone = steps.next().done === true;
    if (this.#steps !== steps) return;
    if (!isDone) {
      this.#settings.clock.after(0, () => this.#goOn(steps));
      return;
    }
    this.#steps = null;
    this.#settings.ended();
    this.arm();
  }
}
