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

/** The quantile `q` (0 < q ≤ 1) of all observations in `histograms`; null when nothing finite was counted. */
export function quantile(histograms: readonly LatencyHistogram[], q: number): Quantile | null {
  return quantiles(histograms, [q])[0] ?? null;
}

/**
 * Several quantiles of the same observations in one go, in the order of `qs`. Null where nothing was counted or no set
 * has a finite bound. O(buckets) for one set of bounds, O(sets × union of bounds) for several.
 */
export function quantiles(histograms: readonly LatencyHistogram[], qs: readonly number[]): (Quantile | null)[] {
  const first = histograms[0];
  if (first === undefined) return qs.map(() => null);
  const alike = histograms.every(({ boundsMs }) => sameBounds(boundsMs, first.boundsMs));
  return alike ? ofOneSet(histograms, first.boundsMs, qs) : ofSeveralSets(cumulate(histograms), qs);
}

/** How a quantile came about: the steps that lead from the buckets to `quantile`. */
export interface QuantileSteps {
  readonly q: number;
  /** Observations counted; a share of one where records were shared out. */
  readonly total: number;
  /** `q` × `total`: the observation looked for, counted from the fastest. */
  readonly rank: number;
  /** Sets of bounds that were merged; the counts are estimates when there are several. */
  readonly sets: number;
  /** The bucket the rank lies in: above `startMs`, at most `endMs`; null above the highest finite bound. */
  readonly bucket: {
    readonly startMs: number;
    readonly endMs: number;
    readonly before: number;
    readonly inside: number;
  } | null;
  readonly quantile: Quantile;
}

/** The steps to the quantile `q` of all observations in `histograms`; null where `quantile` is. */
export function quantileSteps(histograms: readonly LatencyHistogram[], q: number): QuantileSteps | null {
  const sets = cumulate(histograms);
  const total = sets.reduce((sum, set) => sum + set.total, 0);
  const scale = sets.length === 1 ? scaleOfSet(sets[0]!) : mergedScale(sets);
  if (total === 0 || scale.boundsMs.length === 0) return null;
  const { boundsMs, estimate } = scale;
  const rank = q * total;
  const at = firstAtLeast(estimate, boundsMs.length, rank);
  const before = at === 0 ? 0 : estimate[at - 1]!;
  const startMs = at === 0 ? 0 : boundsMs[at - 1]!;
  const inside = (estimate[at] ?? 0) - before;
  const bucket = at === boundsMs.length ? null : { startMs, endMs: boundsMs[at]!, before, inside };
  return { q, total, rank, sets: sets.length, bucket, quantile: pick(scale, rank) };
}

function scaleOfSet({ boundsMs, upTo }: CumulativeSet): Scale {
  return { boundsMs, estimate: upTo, atLeast: upTo, atMost: upTo };
}

/** Reused from call to call: figures are reckoned by the ten thousand. */
let scratch = new Float64Array(64);

function ofOneSet(
  histograms: readonly LatencyHistogram[],
  boundsMs: readonly number[],
  qs: readonly number[],
): (Quantile | null)[] {
  if (scratch.length < boundsMs.length) scratch = new Float64Array(boundsMs.length * 2);
  const upTo = scratch;
  const total = accumulate(histograms, boundsMs.length, upTo);
  if (total === 0 || boundsMs.length === 0) return qs.map(() => null);
  const scale = { boundsMs, estimate: upTo, atLeast: upTo, atMost: upTo };
  return qs.map((q) => pick(scale, q * total));
}

function ofSeveralSets(sets: readonly CumulativeSet[], qs: readonly number[]): (Quantile | null)[] {
  const total = sets.reduce((sum, set) => sum + set.total, 0);
  const scale = mergedScale(sets);
  if (total === 0 || scale.boundsMs.length === 0) return qs.map(() => null);
  return qs.map((q) => pick(scale, q * total));
}

/** Writes observations at or below each of `size` bounds into `upTo` and returns how many there are in all. */
function accumulate(histograms: readonly LatencyHistogram[], size: number, upTo: Float64Array): number {
  upTo.fill(0, 0, size);
  let open = 0;
  for (const { counts } of histograms) {
    for (let i = 0; i < size; i++) upTo[i]! += counts[i]!;
    open += counts[size]!;
  }
  for (let i = 1; i < size; i++) upTo[i]! += upTo[i - 1]!;
  return size === 0 ? open : open + upTo[size - 1]!;
}

/** Observations at or below each bound of one set. */
interface CumulativeSet {
  readonly boundsMs: readonly number[];
  readonly upTo: Float64Array;
  readonly total: number;
}

/** Observations at or below each bound: estimated, at least and at most. All three are one array for one set. */
interface Scale {
  readonly boundsMs: readonly number[];
  readonly estimate: Float64Array;
  readonly atLeast: Float64Array;
  readonly atMost: Float64Array;
}

function cumulate(histograms: readonly LatencyHistogram[]): CumulativeSet[] {
  const groups: LatencyHistogram[][] = [];
  for (const histogram of histograms) {
    const group = groups.find((candidate) => sameBounds(candidate[0]!.boundsMs, histogram.boundsMs));
    if (group === undefined) groups.push([histogram]);
    else group.push(histogram);
  }
  return groups.map(cumulateGroup);
}

function cumulateGroup(group: readonly LatencyHistogram[]): CumulativeSet {
  const boundsMs = group[0]!.boundsMs;
  const upTo = new Float64Array(boundsMs.length);
  const total = accumulate(group, boundsMs.length, upTo);
  return { boundsMs, upTo, total };
}

function sameBounds(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((bound, i) => bound === b[i]));
}

function mergedScale(sets: readonly CumulativeSet[]): Scale {
  const boundsMs = [...new Set(sets.flatMap((set) => set.boundsMs))].sort((a, b) => a - b);
  const size = boundsMs.length;
  const scale = {
    boundsMs,
    estimate: new Float64Array(size),
    atLeast: new Float64Array(size),
    atMost: new Float64Array(size),
  };
  for (const set of sets) addSet(scale, set);
  return scale;
}

/** Adds one set's counts at every bound of the union; above its highest finite bound nothing is interpolated. */
function addSet(scale: Scale, set: CumulativeSet): void {
  const { boundsMs, upTo, total } = set;
  let next = 0;
  for (let i = 0; i < scale.boundsMs.length; i++) {
    const x = scale.boundsMs[i]!;
    while (next < boundsMs.length && boundsMs[next]! < x) next += 1;
    const below = next === 0 ? 0 : upTo[next - 1]!;
    if (next === boundsMs.length) {
      scale.estimate[i]! += below;
      scale.atLeast[i]! += below;
      scale.atMost[i]! += total;
      continue;
    }
    const above = upTo[next]!;
    const end = boundsMs[next]!;
    const start = next === 0 ? Math.min(0, end) : boundsMs[next - 1]!;
    const share = end === x ? above : below + ((above - below) * (x - start)) / (end - start);
    // Rounding must not lift an estimate above what is there at most.
    scale.estimate[i]! += Math.min(above, share);
    scale.atLeast[i]! += end === x ? above : below;
    scale.atMost[i]! += above;
  }
}

function pick(scale: Scale, rank: number): Quantile {
  const { boundsMs, estimate, atLeast, atMost } = scale;
  const size = boundsMs.length;
  // Counts may be shares of whole ones, so value and interval are looked up at the same rank, which is above 0.
  const reaches = firstAtLeast(atLeast, size, rank);
  const passes = firstAtLeast(atMost, size, rank);
  const loMs = passes === 0 ? 0 : boundsMs[passes - 1]!;
  const hiMs = reaches === size ? Number.POSITIVE_INFINITY : boundsMs[reaches]!;
  const bucket = firstAtLeast(estimate, size, rank);
  if (bucket === size) return { valueMs: loMs, loMs, hiMs, saturated: true };
  return { valueMs: interpolate(boundsMs, estimate, bucket, rank), loMs, hiMs, saturated: false };
}

/** Index of the first of `size` ascending values that is at least `wanted`, `size` when there is none. */
function firstAtLeast(ascending: Float64Array, size: number, wanted: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! >= wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

function interpolate(boundsMs: readonly number[], upTo: Float64Array, bucket: number, rank: number): number {
  const end = boundsMs[bucket]!;
  if (bucket === 0 && end <= 0) return end;
  const start = bucket === 0 ? 0 : boundsMs[bucket - 1]!;
  const before = bucket === 0 ? 0 : upTo[bucket - 1]!;
  const inside = upTo[bucket]! - before;
  return inside === 0 ? start : Math.min(end, start + (end - start) * ((rank - before) / inside));
}
