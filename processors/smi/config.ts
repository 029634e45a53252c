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
  sender_expiration: duration({ minMs: 1000 })
    .prefault('5m')
    .describe(
      'how long another Weir that sent traffic and is silent counts as missing, before it is forgotten; default 5m',
    ),
  max_clock_ahead: duration({ minMs: 0 })
    .prefault('30s')
    .describe(
      "how far in the future traffic of another Weir may end and still go to its own slot; beyond, that Weir's clock is not believed; default 30s",
    ),
  max_received: z
    .int()
    .min(1)
    .default(500_000)
    .describe(
      'records and coverage records of other Weirs held in open slots, and four for each closed slot that late ones belong to; what comes above is refused and has to come again',
    ),
  max_senders: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe(
      'other Weirs remembered, the one longest silent forgotten first; only those are missed when they are silent',
    ),
  max_sender_targets: z
    .int()
    .min(1)
    .default(5000)
    .describe('targets remembered of each other Weir; only those are missed when it is silent'),
});

export type SmiConfig = z.output<typeof config>;

/** Length of a slot when nobody upstream scrapes, milliseconds. */
export const FOREIGN_SLOT_MS = 10_000;

/** Smallest multiple of the slot that is at least 30 s, unless the user wrote a window. Milliseconds. */
export function windowMs(written: SmiConfig, slotMs: number): number {
  return written.window ?? Math.ceil(30_000 / slotMs) * slotMs;
}
