/**
 * @module When the scrapes of one proxy were, by the clock of the Collector, and where that lies in Weir's time.
 *
 * Lengths are differences between times of points, so that no delay on the way counts, but never more than has passed here:
 * what is longer is a clock that was set forward. A point's slot is that of its own time, but never later than now, nor
 * before the watch; of a clock that is far behind it is that in which the point is heard.
 */

/** A Collector whose clock is off by more than this is not believed about when its scrapes were, ms. */
export const MAX_OFF_MS = 60_000;
/** What was queued before anything of it came is scraped at most this many intervals apart. */
const QUEUED_INTERVALS = 1.5;
/** Scrapes that are told as missed at once; more are one gap without an end of its own. */
const MAX_MISSED = 100;
const NONE: readonly number[] = [];

/** When something was heard. */
export interface Heard {
  /** Engine time. */
  readonly nowMs: number;
  /** Engine time without the steps that Weir's own clock took: lengths of it have passed. */
  readonly steadyMs: number;
}

/** Whether a clock was far ahead at `beforeMs`, and is not at the lower `timeMs`. */
export function isSetRight(beforeMs: number, timeMs: number, nowMs: number): boolean {
  return beforeMs > nowMs + MAX_OFF_MS && timeMs <= nowMs + MAX_OFF_MS;
}

export class ScrapeTimes {
  /** Time of the newest scrape as the sender told it, ms; 0 before any. */
  timeMs = 0;
  /** Time of the one before it; 0 without one. */
  beforeMs = 0;
  /** Engine time (ms) of the newest scrape, and the time line that lengths are measured on. */
  atMs = 0;
  monoMs = 0;
  /** Engine and steady time (ms) at which something of the newest scrape first came. */
  heardMs = 0;
  heardSteadyMs = 0;
  /** How far the sender's clock was set forward before the newest scrape, as far as delays do not explain it, ms. */
  forwardMs = 0;
  /** Steady time (ms) of the newest scrape if it was as long on its way as the fastest one. */
  #lineMs = 0;
  /** How much the newest scrape was further on that line than the one before. */
  #lengthMs = 0;
  /** All so far came faster than they can have been scraped: they had been waiting for Weir. */
  #isQueued = true;
  #skippedMs = 0;
  readonly #intervalMs: number;
  readonly #watchStartMs: number;
  /** Time on the line (ms) of the next scrape that nobody was told of as missed, and how much earlier that is in engine time. */
  #dueMs = 0;
  #dueShiftMs = 0;

  /** The watch began at `watchStartMs`, engine time: no slot is older. */
  constructor(intervalMs: number, watchStartMs: number) {
    this.#intervalMs = intervalMs;
    this.#watchStartMs = watchStartMs;
  }

  /** Engine time (ms) at which the next scrape is due; null before the first. */
  get nextDueMs(): number | null {
    return this.timeMs === 0 ? null : this.#dueMs - this.#dueShiftMs;
  }

  /** How far the sender's clock is ahead, or behind (negative), ms; 0 while it may be right, or delays may be all of it. */
  get clockOffMs(): number {
    const aheadMs = this.timeMs - this.heardMs;
    if (aheadMs > MAX_OFF_MS) return aheadMs;
    return this.behindMs > MAX_OFF_MS && !this.#isQueued ? -this.behindMs : 0;
  }

  /** How far the sender's clock is behind, or its fastest scrape was late, ms; negative when it is or was ahead. */
  get behindMs(): number {
    return this.timeMs === 0 ? 0 : this.#lineMs + (this.heardMs - this.heardSteadyMs) - this.timeMs;
  }

  /** Engine time (ms) of a point of the newest scrape or about as old, heard at `nowMs`. */
  engineMs(timeMs: number, nowMs: number): number {
    const ownMs = this.behindMs > MAX_OFF_MS ? timeMs + this.behindMs : timeMs;
    return Math.max(this.#watchStartMs, Math.min(ownMs, nowMs));
  }

  /** Engine time (ms) at which what the newest scrape tells began, if that was at the sender's `timeMs`. */
  beganMs(timeMs: number): number {
    return Math.max(this.#watchStartMs, this.atMs - (this.timeMs - timeMs));
  }

  /** Whether a point of `timeMs` is of an older scrape than the newest one. */
  isOld(timeMs: number): boolean {
    return timeMs < this.timeMs;
  }

  /** A new scrape; returns when those were due that were left out before it and not told of yet, engine ms. */
  advance(timeMs: number, heard: Heard): readonly number[] {
    const isFirst = this.timeMs === 0;
    if (isFirst) {
      this.#lineMs = heard.steadyMs;
      this.monoMs = timeMs;
    } else this.#goOn(timeMs, heard.steadyMs);
    const missed = isFirst ? NONE : this.#missedBefore(this.#lineMs - this.#intervalMs / 2);
    this.beforeMs = this.timeMs;
    this.timeMs = timeMs;
    this.heardMs = heard.nowMs;
    this.heardSteadyMs = heard.steadyMs;
    this.atMs = this.engineMs(timeMs, heard.nowMs);
    this.#dueMs = this.#lineMs + this.#intervalMs;
    this.#dueShiftMs = this.#lineMs - this.atMs;
    return missed;
  }

  #goOn(timeMs: number, steadyMs: number): void {
    const toldMs = timeMs - this.timeMs;
    const lineMs = Math.min(steadyMs, this.#lineMs + toldMs);
    this.#lengthMs = lineMs - this.#lineMs;
    this.#isQueued &&= steadyMs - this.heardSteadyMs < Math.min(toldMs, this.#intervalMs) / 2;
    this.forwardMs = 0;
    if (this.#isQueued && toldMs <= QUEUED_INTERVALS * this.#intervalMs) this.#lengthMs = toldMs;
    else this.forwardMs = toldMs - this.#lengthMs;
    this.#lineMs = lineMs;
    this.monoMs += this.#lengthMs;
  }

  /**
   * The sender's clock was set back before the scrape of `timeMs`: from now on all times are on that clock. Returns by how much
   * it was, ms, taking it that this scrape was as long on its way as the newest one.
   */
  setBack(timeMs: number, { steadyMs }: Heard): number {
    const beforeMs = Math.max(timeMs / 2, timeMs - Math.max(1, steadyMs - this.heardSteadyMs));
    const backMs = this.timeMs - beforeMs;
    this.timeMs = beforeMs;
    this.beforeMs = Math.min(this.beforeMs, beforeMs);
    return backMs;
  }

  /** How much of the length of the newest scrape lies before the sender's `toMs`, ms. */
  gapMs(toMs: number): number {
    return Math.max(0, this.#lengthMs - (this.timeMs - toMs));
  }

  /** So much of the time before the newest scrape is not covered by it, ms. */
  skip(ms: number): void {
    this.monoMs -= ms;
    this.#skippedMs += ms;
  }

  /** The time line with all that was skipped, ms. */
  get livedMs(): number {
    return this.monoMs + this.#skippedMs;
  }

  /**
   * Engine time (ms) until which the proxy is known to have lived. Of one that was never heard in time it is that of hearing,
   * since no slot expects anything of it that was closed when it was first heard.
   */
  get aliveMs(): number {
    return this.behindMs > this.#intervalMs ? this.timeMs + this.behindMs : this.atMs;
  }

  /**
   * When scrapes were due of which nothing came although it should have, 1.5 intervals ago or more: the slot that waits for
   * them is closed two intervals after the earliest scrape in it.
   */
  overdue(steadyMs: number): readonly number[] {
    if (this.timeMs === 0) return NONE;
    const onTheWayMs = this.heardSteadyMs - this.#lineMs;
    return this.#missedBefore(steadyMs - onTheWayMs - 1.5 * this.#intervalMs);
  }

  /** Until a time on the line. */
  #missedBefore(untilMs: number): readonly number[] {
    if (this.#dueMs > untilMs) return NONE;
    const missed: number[] = [];
    while (this.#dueMs <= untilMs && missed.length < MAX_MISSED) {
      missed.push(this.#dueMs - this.#dueShiftMs);
      this.#dueMs += this.#intervalMs;
    }
    if (this.#dueMs <= untilMs) this.#dueMs = untilMs + this.#intervalMs;
    return missed;
  }
}
