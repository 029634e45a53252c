/** @module Keys that all exporters of traffic over OTLP have, whatever carries it. */
import { z } from 'zod';
import { duration } from '../../pipeline/config/types.ts';

export const trafficKeys = {
  temporality: z
    .enum(['delta', 'cumulative'])
    .default('delta')
    .describe('Counts of each interval, or running totals for backends that want those. Default delta.'),
  interval: z
    .enum(['slot', 'window'])
    .default('slot')
    .describe('One sum per slot, or per window of the `smi` processor. Default slot.'),
  source: z
    .string()
    .max(253)
    .default('')
    .describe('Name of this Weir for receivers (`weir.source`): give each its own. Default: the host name.'),
  max_cached_items: z
    .int()
    .nonnegative()
    .default(100_000)
    .describe(
      'With protobuf: records, and as many targets, whose encoding is kept for the next request, about 0.6 kB each; 0 keeps none. Default 100000.',
    ),
  metric_expiration: duration({ minMs: 1000 })
    .prefault('5m')
    .describe('With `cumulative`: a total that nothing was added to for this long is forgotten. Default 5m.'),
  max_series: z
    .int()
    .positive()
    .default(200_000)
    .describe('With `cumulative`: running totals kept; what is beyond is dropped and counted. Default 200000.'),
};
