/** @module What the user may write under `exporters.smi`. */
import { z } from 'zod';
import { duration } from '../../pipeline/config/types.ts';
import { listenerConfig, refineListener } from '../../pipeline/net/listener-config.ts';

export const config = z
  .strictObject({
    ...listenerConfig('127.0.0.1:8080'),
    default_kind: z
      .enum(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job', 'CronJob'])
      .default('Deployment')
      .describe('kind shown for workloads whose kind nobody told'),
    retention: duration({ minMs: 1_000, maxMs: 3600e3 })
      .prefault('5m')
      .describe('how far back ?t= may ask, and how long an idle peer stays known; at least the window'),
    tcp: z.boolean().default(false).describe('also collect TCP connections and bytes, shown by /v1/edges'),
    max_items: z
      .int()
      .min(1_000)
      .default(5_000_000)
      .describe('records of all retained slots together; beyond it the oldest slots are forgotten early'),
    cached_windows: z
      .int()
      .min(1)
      .max(64)
      .default(8)
      .describe('windows of different length whose sums are kept until the next slot'),
  })
  .superRefine(refineListener);

export type SmiConfig = z.output<typeof config>;
