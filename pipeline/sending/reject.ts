/** @module What an exporter will never send: booked, and told to whoever offered it. */
import type { Balance } from '../balance.ts';
import type { Batch } from '../batch.ts';
import { sampleOf } from '../telemetry/drop-sample.ts';

/** Counts the batch as accepted and dropped for `reason`, and settles it as rejected. */
export function reject(balance: Balance, batch: Batch, reason: string): void {
  balance.accepted += batch.items;
  balance.drop(reason, batch.items, { sample: () => sampleOf(batch) });
  batch.delivery.settle({ kind: 'rejected', reason });
}
