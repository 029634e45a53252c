/** @module A slot and what amends earlier ones as one sum with `parts`, and such sums added up until somebody takes them. */
import { amendTraffic, TrafficAccumulator } from '../../pipeline/model/sum.ts';
import { addInSteps, inOneGo, SumPace, type SumSteps } from '../../pipeline/model/sum-steps.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { hidesMisses } from './doubts.ts';

/** As `withPartsInSteps`, in one go. */
export function withParts(own: TrafficSum, amendments: readonly TrafficSum[]): TrafficSum {
  return inOneGo(withPartsInSteps(own, amendments));
}

/**
 * `own` with amendments of slots told before, each over the interval of its slot. `own` itself when there are none; else they
 * share records, which must not be written. O(items), by steps.
 */
export function* withPartsInSteps(
  own: TrafficSum,
  amendments: readonly TrafficSum[],
  pace = new SumPace(),
): SumSteps<TrafficSum> {
  if (amendments.length === 0) return own;
  const whole = new TrafficAccumulator();
  const parts = [own, ...amendments];
  for (const amendment of amendments) yield* addInSteps(whole, amendment, pace);
  const sum = whole.takeWith(own);
  if (pace.isStep(sum.records.length >> 3)) yield;
  return { ...sum, partial: sum.partial || hidesMisses(parts), interval: own.interval, late: true, parts };
}

/** Slots amended that are kept apart. Beyond them only counts are kept, and no word of where they belong. */
const MAX_AMENDMENTS = 360;

/** Slots that nobody took over, as one longer slot. What amends slots told before stays an amendment of those. */
export class KeptSlots {
  readonly #own = new TrafficAccumulator();
  /** By the ends (ms) of the slots amended. */
  readonly #amendments = new Map<number, TrafficAccumulator>();
  #isLate = false;

  get isEmpty(): boolean {
    return this.#own.isEmpty;
  }

  /** Adds the slot that comes next, and does not write it. O(items). */
  add(sum: TrafficSum): void {
    for (const part of sum.parts ?? [sum]) {
      if (part.interval.endMs > sum.interval.startMs) this.#own.add(part);
      else this.#amend(part);
    }
  }

  #amend(part: TrafficSum): void {
    const { endMs } = part.interval;
    const held = this.#amendments.get(endMs);
    if (held !== undefined) held.add(part);
    else if (this.#amendments.size >= MAX_AMENDMENTS) this.#fold(part);
    else {
      const accumulator = new TrafficAccumulator();
      accumulator.add(part);
      this.#amendments.set(endMs, accumulator);
    }
  }

  #fold(part: TrafficSum): void {
    this.#isLate = true;
    this.#own.add({ ...part, interval: this.#own.interval });
  }

  /** All of it as one sum. Nothing is kept afterwards. */
  take(): TrafficSum {
    let own = this.#own.take();
    const amendments: TrafficSum[] = [];
    for (const held of this.#amendments.values()) {
      const part = held.take();
      // A slot that is told only now needs no amendment.
      if (part.interval.endMs > own.interval.startMs) own = amendTraffic(own, part);
      else amendments.push(part);
    }
    this.#amendments.clear();
    const sum = withParts(own, amendments);
    const isLate = this.#isLate;
    this.#isLate = false;
    return isLate ? { ...sum, late: true } : sum;
  }
}
