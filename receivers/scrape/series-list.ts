/** @module Series of a target as people are shown them: what stands on its pages and what each means. */
import type { Target } from '../../pipeline/batch.ts';
import type { SeriesListing, SeriesQuery, SeriesStatus } from '../../pipeline/component.ts';
import type { SeriesIndex } from './series-index.ts';

/** Where series of one target are found. */
export interface ListedTarget {
  readonly target: Target;
  readonly index: SeriesIndex;
}

/** Series of `targets` that the query wants and that some page showed. O(series); nothing is kept. */
export function listSeries(targets: Iterable<ListedTarget>, query: SeriesQuery): SeriesListing {
  const series: SeriesStatus[] = [];
  let wanted = 0;
  for (const each of targets) {
    const ids = wantedIds(each.target, query);
    wanted += ids.size;
    if (ids.size > 0 && series.length < query.limit) series.push(...statusesOf(each, ids, query.limit - series.length));
  }
  return { series, more: wanted - series.length };
}

function wantedIds({ receiver, address, own, rules, series }: Target, { wants }: SeriesQuery): Set<number> {
  const ids = new Set<number>();
  const source = { receiver, address, own, rules };
  // An id that was given back has never been seen.
  for (let id = 0; id < series.size; id++) {
    if (series.seen[id]! > 0 && wants(series.meaningOf(id), source)) ids.add(id);
  }
  return ids;
}

function statusesOf({ target, index }: ListedTarget, ids: ReadonlySet<number>, limit: number): SeriesStatus[] {
  const { receiver, address, own, rules, series } = target;
  const source = { receiver, address, own, rules };
  return index.list(ids, limit).map(({ sample, labels, id }) => {
    return { source, sample, labels, value: series.values[id]!, meaning: series.meaningOf(id) };
  });
}
