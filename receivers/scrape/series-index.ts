/**
 * @module Series of one target by their identity: whatever text a line has, equal labels give the same id.
 *
 * The scanner knows lines by their bytes and asks here only for lines it does not know: a new series, or an old one
 * written in another label order or remembered no longer.
 */
import type { Identity, Labels } from '../../pipeline/model/resource.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import type { ScrapeNumber, SeriesTable } from '../../pipeline/model/series.ts';
import { SeriesIds } from './series-ids.ts';
import { SharedMeanings } from './shared-meanings.ts';

/** Series allowed for all targets of a receiver together; `max_series`. */
export class SeriesBudget {
  readonly max: number;
  used = 0;
  /** Room that is set aside for series that are sure to come. */
  promised = 0;
  constructor(max: number) {
    this.max = max;
  }

  /** Whether there is room for so many more. */
  hasRoom(series: number): boolean {
    return this.used + this.promised + series <= this.max;
  }
}

/** The scanner's word for a series that `max_series` has no room for. */
export const REFUSED = -2;
const NONE = -1;
const NO_IDS: ReadonlySet<number> = new Set();

export class SeriesIndex {
  readonly #rules: MeshRules;
  readonly #own: Identity;
  readonly #table: SeriesTable;
  readonly #budget: SeriesBudget;
  readonly #ids = new SeriesIds();
  readonly #shared = new SharedMeanings();
  #sentinels: number[] = [];
  readonly #filtered = new Map<string, number[]>();
  /** Series that the page at hand is the first to show. */
  #fresh: number[] = [];
  /** Samples that are always wanted, and one kept series of each: `max_series` must not make whole pages partial. */
  readonly #always: Map<string, number>;

  constructor(rules: MeshRules, own: Identity, table: SeriesTable, budget: SeriesBudget) {
    this.#rules = rules;
    this.#own = own;
    this.#table = table;
    this.#budget = budget;
    this.#always = new Map(rules.families.filter(({ demand }) => demand === null).map(({ sample }) => [sample, NONE]));
  }

  /** Id of a series that is known, else null. O(labels), allocates. */
  find(sample: string, labels: Labels): number | null {
    const known = this.#ids.find(sample, labels);
    return known >= 0 ? known : null;
  }

  /**
   * Id of a series, new or known; `REFUSED` when there is no room for a new one, nor was any promised for it. O(labels),
   * allocates.
   */
  resolve(sample: string, labels: Labels, isPromised = false): number {
    const known = this.#ids.find(sample, labels);
    if (known >= 0) return known;
    const isFirst = this.#always.get(sample) === NONE;
    if (!isPromised && !isFirst && !this.#budget.hasRoom(1)) return REFUSED;
    this.#budget.used += 1;
    const id = this.#table.add(this.#shared.share(this.#rules.resolve(sample, labels, this.#own)));
    this.#ids.addSought(id);
    this.#fresh.push(id);
    if (isFirst) this.#always.set(sample, id);
    this.#note(id, sample);
    return id;
  }

  /** True when the page of `scrape` holds the sentinel or a series with that role, or the mesh has none. */
  hasSentinel(scrape: ScrapeNumber): boolean {
    return this.#rules.sentinel === null || this.#sentinels.some((id) => this.#table.seen[id] === scrape);
  }

  /** Samples of filtered series on the page of `scrape`, by reason. O(filtered series). */
  countFiltered(scrape: ScrapeNumber, count: (reason: string, samples: number) => void): void {
    const { seen, repeats } = this.#table;
    for (const [reason, ids] of this.#filtered) {
      let samples = 0;
      for (const id of ids) if (seen[id] === scrape) samples += repeats[id]!;
      count(reason, samples);
    }
  }

  /** Series on the page of `scrape` that it holds more than once. O(series). */
  countRepeated(scrape: ScrapeNumber): number {
    const { seen, repeats, size } = this.#table;
    let repeated = 0;
    for (let id = 0; id < size; id++) if (seen[id] === scrape && repeats[id]! > 1) repeated += 1;
    return repeated;
  }

  /** Forgets these series: their ids are used again. To be called as `forgetBefore`. O(series). */
  forget(ids: ReadonlySet<number>): void {
    if (ids.size > 0) this.#forget(ids, (id) => ids.has(id));
  }

  /** Series kept now. */
  get live(): number {
    return this.#table.live;
  }

  /**
   * Forgets series last seen before scrape `oldest`: their ids are used again. Only where absence means that a series is
   * over, and after everybody has taken a page on which they were absent. Those of `kept` stay. O(series).
   */
  forgetBefore(oldest: ScrapeNumber, kept: ReadonlySet<number> = NO_IDS): void {
    const { seen } = this.#table;
    this.#forget(this.#ids, (id) => seen[id]! < oldest && !kept.has(id));
  }

  /** The page at hand counts: what it was the first to show stays. */
  keepFresh(): void {
    this.#fresh = [];
  }

  /** Forgets the series that the page at hand was the first to show and returns their ids. O(series) when there are any. */
  forgetFresh(): ReadonlySet<number> {
    const ids = new Set(this.#fresh);
    this.forget(ids);
    this.#fresh = [];
    return ids;
  }

  /** `candidates` holds every series that `isOver` is true for. */
  #forget(candidates: Iterable<number>, isOver: (id: number) => boolean): void {
    this.#sentinels = this.#sentinels.filter((id) => !isOver(id));
    for (const [sample, id] of this.#always) if (id !== NONE && isOver(id)) this.#always.set(sample, NONE);
    for (const [reason, ids] of this.#filtered)
      this.#filtered.set(
        reason,
        ids.filter((id) => !isOver(id)),
      );
    for (const id of candidates) {
      if (!isOver(id)) continue;
      this.#ids.delete(id);
      this.#table.release(id);
      this.#budget.used -= 1;
    }
    this.#shared.keep(this.#table.meaningsInUse());
  }

  /** Gives its room back to the budget; call once, when the target is gone. */
  release(): void {
    this.#budget.used -= this.#table.live;
  }

  #note(id: number, sample: string): void {
    const meaning = this.#table.meaningOf(id);
    if (sample === this.#rules.sentinel || meaning.role === 'sentinel') this.#sentinels.push(id);
    if (meaning.role !== 'filtered') return;
    const ids = this.#filtered.get(meaning.reason);
    if (ids === undefined) this.#filtered.set(meaning.reason, [id]);
    else ids.push(id);
  }
}
