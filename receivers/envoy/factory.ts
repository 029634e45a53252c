/** @module The `envoy` receiver as the graph sees it. */
import type { ReceiverFactory } from '../../pipeline/component.ts';
import { timeoutMsOf } from '../scrape/config.ts';
import { checkEnvoyConfig, type EnvoyConfig, envoyConfig } from './config.ts';

export const factory: ReceiverFactory<EnvoyConfig> = {
  kind: 'receiver',
  type: 'envoy',
  signals: { metrics: 'beta' },
  gives: ['samples'],
  config: envoyConfig,
  check: checkEnvoyConfig,
  cadence: (config) => ({ intervalMs: config.scrape_interval, timeoutMs: timeoutMsOf(config) }),
  async create(settings) {
    const { createEnvoyReceiver } = await import('./envoy.ts');
    return createEnvoyReceiver(settings);
  },
};
