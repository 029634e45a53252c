/** @module The `prometheus` receiver as the graph sees it. */
import type { ReceiverFactory } from '../../pipeline/component.ts';
import { cadenceOf, checkPrometheusConfig, type PrometheusConfig, prometheusConfig } from './config.ts';

export const factory: ReceiverFactory<PrometheusConfig> = {
  kind: 'receiver',
  type: 'prometheus',
  signals: { metrics: 'alpha' },
  gives: ['samples'],
  config: prometheusConfig,
  check: checkPrometheusConfig,
  cadence: cadenceOf,
  async create(settings) {
    const { createPrometheusReceiver } = await import('./prometheus.ts');
    return createPrometheusReceiver(settings);
  },
};
