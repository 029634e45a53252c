/** @module When scrapes that are held are applied: a while after their first part came, proxy by proxy and by steps. */
import type { Clock, Timer } from '../../pipeline/clock/clock.ts';
import { FinishableSteps } from '../../pipeline/clock/turns.ts';
import { type InSteps, ITEM_WORK, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { SampledTarget } from './samples-target.ts';

/** What going on to another proxy costs, as work of `Pace`. */
const TARGET_WORK = 16 * ITEM_WORK;
/** What is late by such a share of the time that it was to be held does not wait for a pause any more. */
const LATE_SHARE = 0.2;

export interface SettlingSettings {
  readonly clock: Clock;
  /** How long scrapes are held, ms. */
  readonly settleMs: number;
  /** Applies what is held of a proxy, which is removed here first. */
  readonly settle: (target: SampledTarget, pace: Pace) => InSteps<void>;
  /** Whether something else is being applied: then nothing is settled, and whoever does that calls `arm` at its end. */
  readonly isBusy: () => boolean;
  /** Something was applied, in the turn at hand. */
  readonly settled: () => void;
  /** All that was due has been applied. */
  readonly ended: () => void;
}

export class Settling {
  readonly #settings: SettlingSettings;
  /** With the monotonic time (ms) since when; longest first. */
  readonly #held = new Map<SampledTarget, number>();
  /** Those that must not wait so long, with the monotonic time (ms) when they are due, and how long they wait. Few: what came late. */
  readonly #hurried = new Map<SampledTarget, { readonly dueMs: number; readonly withinMs: number }>();
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
    else this.#hurry(target, Math.max(0, withinMs));
  }

  #hurry(target: SampledTarget, withinMs: number): void {
    this.#hurried.set(target, { dueMs: this.#settings.clock.monoMs() + withinMs, withinMs });
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
    for (const hurried of this.#hurried.values()) dueMs = Math.min(dueMs, hurried.dueMs);
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

  /**
   * Applies what should have been long ago, but something else was always being applied. For whoever begins to apply something:
   * nothing else is to be touched meanwhile. O(those that are hurried) where nothing is late.
   */
  *settleLate(): InSteps<void> {
    const late = this.#due(LATE_SHARE);
    if (late.next().done === true) return;
    this.cut();
    const steps = new FinishableSteps(this.#settleDue(LATE_SHARE));
    this.#steps = steps;
    try {
      while (this.#steps === steps && steps.next().done !== true) yield;
    } finally {
      if (this.#steps === steps) this.#steps = null;
    }
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
    if (this.#steps !== null || this.#settings.isBusy()) return;
    this.#steps = new FinishableSteps(this.#settleDue());
    this.#goOn(this.#steps);
  }

  *#settleDue(lateShare = 0): InSteps<void> {
    const { settle, settled } = this.#settings;
    const pace = new Pace();
    for (const target of this.#due(lateShare)) {
      if (this.#isCut) return;
      yield* settle(target, pace);
      settled();
      if (pace.isStep(TARGET_WORK)) yield;
    }
  }

  /** What is due by now, or has been for such a share of the time that it was to be held. */
  *#due(lateShare: number): Generator<SampledTarget, void, void> {
    const { clock, settleMs } = this.#settings;
    const nowMs = clock.monoMs();
    for (const [target, { dueMs, withinMs }] of this.#hurried) if (dueMs + withinMs * lateShare <= nowMs) yield target;
    for (const [target, heldMs] of this.#held) {
      if (heldMs + settleMs * (1 + lateShare) > nowMs) return;
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
