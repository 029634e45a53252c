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
  async meshTable() {
    const { rulesOptions } = await import('./envoy.ts');
    const { createEnvoyRules } = await import('./rules.ts');
    return createEnvoyRules(rulesOptions(envoyConfig.parse({})));
  },
  async create(settings) {
    const { createEnvoyReceiver } = await import('./envoy.ts');
    return createEnvoyReceiver(settings);
  },
};
