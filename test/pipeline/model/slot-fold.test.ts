/** @module Folding slots for a reading gives what adding them up gives, in whatever order they tell their keys. */
import test from 'ava';
import fc from 'fast-check';
import { foldSlots } from '../../../pipeline/model/slot-fold.ts';
import { addLatency, sumTraffic } from '../../../pipeline/model/sum.ts';
import type { TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { buckets, own, peer, record, sumOf } from '../../kit/traffic.ts';

const OWN = own('shop/web');
/** Two objects for each key, as two engines would make them. */
const KEYS = [1, 2].map(() => Array.from({ length: 6 }, (_, i) => record('client', OWN, peer(`shop/p${i}`), 0, 0).key));

function slot(rows: readonly (readonly [key: number, engine: number, count: number])[], startMs: number): TrafficSum {
  const seen = new Set<number>();
  const records: TrafficRecord[] = [];
  for (const [key, engine, count] of rows) {
    if (seen.has(key)) continue;
    seen.add(key);
    const tcp = count % 2 === 0 ? null : { opened: count, closed: 1, readBytes: 2, writtenBytes: 3 };
    const latency = count % 3 === 0 ? null : [buckets([[5, count]])];
    records.push({ key: KEYS[engine]![key]!, successes: count, failures: 1, unreached: 0, latency, tcp });
  }
  return sumOf(records, [], { startMs, lengthMs: 10 });
}

function contents(sum: TrafficSum | null): unknown {
  return sum?.records.map(({ key, successes, failures, latency, tcp }) => {
    return { id: key.id, successes, failures, tcp, latency: latency === null ? null : addLatency([], latency) };
  });
}

test('a fold is the sum, record by record, and writes nothing it was given', (t) => {
  const row = fc.tuple(fc.nat(5), fc.nat(1), fc.integer({ min: 1, max: 9 }));
  const slots = fc.array(fc.array(row, { maxLength: 8 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(slots, (lists) => {
      const sums = lists.map((rows, i) => slot(rows, i * 10));
      const before = structuredClone(sums);
      t.deepEqual(contents(foldSlots(sums)), contents(sumTraffic(sums)));
      t.deepEqual(sums, before);
    }),
  );
});
