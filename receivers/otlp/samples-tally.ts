/** @module What becomes of the samples of points: a counter is one, a histogram one for each bucket. */

import type { Balance, DropSample } from '../../pipeline/balance.ts';
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
  /** By reason, the first of them. */
  readonly #first = new Map<string, DropSample>();

  filter(reason: string, samples: number): void {
    this.filtered.set(reason, (this.filtered.get(reason) ?? 0) + samples);
  }

  /** `metric` and the key of the `target` tell of it, '' where there is none. */
  drop(reason: string, samples: number, metric: string, target: string): void {
    const before = this.dropped.get(reason);
    if (before === undefined) this.#first.set(reason, { metric, target });
    this.dropped.set(reason, (before ?? 0) + samples);
  }

  /** Books all of it, what was taken by its outcome; `rejected` is the key of a target that was not taken. */
  book(balance: Balance, outcome: Outcome, rejected = ''): void {
    const filtered = new Map([
      ...this.filtered,
      ['repeat', this.repeated],
      ['bad_value', this.badValues],
      ['failed_scrape', this.failed],
    ]);
    balance.accepted += this.taken;
    if (outcome.kind === 'taken') balance.delivered += this.taken;
    else balance.drop(outcome.reason, this.taken, { sample: () => ({ target: rejected }) });
    for (const [reason, samples] of filtered) {
      balance.accepted += samples;
      balance.filter(reason, samples);
    }
    for (const [reason, samples] of this.dropped) {
      balance.accepted += samples;
      balance.drop(reason, samples, { sample: () => this.#first.get(reason) ?? {} });
    }
  }
}
