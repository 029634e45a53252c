/** @module What all lives of several agents saw of one world, in the form in which one Weir's truth is held. */
import type { MeshName } from '../../demo/world/topology.ts';
import type { ExpectedCoverage } from './expected-coverage.ts';
import { addTcp, type ExpectedCounts, type ExpectedTraffic, hasTcp, noCounts } from './expected-traffic.ts';

/** One life of one agent, and what its scrapes told. */
export interface WatchedLife {
  readonly agent: number;
  readonly expected: ExpectedTraffic;
  /** Wall clock, milliseconds. */
  readonly startedMs: number;
  /** When it was told to stop; null while it runs. */
  readonly stoppedMs: number | null;
}

/** What the scrapes of these lives tell of these slots together, by row; rows without counts are left out. */
export function expectedOf(lives: readonly WatchedLife[], ...slots: readonly number[]): Map<string, ExpectedCounts> {
  const counts = new Map<string, ExpectedCounts>();
  for (const { expected } of lives) {
    for (const [key, from] of slots.flatMap((slot) => [...(expected.slots.get(slot) ?? [])])) {
      const into = counts.get(key) ?? noCounts();
      into.successes += from.successes;
      into.failures += from.failures;
      into.unreached += from.unreached;
      into.latenciesMs.push(...from.latenciesMs);
      addTcp(into.tcp, from.tcp);
      counts.set(key, into);
    }
  }
  return new Map([...counts].filter(([, one]) => isCounted(one)).sort());
}

function isCounted({ successes, failures, latenciesMs, tcp }: ExpectedCounts): boolean {
  return successes + failures + latenciesMs.length > 0 || hasTcp(tcp);
}

/** A slot in which its agent left or came is in doubt for a pod, if nothing else says so. */
const NOT_SEEN: ExpectedCoverage = { scrapesDue: 1, scrapesMissed: 1, resets: 0, firstSight: false };

const isWhole = ({ scrapesMissed, resets, firstSight }: ExpectedCoverage): boolean =>
  scrapesMissed === 0 && resets === 0 && !firstSight;

const nothingSeen = (): ExpectedCoverage => ({ scrapesDue: 0, scrapesMissed: 0, resets: 0, firstSight: false });

function addSeen(into: ExpectedCoverage, from: ExpectedCoverage): void {
  into.scrapesDue += from.scrapesDue;
  into.scrapesMissed += from.scrapesMissed;
  into.resets += from.resets;
  into.firstSight ||= from.firstSight;
}

export class JoinedTruth {
  readonly #lives: readonly WatchedLife[];
  readonly #slotMs: number;
  readonly #ownerOf: (pod: string) => number | undefined;

  /** `ownerOf` tells which agent scrapes a pod. Lives may be added later. */
  constructor(lives: readonly WatchedLife[], slotMs: number, ownerOf: (pod: string) => number | undefined) {
    this.#lives = lives;
    this.#slotMs = slotMs;
    this.#ownerOf = ownerOf;
  }

  /** The same, had every page come that was asked for in these slots. */
  filled(range: { readonly from: number; readonly to: number }): JoinedTruth {
    const lives = this.#lives.map((life) => ({ ...life, expected: life.expected.filled(range) }));
    return new JoinedTruth(lives, this.#slotMs, this.#ownerOf);
  }

  readonly slots = { get: (slot: number) => expectedOf(this.#lives, slot) };

  readonly present = {
    get: (slot: number) => new Set(this.#lives.flatMap(({ expected }) => [...(expected.present.get(slot) ?? [])])),
  };

  readonly coverage = {
    pods: { [Symbol.iterator]: () => this.#pods().values() },
    of: (pod: string, fromSlot: number, toSlot: number): ExpectedCoverage => {
      const total = nothingSeen();
      for (let slot = fromSlot; slot < toSlot; slot++) addSeen(total, this.coverageOf(pod, slot) ?? NOT_SEEN);
      return total;
    },
  };

  /** What its agent's lives saw of a pod in a slot; null where one was too short to tell which scrapes were due. */
  coverageOf(pod: string, slot: number): ExpectedCoverage | null {
    const total = nothingSeen();
    for (const life of this.#lives) {
      const { coverage } = life.expected;
      const seen = coverage.of(pod, slot, slot + 1);
      if (coverage.phaseOf(pod) === null && (seen.scrapesDue > 0 || seen.firstSight)) return null;
      addSeen(total, seen);
      if (this.#ownerOf(pod) === life.agent && this.#isCutIn(life, slot) && isWhole(seen)) addSeen(total, NOT_SEEN);
    }
    return total;
  }

  ownerOf(pod: string): string {
    return this.#watcherOf(pod)?.ownerOf(pod) ?? '';
  }

  meshOf(pod: string): MeshName {
    return this.#watcherOf(pod)?.meshOf(pod) ?? 'linkerd';
  }

  #watcherOf(pod: string): ExpectedTraffic | undefined {
    return this.#lives.find(({ expected }) => expected.ownerOf(pod) !== '')?.expected;
  }

  #pods(): Set<string> {
    return new Set(this.#lives.flatMap(({ expected }) => [...expected.coverage.pods]));
  }

  #isCutIn({ startedMs, stoppedMs }: WatchedLife, slot: number): boolean {
    const isInside = (atMs: number) => Math.floor(atMs / this.#slotMs) === slot && atMs % this.#slotMs > 0;
    return [startedMs, stoppedMs].some((atMs) => atMs !== null && isInside(atMs));
  }
}
