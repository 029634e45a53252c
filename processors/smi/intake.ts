/** @module What became of the items of one batch: the books of `smi`, page by page. */
import type { TrafficSeries } from '../../pipeline/model/rules.ts';
import type { SeriesTable } from '../../pipeline/model/series.ts';
import { isCount, type PageResult } from './deltas.ts';
import type { TargetState } from './target-state.ts';

/** They sum to the batch's items. */
export interface Intake {
  readonly merged: number;
  readonly badValues: number;
  readonly ownExports: number;
  readonly overLimit: number;
  /** Samples that need a proof which the target does not show. */
  readonly unproven: number;
  /** A series with a value that was ignored, for people; null without one. */
  readonly badSeries: TrafficSeries | null;
}

export const NOTHING: Intake = {
  merged: 0,
  badValues: 0,
  ownExports: 0,
  overLimit: 0,
  unproven: 0,
  badSeries: null,
};

/** Books of the page of `scrape` with `items` samples, which was applied with this `result`. O(series set apart). */
export function intakeOf(state: TargetState, scrape: number, items: number, result: PageResult): Intake {
  const { series } = state.target;
  const ownExports = countSeen(state.ownExports, series.seen, scrape);
  const overLimit = countSeen(state.overLimit, series.seen, scrape);
  const unproven = countReadable(state.proofs.unproven, series, scrape);
  const bad = result.firstIgnored < 0 ? null : series.meaningOf(result.firstIgnored);
  return {
    badValues: result.ignored,
    ownExports,
    overLimit,
    unproven,
    merged: items - result.ignored - ownExports - overLimit - unproven,
    badSeries: bad?.role === 'traffic' ? bad : null,
  };
}

function countSeen(ids: ReadonlySet<number>, seen: Uint32Array, scrape: number): number {
  let count = 0;
  for (const id of ids) if (seen[id] === scrape) count += 1;
  return count;
}

/** Without those whose values are ignored, which are counted as such. */
function countReadable(ids: ReadonlySet<number>, { seen, values }: SeriesTable, scrape: number): number {
  let count = 0;
  for (const id of ids) if (seen[id] === scrape && isCount(values[id]!)) count += 1;
  return count;
}
