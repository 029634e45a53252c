/** @module Configuration of the `debug` exporter; `verbosity` and its words are the Collector's. */
import { z } from 'zod';
import { byteSize } from '../../pipeline/config/types.ts';

export const debugConfig = z.strictObject({
  verbosity: z
    .enum(['basic', 'normal', 'detailed'])
    .default('basic')
    .describe('basic: one line a slot; normal: and one an edge; detailed: and workloads and coverage. Default basic.'),
  max_buffered: byteSize()
    .prefault('1MiB')
    .describe('What a slow reader of standard output may leave waiting before slots are dropped. Default 1MiB.'),
});

export type DebugConfig = z.output<typeof debugConfig>;
