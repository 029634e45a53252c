/**
 * @module The balance of one component (design §8): nothing accepted is ever unaccounted for.
 *
 * accepted = delivered + held + queued + merged + filtered(reason) + dropped(reason)
 */

export class Balance {
  accepted = 0;
  delivered = 0;
  /** Kept for later without being queued: an open slot, an open window. May fall as well as rise. */
  held = 0;
  queued = 0;
  /** Added into another item, which stands for both from then on. */
  merged = 0;
  readonly filtered = new Map<string, number>();
  readonly dropped = new Map<string, number>();
  /** Asked to come again later; never accepted, so no part of the balance. */
  refused = 0;

  filter(reason: string, items: number): void {
    if (items !== 0) this.filtered.set(reason, (this.filtered.get(reason) ?? 0) + items);
  }

  drop(reason: string, items: number): void {
    if (items !== 0) this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + items);
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
