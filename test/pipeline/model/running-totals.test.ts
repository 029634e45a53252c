/** @module Running totals: nothing is counted twice or lost, and what is gone is forgotten and begins anew. */
import test from 'ava';
import fc from 'fast-check';
import { RunningTotals, type RunningTotalsOptions } from '../../../pipeline/model/running-totals.ts';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import type { TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const START_MS = 1_700_000_010_000;
const SLOT_MS = 10_000;
const WEB = own('shop/web');

function totalsOf(options: Partial<RunningTotalsOptions> = {}): RunningTotals {
  return new RunningTotals({ expirationMs: 300_000, maxSeries: 1000, ...options });
}

/** Slot number `n` with these records, and coverage of `web` when asked for. */
function slot(n: number, records: readonly TrafficRecord[], coverage = false): TrafficSum {
  return sumOf(records, coverage ? [covered(WEB)] : [], { startMs: START_MS + n * SLOT_MS, lengthMs: SLOT_MS });
}

function toApi(successes: number, failures = 0): TrafficRecord {
  return record('client', WEB, peer('shop/api'), successes, failures, { latency: [buckets([[10, successes]])] });
}

test('deltas add up from the start of the first interval', (t) => {
  const totals = totalsOf();
  t.deepEqual(totals.add(slot(0, [toApi(3, 1)], true), 1), { begun: 2, merged: 0, refused: 0 });
  t.deepEqual(totals.add(slot(1, [toApi(4)], true), 2), { begun: 0, merged: 2, refused: 0 });
  const [held] = totals.records();
  t.like(held, { successes: 7, failures: 1, startMs: START_MS, touchedMs: 2 });
  t.is(held?.latency?.[0]?.counts[5], 7);
  t.like([...totals.coverage()][0], { scrapesDue: 6, coveredSeconds: 60, startMs: START_MS });
});

test('what is given is never written', (t) => {
  const totals = totalsOf();
  const first = slot(0, [toApi(3)], true);
  const before = structuredClone(first);
  totals.add(first, 1);
  totals.add(slot(1, [toApi(4)], true), 2);
  t.deepEqual(first, before);
});

test('a record of zeros keeps its total alive', (t) => {
  const totals = totalsOf({ expirationMs: 100 });
  totals.add(slot(0, [toApi(3)]), 0);
  totals.add(slot(1, [toApi(0)]), 90);
  t.is(totals.expire(189), 0);
  t.is([...totals.records()][0]?.successes, 3);
});

test('what nothing tells any more is forgotten and comes back from 0 with a new start', (t) => {
  const totals = totalsOf({ expirationMs: 100 });
  totals.add(slot(0, [toApi(3)], true), 0);
  const { version } = totals;
  t.is(totals.expire(99), 0);
  t.is(totals.version, version);
  t.is(totals.expire(100), 2);
  t.true(totals.version > version);
  t.deepEqual([totals.size, totals.forgotten], [0, 2]);
  totals.add(slot(40, [toApi(5)]), 200);
  t.like([...totals.records()][0], { successes: 5, startMs: START_MS + 40 * SLOT_MS });
});

test('beyond the limit new keys are refused and counted while held ones go on', (t) => {
  const totals = totalsOf({ maxSeries: 1 });
  const other = record('server', WEB, peer(null), 9);
  t.deepEqual(totals.add(slot(0, [toApi(1), other], true), 0), { begun: 1, merged: 0, refused: 2 });
  t.deepEqual(totals.add(slot(1, [other, toApi(1)]), 1), { begun: 0, merged: 1, refused: 1 });
  t.is(totals.refused, 3);
  t.is([...totals.records()][0]?.successes, 2);
});

test('room that was given back is used again', (t) => {
  const totals = totalsOf({ maxSeries: 1, expirationMs: 100 });
  totals.add(slot(0, [toApi(1)]), 0);
  totals.expire(100);
  t.is(totals.add(slot(1, [record('server', WEB, peer(null), 9)]), 100).begun, 1);
});

test('keys of one identity share a total, and are forgotten with it', (t) => {
  const totals = totalsOf({ expirationMs: 100, identity: (key) => key.side });
  totals.add(slot(0, [toApi(1), record('client', own('shop/other'), peer(null), 2)]), 0);
  t.is(totals.size, 1);
  t.like([...totals.records()][0], { successes: 3, startMs: START_MS });
  totals.expire(100);
  totals.add(slot(1, [record('client', own('shop/other'), peer(null), 4)]), 100);
  t.like([...totals.records()][0], { successes: 4, startMs: START_MS + SLOT_MS });
});

test('histograms with other bounds stand beside each other', (t) => {
  const totals = totalsOf();
  const envoy = record('client', WEB, peer('shop/api'), 1, 0, { latency: [buckets([[5, 1]], [5, 25])] });
  totals.add(slot(0, [toApi(2)]), 0);
  totals.add(slot(1, [envoy]), 0);
  const held = [...totals.records()][0]?.latency?.map(({ boundsMs, counts }) => [boundsMs.length, counts[0]]);
  t.deepEqual(held, [
    [25, 0],
    [2, 1],
  ]);
});

test('first sights and resets are counted', (t) => {
  const totals = totalsOf();
  for (const firstSight of [true, false, true]) totals.add(sumOf([], [covered(WEB, { firstSight, resets: 1 })]), 0);
  t.like([...totals.coverage()][0], { firstSights: 2, resets: 3 });
});

test('property: totals are what was added less what was refused and what was forgotten', (t) => {
  const names = ['web', 'api', 'db'];
  const step = fc.record({
    records: fc.uniqueArray(fc.record({ name: fc.constantFrom(...names), ok: fc.nat(50), bad: fc.nat(9) }), {
      selector: ({ name }) => name,
    }),
    afterMs: fc.nat(150),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 1, max: 3 }), (steps, maxSeries) => {
      const totals = totalsOf({ expirationMs: 100, maxSeries });
      const expected = new Map<string, { sums: TrafficSum[]; touchedMs: number; startMs: number }>();
      let nowMs = 0;
      for (const [n, { records, afterMs }] of steps.entries()) {
        nowMs += afterMs;
        totals.expire(nowMs);
        for (const [name, held] of expected) if (nowMs - held.touchedMs >= 100) expected.delete(name);
        for (const { name, ok, bad } of records) {
          const sum = slot(n, [record('client', own(`shop/${name}`), peer(null), ok, bad)]);
          const held = expected.get(name);
          const { refused } = totals.add(sum, nowMs);
          t.is(refused, held === undefined && expected.size >= maxSeries ? 1 : 0);
          if (refused === 1) continue;
          const { sums, startMs } = held ?? { sums: [], startMs: sum.interval.startMs };
          expected.set(name, { sums: [...sums, sum], touchedMs: nowMs, startMs });
        }
      }
      const found = [...totals.records()].map(({ key, successes, failures, startMs, touchedMs }) => [
        key.own.workload.name,
        { successes, failures, startMs, touchedMs },
      ]);
      const wanted = [...expected].map(([name, { sums, startMs, touchedMs }]) => {
        const { successes = 0, failures = 0 } = sumTraffic(sums)?.records[0] ?? {};
        return [name, { successes, failures, startMs, touchedMs }];
      });
      t.deepEqual(found, wanted);
    }),
  );
});

test('pods that come and go under one identity are forgotten one by one, while their total lives', (t) => {
  const totals = totalsOf({ maxSeries: 10, identity: ({ own: { workload } }) => workload.name });
  for (let n = 0; n < 1000; n++) {
    totals.expire(n * 1000);
    totals.add(slot(n, [record('server', own('shop/web', { pod: `web-${n}` }), peer(null), 1)]), n * 1000);
    // Nothing is kept of a pod that was not told for the 300 s of the expiration, nor more than four ids a total.
    t.true(totals.ids <= 40, `${totals.ids} ids after ${n + 1} pods`);
  }
  t.is(totals.size, 1);
  t.is([...totals.records()][0]?.successes, 1000);
  totals.expire(999_000 + 300_000);
  t.deepEqual([totals.size, totals.ids, totals.forgotten], [0, 0, 1]);
});

test('an id beyond the limit finds its total all the same', (t) => {
  const totals = totalsOf({ maxSeries: 1, identity: () => 'all' });
  for (let round = 0; round < 2; round++)
    for (let n = 0; n < 9; n++)
      totals.add(slot(n, [record('server', own('shop/web', { pod: `web-${n}` }), peer(null), 1)]), n);
  t.is(totals.ids, 4);
  t.is(totals.idsTurnedAway, 2 * 5);
  t.is([...totals.records()][0]?.successes, 18);
  t.is(totals.refused, 0);
});

test('the limit of ids is one for records and targets together, and what is forgotten makes room', (t) => {
  const all = { identity: () => 'all', coverageIdentity: () => 'all' };
  const totals = totalsOf({ maxSeries: 2, expirationMs: 100, ...all });
  const pods = (from: number) => Array.from({ length: 6 }, (_, n) => own('shop/web', { pod: `web-${from + n}` }));
  const told = (from: number) =>
    sumOf(
      pods(from).map((pod) => record('server', pod, peer(null), 1)),
      pods(from).map((pod) => covered(pod)),
    );
  totals.add(told(0), 0);
  t.deepEqual([totals.size, totals.ids, totals.idsTurnedAway], [2, 8, 4]);
  totals.add(sumOf([record('server', own('shop/web', { pod: 'web-0' }), peer(null), 1)], []), 50);
  totals.expire(100);
  t.deepEqual([totals.size, totals.ids], [1, 1]);
  totals.add(told(10), 100);
  t.deepEqual([totals.ids, totals.idsTurnedAway], [8, 4 + 5]);
  t.is([...totals.records()][0]?.successes, 13);
});

test('no id is remembered where it is the identity', (t) => {
  const totals = totalsOf();
  totals.add(slot(0, [toApi(1)], true), 0);
  totals.add(slot(1, [toApi(1)], true), 0);
  t.deepEqual([totals.size, totals.ids, totals.idsTurnedAway], [2, 0, 0]);
});

test('a total stands at 2^53, and what it loses there is counted', (t) => {
  const totals = totalsOf();
  for (let n = 0; n < 3; n++) totals.add(slot(n, [record('client', WEB, peer('shop/api'), 2 ** 53, 2)]), n);
  const [held] = totals.records();
  t.deepEqual([held?.successes, held?.failures], [2 ** 53, 6]);
  t.is(totals.cappedCounts, 2 ** 54);
});

test('a total keeps 32 sets of bounds; histograms of further ones are left out and counted, their requests are not', (t) => {
  const totals = totalsOf();
  for (let n = 0; n < 40; n++) {
    const latency = [{ boundsMs: [n + 1], counts: Float64Array.of(1, 0) }];
    totals.add(slot(n, [record('client', WEB, peer('shop/api'), 1, 0, { latency })]), n);
  }
  totals.add(slot(40, [record('client', WEB, peer('shop/api'), 1, 0, { latency: [buckets([[1, 1]], [1])] })]), 40);
  const [held] = totals.records();
  t.is(held?.successes, 41);
  t.is(held?.latency?.length, 32);
  t.deepEqual([...(held?.latency?.[0]?.counts ?? [])], [2, 0]);
  t.is(totals.refusedHistograms, 8);
});

test('the limit of sets of bounds holds for what one record brings, too, first or later', (t) => {
  const sets = (from: number) =>
    Array.from({ length: 20 }, (_, n) => ({ boundsMs: [from + n], counts: Float64Array.of(1, 0) }));
  const toldAt = (from: number, length: number) =>
    record('client', WEB, peer('shop/api'), 1, 0, {
      latency: sets(from)
        .concat(sets(from + 20))
        .slice(0, length),
    });
  const totals = totalsOf();
  totals.add(slot(0, [toldAt(1, 40)]), 0);
  t.is([...totals.records()][0]?.latency?.length, 32);
  t.is(totals.refusedHistograms, 8);
  const later = totalsOf();
  later.add(slot(0, [toldAt(1, 20)]), 0);
  later.add(slot(1, [toldAt(11, 30)]), 0);
  const [held] = later.records();
  t.is(held?.latency?.length, 32);
  // Sets 11 to 20 were known; of the 20 new ones 12 had room.
  t.is(later.refusedHistograms, 8);
  t.deepEqual(
    held?.latency?.slice(9, 13).map(({ counts }) => counts[0]),
    [1, 2, 2, 2],
  );
});

test('no number ever falls: what is taken back waits for what comes next', (t) => {
  const totals = totalsOf();
  const told = (scrapesDue: number, scrapesMissed: number, expectedSeconds: number) => {
    const coverage = covered(WEB, { scrapesDue, scrapesMissed, coveredSeconds: 0, expectedSeconds });
    totals.add(sumOf([], [coverage]), 1);
    const [total] = totals.coverage();
    return [total?.scrapesDue, total?.scrapesMissed, total?.expectedSeconds];
  };
  t.deepEqual(told(-1, 0, -10), [0, 0, 0], 'one that begins with less than nothing');
  t.deepEqual(told(3, 1, 30), [2, 1, 20]);
  t.deepEqual(told(0, -1, 0), [2, 1, 20]);
  t.deepEqual(told(2, 2, 10.5), [4, 2, 30.5]);
});
