/** @module Several lists of series as one. */
import type { SeriesListing, SeriesQuery } from './component.ts';

/** What all of `lists` have, in their order, with one limit for all together. */
export function listSeries(
  lists: readonly ((query: SeriesQuery) => SeriesListing)[],
  query: SeriesQuery,
): SeriesListing {
  const listings: SeriesListing[] = [];
  let left = query.limit;
  for (const list of lists) {
    const listing = list({ ...query, limit: left });
    left -= listing.series.length;
    listings.push(listing);
  }
  return {
    series: listings.flatMap(({ series }) => series),
    more: listings.reduce((sum, { more }) => sum + more, 0),
  };
}
