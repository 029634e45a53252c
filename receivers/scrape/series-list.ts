/** @module Series of a target as people are shown them: what stands on its pages and what each means. */
import type { Target } from '../../pipeline/batch.ts';
import type { SeriesListing, SeriesQuery, SeriesStatus } from '../../pipeline/component.ts';
import type { Labels } from '../../pipeline/model/resource.ts';
import type { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';

/** Where series of one target are found, and what remembers how they stand on its pages. */
export interface ListedTarget {
  readonly target: Target;
  readonly scanner: ExpositionScanner;
}

/**
 * Series of `targets` that the query wants and that some page showed, but for those that have been away so long that
 * their labels are forgotten. O(series); nothing is kept.
 */
export function listSeries(targets: Iterable<ListedTarget>, query: SeriesQuery): SeriesListing {
  const series: SeriesStatus[] = [];
  let wanted = 0;
  for (const each of targets) {
    const ids = each.scanner.remembered(wantedIds(each.target, query));
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

function statusesOf(
  { target, scanner }: ListedTarget,
  ids: ReadonlyMap<number, number>,
  limit: number,
): SeriesStatus[] {
  const { receiver, address, own, rules, series } = target;
  const source = { receiver, address, own, rules };
  return [...ids].slice(0, limit).map(([id, line]) => {
    const { sample, labels } = scanner.seriesOf(line);
    return { source, sample, labels: sorted(labels), value: series.values[id]!, meaning: series.meaningOf(id) };
  });
}

/** By name, so that a series reads the same whatever order a proxy writes its labels in. */
function sorted(labels: Labels): Labels {
  return new Map([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}
