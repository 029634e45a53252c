/**
 * @module Data points that nobody here wants or can count, by the name of their metric; names come from outside, so few are
 * kept.
 */
import { SCRAPE_REPORTS } from '../../pipeline/wire/otlp/scrape-reports.ts';

/** All names beyond those that are kept. */
export const OTHER_NAMES = 'other';
const SHOWN = 3;

export class ForeignPoints {
  readonly #maxNames: number;
  readonly #points = new Map<string, number>();
  #others = 0;

  constructor(maxNames: number) {
    this.#maxNames = maxNames;
  }

  add(name: string, points: number): void {
    const known = this.#points.get(name);
    if (known !== undefined) this.#points.set(name, known + points);
    else if (this.#points.size < this.#maxNames && name !== OTHER_NAMES) this.#points.set(name, points);
    else this.#others += points;
  }

  /** Adds points whose names are not told. */
  addUnnamed(points: number): void {
    this.#others += points;
  }

  /** Running totals; none of names that never had points. */
  *totals(): Generator<readonly [name: string, points: number]> {
    yield* this.#points;
    if (this.#others > 0) yield [OTHER_NAMES, this.#others];
  }
}

/** Takes those points out of `names` that every Collector sends of its own accord, and returns them. */
export function takeScrapeReports(names: Map<string, number>): ReadonlyMap<string, number> {
  const reports = new Map([...names].filter(([name]) => SCRAPE_REPORTS.has(name)));
  for (const name of reports.keys()) names.delete(name);
  return reports;
}

/** What a sender is told of such points. */
export function foreignMessage(points: number, names: ReadonlyMap<string, number>): string {
  const what = points === 1 ? '1 data point is of a metric that is' : `${points} data points are of metrics that are`;
  return `${what} not taken here: ${shownNames(names)}`;
}

/** What is no count. */
export const NO_COUNT = 'no count (not a number, negative, above 2^53, or an integer that a double cannot tell)';

/** What a sender is told of points of Weir's own metrics that hold no count. */
export function badValuesMessage(points: number, names: ReadonlyMap<string, number>): string {
  const what = points === 1 ? '1 data point holds' : `${points} data points hold`;
  return `${what} ${NO_COUNT}: ${shownNames(names)}`;
}

/** The first names with their points, and how many more there are. */
export function shownNames(names: ReadonlyMap<string, number>): string {
  const shown = [...names].slice(0, SHOWN).map(([name, count]) => `${name === '' ? 'no name' : name} (${count})`);
  const more = names.size > SHOWN ? `, and ${names.size - SHOWN} more` : '';
  return `${shown.join(', ')}${more}`;
}
