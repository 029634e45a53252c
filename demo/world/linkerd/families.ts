/** @module Families of a page that are plain names with labelled cells, in the order in which they are printed. */
import { Histogram } from '../histogram.ts';

export type FamilyType = 'counter' | 'gauge' | 'histogram';

/** One family as a page announces it. */
export interface Family {
  /** Name on the TYPE line. */
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  /** '' when the page has no UNIT line. */
  readonly unit: string;
  /** Bounds of a histogram; empty otherwise. */
  readonly bounds: readonly number[];
}

/** A single value. */
export interface Cell {
  value: number;
  /** True when it is printed as a float (`12.0`). */
  readonly float: boolean;
}

/** Cells of many families; `shape` rises whenever a series comes or goes. */
export class FamilySet {
  readonly #table: readonly Family[];
  readonly #types = new Map<string, Family>();
  readonly #cells = new Map<string, Map<string, Cell>>();
  readonly #histograms = new Map<string, Map<string, Histogram>>();
  shape = 0;

  constructor(table: readonly Family[]) {
    this.#table = table;
    for (const family of table) this.#types.set(family.name, family);
  }

  get table(): readonly Family[] {
    return this.#table;
  }

  /** The cell of `labels`, made at 0 when it is new. */
  cell(family: string, labels: string, float = false): Cell {
    const cells = this.#of(this.#cells, family);
    let cell = cells.get(labels);
    if (cell === undefined) {
      cell = { value: 0, float };
      cells.set(labels, cell);
      this.shape += 1;
    }
    return cell;
  }

  count(family: string, labels: string, by = 1): void {
    this.cell(family, labels).value += by;
  }

  histogram(family: string, labels: string): Histogram {
    const histograms = this.#of(this.#histograms, family);
    let histogram = histograms.get(labels);
    if (histogram === undefined) {
      histogram = new Histogram(this.#types.get(family)?.bounds ?? []);
      histograms.set(labels, histogram);
      this.shape += 1;
    }
    return histogram;
  }

  cells(family: string): ReadonlyMap<string, Cell> {
    return this.#cells.get(family) ?? new Map();
  }

  histograms(family: string): ReadonlyMap<string, Histogram> {
    return this.#histograms.get(family) ?? new Map();
  }

  /** Puts counters and histograms back to 0; gauges stay. */
  clearCounters(): void {
    for (const family of this.#table) {
      if (family.type === 'gauge') continue;
      for (const cell of this.cells(family.name).values()) cell.value = 0;
      for (const histogram of this.histograms(family.name).values()) histogram.clear();
    }
  }

  #of<Value>(families: Map<string, Map<string, Value>>, family: string): Map<string, Value> {
    let series = families.get(family);
    if (series === undefined) {
      series = new Map();
      families.set(family, series);
    }
    return series;
  }
}
