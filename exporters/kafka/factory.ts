/** @module The `kafka` exporter as the graph sees it. */
import type { ExporterFactory } from '../../pipeline/component.ts';
import { type KafkaConfig, kafkaConfig } from './config.ts';

export const factory: ExporterFactory<KafkaConfig> = {
  kind: 'exporter',
  type: 'kafka',
  signals: { metrics: 'alpha' },
  config: kafkaConfig,
  takes: ['traffic'],
  demand: () => ['requests', 'latency', 'tcp'],
  async create(settings) {
    const { createKafkaExporter } = await import('./kafka.ts');
    return createKafkaExporter(settings);
  },
};
