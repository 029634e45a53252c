/**
 * @module The lives (epochs) of one source, and whether several Weirs go by its name.
 *
 * Lives of one Weir follow one another: the last requests of one may come while the next has begun, and no later. Lives that
 * come by turns are those of several Weirs, whose repeats and gaps nobody can tell.
 */
import { EpochWindow, placeOf } from './epoch-window.ts';

/** How long (ms) a life may go on after the next one began: a drain, and what waited on the way, takes less. */
export const OVERLAP_MS = 300_000;
/** So many turns make it sure, each within so much time (ms) of the one before. */
const TURNS = 2;
const TURN_MS = 3_600_000;

/** A life that is to be found or begun. */
export interface Life {
  readonly epoch: string;
  readonly seq: number;
  readonly replaces: readonly number[];
}

export interface Found {
  readonly window: EpochWindow;
  /** True when the life came again after a newer one, and not for the first time. */
  readonly isShared: boolean;
  /** Lives that had to give way: 0 or 1. */
  readonly forgotten: number;
}

export class SourceLives {
  /** In the order in which they were last heard. */
  readonly #windows = new Map<string, EpochWindow>();
  #newest = '';
  #newestMs = Number.POSITIVE_INFINITY;
  #forgottenMs = Number.NEGATIVE_INFINITY;
  #turns = 0;
  #turnMs = Number.NEGATIVE_INFINITY;

  get(epoch: string): EpochWindow | undefined {
    return this.#windows.get(epoch);
  }

  /** Lives in the order in which they were last heard, the newest one marked. */
  *entries(): Generator<readonly [epoch: string, window: EpochWindow, isNewest: boolean]> {
    for (const [epoch, window] of this.#windows) yield [epoch, window, epoch === this.#newest];
  }

  /** Puts back a life of which something is known from before, as the one heard last. Returns how many gave way. */
  restore(epoch: string, window: EpochWindow, isNewest: boolean, maxLives: number, nowMs: number): number {
    if (isNewest) this.#begin(epoch, nowMs);
    return this.#set(epoch, window, maxLives, nowMs);
  }

  /** The window of a life that is heard, begun when new. */
  hear(life: Life, { window: size, maxLives, nowMs }: { window: number; maxLives: number; nowMs: number }): Found {
    const known = this.#windows.get(life.epoch);
    const comesAgain = known === undefined ? this.#wasForgotten(life, nowMs) : this.#isOld(life.epoch, nowMs);
    if (comesAgain) this.#turn(nowMs);
    // Of a source that is known, all of a new life should have come; of any other, who knows what came to whom.
    const checked = this.#windows.size === 0 ? placeOf(life.seq, life.replaces) : 0;
    if (known === undefined) this.#begin(life.epoch, nowMs);
    const window = known ?? new EpochWindow(size, checked);
    const forgotten = this.#set(life.epoch, window, maxLives, nowMs);
    return { window, isShared: comesAgain && this.#turns >= TURNS, forgotten };
  }

  #turn(nowMs: number): void {
    this.#turns = nowMs - this.#turnMs < TURN_MS ? this.#turns + 1 : 1;
    this.#turnMs = nowMs;
  }

  #begin(epoch: string, nowMs: number): void {
    this.#newest = epoch;
    this.#newestMs = nowMs;
  }

  /** A life that is not the newest one, long after that began, and has not been heard since. */
  #isOld(epoch: string, nowMs: number): boolean {
    if (epoch === this.#newest || nowMs - this.#newestMs <= OVERLAP_MS) return false;
    return [...this.#windows.keys()].at(-1) !== epoch;
  }

  /** One that is met in its midst while others of the same name are being forgotten. */
  #wasForgotten({ seq, replaces }: Life, nowMs: number): boolean {
    return placeOf(seq, replaces) > 0 && nowMs - this.#forgottenMs < OVERLAP_MS;
  }

  #set(epoch: string, window: EpochWindow, maxLives: number, nowMs: number): number {
    // Set anew each time: a Map keeps the order of insertion, so the first key is the one longest silent.
    this.#windows.delete(epoch);
    this.#windows.set(epoch, window);
    if (this.#windows.size <= maxLives) return 0;
    this.#forgottenMs = nowMs;
    for (const first of this.#windows.keys()) return Number(this.#windows.delete(first));
    return 0;
  }
}
