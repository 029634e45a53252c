/** @module How often Envoy's proxies write what they do not write at once: uptime and histograms. */
import type { ConfigIssue } from '../../pipeline/component.ts';
import { duration } from '../../pipeline/config/types.ts';

/** The key `stats_flush_interval`, milliseconds. */
export function statsFlushInterval() {
  return duration({ minMs: 1 })
    .prefault('5s')
    .describe('interval at which the proxies write uptime and histograms, as Envoy is configured; default 5s');
}

interface FlushTimes {
  readonly scrape_interval: number;
  readonly stats_flush_interval: number;
}

/** Scraped faster than the proxies write them, histograms lag behind the counters of the same requests. */
export function checkStatsFlush({
  scrape_interval: intervalMs,
  stats_flush_interval: flushMs,
}: FlushTimes): ConfigIssue[] {
  if (intervalMs >= flushMs) return [];
  return [
    {
      path: ['scrape_interval'],
      message: `scrape_interval ${intervalMs}ms is shorter than stats_flush_interval ${flushMs}ms: latency comes later than its requests`,
      mend: `write a scrape_interval of at least ${flushMs}ms, or the flush interval the proxies really have`,
      severity: 'warning',
    },
  ];
}
