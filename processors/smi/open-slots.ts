/** @module The slots that are open, and which of them an instant falls into. */
import { Slot } from './slot.ts';

/** Slots made up for a time in which the process stood still; beyond that a gap is left. */
const MAX_CATCH_UP_SLOTS = 360;

/** Times are engine times in milliseconds. */
export class OpenSlots {
  readonly #slotMs: number;
  readonly #watchStartMs: number;
  /** Oldest first; at most two. */
  readonly #open: Slot[] = [];
  /** Number of the newest slot closed. */
  #closed = Number.NEGATIVE_INFINITY;
  #marks = 0;
  #skippedMs = 0;
  /** The last look at the clock. */
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(slotMs: number, watchStartMs: number) {
    this.#slotMs = slotMs;
    this.#watchStartMs = watchStartMs;
  }

  get oldest(): Slot | null {
    return this.#open[0] ?? null;
  }
  get newest(): Slot | null {
    return this.#open.at(-1) ?? null;
  }

  [Symbol.iterator](): IterableIterator<Slot> {
    return this.#open.values();
  }

  /**
   * Opens the slot of `nowMs` and those before it that nobody opened: only a step of the wall clock, which makes
   * `skippedMs` grow, leaves a gap. `clockAhead` flags slots whose labels run ahead of the wall.
   */
  open(nowMs: number, clockAhead: boolean, skippedMs: number): void {
    const number = Math.floor(nowMs / this.#slotMs);
    const newest = this.newest?.number ?? this.#closed;
    const stepped = skippedMs > this.#skippedMs;
    this.#skippedMs = skippedMs;
    if (!stepped && number - newest <= MAX_CATCH_UP_SLOTS) {
      for (let missed = newest + 1; missed < number; missed++) this.#slot(missed);
    }
    this.at(nowMs);
    // The clock may have been set back at any time since the last look: all slots under way since then are touched.
    if (clockAhead) for (const slot of this.#open) if (slot.endMs > this.#lookedMs) slot.clockAhead = true;
    this.#lookedMs = nowMs;
  }

  /** The open slot that `atMs` falls into; the oldest open one when its own is closed already. */
  at(atMs: number): Slot {
    const number = Math.floor(atMs / this.#slotMs);
    return number > this.#closed ? this.#slot(number) : (this.oldest ?? this.#slot(this.#closed + 1));
  }

  /** The oldest one is closed: from now on what is of it goes into the next one. */
  closeOldest(): void {
    const slot = this.#open.shift();
    if (slot !== undefined) this.#closed = slot.number;
  }

  #slot(number: number): Slot {
    for (const slot of this.#open) if (slot.number === number) return slot;
    // Its column grows with the first page: most slots made up after a stall never have one.
    const slot = new Slot(number, this.#slotMs, this.#watchStartMs, ++this.#marks);
    this.#open.push(slot);
    this.#open.sort((a, b) => a.number - b.number);
    return slot;
  }
}
