/** @module Quantiles: the same number as Prometheus, and an interval that never lies. */
import test from 'ava';
import fc from 'fast-check';
import { quantile, quantiles } from '../../../pipeline/model/histogram.ts';
import type { LatencyHistogram } from '../../../pipeline/model/traffic.ts';

const LINKERD = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1e3, 2e3, 3e3, 4e3, 5e3, 1e4, 2e4, 3e4, 4e4, 5e4,
];
const ENVOY = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6];

function histogram(boundsMs: readonly number[], observations: readonly number[]): LatencyHistogram {
  const counts = new Float64Array(boundsMs.length + 1);
  for (const value of observations) {
    const bucket = boundsMs.findIndex((bound) => value <= bound);
    counts[bucket === -1 ? boundsMs.length : bucket]! += 1;
  }
  return { boundsMs, counts };
}

/** Prometheus' rules of classic histograms, written down one by one. */
function naiveHistogramQuantile(h: LatencyHistogram, q: number): number {
  const buckets: [number, number][] = [];
  let sum = 0;
  h.counts.forEach((count, i) => {
    sum += count;
    buckets.push([h.boundsMs[i] ?? Number.POSITIVE_INFINITY, sum]);
  });
  if (buckets.length < 2 || sum === 0) return Number.NaN;
  const rank = q * sum;
  let b = buckets.slice(0, -1).findIndex(([, count]) => count >= rank);
  if (b === -1) b = buckets.length - 1;
  if (b === buckets.length - 1) return buckets[b - 1]![0];
  if (b === 0 && buckets[0]![0] <= 0) return buckets[0]![0];
  const start = b === 0 ? 0 : buckets[b - 1]![0];
  const before = b === 0 ? 0 : buckets[b - 1]![1];
  return start + (buckets[b]![0] - start) * ((rank - before) / (buckets[b]![1] - before));
}

function trueQuantile(observations: readonly number[], q: number): number {
  const sorted = [...observations].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
}

const observations = fc.array(fc.double({ min: 0.01, max: 200_000, noNaN: true }), { minLength: 1, maxLength: 80 });
const anyQ = fc.double({ min: 0.001, max: 1, noNaN: true });

test('one set of bounds gives the number of histogram_quantile', (t) => {
  fc.assert(
    fc.property(observations, anyQ, fc.constantFrom(LINKERD, ENVOY, [7]), (values, q, bounds) => {
      const h = histogram(bounds, values);
      t.is(quantile([h], q)?.valueMs, naiveHistogramQuantile(h, q));
    }),
  );
});

test('the true quantile of what was observed lies in the interval, for one set of bounds and for several', (t) => {
  fc.assert(
    fc.property(observations, observations, anyQ, (left, right, q) => {
      for (const [histograms, all] of [
        [[histogram(LINKERD, left)], left],
        [
          [histogram(LINKERD, left), histogram(ENVOY, right)],
          [...left, ...right],
        ],
      ] as const) {
        const found = quantile(histograms, q);
        const truth = trueQuantile(all, q);
        t.true(found !== null && found.loMs < truth && truth <= found.hiMs);
        t.true(found!.loMs <= found!.valueMs && found!.valueMs <= found!.hiMs);
      }
    }),
  );
});

test('splitting observations over histograms of equal bounds changes nothing', (t) => {
  fc.assert(
    fc.property(observations, observations, (left, right) => {
      const apart = quantiles([histogram(LINKERD, left), histogram([...LINKERD], right)], [0.5, 0.9, 0.99]);
      t.deepEqual(apart, quantiles([histogram(LINKERD, [...left, ...right])], [0.5, 0.9, 0.99]));
    }),
  );
});

test('several quantiles of one histogram, each with the bucket it lies in', (t) => {
  const counts = new Float64Array(LINKERD.length + 1);
  for (const [bound, n] of [
    [10, 190],
    [20, 40],
    [40, 130],
    [200, 5],
    [300, 32],
    [400, 3],
  ] as const)
    counts[LINKERD.indexOf(bound)] = n;
  t.deepEqual(quantiles([{ boundsMs: LINKERD, counts }], [0.5, 0.9, 0.99]), [
    { valueMs: 12.5, loMs: 10, hiMs: 20, saturated: false },
    { valueMs: 40, loMs: 30, hiMs: 40, saturated: false },
    { valueMs: 296.875, loMs: 200, hiMs: 300, saturated: false },
  ]);
});

test('an open last bucket says so instead of looking like a measurement', (t) => {
  t.deepEqual(quantile([histogram(LINKERD, [70_000])], 0.5), {
    valueMs: 50_000,
    loMs: 50_000,
    hiMs: Number.POSITIVE_INFINITY,
    saturated: true,
  });
});

test('an open bucket of one set stays open although another set has higher bounds', (t) => {
  const found = quantile([histogram([10], [99, 99, 99]), histogram([10, 1000], [5])], 0.9);
  t.deepEqual(found, { valueMs: 10, loMs: 10, hiMs: Number.POSITIVE_INFINITY, saturated: true });
});

test('nothing counted, or nothing but an open bucket, has no quantile', (t) => {
  t.is(quantile([], 0.5), null);
  t.is(quantile([histogram(LINKERD, [])], 0.5), null);
  t.is(quantile([histogram([], [1, 2])], 0.5), null);
});

test('a quantile of less than one observation lies in its own interval', (t) => {
  const found = quantile([{ boundsMs: [1, 2, 5], counts: Float64Array.of(0.2, 0.2, 0, 0) }], 0.5);
  t.deepEqual(found, { valueMs: 1, loMs: 0, hiMs: 1, saturated: false });
});

const fractions = (size: number) =>
  fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: size, maxLength: size });

test('with counts that are not whole the value lies in its interval, whatever the bounds', (t) => {
  const left = fractions(LINKERD.length + 1);
  const right = fractions(ENVOY.length + 1);
  fc.assert(
    fc.property(left, right, fc.constantFrom(1, 1e-3, 1 / 3), anyQ, (some, more, scale, q) => {
      const scaled = (counts: number[]) => Float64Array.from(counts, (count) => count * scale);
      const one = { boundsMs: LINKERD, counts: scaled(some) };
      for (const histograms of [[one], [one, { boundsMs: ENVOY, counts: scaled(more) }]]) {
        const found = quantile(histograms, q);
        if (found !== null) t.true(found.loMs <= found.valueMs && found.valueMs <= found.hiMs);
      }
    }),
  );
});
