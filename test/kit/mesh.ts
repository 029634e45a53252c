/** @module A mesh of one's own for tests of `smi`: targets whose pages are written as plain lists of series. */
import type { SamplesBatch, ScrapeEvent, Target } from '../../pipeline/batch.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import type { Identity, Peer, ResourceKind, Workload } from '../../pipeline/model/resource.ts';
import type { Measure, MeshRules, SeriesMeaning, Side, TrafficSeries } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';

export function workload(name: string, namespace = 'x', kind: ResourceKind = 'Deployment'): Workload {
  return { cluster: '', namespace, name, kind };
}

export function identity(name: string, pod = `${name}-1`, namespace = 'x', node = 'n1'): Identity {
  return { workload: workload(name, namespace), pod, podUid: '', node, serviceAccount: name };
}

export function peer(to: Workload | null, more: Partial<Peer> = {}): Peer {
  return { workload: to, pod: '', service: '', serviceNamespace: '', serviceAccount: '', ...more };
}

export const testRules: MeshRules = {
  mesh: 'test',
  families: [],
  sentinel: null,
  vanished: 'evicted',
  counts: { client: 'attempts', server: 'requests' },
  resolve: () => ({ role: 'filtered', reason: 'unused' }),
};

/** Meaning of a count from or to `to`. */
export function counter(
  measure: Measure,
  to: Workload | null,
  side: Side = 'client',
  more: Partial<Peer> = {},
): SeriesMeaning {
  return { ...traffic(measure, side, peer(to, more)), boundMs: 0, group: '' };
}

/** Meaning of one cumulative bucket; buckets with the same `group` are one histogram. */
export function bucket(boundMs: number, to: Workload | null, side: Side = 'client', group = 'h'): SeriesMeaning {
  return { ...traffic('latency_bucket', side, peer(to)), boundMs, group };
}

function traffic(measure: Measure, side: Side, to: Peer): Omit<TrafficSeries, 'boundMs' | 'group'> {
  return { role: 'traffic', measure, side, own: null, peer: to, protocol: 'http', counts: null };
}

/** The same series with what it tells itself: whose it is, what it counts. */
export function telling(series: SeriesMeaning, more: Partial<TrafficSeries>): SeriesMeaning {
  return series.role === 'traffic' ? { ...series, ...more } : series;
}

export const START: SeriesMeaning = { role: 'start' };
export const UPTIME: SeriesMeaning = { role: 'uptime' };
export const RESTART_EPOCH: SeriesMeaning = { role: 'restart_epoch' };

/** One scraped proxy. `page` lists what the page shows: [name of the series, value], repeated names being duplicates. */
export class TestTarget {
  readonly target: Target;
  readonly #ids = new Map<string, number>();
  #scrape = 0;

  constructor(own: Identity, options: { rules?: MeshRules; intervalMs?: number; key?: string; address?: string } = {}) {
    this.target = {
      key: options.key ?? `test|${own.workload.namespace}/${own.workload.name}/${own.pod}`,
      receiver: 'test',
      address: options.address ?? '127.0.0.1:1',
      own,
      rules: options.rules ?? testRules,
      series: new SeriesTable(),
      intervalMs: options.intervalMs ?? 10_000,
    };
  }

  /** Declares a series; pages name it by `name`. */
  series(name: string, meaning: SeriesMeaning): this {
    this.#ids.set(name, this.target.series.add(meaning));
    return this;
  }

  idOf(name: string): number {
    return this.#ids.get(name)!;
  }

  /** A batch for a good page. Times in milliseconds; `mono` equals engine time unless given. */
  page(rows: readonly (readonly [string, number])[], at: EventTimes, skippedLines = 0): SamplesBatch {
    this.#scrape += 1;
    for (const [name, value] of rows) this.target.series.store(this.#ids.get(name)!, value, this.#scrape);
    return this.#batch({ kind: 'scraped', scrape: this.#scrape, skippedLines }, at, rows.length);
  }

  event(event: ScrapeEvent, at: EventTimes): SamplesBatch {
    return this.#batch(event, at, 0);
  }

  #batch(event: ScrapeEvent, at: EventTimes, items: number): SamplesBatch {
    const startedMs = at.startedMs ?? at.scheduledMs ?? 0;
    return {
      body: 'samples',
      target: this.target,
      event,
      scheduledMs: at.scheduledMs ?? null,
      startedMs,
      startedMonoMs: at.monoMs ?? startedMs,
      tookMs: at.tookMs ?? 0,
      nextDueMs: at.nextDueMs ?? null,
      items,
      delivery: new Delivery(),
    };
  }
}

export interface EventTimes {
  scheduledMs?: number;
  startedMs?: number;
  monoMs?: number;
  tookMs?: number;
  nextDueMs?: number | null;
}
