/** @module Configuration of the `istio` receiver. */
import { z } from 'zod';
import type { ConfigIssue } from '../../pipeline/component.ts';
import { checkScrapeConfig, scrapeShape } from '../scrape/config.ts';
import { checkStaticLabels } from '../scrape/static-labels.ts';
import { checkStatsFlush, statsFlushInterval } from '../scrape/stats-flush.ts';

export const istioConfig = z.strictObject({
  ...scrapeShape,
  metrics_path: z.string().startsWith('/').default('/stats/prometheus').describe('default /stats/prometheus'),
  no_response: z
    .enum(['failure', 'ignore'])
    .default('failure')
    .describe(
      'requests without a response and without a flag that says why; ignore filters them as no_response; default failure',
    ),
  denied_is_failure: z
    .boolean()
    .default(false)
    .describe('requests refused by rate limit (flag RL) or external authorization (UAEX) are failures; default false'),
  node_proxies: z
    .array(z.string().min(1))
    .default(['ztunnel'])
    .describe('workloads whose pages speak for other pods, so that each series tells whose it is; default ztunnel'),
  stats_flush_interval: statsFlushInterval(),
  sentinel: z
    .boolean()
    .default(true)
    .describe(
      'a page without envoy_server_uptime and istio_build of a proxy fails as partial; false only for excerpts; default true',
    ),
});

export type IstioConfig = z.output<typeof istioConfig>;

export function checkIstioConfig(config: IstioConfig): ConfigIssue[] {
  return [
    ...checkScrapeConfig(config, 15_020),
    ...checkStaticLabels(config.static_configs, true),
    ...checkStatsFlush(config),
  ];
}
