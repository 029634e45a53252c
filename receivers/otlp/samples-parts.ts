/** @module Rows of one resource and one time by proxy, which are parts of scrapes. */
import type { PointRows } from './samples-rows.ts';
import type { SampledTarget } from './samples-target.ts';
import type { PagePart } from './samples-write.ts';

export interface TargetPart {
  readonly target: SampledTarget;
  readonly part: PagePart;
}

export class Parts {
  readonly #rows: PointRows;
  readonly #byTarget = new Map<SampledTarget, TargetPart>();
  /** The one that the last row joined: most rows are of one proxy. */
  #last: TargetPart | null = null;

  constructor(rows: PointRows) {
    this.#rows = rows;
  }

  /** Adds a row that has its series. O(1). */
  join(row: number): void {
    const { target } = this.#rows.series[row]!;
    if (this.#last?.target !== target) this.#last = this.#byTarget.get(target) ?? this.#begin(target, row);
    const { part } = this.#last;
    if (part.last === row) return;
    this.#rows.next[part.last] = row;
    part.last = row;
  }

  /** In the order in which their proxies came. */
  all(): TargetPart[] {
    return [...this.#byTarget.values()];
  }

  #begin(target: SampledTarget, row: number): TargetPart {
    const begun = { target, part: { timeMs: this.#rows.timeMs[row]!, first: row, last: row } };
    this.#byTarget.set(target, begun);
    return begun;
  }
}
