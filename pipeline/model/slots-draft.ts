/** @module The slots of a read model while something is being added to them: what is held is as before until the draft is adopted. */
import { amendInSteps, type SumPace, type SumSteps } from './sum-steps.ts';
import type { TrafficSum } from './traffic.ts';

export interface HeldSlot {
  sum: TrafficSum;
  sparse: boolean;
  /** How often late traffic was added. */
  revision: number;
}

export class SlotsDraft {
  readonly slots: HeldSlot[];
  /** What was added and is held, whose peers are to be met. */
  readonly added: TrafficSum[] = [];
  /** Items of what came later than it is retained. */
  forgottenItems = 0;
  /** Items held. */
  items: number;

  /** Of `slots`, which hold `items`. O(slots). */
  constructor(slots: readonly HeldSlot[], items: number) {
    this.slots = slots.map((slot) => ({ ...slot }));
    this.items = items;
  }

  push(sum: TrafficSum, revision: number): void {
    this.slots.push({ sum, sparse: false, revision });
    this.items += itemsOf(sum);
    this.added.push(sum);
  }

  /**
   * Adds what came late to the slot in which it ends. Where there is none it is a slot of its own, if it is retained, and
   * partial: whatever else was told of it went to an earlier life of this Weir, or is forgotten. O(slots, and items of both).
   */
  *amendInSteps(part: TrafficSum, retainedFromMs: number, pace: SumPace): SumSteps<void> {
    const { endMs } = part.interval;
    const slot = this.slots.find(({ sum: { interval } }) => interval.startMs < endMs && endMs <= interval.endMs);
    if (slot !== undefined) {
      const sum = yield* amendInSteps(slot.sum, part, pace);
      this.items += itemsOf(sum) - itemsOf(slot.sum);
      slot.sum = sum;
      slot.sparse = false;
      slot.revision += 1;
      this.added.push(part);
    } else if (endMs > retainedFromMs) this.push({ ...part, partial: true }, 1);
    else this.forgottenItems += itemsOf(part);
  }
}

/** Records and coverage records. */
export function itemsOf(sum: TrafficSum): number {
  return sum.records.length + sum.coverage.length;
}
