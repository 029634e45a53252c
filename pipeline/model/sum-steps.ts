/** @module Adding traffic by steps, so that long sums hold nobody up; what they come to is as in one go. */
import { amendedInterval, TrafficAccumulator, withoutTakenBack } from './sum.ts';
import type { TrafficSum } from './traffic.ts';

/** Work done step by step: the generator lets go between two steps. */
export type SumSteps<T> = Generator<void, T, void>;

/** Items added in one step: about 1 µs each. */
export const STEP_ITEMS = 4096;
/** What a sum costs beside its items, as items. */
const SUM_ITEMS = 2;

/** Counts items over any number of sums, so that many short ones make a step as well as a long one does. */
export class SumPace {
  #items = 0;

  /** Adds work; true when that makes a step full: let go then. */
  isStep(items: number): boolean {
    this.#items += items + SUM_ITEMS;
    if (this.#items < STEP_ITEMS) return false;
    this.#items = 0;
    return true;
  }
}

/** As `into.add(sum)`; `sum` must not change until it ends. O(items), in steps of `STEP_ITEMS`. */
export function* addInSteps(into: TrafficAccumulator, sum: TrafficSum, pace = new SumPace()): SumSteps<void> {
  const { records, coverage } = sum;
  const most = Math.max(records.length, coverage.length);
  for (let from = 0; from === 0 || from < most; from += STEP_ITEMS) {
    const [some, covered] = most <= STEP_ITEMS ? [records, coverage] : [slice(records, from), slice(coverage, from)];
    into.add({ ...sum, records: some, coverage: covered });
    if (pace.isStep(some.length + covered.length)) yield;
  }
}

/** As `amendTraffic`, by steps; neither may change until it ends. O(items). */
export function* amendInSteps(sum: TrafficSum, late: TrafficSum, pace = new SumPace()): SumSteps<TrafficSum> {
  const accumulator = new TrafficAccumulator();
  yield* addInSteps(accumulator, sum, pace);
  yield* addInSteps(accumulator, late, pace);
  const amended = accumulator.take();
  if (pace.isStep(amended.records.length >> 3)) yield;
  return withoutTakenBack(amended, amendedInterval(sum, late), late);
}

/** What the steps come to, without a pause. */
export function inOneGo<T>(steps: SumSteps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function slice<Item>(items: readonly Item[], from: number): readonly Item[] {
  return items.slice(from, from + STEP_ITEMS);
}
