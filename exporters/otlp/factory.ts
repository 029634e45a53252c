/** @module The `otlphttp` exporter as the graph sees it. */
import type { ExporterFactory } from '../../pipeline/component.ts';
import { checkOtlpHttpConfig, type OtlpHttpConfig, otlpHttpConfig, signalAddress } from './config.ts';

export const factory: ExporterFactory<OtlpHttpConfig> = {
  kind: 'exporter',
  type: 'otlphttp',
  folder: 'otlp',
  signals: { metrics: 'alpha', traces: 'alpha' },
  config: otlpHttpConfig,
  takes: ['traffic', 'spans'],
  demand: () => ['requests', 'latency', 'tcp'],
  sendsTo: (config, signal) => signalAddress(config, signal),
  check: (config, context) => checkOtlpHttpConfig(config, context),
  async create(settings) {
    const { createOtlpHttpExporter } = await import('./otlphttp.ts');
    return createOtlpHttpExporter(settings);
  },
};
