/** @module Traffic that came late: sums keep its mark, and the read model puts it where it belongs. */
import test from 'ava';
import { foldPods } from '../../../pipeline/model/fold.ts';
import { ReadModel, type ReadModelOptions } from '../../../pipeline/model/read-model.ts';
import { readTraffic } from '../../../pipeline/model/reading.ts';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const T0 = 1_700_000_010_000;
const SLOT_MS = 10_000;
const web = own('x/web');
const api = own('x/api');
const calls = (requests: number) => record('client', web, peer('x/api'), requests);
const GOOD = { coveredSeconds: 10, expectedSeconds: 10, scrapesDue: 1 };
const MISSING = { coveredSeconds: 0, expectedSeconds: 10, scrapesDue: 1, scrapesMissed: 1 };
const TAKEN_BACK = { coveredSeconds: 0, expectedSeconds: -10, scrapesDue: -1, scrapesMissed: -1 };

function model(options: Partial<ReadModelOptions> = {}): ReadModel {
  return new ReadModel({
    windowMs: 30_000,
    slotMs: SLOT_MS,
    retentionMs: 60_000,
    defaultKind: 'Deployment',
    startedMs: T0,
    maxItems: 1_000,
    maxReadings: 4,
    ...options,
  });
}

function slot(at: number, records: readonly TrafficRecord[], coverage: readonly CoverageRecord[]): TrafficSum {
  return sumOf(records, coverage, { startMs: T0 + at * SLOT_MS, lengthMs: SLOT_MS });
}

/** Slot `at` that also tells `late` parts. */
function withLate(own: TrafficSum, late: readonly TrafficSum[]): TrafficSum {
  return { ...sumTraffic([own, ...late])!, interval: own.interval, late: true, parts: [own, ...late] };
}

const good = (at: number, requests: number) => slot(at, [calls(requests)], [covered(web, GOOD)]);
const missing = (at: number) => slot(at, [], [covered(web, MISSING)]);
const late = (at: number, requests: number) =>
  slot(at, [calls(requests)], [sumTraffic([sumOf([], [covered(web, GOOD), covered(web, TAKEN_BACK)])])!.coverage[0]!]);

test('what comes late amends its slot: the reading is that of everything in time, with a revision', (t) => {
  const inTime = model();
  for (const sum of [good(0, 1), good(1, 2), good(2, 4)]) inTime.add(sum);
  const amended = model();
  amended.add(good(0, 1));
  amended.add(missing(1));
  t.false(amended.read()?.edges[0]?.figures.complete);
  amended.add(withLate(good(2, 4), [late(1, 2)]));
  const reading = amended.read()!;
  t.deepEqual(reading.edges, inTime.read()!.edges);
  t.deepEqual(reading.workloads, inTime.read()!.workloads);
  t.deepEqual(amended.read(10_000)!.edges, inTime.read(10_000)!.edges);
  t.true(reading.edges[0]!.figures.complete);
  t.is(reading.revision, 1);
  t.is(inTime.read()!.revision, 0);
  t.is(amended.read(10_000)!.revision, 0, 'a window without the amended slot');
  t.false(reading.late, 'everything is where it belongs');
  t.is(amended.items, inTime.items);
});

test('coverage that is taken back whole leaves nothing of its target', (t) => {
  const held = model();
  held.add(slot(0, [], [covered(web, MISSING), covered(api, MISSING)]));
  const back = slot(0, [calls(3)], [covered(web, { ...GOOD, scrapesDue: 0, scrapesMissed: -1, expectedSeconds: 0 })]);
  const gone = { ...back, coverage: [...back.coverage, covered(api, TAKEN_BACK)] };
  held.add(withLate(good(1, 1), [gone]));
  t.is(held.items, 4);
  t.deepEqual(
    held.read()!.workloads.map(({ resource }) => resource.name),
    ['api', 'web'],
    'api is a peer',
  );
  t.is(held.read()!.coveredSecondsOf({ kind: 'Deployment', cluster: '', namespace: 'x', name: 'api' }), 0);
  t.true(held.read()!.edges[0]!.figures.complete);
});

test('what belongs to a slot that never was is a slot of its own; later than the retention it is counted as forgotten', (t) => {
  const held = model();
  held.add(good(5, 1));
  held.add(withLate(good(6, 1), [late(2, 7), late(0, 9)]));
  t.is(held.slots, 3);
  t.is(held.forgottenItems, 2);
  t.is(held.read(60_000)?.edges[0]?.figures.successes, 9);
  t.is(held.read(60_000)?.windowSeconds, 30);
  held.add(withLate(good(7, 1), [slot(2, [calls(3)], [])]));
  t.is(held.slots, 4);
  t.is(held.read(60_000)?.edges[0]?.figures.successes, 13);
  t.is(held.read(60_000)?.revision, 2);
});

test('a slot of which nothing but late traffic is here is partial: an earlier life may have told the rest of it', (t) => {
  const held = model();
  held.add(good(5, 1));
  t.is(held.read(60_000)?.edges[0]?.figures.complete, true);
  held.add(withLate(good(6, 1), [slot(4, [calls(3)], [])]));
  t.is(held.read(60_000)?.edges[0]?.figures.complete, false);
  t.is(held.read(20_000)?.edges[0]?.figures.complete, true, 'a window without it is whole');
});

test('a slot that was thinned is amended and thinned again', (t) => {
  const held = model();
  const idle = record('server', api, peer(null), 0);
  for (const at of [0, 1, 2, 3]) held.add({ ...good(at, 1), records: [calls(1), idle] });
  t.is(held.items, 11);
  held.add(withLate({ ...good(4, 1), records: [calls(1), idle] }, [slot(0, [calls(5), idle], [])]));
  t.is(held.items, 13);
  t.is(held.read(60_000)?.edges[0]?.figures.successes, 10);
});

test('a slot cut by the beginning of the watch takes what ends in it, and begins where that does', (t) => {
  const held = model();
  held.add({ ...missing(0), interval: { startMs: T0 + 3_000, endMs: T0 + SLOT_MS }, partial: true });
  held.add(withLate(good(1, 1), [late(0, 2)]));
  t.is(held.slots, 2);
  t.deepEqual(held.read()?.interval, { startMs: T0, endMs: T0 + 20_000 });
});

test('parts inside the interval of their sum are slots of their own', (t) => {
  const both = { ...withLate(good(1, 2), [good(0, 1)]), interval: { startMs: T0, endMs: T0 + 20_000 } };
  const held = model();
  held.add(both);
  t.is(held.slots, 2);
  t.is(held.read()?.revision, 0);
  t.is(held.read(10_000)?.edges[0]?.figures.successes, 2);
});

test('sums that are added up keep the mark, and count every item once', (t) => {
  const sum = sumTraffic([withLate(good(1, 2), [late(0, 1)]), good(2, 4)])!;
  t.true(sum.late);
  t.is(sum.parts, undefined);
  t.is(sum.records[0]!.successes, 7);
  t.like(sum.coverage[0], { scrapesDue: 2, scrapesMissed: -1, expectedSeconds: 20, coveredSeconds: 30 });
  t.true(foldPods(sum).late);
  t.false('late' in sumTraffic([good(1, 2), good(2, 4)])!);
});

test('a window of a stream that takes back more than it expects has no rate, never one below 0', (t) => {
  const coverage = covered(web, { scrapesDue: 1, coveredSeconds: 4, expectedSeconds: -10 });
  const sum = { ...slot(3, [calls(2)], [coverage]), late: true };
  const reading = readTraffic(sum, { defaultKind: 'Deployment', windowMs: SLOT_MS });
  t.like(reading.edges[0]!.figures, { successes: 2, ratePerSecond: 0 });
  t.true(reading.late);
});

test('a miss that one target takes back does not make up for the miss of another one of its workload', (t) => {
  const other = own('x/web', { pod: 'web-2' });
  const reading = (pod: typeof other) =>
    readTraffic(
      sumTraffic([
        slot(0, [calls(1)], [covered(web, { ...GOOD, scrapesDue: 2, scrapesMissed: 1 })]),
        slot(1, [calls(1)], [covered(web, GOOD), covered(pod, TAKEN_BACK)]),
      ])!,
      { defaultKind: 'Deployment', windowMs: 20_000 },
    ).edges[0]!.figures;
  t.like(reading(other), { missed: 0, complete: false });
  t.like(reading(web), { missed: 0, complete: true }, 'its own');
});
