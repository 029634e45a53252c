/** @module The read model: windows of slots, what is known, and when there is nothing to read. */
import test from 'ava';
import { ReadModel, type ReadModelOptions } from '../../../pipeline/model/read-model.ts';
import { readTraffic, type TrafficReading } from '../../../pipeline/model/reading.ts';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const T0 = 1_700_000_010_000;
const web = own('x/web');
const api = own('x/api');

function model(options: Partial<ReadModelOptions> = {}): ReadModel {
  return new ReadModel({
    windowMs: 30_000,
    slotMs: 10_000,
    retentionMs: 60_000,
    defaultKind: 'Deployment',
    startedMs: T0 - 2_000,
    maxItems: 1_000,
    maxReadings: 4,
    ...options,
  });
}

const tenSeconds = { coveredSeconds: 10, expectedSeconds: 10, scrapesDue: 1 };
function slot(at: number, requests: number, lengthMs = 10_000) {
  const records = requests === 0 ? [] : [record('client', web, peer('x/api', { service: 'api' }), requests)];
  return sumOf(records, [covered(web, tenSeconds)], { startMs: T0 + at * 10_000, lengthMs });
}
const requests = (reading: TrafficReading | null) => reading?.edges[0]?.figures.successes ?? null;

test('before the first closed slot it says when numbers will come', (t) => {
  const waiting = model();
  t.is(waiting.read(), null);
  t.deepEqual(waiting.state(T0 - 1_500), { kind: 'waiting', firstNumbersMs: 1_500 });
  t.deepEqual(waiting.state(T0 + 4_000), { kind: 'waiting', firstNumbersMs: 6_000 });
});

test('where slots wait for what others tell of them, the first numbers come as much later', (t) => {
  const table: readonly (readonly [afterMs: number, firstNumbersMs: number])[] = [
    [-1_500, 11_500],
    [4_000, 6_000],
    [9_999, 1],
    [10_000, 10_000],
    [14_000, 6_000],
  ];
  for (const [afterMs, firstNumbersMs] of table) {
    const waiting = model({ slotWaitMs: 10_000 });
    t.deepEqual(waiting.state(T0 + afterMs), { kind: 'waiting', firstNumbersMs }, `${afterMs} ms`);
  }
});

test('slots that hold first sights only are no numbers yet; a target that failed, or none at all, is an answer', (t) => {
  const firstSight = covered(web, { ...tenSeconds, coveredSeconds: 0, firstSight: true });
  const at = { startMs: T0, lengthMs: 10_000 };
  const baseline = model();
  baseline.add(sumOf([], [firstSight], at));
  t.deepEqual(baseline.state(T0 + 11_000), { kind: 'waiting', firstNumbersMs: 9_000 });
  baseline.add(slot(1, 5));
  t.is(baseline.state(T0 + 21_000).kind, 'ready');
  for (const coverage of [[], [covered(web, { ...tenSeconds, coveredSeconds: 0, scrapesMissed: 1 })]]) {
    const answer = model();
    answer.add(sumOf([], coverage, at));
    t.is(answer.state(T0 + 11_000).kind, 'ready');
  }
});

test('a window is the newest slots that cover it, and a young one says how much it covers', (t) => {
  const held = model();
  held.add(slot(0, 1));
  t.is(held.read()?.windowSeconds, 10);
  for (const [at, n] of [
    [1, 2],
    [2, 4],
    [3, 8],
  ] as const)
    held.add(slot(at, n));
  t.is(held.closedUntilMs, T0 + 40_000);
  t.is(requests(held.read()), 14);
  t.is(held.read()?.windowSeconds, 30);
  t.is(requests(held.read(10_000)), 8);
  t.is(requests(held.read(60_000)), 15);
  t.is(held.read(60_000)?.windowSeconds, 40);
  t.is(held.read(30_000)?.edges[0]?.figures.ratePerSecond, 14 / 30);
});

test('slots come in any order and twice for one interval', (t) => {
  const held = model();
  for (const at of [2, 0, 1, 1]) held.add(slot(at, 10 ** at));
  t.is(requests(held.read()), 1 + 10 + 10 + 100);
  t.is(held.read()?.windowSeconds, 30);
});

test('a window of slots reads as their sum, and leaves the slots as they were', (t) => {
  const tcp = { opened: 1, closed: 0, readBytes: 10, writtenBytes: 20 };
  const slots = [0, 1, 2].map((at) => {
    const latency = [buckets([[10 * (at + 1), 10 + at]]), buckets([[50, at]], [50, 100])];
    const records = [record('client', web, peer('x/api'), 10 + at, at, { latency, tcp })];
    return sumOf(records, [covered(web, tenSeconds)], { startMs: T0 + at * 10_000, lengthMs: 10_000 });
  });
  const held = model();
  for (const each of slots) held.add(each);
  const summed = readTraffic(sumTraffic(slots)!, { defaultKind: 'Deployment', windowMs: 30_000 });
  t.deepEqual(held.read()?.edges, summed.edges);
  t.deepEqual(held.read(10_000)?.edges[0]?.figures.successes, 12);
  t.deepEqual(tcp, { opened: 1, closed: 0, readBytes: 10, writtenBytes: 20 });
});

test('a gap is no covered time', (t) => {
  const held = model();
  held.add(slot(0, 1));
  held.add(slot(2, 4));
  t.is(held.read()?.windowSeconds, 20);
  t.is(requests(held.read()), 5);
  t.deepEqual(held.read()?.interval, { startMs: T0, endMs: T0 + 30_000 });
});

test('what is asked for is rounded up to whole slots, up to the retention', (t) => {
  const held = model();
  t.is(held.wholeSlots(1_000), 10_000);
  t.is(held.wholeSlots(20_000), 20_000);
  t.is(held.wholeSlots(25_000), 30_000);
  t.is(held.wholeSlots(60_000), 60_000);
  t.is(held.wholeSlots(60_001), null);
});

test('a peer stays known and idle for the retention, then disappears; numbers never outlive their window', (t) => {
  const held = model();
  held.add(slot(0, 7));
  const names = () => held.read()?.workloads.map((w) => `${w.resource.name} ${w.figures?.successes ?? 'idle'}`);
  t.deepEqual(names(), ['api 7', 'web idle']);
  for (const at of [1, 2, 3]) held.add(slot(at, 0));
  t.deepEqual(names(), ['api idle', 'web idle']);
  t.deepEqual(
    held.read()?.services.map((s) => [s.resource.name, s.figures]),
    [['api', null]],
  );
  for (const at of [4, 5]) held.add(slot(at, 0));
  t.deepEqual(names(), ['api idle', 'web idle']);
  held.add(slot(6, 0));
  t.deepEqual(names(), ['web idle']);
  t.is(held.slots, 6);
});

test('a repeated question is answered from memory until the next slot', (t) => {
  const held = model({ maxReadings: 2 });
  held.add(slot(0, 1));
  const first = held.read();
  t.is(held.read(), first);
  held.read(10_000);
  held.read(20_000);
  t.not(held.read(), first);
  const second = held.read();
  held.add(slot(1, 1));
  t.not(held.read(), second);
});

test('when no slot has closed for longer than a window and its grace, the numbers are stale', (t) => {
  const held = model();
  held.add(slot(0, 1));
  t.deepEqual(held.state(T0 + 60_000), { kind: 'ready' });
  t.deepEqual(held.state(T0 + 60_001), { kind: 'stale', lastSlotEndMs: T0 + 10_000 });
});

test('old slots keep only what counted something, and the limit on items forgets the oldest first', (t) => {
  const held = model({ maxItems: 6 });
  const quiet = record('server', api, peer(null), 0);
  for (const at of [0, 1, 2]) {
    const full = slot(at, 1);
    held.add({ ...full, records: [...full.records, quiet] });
  }
  // Three slots of three items each: the first one no longer fits.
  t.is(held.items, 6);
  t.is(held.forgottenItems, 3);
  t.is(requests(held.read()), 2);
  const roomy = model();
  for (const at of [0, 1, 2, 3]) roomy.add({ ...slot(at, 1), records: [quiet] });
  t.is(roomy.items, 7);
});

test('where calls to a service went is known for as long as slots are retained, also when all of it is down', (t) => {
  const held = model();
  const lost = record('client', web, peer('x/svc', { kind: 'Service', service: 'svc' }), 0, 3, { unreached: 3 });
  const known = record('client', web, peer('x/api', { service: 'svc' }), 3);
  [known, lost, lost, lost, lost, lost, lost].forEach((each, at) => {
    held.add(sumOf([each], [covered(web, tenSeconds)], { startMs: T0 + at * 10_000, lengthMs: 10_000 }));
    t.is(held.read()?.edges[0]?.destination?.name, at < 6 ? 'api' : 'svc', `slot ${at}`);
  });
});
