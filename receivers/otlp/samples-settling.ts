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
  /** Those that must not wait so long, with the monotonic time (ms) when they are due. Few: what came late. */
  readonly #hurried = new Map<SampledTarget, number>();
  #timer: Timer | null = null;
  /** When the timer ends (monotonic ms); infinite without one. */
  #timerDueMs = Number.POSITIVE_INFINITY;
  /** What is under way, and whether it is to end after the proxy at hand. */
  #steps: FinishableSteps<void> | null = null;
  #isCut = false;

  constructor(settings: SettlingSettings) {
    this.#settings = settings;
  }

  /** Something of this proxy is held from now on, for `withinMs` at most. */
  add(target: SampledTarget, withinMs: number): void {
    const { clock, settleMs } = this.#settings;
    if (withinMs >= settleMs) this.#held.set(target, clock.monoMs());
    else this.#hurried.set(target, clock.monoMs() + Math.max(0, withinMs));
  }

  remove(target: SampledTarget): void {
    this.#held.delete(target);
    this.#hurried.delete(target);
  }

  /** Waits for what is due first, unless something is being settled. O(those that are hurried). */
  arm(): void {
    if (this.#steps !== null) return;
    const { clock, settleMs } = this.#settings;
    const [sinceMs = Number.POSITIVE_INFINITY] = this.#held.values();
    let dueMs = sinceMs + settleMs;
    for (const hurriedMs of this.#hurried.values()) dueMs = Math.min(dueMs, hurriedMs);
    if (dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = clock.after(Math.max(0, dueMs - clock.monoMs()), () => this.#begin());
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
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    this.cut();
  }

  #begin(): void {
    this.#timer = null;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    if (this.#settings.isBusy()) return;
    this.#steps = new FinishableSteps(this.#settleDue());
    this.#goOn(this.#steps);
  }

  *#settleDue(): InSteps<void> {
    const { clock, settleMs, settle } = this.#settings;
    const pace = new Pace();
    const nowMs = clock.monoMs();
    for (const target of this.#due(nowMs, nowMs - settleMs)) {
      if (this.#isCut) return;
      yield* settle(target, pace);
      target.tidy();
      if (pace.isStep(TARGET_WORK)) yield;
    }
  }

  /** What was due at `nowMs`, or is held since `sinceMs` or before. */
  *#due(nowMs: number, sinceMs: number): Generator<SampledTarget, void, void> {
    for (const [target, dueMs] of this.#hurried) if (dueMs <= nowMs) yield target;
    for (const [target, heldMs] of this.#held) {
      if (heldMs > sinceMs) return;
      yield target;
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
