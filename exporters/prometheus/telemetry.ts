/** @module The named occurrences of the `prometheus` exporter: each logs, counts, or both. */
import type { Balance } from '../../pipeline/balance.ts';
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { RunningTotals } from '../../pipeline/model/running-totals.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { createDropLog } from '../../pipeline/telemetry/drop-log.ts';
import { sampleOfTraffic } from '../../pipeline/telemetry/drop-sample.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';
import type { Format } from './negotiate.ts';
import type { Totals } from './totals.ts';

export interface PrometheusTelemetry {
  /** Items that began no total, because `max_series` are there. */
  noRoom(items: number, sum: TrafficSum): void;
  pageMade(format: Format, samples: number, durationMs: number): void;
  scrapeRefused(): void;
  listening(host: string, port: number): void;
  openAddress(host: string): void;
  answered(status: number): void;
  answerFailed(error: unknown): void;
  connectionRefused(limit: string): void;
  fileUnusable(path: string, reason: string): void;
  /** Tells what stayed unsaid. */
  end(): void;
}

interface TelemetryParts {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meters: Meters;
  readonly balance: Balance;
  readonly totals: Totals;
}

export function createTelemetry({ id, clock, log, meters, balance, totals }: TelemetryParts): PrometheusTelemetry {
  const component = { component: id };
  const limit = createOccurrenceLimit(clock);
  const drops = createDropLog<null>(clock, ({ items, times, total }) =>
    log.warn({ items, series: totals.parts.edges.size, times, total }, 'max_series is reached: new series are dropped'),
  );
  const requests = new Map<number, number>();
  const refused = new Map<string, number>();
  let unusable = 0;
  const durations = meters.seconds('weir_page_duration_seconds', 'Time from the first to the last line of a page.');
  const last = { samples: 0 };
  registerTotals(meters, component, totals, last);
  meters.counter('weir_http_requests_total', 'Requests answered, by status code.', () =>
    Array.from(requests, ([code, value]) => ({ value, attributes: { ...component, code: String(code) } })),
  );
  meters.counter('weir_http_connections_refused_total', 'Connections closed at once, by the limit they met.', () =>
    Array.from(refused, ([by, value]) => ({ value, attributes: { ...component, limit: by } })),
  );
  meters.counter(
    'weir_http_files_unusable_total',
    'Times a changed file of the listener could not be used; the old content stays in use.',
    () => [{ value: unusable, attributes: component }],
  );

  return {
    noRoom(items, sum) {
      balance.drop('max_series', items, { sample: () => sampleOfTraffic(sum) });
      drops.dropped('max_series', items, null);
    },
    pageMade(format, samples, durationMs) {
      last.samples = samples;
      durations.record(durationMs / 1000, { ...component, format });
    },
    scrapeRefused() {
      const times = limit.occurred('scrapes');
      if (times > 0) log.warn({ times }, 'max_concurrent_scrapes is reached: scrapes are answered with 503');
    },
    listening: (host, port) => log.info({ host, port }, 'Prometheus metrics of traffic at /metrics'),
    openAddress: (host) => log.warn({ host }, 'insecure_allow: everybody who reaches this address reads all traffic'),
    answered(status) {
      requests.set(status, (requests.get(status) ?? 0) + 1);
    },
    answerFailed(error) {
      const times = limit.occurred('answer');
      if (times > 0) log.error({ error, times }, 'a page of metrics could not be made');
    },
    connectionRefused(by) {
      refused.set(by, (refused.get(by) ?? 0) + 1);
      const times = limit.occurred(by);
      if (times > 0) log.warn({ limit: by, times }, 'connections refused: the limit is reached');
    },
    fileUnusable(path, reason) {
      unusable += 1;
      log.error({ path, reason }, 'a file of the listener cannot be used; the old content stays');
    },
    end: drops.end,
  };
}

function registerTotals(
  meters: Meters,
  component: Readonly<Record<string, string>>,
  totals: Totals,
  last: { readonly samples: number },
): void {
  const each = (read: (part: RunningTotals) => number) => () =>
    Object.entries(totals.parts).map(([kind, part]) => ({ value: read(part), attributes: { ...component, kind } }));
  meters.gauge(
    'weir_running_totals',
    'Totals kept: edges with targets, and resources.',
    each(({ size }) => size),
  );
  meters.counter(
    'weir_running_totals_refused_items_total',
    'Items without a total, because max_series are there.',
    each(({ refused }) => refused),
  );
  meters.counter(
    'weir_running_totals_forgotten_total',
    'Totals forgotten, because nothing told them any more.',
    each(({ forgotten }) => forgotten),
  );
  meters.counter(
    'weir_running_totals_capped_counts_total',
    'Counts lost because a total stops at 2^53, requests, connections, bytes and buckets together.',
    each(({ cappedCounts }) => cappedCounts),
  );
  meters.gauge(
    'weir_running_totals_ids',
    'Records and targets that lead to totals; at most four for each total allowed.',
    each(({ ids }) => ids),
  );
  meters.counter(
    'weir_running_totals_ids_turned_away_total',
    'Times one more of them found no room, so that its labels are made anew each time.',
    each(({ idsTurnedAway }) => idsTurnedAway),
  );
  meters.counter(
    'weir_running_totals_refused_histograms_total',
    'Histograms left out, because their total has 32 other sets of bounds.',
    each(({ refusedHistograms }) => refusedHistograms),
  );
  meters.gauge('weir_page_samples', 'Samples of the newest page.', () => [
    { value: last.samples, attributes: component },
  ]);
}
