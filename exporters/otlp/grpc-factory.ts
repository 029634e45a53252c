/** @module The `otlp` exporter as the graph sees it. */
import type { ExporterFactory } from '../../pipeline/component.ts';
import { checkOtlpGrpcConfig, type OtlpGrpcConfig, otlpGrpcConfig, targetOf } from './grpc-config.ts';

export const factory: ExporterFactory<OtlpGrpcConfig> = {
  kind: 'exporter',
  type: 'otlp',
  folder: 'otlp',
  signals: { metrics: 'alpha', traces: 'alpha' },
  config: otlpGrpcConfig,
  takes: ['traffic', 'spans'],
  demand: () => ['requests', 'latency', 'tcp'],
  sendsTo: (config) => targetOf(config),
  check: (config) => checkOtlpGrpcConfig(config),
  async create(settings) {
    const { createOtlpGrpcExporter } = await import('./otlp.ts');
    return createOtlpGrpcExporter(settings);
  },
};
