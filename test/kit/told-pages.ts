/**
 * @module What the proxies' pages showed of each edge from both sides, to judge a stream by: which sum it must have, and,
 * when it has another one, the whole story.
 */
import type { ScrapeRecord } from '../../demo/proxies/serve.ts';
import type { TruthSnapshot } from '../../demo/world/truth.ts';

export type Counts = readonly [successes: number, failures: number];
type Side = 'client' | 'server';

/** A window of an edge as the stream tells it. */
export interface ToldWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly side: Side;
  readonly missed: number;
  readonly complete: boolean;
  readonly successes: number;
  readonly failures: number;
}

interface Page {
  readonly pod: string;
  readonly atMs: number;
  readonly outcome: string;
  readonly counts: Counts;
}

/** Every page of every pod, by edge and side. */
export class ToldPages {
  readonly #pages = new Map<string, Page[]>();

  /** `onScrape` of the served world. */
  scraped({ pod, atMs, outcome, snapshot }: ScrapeRecord): void {
    const shown = { client: new Map<string, Counts>(), server: new Map<string, Counts>() };
    addCalls(shown, snapshot);
    for (const side of ['client', 'server'] as const) {
      for (const [edge, counts] of shown[side]) {
        const key = `${side} ${edge}`;
        const pages = this.#pages.get(key) ?? [];
        pages.push({ pod, atMs, outcome, counts });
        this.#pages.set(key, pages);
      }
    }
  }

  /**
   * What one side's good pages showed between the first and the last one of each pod. An edge that a page does not have
   * yet stands at 0: pods must have called before the first page.
   */
  sumOf(edge: string, side: Side): Counts {
    const ends = new Map<string, [Counts, Counts]>();
    for (const { pod, outcome, counts } of this.#pages.get(`${side} ${edge}`) ?? []) {
      if (outcome === 'good') ends.set(pod, [ends.get(pod)?.[0] ?? counts, counts]);
    }
    return [...ends.values()].reduce<Counts>(
      (sum, [first, last]) => [sum[0] + last[0] - first[0], sum[1] + last[1] - first[1]],
      [0, 0],
    );
  }

  /** Windows with what they were told from, and all pages around the ends of the run. */
  story(edge: string, windows: readonly ToldWindow[]): string {
    const told = windows.map(
      ({ startMs, endMs, side, missed, complete, successes, failures }) =>
        `${timeOf(startMs)}–${timeOf(endMs)} ${side} missed ${missed} complete ${complete}: ${successes}, ${failures}`,
    );
    const pages = (['client', 'server'] as const).flatMap((side) =>
      (this.#pages.get(`${side} ${edge}`) ?? []).map(
        ({ pod, atMs, outcome, counts }) => `${timeOf(atMs)} ${side} ${pod} ${outcome}: ${counts}`,
      ),
    );
    return [edge, ...told, ...pages.sort()].join('\n');
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(11, -1);
}

/** Adds what one proxy counted, by its side and `namespace/name -> namespace/name`. */
export function addCalls(
  to: Readonly<Record<Side, Map<string, Counts>>>,
  { workload: own, entries }: Pick<TruthSnapshot, 'workload' | 'entries'>,
): void {
  for (const { counts, successes, failures } of entries) {
    const far = counts.peer.workload;
    const [from, server] = counts.side === 'client' ? [own, far] : [far, own];
    const edge = `${from.namespace}/${from.name} -> ${server.namespace}/${server.name}`;
    const held = to[counts.side].get(edge) ?? [0, 0];
    to[counts.side].set(edge, [held[0] + successes, held[1] + failures]);
  }
}
