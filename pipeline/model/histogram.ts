/**
 * @module Quantiles of latency histograms, as Prometheus reckons them, with the interval they surely lie in.
 *
 * Rules: `histogram_quantile` of classic histograms, prometheus `promql/quantile.go`; unlike bounds are merged by
 * interpolating each set on the union of all bounds, and the interval comes from what no interpolation can change.
 */
import type { LatencyHistogram } from './traffic.ts';

/** One quantile of response times, milliseconds. */
export interface Quantile {
  /** Prometheus' number for one set of bounds; the estimate on merged bounds for several. Finite. */
  readonly valueMs: number;
  /** The true quantile of what was counted is above `loMs` (0: not negative) … */
  readonly loMs: number;
  /** … and at most `hiMs`; Infinity when it lies above the highest finite bound. */
  readonly hiMs: number;
  /** True when it lies above the highest finite bound, so that `valueMs` is only that bound. */
  readonly saturated: boolean;
}
