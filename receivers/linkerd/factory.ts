/** @module The `linkerd` receiver as the graph sees it. */
import type { ReceiverFactory } from '../../pipeline/component.ts';
import { timeoutMsOf } from '../scrape/config.ts';
import { checkLinkerdConfig, type LinkerdConfig, linkerdConfig } from './config.ts';

export const factory: ReceiverFactory<LinkerdConfig> = {
  kind: 'receiver',
  type: 'linkerd',
  signals: { metrics: 'beta' },
  gives: ['samples'],
  config: linkerdConfig,
  check: checkLinkerdConfig,
  cadence: (config) => ({ intervalMs: config.scrape_interval, timeoutMs: timeoutMsOf(config) }),
  async meshTable() {
    const { createLinkerdRules } = await import('./rules.ts');
    const { admin_port: adminPort, sentinel } = linkerdConfig.parse({});
    return createLinkerdRules({ adminPort, sentinel });
  },
  async create(settings) {
    const { createLinkerdReceiver } = await import('./linkerd.ts');
    return createLinkerdReceiver(settings);
  },
};
