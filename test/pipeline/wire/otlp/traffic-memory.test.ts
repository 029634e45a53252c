/** @module Reading with a memory of earlier requests gives what reading without one gives, whatever came before. */
import test from 'ava';
import fc from 'fast-check';
import {
  decodeTraffic,
  decodeTrafficInSteps,
  OtlpTrafficEncoder,
  TrafficMemory,
} from '../../../../pipeline/wire/otlp-traffic.ts';
import { covered, own, peer, record, sumOf } from '../../../kit/traffic.ts';
import { anyEnvelope, anySum } from '../../../kit/traffic-arbitrary.ts';

const ENVELOPE = { source: 'w', epoch: 'e', seq: 7, resource: new Map<string, string>() };
const podsOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => own('shop/web', { kind: 'Deployment', pod: `web-${from + i}` }));

function bytesOf(from: number, count: number): Uint8Array {
  const pods = podsOf(from, count);
  const sum = sumOf(
    pods.map((pod) => record('client', pod, peer('shop/api'), 5, 2)),
    pods.map((pod) => covered(pod)),
    { startMs: 1_764_000_000_000, lengthMs: 10_000 },
  );
  return new OtlpTrafficEncoder().encode(sum, ENVELOPE);
}

test('any requests in a row read as each one alone', (t) => {
  fc.assert(
    fc.property(
      fc.nat(9),
      fc.array(fc.tuple(anySum, anyEnvelope), { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(3), { maxLength: 8 }),
      (size, requests, order) => {
        const memory = new TrafficMemory(size);
        for (const at of order) {
          const [sum, envelope] = requests[at % requests.length]!;
          const bytes = new OtlpTrafficEncoder().encode(sum, envelope);
          t.deepEqual(decodeTraffic(bytes, { memory }), decodeTraffic(bytes));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('mutated bytes read as without a memory that knows the whole ones', (t) => {
  const memory = new TrafficMemory(100);
  const bytes = bytesOf(0, 3);
  const outcome = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      return String(error);
    }
  };
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
      decodeTraffic(bytes, { memory });
      const other = bytes.slice();
      other[at] = byte;
      t.deepEqual(
        outcome(() => decodeTraffic(other, { memory })),
        outcome(() => decodeTraffic(other)),
      );
    }),
    { numRuns: 1500 },
  );
});

test('keys of records are the same objects from request to request', (t) => {
  const memory = new TrafficMemory(100);
  const keys = [0, 1].map(() =>
    decodeTraffic(bytesOf(0, 3), { memory }).resources[0]!.sums[0]!.records.map(({ key }) => key),
  );
  t.is(keys[0]!.length, 3);
  for (const [i, key] of keys[0]!.entries()) t.is(key, keys[1]![i]!);
});

test('it remembers no more than it may, and counts what it gave up', (t) => {
  const memory = new TrafficMemory(20);
  for (let round = 0; round < 50; round++) {
    decodeTraffic(bytesOf(round * 7, 7), { memory });
    t.true(memory.size <= 20, `${memory.size}`);
  }
  // A record and a target for each pod.
  t.is(memory.size + memory.forgotten, 50 * 14);
  const none = new TrafficMemory(0);
  decodeTraffic(bytesOf(0, 7), { memory: none });
  t.is(none.size, 0);
});

test('requests read by turns, step by step, read as each one alone', (t) => {
  const memory = new TrafficMemory(10_000);
  const all = [0, 1, 2].map((i) => bytesOf(i * 100, 700));
  const running = all.map((bytes) => decodeTrafficInSteps(bytes, { memory }));
  const done = new Map<number, unknown>();
  let steps = 0;
  while (done.size < all.length) {
    for (const [i, steps_] of running.entries()) {
      if (done.has(i)) continue;
      const step = steps_.next();
      steps += 1;
      if (step.done === true) done.set(i, step.value);
    }
  }
  for (const [i, bytes] of all.entries()) t.deepEqual(done.get(i), decodeTraffic(bytes));
  // 8 points a pod, and that of the interval.
  t.true(steps > (3 * 5601) / 250);
});

test('points that are not wanted are passed over and are none left out', (t) => {
  const bytes = bytesOf(0, 3);
  const seen: number[] = [];
  const first = decodeTraffic(bytes, {
    wants: (envelope, point) => {
      t.is(envelope.seq, 7);
      seen.push(point);
      return seen.length % 2 === 0;
    },
  });
  t.is(seen.length, 3 * 8 + 1);
  t.is(new Set(seen).size, seen.length, 'each point has a name of its own');
  t.true(seen.every(Number.isSafeInteger));
  const [resource] = first.resources;
  t.is(resource!.points, 25);
  t.is(resource!.declaredPoints, 25);
  t.is(first.foreign.points, 0);
  const rest = new Set(seen.filter((_, i) => i % 2 === 0));
  const second = decodeTraffic(bytes, { wants: (_, point) => rest.has(point) });
  const totals = [first, second].flatMap(({ resources }) =>
    resources[0]!.sums[0]!.records.map((r) => r.successes + r.failures),
  );
  t.is(
    totals.reduce((a, b) => a + b, 0),
    3 * 7,
  );
});
