/** @module The `istio` receiver: the shared scraper with Istio's table. */
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { ScrapeReceiver } from '../scrape/receiver.ts';
import type { IstioConfig } from './config.ts';
import { createIstioRules } from './rules.ts';

export function createIstioReceiver(settings: ReceiverSettings<IstioConfig>): ScrapeReceiver {
  const { config } = settings;
  const rules = createIstioRules({
    noResponse: config.no_response,
    deniedIsFailure: config.denied_is_failure,
    nodeProxies: new Set(config.node_proxies),
    flushSeconds: config.stats_flush_interval / 1000,
    sentinel: config.sentinel,
  });
  return new ScrapeReceiver(settings, rules, { pagesTellOwner: true });
}
