/** @module What becomes of the samples of points: a counter is one, a histogram one for each bucket. */

import type { Balance } from '../../pipeline/balance.ts';
import type { Outcome } from '../../pipeline/delivery.ts';

/** They add up to all samples of the points taken. */
export class Tally {
  /** Shown to `smi`, or told what `smi` was told of: marks of ended series, `up`. */
  taken = 0;
  /** There before, or older than what was there. */
  repeated = 0;
  /** Deltas that cannot be. */
  badValues = 0;
  /** Of a scrape that failed. */
  failed = 0;
  /** Of series that are not the mesh's traffic, by reason. */
  readonly filtered = new Map<string, number>();

  /** Of points that can be of no series, or for which there is no room. */
  readonly dropped = new Map<string, number>();

  filter(reason: string, samples: number): void {
    this.filtered.set(reason, (this.filtered.get(reason) ?? 0) + samples);
  }

  drop(reason: string, samples: number): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + samples);
  }

  /** Books all of it, what was taken by its outcome. */
  book(balance: Balance, outcome: Outcome): void {
    const filtered = new Map([
      ...this.filtered,
      ['repeat', this.repeated],
      ['bad_value', this.badValues],
      ['failed_scrape', this.failed],
    ]);
    balance.accepted += this.taken;
    if (outcome.kind === 'taken') balance.delivered += this.taken;
    else balance.drop(outcome.reason, this.taken);
    for (const [reason, samples] of filtered) {
      balance.accepted += samples;
      balance.filter(reason, samples);
    }
    for (const [reason, samples] of this.dropped) {
      balance.accepted += samples;
      balance.drop(reason, samples);
    }
  }
}
