/** @module The `smi` processor's factory. */
import type { ConfigIssue, ProcessorFactory } from '../../pipeline/component.ts';
import { config, FOREIGN_SLOT_MS, type SmiConfig, windowMs } from './config.ts';

export const factory: ProcessorFactory<SmiConfig> = {
  kind: 'processor',
  type: 'smi',
  signals: { metrics: 'beta' },
  takes: ['samples', 'traffic'],
  gives: 'traffic',
  takesOver: true,
  config,
  window: windowMs,
  slotWaitMs: (slotMs, receives) => (receives.has('traffic') ? slotMs || FOREIGN_SLOT_MS : 0),
  check(written, { slotMs }): ConfigIssue[] {
    if (written.window === undefined || slotMs === 0 || written.window % slotMs === 0) return [];
    const below = Math.max(slotMs, Math.floor(written.window / slotMs) * slotMs);
    return [
      {
        path: ['window'],
        message: `a window of ${written.window / 1000}s is no multiple of the slot of ${slotMs / 1000}s (the longest scrape_interval)`,
        mend: `write ${below / 1000}s or ${(below + slotMs) / 1000}s, or change scrape_interval`,
      },
    ];
  },
  async create(settings) {
    const { createSmi } = await import('./smi.ts');
    return createSmi(settings);
  },
};
