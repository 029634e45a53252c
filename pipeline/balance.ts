/**
 * @module The balance of one component (design §8): nothing accepted is ever unaccounted for.
 *
 * accepted = delivered + held + queued + merged + filtered(reason) + dropped(reason)
 */

/** What was dropped, by its first item or by what it stands in: names for people, '' or absent where there is none. */
export interface DropSample {
  /** Hexadecimal digits. */
  readonly traceId?: string;
  readonly spanId?: string;
  /** Name of the span. */
  readonly span?: string;
  readonly service?: string;
  /** Ends of an edge, or the one that a record is about. */
  readonly from?: string;
  readonly to?: string;
  readonly mesh?: string;
  /** The interval of traffic, milliseconds since the epoch. */
  readonly startMs?: number;
  readonly endMs?: number;
  /** Whose page it stood on. */
  readonly target?: string;
  readonly metric?: string;
  /** Another Weir, by its `weir.source`. */
  readonly sender?: string;
}

/** Why something was dropped, beside the reason that is counted. */
export interface DropCause {
  /** What the other side said, or what failed; of any length and content. */
  readonly error?: string;
  /** Asked at once or never, and only now and then where drops repeat. May throw. */
  readonly sample?: () => DropSample;
}

/** Told of each drop of one component, `items` never 0. Must not throw. */
export type DropObserver = (reason: string, items: number, cause: DropCause) => void;

const NO_CAUSE: DropCause = {};

export class Balance {
  accepted = 0;
  delivered = 0;
  /** Kept for later without being queued: an open slot, an open window. May fall as well as rise. */
  held = 0;
  queued = 0;
  /** Added into another item, which stands for both from then on. */
  merged = 0;
  readonly filtered = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  /** Asked to come again later; never accepted, so no part of the balance. */
  refused = 0;
  readonly #onDrop: DropObserver | null;

  /** `onDrop` hears of every drop, as there is no other way to book one than `drop`. */
  constructor(onDrop: DropObserver | null = null) {
    this.#onDrop = onDrop;
  }

  /** Items dropped by reason. */
  get dropped(): ReadonlyMap<string, number> {
    return this.#dropped;
  }

  filter(reason: string, items: number): void {
    if (items !== 0) this.filtered.set(reason, (this.filtered.get(reason) ?? 0) + items);
  }

  /** Costs nothing for 0 items. */
  drop(reason: string, items: number, cause: DropCause = NO_CAUSE): void {
    if (items === 0) return;
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + items);
    this.#onDrop?.(reason, items, cause);
  }

  /** Items accepted whose whereabouts are unknown; 0 unless there is a defect. */
  get unaccounted(): number {
    return (
      this.accepted -
      this.delivered -
      this.held -
      this.queued -
      this.merged -
      sum(this.filtered.values()) -
      sum(this.dropped.values())
    );
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
