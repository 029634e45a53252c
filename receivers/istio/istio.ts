/** @module The `istio` receiver: the shared scraper with Istio's table. */
import type { ReceiverSettings } from '../../pipeline/component.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { ScrapeReceiver } from '../scrape/receiver.ts';
import type { IstioConfig } from './config.ts';
import { createIstioRules } from './rules.ts';

export function createIstioReceiver(settings: ReceiverSettings<IstioConfig>): ScrapeReceiver {
  return new ScrapeReceiver(settings, istioTable(settings.config), { pagesTellOwner: true });
}

/** The table as the configuration has it. */
export function istioTable(config: IstioConfig): MeshRules {
  return createIstioRules({
    noResponse: config.no_response,
    deniedIsFailure: config.denied_is_failure,
    nodeProxies: new Set(config.node_proxies),
    flushSeconds: config.stats_flush_interval / 1000,
    sentinel: config.sentinel,
  });
}
