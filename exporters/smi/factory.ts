/** @module The `smi` exporter's factory. */
import type { ExporterFactory } from '../../pipeline/component.ts';
import { config, type SmiConfig } from './config.ts';

export const factory: ExporterFactory<SmiConfig> = {
  kind: 'exporter',
  type: 'smi',
  signals: { metrics: 'beta' },
  takes: ['traffic'],
  config,
  demand: ({ tcp }) => (tcp ? ['requests', 'latency', 'tcp'] : ['requests', 'latency']),
  async create(settings) {
    const { createSmiExporter } = await import('./smi.ts');
    return createSmiExporter(settings);
  },
};
