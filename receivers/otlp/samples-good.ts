/** @module The good scrapes of one proxy: how many there were, and the times of those that later ones are held against. */

/** Good scrapes after which those series are over of which nothing came for as many. */
const KEPT_SCRAPES = 8;

/** All times are the sender's, ms; 0 for none. */
export class GoodScrapes {
  count = 0;
  /** Time of the first one, and of the newest. */
  firstMs = 0;
  newestMs = 0;
  /** Time of the last one before which a gap was left. */
  gapOfMs = 0;
  #sweptMs = 0;

  /** Goes on to the one of `timeMs`; returns a time when all series are over of which nothing came since then, else null. */
  begin(timeMs: number): number | null {
    if (this.count === 0) this.firstMs = timeMs;
    this.newestMs = timeMs;
    this.count += 1;
    if (this.count % KEPT_SCRAPES !== 0) return null;
    const sinceMs = this.#sweptMs;
    this.#sweptMs = timeMs;
    return sinceMs;
  }

  /** The sender's clock was set back by `ms`. */
  setBack(ms: number): void {
    this.firstMs = onClockSetBack(this.firstMs, ms);
    this.newestMs = onClockSetBack(this.newestMs, ms);
    this.gapOfMs = onClockSetBack(this.gapOfMs, ms);
    this.#sweptMs = onClockSetBack(this.#sweptMs, ms);
  }
}

/** What a time was by a clock that is set back by `ms`; 0, which is no time, stays. */
export function onClockSetBack(timeMs: number, ms: number): number {
  return timeMs === 0 ? 0 : Math.max(Number.MIN_VALUE, timeMs - ms);
}
