/** @module How well each pod was watched, reckoned from what the world's proxies saw of the scrapes. */
import type { ScrapeRecord } from '../../demo/proxies/serve.ts';

/** Of one pod in one slot. */
export interface ExpectedCoverage {
  scrapesDue: number;
  scrapesMissed: number;
  resets: number;
  firstSight: boolean;
}

interface Seen {
  readonly atMs: number;
  readonly good: boolean;
  /** The page stood at the beginning of a new life, or its counters had been set back. */
  readonly reset: boolean;
  readonly baseline: boolean;
}

export class CoverageBook {
  readonly #slotMs: number;
  readonly #pods = new Map<string, Seen[]>();

  constructor(slotMs: number) {
    this.#slotMs = slotMs;
  }

  note({ pod, atMs, outcome }: ScrapeRecord, page: { readonly reset: boolean; readonly baseline: boolean }): void {
    const seen = this.#pods.get(pod) ?? [];
    this.#pods.set(pod, seen);
    // A kept connection that is closed without an answer is tried once more on a new one: still one scrape.
    if (seen.at(-1)?.atMs === atMs) seen.pop();
    seen.push({ atMs, good: outcome === 'good', ...page });
  }

  /**
   * Where in its slot a pod is scraped: the offset that came back. The first scrape, at discovery, and the farewell are on
   * no schedule. Null for a pod that was gone before its offset came twice.
   */
  phaseOf(pod: string): number | null {
    const offsets = this.#scheduledOrFarewell(pod).map(({ atMs }) => atMs % this.#slotMs);
    return offsets.find((offset, i) => offsets.indexOf(offset) !== i) ?? null;
  }

  /** Of [fromSlot, toSlot). */
  of(pod: string, fromSlot: number, toSlot: number): ExpectedCoverage {
    const phase = this.phaseOf(pod);
    const inside = ({ atMs }: Seen) => {
      const slot = Math.floor(atMs / this.#slotMs);
      return slot >= fromSlot && slot < toSlot;
    };
    const all = (this.#pods.get(pod) ?? []).filter(inside);
    const due = this.#scheduledOrFarewell(pod).filter(
      (scrape) => inside(scrape) && (phase === null || scrape.atMs % this.#slotMs === phase),
    );
    return {
      scrapesDue: due.length,
      scrapesMissed: due.filter(({ good }) => !good).length,
      resets: all.filter(({ reset }) => reset).length,
      firstSight: all.some(({ baseline }) => baseline),
    };
  }

  get pods(): Iterable<string> {
    return this.#pods.keys();
  }

  #scheduledOrFarewell(pod: string): Seen[] {
    return (this.#pods.get(pod) ?? []).slice(1);
  }
}
