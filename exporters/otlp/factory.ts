/** @module The `otlphttp` exporter as the graph sees it. */
import type { ExporterFactory } from '../../pipeline/component.ts';
import { checkOtlpHttpConfig, type OtlpHttpConfig, otlpHttpConfig } from './config.ts';

export const factory: ExporterFactory<OtlpHttpConfig> = {
  kind: 'exporter',
  type: 'otlphttp',
  folder: 'otlp',
  signals: { metrics: 'alpha' },
  config: otlpHttpConfig,
  takes: ['traffic'],
  demand: () => ['requests', 'latency', 'tcp'],
  check: (config) => checkOtlpHttpConfig(config),
  async create(settings) {
    const { createOtlpHttpExporter } = await import('./otlphttp.ts');
    return createOtlpHttpExporter(settings);
  },
};
