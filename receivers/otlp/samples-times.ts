/**
 * @module When the scrapes of one proxy were, by the clock of the Collector, and where that lies in engine time.
 *
 * Lengths are differences between times of points, so that no delay on the way counts. A point's slot is that of its own
 * time, but never later than now, so that a sender whose clock is ahead counts when it is heard, nor before the watch.
 */

/** A sender's clock may be this far ahead before a later, lower time is taken for the clock having been set right, ms. */
const MAX_AHEAD_MS = 60_000;
/** Scrapes that are told as missed at once; more are one gap without an end of its own. */
const MAX_MISSED = 100;
const NONE: readonly number[] = [];

export class ScrapeTimes {
  /** Time of the newest scrape as the sender told it, ms; 0 before any. */
  timeMs = 0;
  /** Time of the one before it; 0 without one. */
  beforeMs = 0;
  /** Time of the first one. */
  firstMs = 0;
  /** Engine time (ms) of the newest scrape, and the time line that lengths are measured on. */
  atMs = 0;
  monoMs = 0;
  /** Engine time (ms) at which something of the newest scrape first came. */
  heardMs = 0;
  #skippedMs = 0;
  readonly #intervalMs: number;
  readonly #watchStartMs: number;
  /** Engine time (ms) of the next scrape that nobody was told of as missed. */
  #dueMs = 0;

  /** The watch began at `watchStartMs`, engine time: no slot is older. */
  constructor(intervalMs: number, watchStartMs: number) {
    this.#intervalMs = intervalMs;
    this.#watchStartMs = watchStartMs;
  }

  /** Engine time (ms) at which the next scrape is due; null before the first. */
  get nextDueMs(): number | null {
    return this.timeMs === 0 ? null : this.#dueMs;
  }

  engineMs(timeMs: number, nowMs: number): number {
    return Math.max(this.#watchStartMs, Math.min(timeMs, nowMs));
  }

  /** Whether a point of `timeMs` is of an older scrape than the newest one. */
  isOld(timeMs: number, nowMs: number): boolean {
    return timeMs < this.timeMs && !this.wasAhead(this.timeMs, timeMs, nowMs);
  }

  /** Whether the sender's clock was wrong at `beforeMs`, which now lies ahead, and is not at the lower `timeMs`. */
  wasAhead(beforeMs: number, timeMs: number, nowMs: number): boolean {
    return timeMs < beforeMs && beforeMs > nowMs + MAX_AHEAD_MS;
  }

  /** A new scrape; returns when those were due that were left out before it and not told of yet, engine ms. */
  advance(timeMs: number, nowMs: number): readonly number[] {
    const atMs = this.engineMs(timeMs, nowMs);
    const missed = this.timeMs === 0 ? NONE : this.#missedBefore(atMs - this.#intervalMs / 2);
    if (this.timeMs === 0) {
      this.firstMs = timeMs;
      this.monoMs = timeMs;
    } else if (timeMs > this.timeMs) this.monoMs += timeMs - this.timeMs;
    else this.monoMs += Math.max(0, nowMs - this.heardMs);
    this.beforeMs = this.timeMs;
    this.timeMs = timeMs;
    this.atMs = atMs;
    this.heardMs = nowMs;
    this.#dueMs = atMs + this.#intervalMs;
    return missed;
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
   * When scrapes were due of which nothing came although it should have, 1.5 intervals ago or more: the slot that waits for
   * them is closed two intervals after the earliest scrape in it.
   */
  overdue(nowMs: number): readonly number[] {
    if (this.timeMs === 0) return NONE;
    const onTheWayMs = this.heardMs - this.atMs;
    return this.#missedBefore(nowMs - onTheWayMs - 1.5 * this.#intervalMs);
  }

  #missedBefore(untilMs: number): readonly number[] {
    if (this.#dueMs > untilMs) return NONE;
    const missed: number[] = [];
    while (this.#dueMs <= untilMs && missed.length < MAX_MISSED) {
      missed.push(this.#dueMs);
      this.#dueMs += this.#intervalMs;
    }
    if (this.#dueMs <= untilMs) this.#dueMs = untilMs + this.#intervalMs;
    return missed;
  }
}
