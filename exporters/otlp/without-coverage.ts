/** @module Traffic without its coverage records, for backends that get running totals: coverage tells of intervals. */
import type { Balance } from '../../pipeline/balance.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Exporter } from '../../pipeline/component.ts';

/** `inner`, from which coverage is kept; it is counted as filtered(`coverage`). */
export function withoutCoverage(inner: Exporter, balance: Balance): Exporter {
  return {
    start: () => inner.start(),
    stop: (deadline) => inner.stop(deadline),
    admits: (batch) => inner.admits(batch),
    consume(batch) {
      inner.consume(inner.admits(batch).ok ? stripped(batch, balance) : batch);
    },
  };
}

function stripped(batch: Batch, balance: Balance): Batch {
  if (batch.body !== 'traffic') return batch;
  const items = batch.sum.coverage.length;
  balance.accepted += items;
  balance.filter('coverage', items);
  return { ...batch, sum: { ...batch.sum, coverage: [] }, items: batch.items - items };
}
