/** @module When scrapes that are held are applied: a while after their first part came, proxy by proxy and by steps. */
import type { Clock, Timer } from '../../pipeline/clock/clock.ts';
import { FinishableSteps } from '../../pipeline/clock/turns.ts';
import { type InSteps, ITEM_WORK, inOneGo, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { SampledTarget } from './samples-target.ts';

/** What going on to another proxy costs, as work of `Pace`. */
const TARGET_WORK = 16 * ITEM_WORK;
/** What is late by such a share of the time that it was to be held does not wait for a pause any more. */
const LATE_SHARE = 0.2;
/** After such a share of half the time until its slot closes it is applied in one go: it is to be in that slot. */
const URGENT_SHARE = 1.5;

/** When a proxy's scrape is due, in monotonic ms. */
interface Due {
  readonly dueMs: number;
  /** How long it is held until then, ms. */
  readonly heldMs: number;
  /** From when on it is applied in one go. */
  readonly urgentMs: number;
}

export interface SettlingSettings {
  readonly clock: Clock;
  /** How long scrapes are held, ms. */
  readonly settleMs: number;
  /** Applies what is held of a proxy, which is removed here first. */
  readonly settle: (target: SampledTarget, pace: Pace) => InSteps<void>;
  /** Whether something else is being applied: then nothing is settled, and whoever does that calls `arm` at its end. */
  readonly isBusy: () => boolean;
  /** Something was applied, in the turn at hand, perhaps while somebody waits to apply something else. */
  readonly settled: () => void;
  /** All that was due has been applied, or settling was cut, and nobody waits for that. */
  readonly ended: () => void;
}

export class Settling {
  readonly #settings: SettlingSettings;
  /** Those that are held as long as they may be; what is due first comes first. */
  readonly #held = new Map<SampledTarget, Due>();
  /** Those that must not wait so long. Few: what came late. */
  readonly #hurried = new Map<SampledTarget, Due>();
  #timer: Timer | null = null;
  /** When the timer ends (monotonic ms); infinite without one. */
  #timerDueMs = Number.POSITIVE_INFINITY;
  /** What is under way, and whether it is to end after the proxy at hand. */
  #steps: FinishableSteps<void> | null = null;
  #isCut = false;
  /** From when on (monotonic ms) the proxy at hand is applied in one go. */
  #urgentMs = Number.POSITIVE_INFINITY;

  constructor(settings: SettlingSettings) {
    this.#settings = settings;
  }

  /** Something of this proxy is held from now on, for `withinMs` at most, half of the time until its slot closes. */
  add(target: SampledTarget, withinMs: number): void {
    const { clock, settleMs } = this.#settings;
    const nowMs = clock.monoMs();
    const mostMs = Math.max(0, withinMs);
    const heldMs = Math.min(mostMs, settleMs);
    const due = { dueMs: nowMs + heldMs, heldMs, urgentMs: nowMs + mostMs * URGENT_SHARE };
    if (withinMs >= settleMs) this.#held.set(target, due);
    else this.#hurried.set(target, due);
  }

  remove(target: SampledTarget): void {
    this.#held.delete(target);
    this.#hurried.delete(target);
  }

  /** Waits for what is due first, unless something is being settled. O(those that are hurried). */
  arm(): void {
    if (this.#steps !== null) return;
    const { clock } = this.#settings;
    const [first] = this.#held.values();
    let dueMs = first?.dueMs ?? Number.POSITIVE_INFINITY;
    for (const hurried of this.#hurried.values()) dueMs = Math.min(dueMs, hurried.dueMs);
    if (dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = clock.after(Math.max(0, dueMs - clock.monoMs()), () => this.#begin());
  }

  /**
   * Brings the proxy at hand to its end, since others are to be touched: without any step where none is at hand. For whoever
   * is busy from before that on, and calls `arm` at its end. The steps go on by themselves, too, as others may wait for them.
   */
  *cut(): InSteps<void> {
    const steps = this.#steps;
    if (steps === null) return;
    this.#isCut = true;
    while (this.#steps === steps && !this.#isOver(steps)) yield;
    this.#letGo(steps);
  }

  /** As `cut`, for whoever comes when `ended` is called; false when nothing is at hand, and nothing will be called. */
  endSoon(): boolean {
    this.#isCut = this.#steps !== null;
    return this.#isCut;
  }

  #isOver(steps: FinishableSteps<void>): boolean {
    try {
      return this.#step(steps);
    } catch {
      // It is thrown again where the steps go on by themselves.
      return true;
    }
  }

  /** Does one step, or all that are left of the proxy at hand when its slot is about to close; whether that was the last. */
  #step(steps: FinishableSteps<void>): boolean {
    if (this.#settings.clock.monoMs() >= this.#urgentMs) {
      this.#isCut = true;
      steps.finish();
    }
    return steps.next().done === true;
  }

  #letGo(steps: FinishableSteps<void>): void {
    if (this.#steps !== steps) return;
    this.#steps = null;
    this.#isCut = false;
    this.#urgentMs = Number.POSITIVE_INFINITY;
  }

  /**
   * Applies what should have been long ago, but something else was always being applied. For whoever begins to apply something:
   * nothing else is to be touched meanwhile. O(those that are hurried) where nothing is late.
   */
  *settleLate(): InSteps<void> {
    const late = this.#due(LATE_SHARE);
    if (late.next().done === true) return;
    yield* this.cut();
    const steps = new FinishableSteps(this.#settleDue(LATE_SHARE));
    this.#steps = steps;
    try {
      while (this.#steps === steps && !this.#step(steps)) yield;
    } finally {
      this.#letGo(steps);
    }
  }

  /** The proxy at hand is brought to its end at once. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    inOneGo(this.cut());
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
    for (const [target, { urgentMs }] of this.#due(lateShare)) {
      if (this.#isCut) return;
      this.#urgentMs = urgentMs;
      yield* settle(target, pace);
      this.#urgentMs = Number.POSITIVE_INFINITY;
      settled();
      if (pace.isStep(TARGET_WORK)) yield;
    }
  }

  /** What is due by now, or has been for such a share of the time that it was to be held. */
  *#due(lateShare: number): Generator<readonly [SampledTarget, Due], void, void> {
    const nowMs = this.#settings.clock.monoMs();
    const isDue = ({ dueMs, heldMs }: Due) => dueMs + heldMs * lateShare <= nowMs;
    for (const entry of this.#hurried) if (isDue(entry[1])) yield entry;
    for (const entry of this.#held) {
      if (!isDue(entry[1])) return;
      yield entry;
    }
  }

  /** A step for each turn of the event loop. */
  #goOn(steps: FinishableSteps<void>): void {
    // Those that somebody waited for may be at their end, with what went wrong there.
    const isDone = this.#step(steps);
    if (this.#steps !== steps) return;
    if (!isDone) {
      this.#settings.clock.after(0, () => this.#goOn(steps));
      return;
    }
    this.#letGo(steps);
    if (this.#settings.isBusy()) return;
    this.#settings.ended();
    this.arm();
  }
}
