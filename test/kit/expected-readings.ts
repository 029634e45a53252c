/**
 * @module What readers must be shown of a window, reckoned from the world's truth: edges, workloads and pods, each from
 * the side that design §6, docs/adr/0005 and 0009 name, with what no server saw, and complete where the world says so. How
 * long each pod's scrapes covered is taken from the process itself: the rates of `expected-rates.ts` hold those to the truth.
 */
import type { MeshName, WorkloadSpec } from '../../demo/world/topology.ts';
import type { World } from '../../demo/world/world.ts';
import type { TcpTotals, TrafficSum } from '../../pipeline/model/traffic.ts';
import type { CoverageBook } from './expected-coverage.ts';
import { addTcp, type ExpectedCounts, hasTcp, noCounts } from './expected-traffic.ts';

/** Slots [from, to) by number. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

type Side = 'client' | 'server';

/** What the scrapes of one Weir told, or those of several together. */
export interface Truth {
  readonly slots: { get(slot: number): ReadonlyMap<string, ExpectedCounts> | undefined };
  readonly present: { get(slot: number): ReadonlySet<string> | undefined };
  readonly coverage: Pick<CoverageBook, 'pods' | 'of'>;
  /** The same, had every page come that was asked for in these slots. */
  filled(range: SlotRange): Truth;
  ownerOf(pod: string): string;
  meshOf(pod: string): MeshName;
}

export interface ExpectedFigures {
  readonly side: Side;
  readonly counts: 'requests' | 'attempts';
  readonly successes: number;
  readonly failures: number;
  /** Part of `failures`. */
  readonly unreached: number;
  /** Null: either may be said, since something is missing that makes no difference. */
  readonly complete: boolean | null;
  readonly tcp: TcpTotals | null;
  /** Ascending, milliseconds. */
  readonly latenciesMs: readonly number[];
  /** Whose histograms those are in. */
  readonly meshes: ReadonlySet<MeshName>;
  /** True for what is left of callers a server cannot name: its latency and bytes are a share, no measurement. */
  readonly shared: boolean;
}

/** One side of an edge or of a workload's totals. */
interface Half {
  readonly counts: ExpectedCounts;
  /** What a server could have seen, by the pod that counted. */
  readonly reached: Map<string, Outcomes>;
  present: boolean;
  /** Workloads whose pods counted. */
  readonly owners: Set<string>;
  readonly meshes: Set<MeshName>;
}

type Told = Pick<ExpectedFigures, 'successes' | 'failures'>;

interface Outcomes {
  successes: number;
  failures: number;
}

interface Both {
  readonly client: Half;
  readonly server: Half;
}

const half = (): Half => ({
  ...{ counts: noCounts(), reached: new Map(), present: false },
  ...{ owners: new Set(), meshes: new Set() },
});
/** All outcomes, or the successes alone. */
type Which = 'all' | 'successes';
/** Pods by how much longer they lived in the window than their scrapes covered, as a factor. */
export type Factors = ReadonlyMap<string, number>;
/** Over this much more on one side means that the other does not see everybody. */
const UNWATCHED = 1.05;

interface Ends {
  readonly side: Side;
  readonly pod: string;
  /** `namespace/name` of a workload, `account namespace/name` when several share it, `?` when nobody tells. */
  readonly source: string;
  readonly destination: string;
}

/** Of the slots in `range`. */
export function factorsOf(sums: readonly TrafficSum[], slotMs: number, { from, to }: SlotRange): Factors {
  const seconds = new Map<string, [expected: number, covered: number]>();
  for (const { interval, coverage } of sums) {
    if (interval.startMs < from * slotMs || interval.endMs > to * slotMs) continue;
    for (const { own, expectedSeconds, coveredSeconds } of coverage) {
      const [expected, covered] = seconds.get(own.pod) ?? [0, 0];
      seconds.set(own.pod, [expected + expectedSeconds, covered + coveredSeconds]);
    }
  }
  return new Map(Array.from(seconds, ([pod, [expected, covered]]) => [pod, covered > 0 ? expected / covered : 1]));
}

export class ExpectedReadings {
  readonly #world: World;
  readonly #expected: Truth;
  readonly #range: SlotRange;
  readonly #factors: Factors;
  #told: ReadonlySet<string> | null = null;
  #known: ReadonlySet<string> | null = null;
  readonly #all = new Map<boolean, ReadonlyMap<string, Told>>();

  constructor(world: World, expected: Truth, range: SlotRange, factors: Factors) {
    this.#factors = factors;
    this.#world = world;
    this.#expected = expected;
    this.#range = range;
  }

  /** By `source -> destination`. */
  edges(): Map<string, ExpectedFigures> {
    const shown = this.#shownEdges();
    for (const [edge, figures] of shown) {
      const isOthers = edge.startsWith('? ') || edge.startsWith('account ');
      if (isOthers) shown.set(edge, { ...figures, complete: this.#saysOfOthers(edge, figures) });
    }
    return shown;
  }

  /** Edges as complete as the side that tells them. */
  #shownEdges(): Map<string, ExpectedFigures> {
    const groups = this.#group(({ source, destination }) => `${source} -> ${destination}`);
    const shown = new Map<string, ExpectedFigures>();
    for (const [edge, both] of groups) {
      const [source = '', destination = ''] = edge.split(' -> ');
      if (source.startsWith('account ') && this.#isToldByClients(source, destination, groups)) continue;
      const figures = source === '?' ? this.#ofStrangers(both, destination, groups) : this.#figures(both, 'client');
      if (figures !== null) shown.set(edge, figures);
    }
    return shown;
  }

  /** What came to each workload. */
  totals(): Map<string, ExpectedFigures> {
    return this.#shown(({ destination }) => destination);
  }

  /** What came to each pod, by its own word only. */
  pods(): Map<string, ExpectedFigures> {
    return this.#shown(({ side, pod }) => (side === 'server' ? pod : null));
  }

  #shown(keyOf: (ends: Ends) => string | null): Map<string, ExpectedFigures> {
    const shown = new Map<string, ExpectedFigures>();
    for (const [key, both] of this.#group(keyOf)) {
      const figures = this.#figures(both, 'server');
      if (figures !== null) shown.set(key, figures);
    }
    return shown;
  }

  /** A shared account is nobody's while one of its workloads shows the same calls itself. */
  #isToldByClients(account: string, destination: string, groups: ReadonlyMap<string, Both>): boolean {
    return this.#world.topology.workloads.some(({ namespace, name, serviceAccount }) => {
      const edge = groups.get(`${namespace}/${name} -> ${destination}`);
      return account === `account ${namespace}/${serviceAccount}` && edge?.client.present === true;
    });
  }

  /** Calls of callers that a server does not name, less those that such callers tell themselves (docs/adr/0009). */
  #ofStrangers(both: Both, destination: string, groups: ReadonlyMap<string, Both>): ExpectedFigures | null {
    const told = [...groups].flatMap(([edge, { client }]) => {
      const [source = '', to] = edge.split(' -> ');
      return to === destination && client.present && this.#isUnnamed(source, destination) ? [client] : [];
    });
    const whole = this.#figures(both, 'client');
    if (told.length === 0 || whole === null) return whole;
    const mine = { successes: 0, failures: 0 };
    for (const { counts } of told) {
      mine.successes += counts.successes;
      mine.failures += counts.failures - counts.unreached;
    }
    const retries = told.some(({ meshes }) => meshes.has('istio') || meshes.has('envoy'));
    const surely = this.#surely(both.server, retries ? 'successes' : 'all');
    // Connections go with the calls.
    if (surely <= told.reduce((sum, each) => sum + this.#reckoned(each), 0) * UNWATCHED) return null;
    const successes = Math.max(0, whole.successes - mine.successes);
    const failures = Math.max(0, whole.failures - mine.failures);
    return successes + failures === 0 ? null : { ...whole, successes, failures, shared: true };
  }

  /** Whether servers of the destination's mesh do not name this caller. */
  #isUnnamed(source: string, destination: string): boolean {
    const server = this.#specOf(destination)?.mesh;
    return server === 'envoy' || this.#specOf(source)?.mesh !== server;
  }

  /**
   * What an edge of nobody, or of an account, may say of itself, as the world has it. It must not be complete when it would be
   * another one had all pages come, and may not be incomplete when nothing is missing of any client that may be among them.
   */
  #saysOfOthers(edge: string, figures: ExpectedFigures): boolean | null {
    const [source = '', destination = ''] = edge.split(' -> ');
    const isSure = !this.#mayMiss(source, destination) && !(figures.shared && this.#isCarried());
    if (figures.complete !== true || isSure) return figures.complete;
    const { successes, failures } = this.#filled(figures.shared).get(edge) ?? { successes: 0, failures: 0 };
    return successes === figures.successes && failures === figures.failures ? null : false;
  }

  /** Whether anything is missing of a client that the server would tell as this source. */
  #mayMiss(source: string, destination: string): boolean {
    return this.#world.topology.workloads.some(({ namespace, name, serviceAccount }) => {
      const client = `${namespace}/${name}`;
      const may =
        source === '?' ? this.#isUnnamed(client, destination) : source === `account ${namespace}/${serviceAccount}`;
      return may && !this.#isComplete(new Set([client]));
    });
  }

  /** A page missed just before brings calls from before, which what is taken off elsewhere does not have. */
  #isCarried(): boolean {
    const { coverage } = this.#expected;
    const { from } = this.#range;
    return [...coverage.pods].some((pod) => coverage.of(pod, from - 1, from).scrapesMissed > 0);
  }

  /**
   * All edges, had every page come that was asked for in this range, or also in the slot before: none is missing then that
   * could be told.
   */
  #filled(alsoBefore: boolean): ReadonlyMap<string, Told> {
    const known = this.#all.get(alsoBefore);
    if (known !== undefined) return known;
    const { coverage } = this.#expected;
    const { from, to } = this.#range;
    const pages = { from: alsoBefore ? from - 1 : from, to };
    const isWhole = (pod: string) => coverage.of(pod, pages.from, to).scrapesMissed === 0;
    const factors = new Map([...this.#factors].filter(([pod]) => isWhole(pod)));
    const filled = new ExpectedReadings(this.#world, this.#expected.filled(pages), this.#range, factors);
    const all = filled.#shownEdges();
    this.#all.set(alsoBefore, all);
    return all;
  }

  /** Workloads of which a page told something. */
  #tellers(): ReadonlySet<string> {
    this.#told ??= new Set(this.#keys().map((key) => this.#expected.ownerOf(key.split(' ')[1]!)));
    return this.#told;
  }

  #keys(): string[] {
    const slots = Array.from({ length: this.#range.to - this.#range.from }, (_, i) => this.#range.from + i);
    return slots.flatMap((slot) => [...(this.#expected.present.get(slot) ?? [])]);
  }

  #group(keyOf: (ends: Ends) => string | null): Map<string, Both> {
    const groups = new Map<string, Both>();
    const halfOf = (text: string): Half | null => {
      const ends = this.#endsOf(text);
      const key = keyOf(ends);
      if (key === null) return null;
      const both = groups.get(key) ?? { client: half(), server: half() };
      groups.set(key, both);
      both[ends.side].owners.add(ends.side === 'client' ? ends.source : ends.destination);
      both[ends.side].meshes.add(this.#expected.meshOf(ends.pod));
      return both[ends.side];
    };
    for (let slot = this.#range.from; slot < this.#range.to; slot++) {
      for (const key of this.#expected.present.get(slot) ?? []) {
        const at = halfOf(key);
        if (at !== null) at.present = true;
      }
      for (const [key, counts] of this.#expected.slots.get(slot) ?? []) {
        const at = halfOf(key);
        if (at === null) continue;
        add(at.counts, counts);
        const { pod } = this.#endsOf(key);
        const { successes, failures } = at.reached.get(pod) ?? { successes: 0, failures: 0 };
        const reached = counts.failures - counts.unreached;
        at.reached.set(pod, { successes: successes + counts.successes, failures: failures + reached });
      }
    }
    return groups;
  }

  #endsOf(key: string): Ends {
    const client = /^client (\S+) → (service )?(\S+) by /.exec(key);
    if (client !== null) {
      const [, pod = '', service, name = ''] = client;
      const destination = service === undefined ? name : this.#workloadBehind(name);
      return { side: 'client', pod, source: this.#expected.ownerOf(pod), destination };
    }
    const [, pod = '', account, name] = /^server (\S+) ← (?:unknown|account (\S+)|(\S+))$/.exec(key) ?? [];
    const source = account === undefined ? (name ?? '?') : this.#workloadWith(account);
    return { side: 'server', pod, source, destination: this.#expected.ownerOf(pod) };
  }

  /** Every Service of the world has one workload, which somebody reaches by it or which bears its name. */
  #workloadBehind(service: string): string {
    const behind = this.#world.topology.workloads.find((spec) => `${spec.namespace}/${spec.service}` === service);
    return behind === undefined ? service : `${behind.namespace}/${behind.name}`;
  }

  #specOf(workload: string): WorkloadSpec | undefined {
    return this.#world.topology.workloads.find(({ namespace, name }) => `${namespace}/${name}` === workload);
  }

  #workloadWith(account: string): string {
    const mine = this.#world.topology.workloads.filter(
      ({ namespace, name, serviceAccount, mesh }) =>
        mesh === 'linkerd' &&
        `${namespace}/${serviceAccount}` === account &&
        this.#withAccounts().has(`${namespace}/${name}`),
    );
    return mine.length === 1 ? `${mine[0]!.namespace}/${mine[0]!.name}` : `account ${account}`;
  }

  /** Workloads whose account somebody tells: those that are watched, and whom Linkerd's clients call. */
  #withAccounts(): ReadonlySet<string> {
    if (this.#known !== null) return this.#known;
    const { coverage } = this.#expected;
    const known = new Set(this.#tellers());
    for (const pod of coverage.pods) {
      const { scrapesDue, firstSight } = coverage.of(pod, this.#range.from, this.#range.to);
      if (scrapesDue > 0 || firstSight) known.add(this.#expected.ownerOf(pod));
    }
    for (const key of this.#keys()) {
      const [, pod = '', name = ''] = /^client (\S+) → (\S+) by /.exec(key) ?? [];
      if (name !== '' && this.#expected.meshOf(pod) === 'linkerd') known.add(name);
    }
    this.#known = known;
    return known;
  }

  #figures(both: Both, preferred: Side): ExpectedFigures | null {
    const side = this.#believed(both, preferred);
    const { counts, owners, meshes } = both[side];
    const { successes, tcp } = counts;
    const { unreached } = both.client.counts;
    const failures = counts.failures + (side === 'server' ? unreached : 0);
    if (successes + failures === 0 && !hasTcp(tcp)) return null;
    return {
      side,
      counts: side === 'server' || meshes.has('linkerd') ? 'attempts' : 'requests',
      successes,
      failures,
      unreached,
      complete: this.#isComplete(owners),
      tcp: hasTcp(tcp) ? tcp : null,
      latenciesMs: [...counts.latenciesMs].sort((a, b) => a - b),
      meshes,
      shared: false,
    };
  }

  #believed({ client, server }: Both, preferred: Side): Side {
    const [mine, theirs] = preferred === 'client' ? [client, server] : [server, client];
    const other: Side = preferred === 'client' ? 'server' : 'client';
    if (!theirs.present) return preferred;
    if (!mine.present) return other;
    // All of these servers count attempts; an attempt that was retried has failed.
    const retries = client.meshes.has('istio') || client.meshes.has('envoy');
    const countOf = (each: Half): Which => (each === server && retries ? 'successes' : 'all');
    if (this.#surely(theirs, countOf(theirs)) > this.#reckoned(mine) * UNWATCHED) return other;
    const iSawMore = this.#reckoned(mine, countOf(mine)) > this.#reckoned(theirs) * UNWATCHED;
    if (this.#isComplete(mine.owners) || iSawMore) return preferred;
    return this.#isComplete(theirs.owners) ? other : preferred;
  }

  /** What a side saw, reckoned to the time its pods lived. */
  #reckoned(half: Half, which: Which = 'all', most = Number.POSITIVE_INFINITY): number {
    let sum = 0;
    for (const [pod, { successes, failures }] of half.reached) {
      const count = which === 'all' ? successes + failures : successes;
      sum += count * Math.min(most, this.#factors.get(pod) ?? 1);
    }
    return sum;
  }

  /** What a side saw at least: nothing is made of time that was not covered. */
  #surely(half: Half, which: Which): number {
    return this.#reckoned(half, which, 1);
  }

  /** No scrape of any pod of these workloads was missed, no counter was set back, no page was a baseline. */
  #isComplete(owners: ReadonlySet<string>): boolean {
    const { coverage } = this.#expected;
    return [...coverage.pods].every((pod) => {
      if (!owners.has(this.#expected.ownerOf(pod))) return true;
      const { scrapesMissed, resets, firstSight } = coverage.of(pod, this.#range.from, this.#range.to);
      return scrapesMissed === 0 && resets === 0 && !firstSight;
    });
  }
}

function add(into: ExpectedCounts, from: ExpectedCounts): void {
  into.successes += from.successes;
  into.failures += from.failures;
  into.unreached += from.unreached;
  into.latenciesMs.push(...from.latenciesMs);
  addTcp(into.tcp, from.tcp);
}
