/** @module Sums that would go beyond what counts can be: they stay there, and say that nobody knows. */
import test from 'ava';
import fc from 'fast-check';
import { foldPods } from '../../../pipeline/model/fold.ts';
import { MAX_COUNT, plus, sumTraffic, TrafficAccumulator } from '../../../pipeline/model/sum.ts';
import type { TrafficRecord } from '../../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../../pipeline/model/traffic-key.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const whole = { startMs: 0, lengthMs: 10_000 };

function counted(counts: Partial<TrafficRecord>): TrafficRecord {
  const made = record('client', own('shop/web'), peer('shop/api'), 0, 0);
  return { ...made, key: createTrafficKey(made.key), ...counts };
}

const TABLE: readonly (readonly [string, Partial<TrafficRecord>])[] = [
  ['successes', { successes: MAX_COUNT }],
  ['failures', { failures: MAX_COUNT }],
  ['unreached', { unreached: MAX_COUNT }],
  ['buckets', { latency: [{ boundsMs: [5], counts: Float64Array.of(1, MAX_COUNT) }] }],
  ['bytes', { tcp: { opened: 1, closed: 1, readBytes: MAX_COUNT, writtenBytes: 1 } }],
];

for (const [what, counts] of TABLE) {
  test(`${what} beyond 2^53 stay there, and their sum is partial`, (t) => {
    const one = sumOf([counted(counts)], [], whole);
    const lost = { counts: 0 };
    const sum = sumTraffic([one, one, one], lost)!;
    t.is(lost.counts, 2 * MAX_COUNT, 'what the sum lost');
    t.true(sum.partial);
    const { successes, failures, unreached, latency, tcp } = sum.records[0]!;
    const all = [successes, failures, unreached, ...(latency?.[0]?.counts ?? []), ...Object.values(tcp ?? {})];
    t.is(Math.max(...all), MAX_COUNT);
  });
}

test('below, sums are exact and say nothing', (t) => {
  const sum = sumTraffic([
    sumOf([counted({ successes: MAX_COUNT - 3 })], [], whole),
    sumOf([counted({ successes: 2 })], [], whole),
  ])!;
  t.false(sum.partial);
  t.is(sum.records[0]?.successes, MAX_COUNT - 1);
});

test('coverage that was taken back beyond what counts is lost, too, and what fits loses nothing', (t) => {
  const lost = { counts: 0 };
  const watched = (scrapesDue: number) => sumOf([], [covered(own('shop/web'), { scrapesDue })], whole);
  t.is(sumTraffic([watched(-MAX_COUNT), watched(-6)], lost)?.coverage[0]?.scrapesDue, -MAX_COUNT);
  t.is(lost.counts, 6);
  sumTraffic([watched(MAX_COUNT - 1), watched(1)], lost);
  t.is(lost.counts, 6);
});

test('pods that are added up lose what is beyond, too', (t) => {
  const lost = { counts: 0 };
  const pods = ['web-1', 'web-2'].map((pod) => {
    const made = record('client', own('shop/web', { pod }), peer('shop/api'), MAX_COUNT);
    return { ...made, key: createTrafficKey(made.key) };
  });
  t.is(foldPods(sumOf(pods, [], whole), lost).records[0]?.successes, MAX_COUNT);
  t.is(lost.counts, MAX_COUNT);
});

test('adding is what it is for all that counts, and never leaves it', (t) => {
  const count = fc.maxSafeInteger();
  fc.assert(
    fc.property(count, count, (a, b) => {
      const exact = BigInt(a) + BigInt(b);
      const most = BigInt(MAX_COUNT);
      const held = exact > most ? most : exact < -most ? -most : exact;
      t.is(BigInt(plus(a, b)), held);
    }),
  );
});

test('property: a last sum taken along tells what adding it tells, and is not written', (t) => {
  const counts = fc.constantFrom(0, 1, 7, MAX_COUNT);
  const slot = fc.uniqueArray(fc.tuple(fc.nat(4), counts), { selector: ([pod]) => pod, maxLength: 5 }).map((rows) =>
    sumOf(
      rows.map(([pod, count]) => {
        const latency = [{ boundsMs: [5], counts: Float64Array.of(count, 1) }];
        return record('client', own('shop/web', { pod: `web-${pod}` }), peer('shop/api'), count, 1, { latency });
      }),
      rows.map(([pod]) => covered(own('shop/web', { pod: `web-${pod}` }), { scrapesDue: 1 })),
      whole,
    ),
  );
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 3 }), slot, (before, last) => {
      const [lost, lostAlong] = [{ counts: 0 }, { counts: 0 }];
      const accumulator = new TrafficAccumulator(lostAlong);
      for (const one of before) accumulator.add(one);
      const given = structuredClone(last);
      t.deepEqual(accumulator.takeWith(last), sumTraffic([...before, last], lost)!);
      t.deepEqual(last, given);
      t.deepEqual(lostAlong, lost);
      t.true(accumulator.isEmpty);
    }),
  );
});
