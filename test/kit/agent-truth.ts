/** @module What a gateway told of each slot, and what the scrapes of its agents tell of the same slots. */
import { TrafficAccumulator } from '../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { type AgentLife, SLOT_MS } from './agent-fleet.ts';
import { addTcp, type ExpectedCounts, hasTcp, noCounts } from './expected-traffic.ts';
import type { Member } from './fleet.ts';

/** Sums of all lives of the gateway by the slot they tell of; what came late is told later, by its own slot. */
export function bySlot(gateways: readonly Member[]): Map<number, TrafficSum> {
  const slots = new Map<number, TrafficAccumulator>();
  for (const sum of gateways.flatMap(({ sums }) => sums)) {
    for (const part of sum.parts ?? [sum]) {
      const slot = Math.floor(part.interval.startMs / SLOT_MS);
      const held = slots.get(slot) ?? new TrafficAccumulator();
      slots.set(slot, held);
      held.add(part);
    }
  }
  return new Map(Array.from(slots, ([slot, sum]) => [slot, sum.take()]));
}

/** What the scrapes of these lives tell of a slot, by row; rows without counts are left out. */
export function expectedOf(lives: readonly AgentLife[], slot: number): Map<string, ExpectedCounts> {
  const counts = new Map<string, ExpectedCounts>();
  for (const { expected } of lives) {
    for (const [key, from] of expected.slots.get(slot) ?? []) {
      const into = counts.get(key) ?? noCounts();
      into.successes += from.successes;
      into.failures += from.failures;
      into.unreached += from.unreached;
      into.latenciesMs.push(...from.latenciesMs);
      addTcp(into.tcp, from.tcp);
      counts.set(key, into);
    }
  }
  return new Map([...counts].filter(([, one]) => isCounted(one)).sort());
}

function isCounted({ successes, failures, latenciesMs, tcp }: ExpectedCounts): boolean {
  return successes + failures + latenciesMs.length > 0 || hasTcp(tcp);
}
