/** @module One long-lived encoder: the same bytes as a fresh one's, whatever came before, in bounded memory. */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { OtlpTrafficEncoder, type TrafficEnvelope } from '../../../pipeline/wire/otlp-traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { anyEnvelope, anyKey, anySumOf } from '../../kit/traffic-arbitrary.ts';

const ENVELOPE: TrafficEnvelope = { source: 'w', epoch: 'e', seq: 0, resource: new Map() };
const INTERVAL = { startMs: 1_764_000_000_000, lengthMs: 30_000 };

/** Sums that share most of their keys, in orders of their own, as the slots of one Weir do. */
const anySums: fc.Arbitrary<TrafficSum[]> = fc
  .array(anyKey, { minLength: 1, maxLength: 12 })
  .chain((keys) => fc.array(anySumOf(fc.constantFrom(...keys), 12), { minLength: 2, maxLength: 8 }));

const anyLimits = fc.record({ maxKept: fc.nat(8), keepSums: fc.integer({ min: 1, max: 3 }) });

/** `record` as another object with a key of its own. */
function copied(record: TrafficRecord): TrafficRecord {
  return { ...record, key: { ...record.key, own: { ...record.key.own }, peer: { ...record.key.peer } } };
}

test('over any sequence of sums the bytes are those of a fresh encoder', (t) => {
  fc.assert(
    fc.property(anySums, anyLimits, anyEnvelope, fc.boolean(), (sums, limits, envelope, copies) => {
      const encoder = new OtlpTrafficEncoder(limits);
      for (const [seq, sum] of sums.entries()) {
        const given = copies ? { ...sum, records: sum.records.map(copied) } : sum;
        const numbered = { ...envelope, seq };
        const bytes = encoder.encode(given, numbered);
        t.deepEqual(bytes, new OtlpTrafficEncoder().encode(sum, numbered));
        if (copies) encoder.giveBack(bytes);
      }
    }),
    { numRuns: 200 },
  );
});

test('over any sequence of sums and totals in turns the bytes are those of a fresh encoder', (t) => {
  fc.assert(
    fc.property(anySums, anyLimits, (sums, limits) => {
      const encoder = new OtlpTrafficEncoder(limits);
      for (const { interval, records } of sums) {
        const totals = records.map((of, i) => ({ record: of, startMs: interval.startMs / (i + 1) }));
        const fresh = new OtlpTrafficEncoder();
        t.deepEqual(
          encoder.encodeCumulative(totals, interval.endMs, ENVELOPE),
          fresh.encodeCumulative(totals, interval.endMs, ENVELOPE),
        );
        const sum = { interval, records, coverage: [], partial: false, clockAhead: false };
        t.deepEqual(encoder.encode(sum, ENVELOPE), new OtlpTrafficEncoder().encode(sum, ENVELOPE));
      }
    }),
    { numRuns: 100 },
  );
});

test('memory given back is used again, and only then', (t) => {
  const encoder = new OtlpTrafficEncoder();
  const first = encoder.encode(sumOfPods(0, 10), ENVELOPE);
  const kept = first.slice();
  const second = encoder.encode(sumOfPods(0, 9), ENVELOPE);
  t.deepEqual(first, kept);
  encoder.giveBack(first);
  const third = encoder.encode(sumOfPods(0, 8), ENVELOPE);
  t.is(third.buffer, first.buffer);
  const fourth = encoder.encode(sumOfPods(0, 8), ENVELOPE);
  t.not(fourth.buffer, first.buffer);
  encoder.giveBack(fourth);
  const larger = encoder.encode(sumOfPods(0, 50), ENVELOPE);
  for (const [bytes, pods] of [
    [second, 9],
    [third, 8],
    [larger, 50],
  ] as const) {
    t.deepEqual(bytes, new OtlpTrafficEncoder().encode(sumOfPods(0, pods), ENVELOPE));
  }
});

function sumOfPods(from: number, to: number): TrafficSum {
  const pods = Array.from({ length: to - from }, (_, i) => own('shop/web', { pod: `web-${from + i}` }));
  return sumOf(
    pods.map((pod) => record('client', pod, peer('shop/api'), 1)),
    pods.map((pod) => covered(pod)),
    INTERVAL,
  );
}

test('what no recent sum had is given up, what had one stays', (t) => {
  const encoder = new OtlpTrafficEncoder({ maxKept: 100, keepSums: 2 });
  encoder.encode(sumOfPods(0, 10), ENVELOPE);
  encoder.encode(sumOfPods(5, 10), ENVELOPE);
  t.deepEqual(encoder.figures.records, { kept: 10, evicted: 0, unkept: 0 });
  encoder.encode(sumOfPods(5, 10), ENVELOPE);
  encoder.encode(sumOfPods(5, 10), ENVELOPE);
  t.deepEqual(encoder.figures.records, { kept: 5, evicted: 5, unkept: 0 });
  t.deepEqual(encoder.figures.targets, { kept: 5, evicted: 5, unkept: 0 });
});

test('a full cache keeps what it has and counts what it does not keep', (t) => {
  const encoder = new OtlpTrafficEncoder({ maxKept: 6, keepSums: 30 });
  for (let i = 0; i < 3; i++) encoder.encode(sumOfPods(0, 10), ENVELOPE);
  t.deepEqual(encoder.figures.records, { kept: 6, evicted: 0, unkept: 12 });
  t.deepEqual(encoder.encode(sumOfPods(0, 10), ENVELOPE), new OtlpTrafficEncoder().encode(sumOfPods(0, 10), ENVELOPE));
});

test('a kind that became known is told, although the record is the same', (t) => {
  const encoder = new OtlpTrafficEncoder();
  const [unknown, known] = (['', 'Deployment'] as const).map((kind) => {
    const told = record('client', own('shop/web'), peer('shop/api', { kind }), 1);
    return sumOf([{ ...told, key: { ...told.key, id: 'the same' } }], [], INTERVAL);
  }) as [TrafficSum, TrafficSum];
  encoder.encode(unknown, ENVELOPE);
  t.deepEqual(encoder.encode(known, ENVELOPE), new OtlpTrafficEncoder().encode(known, ENVELOPE));
  t.deepEqual(encoder.encode(unknown, ENVELOPE), new OtlpTrafficEncoder().encode(unknown, ENVELOPE));
});

test('a target that became another pod is told with its new identity', (t) => {
  const encoder = new OtlpTrafficEncoder();
  const [before, after] = ['web-1', 'web-2'].map((pod) =>
    sumOf([], [covered(own('shop/web', { pod }), { target: 'the same' })], INTERVAL),
  ) as [TrafficSum, TrafficSum];
  encoder.encode(before, ENVELOPE);
  t.deepEqual(encoder.encode(after, ENVELOPE), new OtlpTrafficEncoder().encode(after, ENVELOPE));
});

test('after a large message the next small one is right, and after that a large one again', (t) => {
  const encoder = new OtlpTrafficEncoder();
  for (const pods of [400, 1, 400, 30, 0, 400]) {
    t.deepEqual(
      encoder.encode(sumOfPods(0, pods), ENVELOPE),
      new OtlpTrafficEncoder().encode(sumOfPods(0, pods), ENVELOPE),
    );
  }
});

test('a message given up in its middle leaves nothing of it in the next one', (t) => {
  const encoder = new OtlpTrafficEncoder();
  const many = sumOfPods(0, 20);
  encoder.encode(many, ENVELOPE);
  const totals = sumOfPods(10, 20).records.map((of, i) => ({ record: of, startMs: i < 5 ? 1 : -1 }));
  t.throws(() => void encoder.encodeCumulative(totals, 100, ENVELOPE), { instanceOf: RangeError });
  t.deepEqual(encoder.encode(many, ENVELOPE), new OtlpTrafficEncoder().encode(many, ENVELOPE));
});
