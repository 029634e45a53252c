/** @module The `envoy` receiver: the shared scraper with Envoy's table. */
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { ScrapeReceiver } from '../scrape/receiver.ts';
import type { EnvoyConfig } from './config.ts';
import { dottedName } from './families.ts';
import { createEnvoyRules, type EnvoyRulesOptions } from './rules.ts';

export function createEnvoyReceiver(settings: ReceiverSettings<EnvoyConfig>): ScrapeReceiver {
  return new ScrapeReceiver(settings, createEnvoyRules(rulesOptions(settings.config)), {
    pagesTellOwner: Object.keys(settings.config.own_labels).length > 0,
  });
}

/** What the configuration says to the table. */
export function rulesOptions(config: EnvoyConfig): EnvoyRulesOptions {
  return {
    clusters: {
      patterns: config.cluster_patterns,
      controlClusters: new Set(config.control_clusters),
      namespace: config.cluster_namespace,
    },
    prefixes: {
      inbound: config.inbound_prefixes,
      outbound: config.outbound_prefixes,
      control: config.control_prefixes,
    },
    dotted: config.dotted_clusters.map(dottedName),
    inboundFrom: config.inbound_from,
    endpointStatistics: config.endpoint_statistics,
    ownLabels: new Map(Object.entries(config.own_labels)),
    flushSeconds: config.stats_flush_interval / 1000,
    sentinel: config.sentinel,
  };
}
