/** @module Factory of the `health_check` extension. */
import type { ExtensionFactory } from '../../component.ts';
import { type HealthCheckConfig, healthCheckConfig } from './config.ts';

export const factory: ExtensionFactory<HealthCheckConfig> = {
  kind: 'extension',
  type: 'health_check',
  signals: {},
  config: healthCheckConfig,
  async create(settings) {
    const { createHealthCheck } = await import('./health-check.ts');
    return createHealthCheck(settings);
  },
};
