/** @module Slots into tumbling windows that begin at multiples of their length since the epoch. */
import { isCapped, type Overflow, TrafficAccumulator } from '../model/sum.ts';
import type { Interval, TrafficSum } from '../model/traffic.ts';

/** What became of an added slot. */
export interface Windowed {
  /** Windows that are complete now, oldest first. */
  readonly closed: readonly TrafficSum[];
  /** Items of the slot that were added into items of the open window. */
  readonly merged: number;
}

/**
 * Sums slots into windows whose intervals never overlap. A window covers what its slots cover: the first one of a run
 * starts with its first slot, one cut short ends with its last, and a missing slot at an edge leaves a gap.
 */
export class Windowing {
  readonly #windowMs: number;
  readonly #open: TrafficAccumulator;
  #openEndMs = 0;
  /** End of all that was handed out: nothing later may begin before it. */
  #handedOutMs = Number.NEGATIVE_INFINITY;

  /** `windowMs` above 0, a multiple of the slot; equal to the slot it passes slots through. `overflow`: what sums lose. */
  constructor(windowMs: number, overflow: Overflow = { counts: 0 }) {
    this.#windowMs = windowMs;
    this.#open = new TrafficAccumulator(overflow);
  }

  /** Items of the open window. */
  get held(): number {
    return this.#open.items;
  }

  /** End of all windows handed out, milliseconds since the epoch; null before the first. */
  get handedOutMs(): number | null {
    return Number.isFinite(this.#handedOutMs) ? this.#handedOutMs : null;
  }

  /**
   * Adds a slot; slots come in the order of their starts. It must not be changed afterwards: one that is a window by itself
   * is handed out as it is, without a copy of its items. O(items).
   */
  add(slot: TrafficSum): Windowed {
    const interval = this.#placed(slot.interval);
    const closed: TrafficSum[] = [];
    if (!this.#open.isEmpty && interval.startMs >= this.#openEndMs) closed.push(this.#close());
    if (this.#open.isEmpty) {
      this.#openEndMs = (Math.floor(interval.startMs / this.#windowMs) + 1) * this.#windowMs;
      if (interval.endMs >= this.#openEndMs) {
        this.#handedOutMs = interval.endMs;
        return { closed: [...closed, asWindow(slot, interval)], merged: 0 };
      }
    }
    const merged = this.#open.add({ ...slot, interval });
    if (this.#open.interval.endMs >= this.#openEndMs) closed.push(this.#close());
    return { closed, merged };
  }

  /** The open window as far as it got, with its own start and end; null when there is none. */
  flush(): TrafficSum | null {
    return this.#open.isEmpty ? null : { ...this.#close(), partial: true };
  }

  #close(): TrafficSum {
    const sum = this.#open.take();
    this.#handedOutMs = sum.interval.endMs;
    return sum;
  }

  /** Whole milliseconds, never before what was handed out and never empty, so that windows tile whatever comes. */
  #placed(interval: Interval): Interval {
    const startMs = Math.max(Math.round(interval.startMs), this.#handedOutMs);
    return { startMs, endMs: Math.max(Math.round(interval.endMs), startMs + 1) };
  }
}

/** The slot as `TrafficAccumulator` would sum it up alone: without its parts. */
function asWindow({ parts: _, ...slot }: TrafficSum, interval: Interval): TrafficSum {
  return { ...slot, interval, partial: slot.partial || slot.records.some(isCapped) };
}
