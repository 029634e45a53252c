/** @module Rows of one resource by proxy and time, which are parts of scrapes. */
import type { PointRows } from './samples-rows.ts';
import type { SampledTarget } from './samples-target.ts';
import type { PagePart } from './samples-write.ts';

export interface TargetPart {
  readonly target: SampledTarget;
  readonly part: PagePart;
}

export class Parts {
  readonly #rows: PointRows;
  readonly #byTarget = new Map<SampledTarget, Map<number, TargetPart>>();
  /** The one that the last row joined: most rows are of one proxy and one time. */
  #last: TargetPart | null = null;

  constructor(rows: PointRows) {
    this.#rows = rows;
  }

  /** Adds a row that has its series. O(1). */
  join(row: number): void {
    const { target } = this.#rows.series[row]!;
    const timeMs = this.#rows.timeMs[row]!;
    const last = this.#last;
    if (last === null || last.target !== target || last.part.timeMs !== timeMs)
      this.#last = this.#begin(target, timeMs, row);
    const { part } = this.#last!;
    if (part.last === row) return;
    this.#rows.next[part.last] = row;
    part.last = row;
  }

  /** Earlier times first. */
  inOrder(): TargetPart[] {
    const all = [...this.#byTarget.values()].flatMap((byTime) => [...byTime.values()]);
    return all.sort((a, b) => a.part.timeMs - b.part.timeMs);
  }

  #begin(target: SampledTarget, timeMs: number, row: number): TargetPart {
    const byTime = this.#byTarget.get(target) ?? new Map<number, TargetPart>();
    this.#byTarget.set(target, byTime);
    const known = byTime.get(timeMs) ?? { target, part: { timeMs, first: row, last: row } };
    byTime.set(timeMs, known);
    return known;
  }
}
