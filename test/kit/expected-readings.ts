/**
 * @module What readers must be shown of a window, reckoned from the world's truth: edges, workloads and pods, each from
 * the side that design §6 and docs/adr/which-side-a-reader-believes.md name, and complete where the world says so.
 */
import type { World } from '../../demo/world/world.ts';
import type { TcpTotals } from '../../pipeline/model/traffic.ts';
import { addTcp, type ExpectedCounts, type ExpectedTraffic, hasTcp, noCounts } from './expected-traffic.ts';

/** Slots [from, to) by number. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

export interface ExpectedFigures {
  readonly side: 'client' | 'server';
  readonly successes: number;
  readonly failures: number;
  readonly complete: boolean;
  readonly tcp: TcpTotals | null;
  /** Ascending, milliseconds. */
  readonly latenciesMs: readonly number[];
}

/** One side of an edge or of a workload's totals. */
interface Half {
  readonly counts: ExpectedCounts;
  present: boolean;
  /** Workloads whose pods counted. */
  readonly owners: Set<string>;
}

interface Both {
  readonly client: Half;
  readonly server: Half;
}

const half = (): Half => ({ counts: noCounts(), present: false, owners: new Set() });
const requestsOf = ({ counts }: Half) => counts.successes + counts.failures;

interface Ends {
  readonly side: 'client' | 'server';
  readonly pod: string;
  /** `namespace/name` of a workload, `account namespace/name` when several share it, `?` when nobody tells. */
  readonly source: string;
  readonly destination: string;
}

export class ExpectedReadings {
  readonly #world: World;
  readonly #expected: ExpectedTraffic;
  readonly #range: SlotRange;

  constructor(world: World, expected: ExpectedTraffic, range: SlotRange) {
    this.#world = world;
    this.#expected = expected;
    this.#range = range;
  }

  /** By `source -> destination`. */
  edges(): Map<string, ExpectedFigures> {
    const groups = this.#group(({ source, destination }) => `${source} -> ${destination}`);
    const shown = new Map<string, ExpectedFigures>();
    for (const [edge, both] of groups) {
      const [source = '', destination = ''] = edge.split(' -> ');
      if (source.startsWith('account ') && this.#isToldByClients(source, destination, groups)) continue;
      const figures = this.#figures(both, 'client');
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

  #group(keyOf: (ends: Ends) => string | null): Map<string, Both> {
    const groups = new Map<string, Both>();
    const halfOf = (text: string): Half | null => {
      const ends = this.#endsOf(text);
      const key = keyOf(ends);
      if (key === null) return null;
      const both = groups.get(key) ?? { client: half(), server: half() };
      groups.set(key, both);
      both[ends.side].owners.add(ends.side === 'client' ? ends.source : ends.destination);
      return both[ends.side];
    };
    for (let slot = this.#range.from; slot < this.#range.to; slot++) {
      for (const key of this.#expected.present.get(slot) ?? []) {
        const at = halfOf(key);
        if (at !== null) at.present = true;
      }
      for (const [key, counts] of this.#expected.slots.get(slot) ?? []) {
        const at = halfOf(key);
        if (at !== null) add(at.counts, counts);
      }
    }
    return groups;
  }

  #endsOf(key: string): Ends {
    const client = /^client (\S+) → (\S+) by /.exec(key);
    if (client !== null) {
      const [, pod = '', destination = ''] = client;
      return { side: 'client', pod, source: this.#expected.ownerOf(pod), destination };
    }
    const [, pod = '', account] = /^server (\S+) ← (?:unknown|account (\S+))$/.exec(key) ?? [];
    const source = account === undefined ? '?' : this.#workloadWith(account);
    return { side: 'server', pod, source, destination: this.#expected.ownerOf(pod) };
  }

  #workloadWith(account: string): string {
    const mine = this.#world.topology.workloads.filter(
      ({ namespace, serviceAccount, mesh }) => mesh === 'linkerd' && `${namespace}/${serviceAccount}` === account,
    );
    return mine.length === 1 ? `${mine[0]!.namespace}/${mine[0]!.name}` : `account ${account}`;
  }

  #figures(both: Both, preferred: 'client' | 'server'): ExpectedFigures | null {
    const side = this.#believed(both, preferred);
    const { counts, owners } = both[side];
    const { successes, failures, tcp } = counts;
    if (successes + failures === 0 && !hasTcp(tcp)) return null;
    const latenciesMs = [...counts.latenciesMs].sort((a, b) => a - b);
    const complete = this.#isComplete(owners);
    return { side, successes, failures, complete, tcp: hasTcp(tcp) ? tcp : null, latenciesMs };
  }

  #believed(both: Both, preferred: 'client' | 'server'): 'client' | 'server' {
    const other = preferred === 'client' ? 'server' : 'client';
    if (!both[other].present) return preferred;
    if (!both[preferred].present) return other;
    const [mine, theirs] = [requestsOf(both[preferred]), requestsOf(both[other])];
    if (theirs > mine * 1.05) return other;
    if (this.#isComplete(both[preferred].owners) || theirs * 1.05 < mine) return preferred;
    return this.#isComplete(both[other].owners) ? other : preferred;
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
  into.latenciesMs.push(...from.latenciesMs);
  addTcp(into.tcp, from.tcp);
}
