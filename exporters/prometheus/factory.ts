/** @module The `prometheus` exporter's factory. */
import type { ExporterFactory } from '../../pipeline/component.ts';
import { config, type PrometheusConfig } from './config.ts';

export const factory: ExporterFactory<PrometheusConfig> = {
  kind: 'exporter',
  type: 'prometheus',
  signals: { metrics: 'beta' },
  takes: ['traffic'],
  config,
  demand: ({ tcp }) => (tcp ? ['requests', 'latency', 'tcp'] : ['requests', 'latency']),
  async create(settings) {
    const { createPrometheusExporter } = await import('./prometheus.ts');
    return createPrometheusExporter(settings);
  },
};
