/** @module What the user may write under `processors.smi`. */
import { z } from 'zod';
import { duration } from '../../pipeline/config/types.ts';

export const config = z.strictObject({
  window: duration({ minMs: 100 })
    .optional()
    .describe(
      'length of what readers get unasked; a multiple of the slot; default: the smallest multiple of it that is at least 30s',
    ),
  peer_detail: z
    .enum(['workload', 'pod'])
    .default('workload')
    .describe('whether the other end of an edge is told by workload or also by pod'),
  own_exports: z
    .array(z.string().regex(/^[^/\s]+\/[^/\s]+$/, { error: 'write namespace/service' }))
    .max(100)
    .default([])
    .describe(
      "services (namespace/name) this Weir itself sends to through the proxy; such traffic is filtered as own_export, not counted as the workload's",
    ),
  max_records: z
    .int()
    .min(1)
    .default(200_000)
    .describe('records (one workload, peer and side each) kept at once; what comes above is dropped as record_limit'),
  max_past_lives: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'proxies remembered after they left discovery, the one longest gone forgotten first; back later, they are not counted from 0 again',
    ),
});

export type SmiConfig = z.output<typeof config>;

/** Smallest multiple of the slot that is at least 30 s, unless the user wrote a window. Milliseconds. */
export function windowMs(written: SmiConfig, slotMs: number): number {
  return written.window ?? Math.ceil(30_000 / slotMs) * slotMs;
}
