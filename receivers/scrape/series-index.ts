/**
 * @module Series of one target by their identity: whatever text a line has, equal labels give the same id.
 *
 * The scanner knows lines by their bytes and asks here only for lines it does not know: a new series, or an old one
 * written in another label order or remembered no longer.
 */
import type { Identity, Labels, Peer } from '../../pipeline/model/resource.ts';
import type { MeshRules, SeriesMeaning, TrafficSeries } from '../../pipeline/model/rules.ts';
import type { ScrapeNumber, SeriesTable } from '../../pipeline/model/series.ts';
import { labelKey, labelsOfKey } from './label-key.ts';

/** Series allowed for all targets of a receiver together; `max_series`. */
export class SeriesBudget {
  readonly max: number;
  used = 0;
  constructor(max: number) {
    this.max = max;
  }
}

/** The scanner's word for a series that `max_series` has no room for. */
export const REFUSED = -2;
const NONE = -1;

/** Texts and peers that many series share, held once. One per receiver would outlive targets; this is one a target. */
interface Shared {
  readonly peers: Map<string, Peer>;
  readonly groups: Map<string, Group>;
  /** Groups ever named, so that no name is used twice. */
  named: number;
}

interface Group {
  readonly peer: Peer;
  readonly own: Identity | null;
  /** Short name, unique in the target. */
  readonly group: string;
}

export class SeriesIndex {
  readonly #rules: MeshRules;
  readonly #own: Identity;
  readonly #table: SeriesTable;
  readonly #budget: SeriesBudget;
  readonly #ids = new Map<string, number>();
  readonly #shared: Shared = { peers: new Map(), groups: new Map(), named: 0 };
  #sentinels: number[] = [];
  readonly #filtered = new Map<string, number[]>();
  /** Series that the page at hand is the first to show, by key. */
  readonly #fresh = new Map<string, number>();
  /** Samples that are always wanted, and one kept series of each: `max_series` must not make whole pages partial. */
  readonly #always: Map<string, number>;

  constructor(rules: MeshRules, own: Identity, table: SeriesTable, budget: SeriesBudget) {
    this.#rules = rules;
    this.#own = own;
    this.#table = table;
    this.#budget = budget;
    this.#always = new Map(rules.families.filter(({ demand }) => demand === null).map(({ sample }) => [sample, NONE]));
  }

  /** Id of a series, new or known; `REFUSED` when there is no room for a new one. O(labels), allocates. */
  resolve(sample: string, labels: Labels): number {
    const key = `${sample} ${labelKey(labels)}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const isFirst = this.#always.get(sample) === NONE;
    if (this.#budget.used >= this.#budget.max && !isFirst) return REFUSED;
    this.#budget.used += 1;
    const id = this.#table.add(share(this.#rules.resolve(sample, labels, this.#own), this.#shared));
    this.#ids.set(key, id);
    this.#fresh.set(key, id);
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

  /** Sample, labels and id of the first `limit` of the series in `ids`, by id. O(series). */
  list(ids: ReadonlySet<number>, limit: number): { sample: string; labels: Labels; id: number }[] {
    const listed: { sample: string; labels: Labels; id: number }[] = [];
    for (const [key, id] of this.#ids) {
      if (listed.length >= limit) break;
      if (!ids.has(id)) continue;
      const space = key.indexOf(' ');
      listed.push({ sample: key.slice(0, space), labels: labelsOfKey(key.slice(space + 1)), id });
    }
    return listed;
  }

  /** Series kept now. */
  get live(): number {
    return this.#table.live;
  }

  /**
   * Forgets series last seen before scrape `oldest`: their ids are used again. Only where absence means that a series is
   * over, and after everybody has taken a page on which they were absent. O(series).
   */
  forgetBefore(oldest: ScrapeNumber): void {
    const { seen } = this.#table;
    this.#forget(this.#ids, (id) => seen[id]! < oldest);
  }

  /** The page at hand counts: what it was the first to show stays. */
  keepFresh(): void {
    this.#fresh.clear();
  }

  /** Forgets the series that the page at hand was the first to show and returns their ids. O(series) when there are any. */
  forgetFresh(): ReadonlySet<number> {
    const ids = new Set(this.#fresh.values());
    if (ids.size > 0) this.#forget(this.#fresh, (id) => ids.has(id));
    this.#fresh.clear();
    return ids;
  }

  /** `candidates` holds every series that `isOver` is true for. */
  #forget(candidates: ReadonlyMap<string, number>, isOver: (id: number) => boolean): void {
    this.#sentinels = this.#sentinels.filter((id) => !isOver(id));
    for (const [sample, id] of this.#always) if (id !== NONE && isOver(id)) this.#always.set(sample, NONE);
    for (const [reason, ids] of this.#filtered)
      this.#filtered.set(
        reason,
        ids.filter((id) => !isOver(id)),
      );
    for (const [key, id] of candidates) {
      if (!isOver(id)) continue;
      this.#ids.delete(key);
      this.#table.release(id);
      this.#budget.used -= 1;
    }
    this.#forgetShared();
  }

  /** Keeps the texts and peers that series still kept refer to. */
  #forgetShared(): void {
    const peers = new Set<Peer>();
    const groups = new Set<string>();
    for (const id of this.#ids.values()) {
      const meaning = this.#table.meanings[id]!;
      if (meaning.role !== 'traffic') continue;
      peers.add(meaning.peer);
      groups.add(meaning.group);
    }
    for (const [key, peer] of this.#shared.peers) if (!peers.has(peer)) this.#shared.peers.delete(key);
    for (const [key, { group }] of this.#shared.groups) if (!groups.has(group)) this.#shared.groups.delete(key);
  }

  /** Gives its room back to the budget; call once, when the target is gone. */
  release(): void {
    this.#budget.used -= this.#table.live;
  }

  #note(id: number, sample: string): void {
    const meaning = this.#table.meanings[id]!;
    if (sample === this.#rules.sentinel || meaning.role === 'sentinel') this.#sentinels.push(id);
    if (meaning.role !== 'filtered') return;
    const ids = this.#filtered.get(meaning.reason);
    if (ids === undefined) this.#filtered.set(meaning.reason, [id]);
    else ids.push(id);
  }
}

/** 26 buckets of one histogram have the same ends and one group: a tenth of the memory when these are held once. */
function share(meaning: SeriesMeaning, shared: Shared): SeriesMeaning {
  if (meaning.role !== 'traffic') return meaning;
  const { role, measure, side, protocol, counts, boundMs } = meaning;
  const { peer, own, group } = groupOf(meaning, shared);
  return { role, measure, side, own, peer, protocol, counts, boundMs, group };
}

/** Series of one group differ in their bound only, so they have the same ends. */
function groupOf(meaning: TrafficSeries, shared: Shared): Group {
  const { own } = meaning;
  if (meaning.group === '') return { peer: peerOf(meaning.peer, shared), own, group: '' };
  const known = shared.groups.get(meaning.group);
  if (known !== undefined) return known;
  const group = { peer: peerOf(meaning.peer, shared), own, group: `${++shared.named}` };
  shared.groups.set(meaning.group, group);
  return group;
}

function peerOf(peer: Peer, shared: Shared): Peer {
  const key = peerKeyOf(peer);
  const known = shared.peers.get(key);
  if (known === undefined) shared.peers.set(key, peer);
  return known ?? peer;
}

function peerKeyOf({ workload, pod, service, serviceNamespace, serviceAccount }: Peer): string {
  const { cluster = '', namespace = '', name = '', kind = '' } = workload ?? {};
  const texts = [cluster, namespace, name, kind, pod, service, serviceNamespace, serviceAccount];
  return (workload === null ? '-' : '+') + texts.map(sized).join('');
}

function sized(text: string): string {
  return `${text.length}:${text}`;
}
