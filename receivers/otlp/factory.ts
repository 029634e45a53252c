/** @module Factory of the `otlp` receiver. */
import type { ReceiverFactory } from '../../pipeline/component.ts';
import { type OtlpConfig, otlpConfig } from './config.ts';

export const factory: ReceiverFactory<OtlpConfig> = {
  kind: 'receiver',
  type: 'otlp',
  signals: { metrics: 'alpha', traces: 'alpha' },
  gives: ['spans', 'samples', 'traffic'],
  config: otlpConfig,
  // A slot closes one slot after its end: what other Weirs send of it is on its way until then.
  cadence: ({ scrape_interval: intervalMs }) => ({ intervalMs, timeoutMs: intervalMs }),
  async create(settings) {
    const { createOtlpReceiver } = await import('./otlp.ts');
    const { loadTables } = await import('./samples-intake.ts');
    return createOtlpReceiver(settings, await loadTables(settings));
  },
};
