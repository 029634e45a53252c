/** @module Configuration of the `debug` exporter; `verbosity` and its words are the Collector's. */
import { z } from 'zod';
import { byteSize } from '../../pipeline/config/types.ts';

export const debugConfig = z.strictObject({
  verbosity: z
    .enum(['basic', 'normal', 'detailed'])
    .default('basic')
    .describe(
      'basic: one line a slot, or a request of spans; normal: and one an edge or span; detailed: and workloads and coverage, or where a span belongs. Default basic.',
    ),
  max_spans: z
    .int()
    .positive()
    .default(50)
    .describe('Spans of one request that get a line; the others are only counted. Default 50.'),
  max_buffered: byteSize()
    .prefault('1MiB')
    .describe(
      'What a slow reader of standard output may leave waiting before slots and spans are dropped. Default 1MiB.',
    ),
});

export type DebugConfig = z.output<typeof debugConfig>;
