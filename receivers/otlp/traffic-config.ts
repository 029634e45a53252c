/** @module Keys of the `otlp` receiver for traffic of other Weirs: what is remembered of it, and how much. */
import { z } from 'zod';

/** To be spread into the receiver's schema. */
export function trafficConfig() {
  const traffic = z
    .strictObject({
      repeat_window: z
        .int()
        .min(64)
        .max(1_000_000)
        .default(4096)
        .describe('requests remembered of each sender, counted back from its newest; older ones count as repeats'),
      max_sources: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(10_000)
        .describe('senders (weir.source) whose requests are remembered; the one longest silent is forgotten first'),
      max_epochs: z
        .int()
        .min(1)
        .max(1000)
        .default(4)
        .describe('lives (weir.epoch) remembered of one sender; the one longest silent is forgotten first'),
      max_split_points: z
        .int()
        .min(1000)
        .max(100_000_000)
        .default(500_000)
        .describe(
          'data points remembered of requests that something between has split, until all their parts are there',
        ),
      max_cached_items: z
        .int()
        .min(0)
        .max(10_000_000)
        .default(100_000)
        .describe('records and targets whose attributes are remembered, about 1 kB each; 0: none, which is slower'),
      max_foreign_names: z
        .int()
        .min(0)
        .max(10_000)
        .default(100)
        .describe('names of metrics nobody here takes that are counted each by itself; the others count as other'),
    })
    .prefault({})
    .describe('what is remembered of the traffic that other Weirs send');
  return { traffic };
}

export type TrafficIntakeConfig = z.output<ReturnType<typeof trafficConfig>['traffic']>;
