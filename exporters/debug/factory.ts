/** @module The `debug` exporter as the graph sees it. */
import type { ExporterFactory } from '../../pipeline/component.ts';
import { type DebugConfig, debugConfig } from './config.ts';

export const factory: ExporterFactory<DebugConfig> = {
  kind: 'exporter',
  type: 'debug',
  signals: { metrics: 'alpha', traces: 'alpha' },
  config: debugConfig,
  takes: ['traffic', 'spans'],
  demand: () => ['requests', 'latency', 'tcp'],
  async create(settings) {
    const { createDebugExporter } = await import('./debug.ts');
    return createDebugExporter(settings);
  },
};
