/** @module Metrics that a Collector's Prometheus receiver adds to each of its scrapes, whatever it scraped. */

/**
 * The five of each scrape, and the three more of `extra_scrape_metrics` (Prometheus, `scrape/scrape.go`). They tell of no
 * program, so that they are nobody's fault wherever they come to.
 */
export const SCRAPE_REPORTS: ReadonlySet<string> = new Set([
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
  'scrape_timeout_seconds',
  'scrape_sample_limit',
  'scrape_body_size_bytes',
]);
