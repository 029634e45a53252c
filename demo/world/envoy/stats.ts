/**
 * @module Statistics of an Envoy process and their text: counters are live, histograms and the time it has run are merged
 * at a flush.
 *
 * Form of the text by envoyproxy/envoy (`source/server/admin/prometheus_stats.cc`) and recorded pages: no HELP, braces
 * also without labels, counters before gauges before histograms, families by name, series by their labels.
 */
import { Histogram } from '../histogram.ts';
import { hashText } from '../random.ts';

/** Bounds of every histogram, whatever its unit, unless the bootstrap says otherwise. */
export const DEFAULT_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** A counter or gauge. */
export interface Cell {
  value: number;
}

/** A histogram whose recent values are not on the page yet. */
export class LateHistogram {
  readonly shown = new Histogram(DEFAULT_BOUNDS);
  readonly #recent = new Histogram(DEFAULT_BOUNDS);

  record(value: number): void {
    this.#recent.record(value);
  }

  flush(): void {
    if (this.#recent.count === 0) return;
    for (let i = 0; i < this.#recent.counts.length; i++) this.shown.counts[i]! += this.#recent.counts[i]!;
    this.shown.count += this.#recent.count;
    this.shown.sum += this.#recent.sum;
    this.#recent.clear();
  }
}

type Kind = 'counter' | 'gauge' | 'histogram';
type Families<Value> = Map<string, Map<string, Value>>;
/** Writes lines of present values. */
type Writer = (out: string[]) => void;

export class Stats {
  readonly #cells: Record<'counter' | 'gauge', Families<Cell>> = { counter: new Map(), gauge: new Map() };
  readonly #histograms: Families<LateHistogram> = new Map();
  #orderings = 0;
  #shape = 0;
  #layout: { readonly shape: string; readonly writers: readonly Writer[] } = { shape: '', writers: [] };

  /** The counter of a family with these labels, made at 0 when it is new. */
  counter(family: string, labels: string): Cell {
    return this.#of(this.#cells.counter, family, labels, () => ({ value: 0 }));
  }

  gauge(family: string, labels = ''): Cell {
    return this.#of(this.#cells.gauge, family, labels, () => ({ value: 0 }));
  }

  histogram(family: string, labels: string): LateHistogram {
    return this.#of(this.#histograms, family, labels, () => new LateHistogram());
  }

  /** Forgets a label set in every family that has it. */
  drop(labels: string): void {
    for (const families of [this.#cells.counter, this.#cells.gauge, this.#histograms]) {
      for (const series of families.values()) if (series.delete(labels)) this.#shape += 1;
    }
  }

  flush(): void {
    for (const series of this.#histograms.values()) for (const histogram of series.values()) histogram.flush();
  }

  /** As `/reset_counters` does: histograms and gauges stay. */
  clearCounters(): void {
    for (const series of this.#cells.counter.values()) for (const cell of series.values()) cell.value = 0;
  }

  /** From now on the same lines stand in another order. */
  reorder(): void {
    this.#orderings += 1;
  }

  /** The text of all families at this instant. */
  render(): string {
    const shape = `${this.#shape}.${this.#orderings}`;
    if (this.#layout.shape !== shape) this.#layout = { shape, writers: this.#layOut() };
    const out: string[] = [];
    for (const write of this.#layout.writers) write(out);
    return out.join('');
  }

  #layOut(): Writer[] {
    const cells = (kind: 'counter' | 'gauge') =>
      this.#families(this.#cells[kind], kind, (name, labels, cell) => [cellWriter(name, labels, cell)]);
    return [
      ...cells('counter'),
      ...cells('gauge'),
      ...this.#families(this.#histograms, 'histogram', (name, labels, { shown }) => [
        histogramWriter(name, labels, shown),
      ]),
    ];
  }

  #families<Value>(
    families: Families<Value>,
    kind: Kind,
    writersOf: (name: string, labels: string, value: Value) => Writer[],
  ): Writer[] {
    return this.#ordered(families).flatMap(([name, series]) => {
      if (series.size === 0) return [];
      const head = `# TYPE ${name} ${kind}\n`;
      const lines = this.#ordered(series).flatMap(([labels, value]) => writersOf(name, labels, value));
      return [(out: string[]) => void out.push(head), ...lines];
    });
  }

  /** By name, or after a `reorder` by a hash of it. */
  #ordered<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
    const entries = [...map];
    if (this.#orderings === 0) return entries.sort(([a], [b]) => (a < b ? -1 : 1));
    const rank = new Map(entries.map(([key]) => [key, hashText(key, this.#orderings)]));
    return entries.sort(([a], [b]) => rank.get(a)! - rank.get(b)! || (a < b ? -1 : 1));
  }

  #of<Value>(families: Families<Value>, family: string, labels: string, create: () => Value): Value {
    let series = families.get(family);
    if (series === undefined) {
      series = new Map();
      families.set(family, series);
    }
    let value = series.get(labels);
    if (value === undefined) {
      value = create();
      series.set(labels, value);
      this.#shape += 1;
    }
    return value;
  }
}

function cellWriter(name: string, labels: string, cell: Cell): Writer {
  const prefix = `${name}{${labels}} `;
  return (out) => out.push(`${prefix}${cell.value}\n`);
}

/** Cumulative buckets with `le` last, then sum, then count. */
function histogramWriter(name: string, labels: string, histogram: Histogram): Writer {
  const start = labels === '' ? '' : `${labels},`;
  const prefixes = [...histogram.bounds.map(String), '+Inf'].map((le) => `${name}_bucket{${start}le="${le}"} `);
  const [sum, count] = ['sum', 'count'].map((part) => `${name}_${part}{${labels}} `);
  return (out) => {
    let below = 0;
    for (let i = 0; i < prefixes.length; i++) {
      below += histogram.counts[i]!;
      out.push(`${prefixes[i]}${below}\n`);
    }
    out.push(`${sum}${histogram.sum}\n`, `${count}${histogram.count}\n`);
  };
}
