/** @module What a gateway told of each slot, whenever it told it. */
import { TrafficAccumulator } from '../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';

/** How often slots were amended by what came late, by the slot that was. */
export function amendmentsBySlot(sums: Iterable<TrafficSum>, slotMs: number): Map<number, number> {
  const amendments = new Map<number, number>();
  for (const { interval, parts = [] } of sums) {
    for (const part of parts) {
      if (part.interval.endMs > interval.startMs) continue;
      const slot = Math.ceil(part.interval.endMs / slotMs) - 1;
      amendments.set(slot, (amendments.get(slot) ?? 0) + 1);
    }
  }
  return amendments;
}

/** Sums of all lives of a gateway by the slot they tell of; what came late is told later, by its own slot. */
export function bySlot(sums: Iterable<TrafficSum>, slotMs: number): Map<number, TrafficSum> {
  const slots = new Map<number, TrafficAccumulator>();
  for (const sum of sums) {
    for (const part of sum.parts ?? [sum]) {
      const slot = Math.floor(part.interval.startMs / slotMs);
      const held = slots.get(slot) ?? new TrafficAccumulator();
      slots.set(slot, held);
      held.add(part);
    }
  }
  return new Map(Array.from(slots, ([slot, sum]) => [slot, sum.take()]));
}
