/** @module Keys of the `otlp` receiver for traffic of other Weirs: what is remembered of it, and how much. */
import { z } from 'zod';
import { byteSize } from '../../pipeline/config/types.ts';

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
      repeats_file: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe(
          'file in which what was taken outlives a restart: written at stop, read and removed at start. Default: none, so that a request sent again to the next life of this Weir counts twice in streams',
        ),
      max_repeats_file_size: byteSize()
        .prefault('64MiB')
        .describe('longest repeats_file read, and written; about 200 bytes for each sender'),
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
