/** @module The `istio` receiver as the graph sees it. */
import type { ReceiverFactory } from '../../pipeline/component.ts';
import { timeoutMsOf } from '../scrape/config.ts';
import { checkIstioConfig, type IstioConfig, istioConfig } from './config.ts';

export const factory: ReceiverFactory<IstioConfig> = {
  kind: 'receiver',
  type: 'istio',
  signals: { metrics: 'alpha' },
  gives: ['samples'],
  config: istioConfig,
  check: checkIstioConfig,
  cadence: (config) => ({ intervalMs: config.scrape_interval, timeoutMs: timeoutMsOf(config) }),
  async meshTable() {
    const { istioTable } = await import('./istio.ts');
    return istioTable(istioConfig.parse({}));
  },
  async create(settings) {
    const { createIstioReceiver } = await import('./istio.ts');
    return createIstioReceiver(settings);
  },
};
