/** @module Calls without a name, or by an account, are complete only when every client that may be behind them was heard. */
import test from 'ava';
import fc from 'fast-check';
import { reasonText } from '../../../exporters/smi/explain-why.ts';
import { ReadModel, type ReadModelOptions } from '../../../pipeline/model/read-model.ts';
import { readTraffic, type TrafficReading } from '../../../pipeline/model/reading.ts';
import { SideMemory } from '../../../pipeline/model/side-memory.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

function read(
  records: readonly TrafficRecord[],
  coverage: readonly CoverageRecord[],
  sides: SideMemory | null = null,
): TrafficReading {
  const options = { defaultKind: 'Deployment', windowMs: 30_000 } as const;
  return readTraffic(sumOf(records, coverage), sides === null ? options : { ...options, sides });
}

const OPTIONS: ReadModelOptions = {
  ...{ windowMs: 30_000, slotMs: 10_000, retentionMs: 60_000, defaultKind: 'Deployment', startedMs: 0 },
  ...{ maxItems: 10_000, maxReadings: 2 },
};

/** `name complete` of each edge. */
const edgesOf = ({ edges }: TrafficReading) =>
  edges.map(({ source, destination, figures }) => `${source?.name ?? '?'} > ${destination?.name} ${figures.complete}`);

const ENVOY = { mesh: 'envoy' } as const;
const images = own('x/images', { account: 'images' });
const thumbs = own('x/thumbs', { account: 'thumbs' });
const web = own('x/web', { account: 'web' });
const MISSED = { scrapesDue: 3, scrapesMissed: 1, coveredSeconds: 20 };
const SILENT = { scrapesDue: 3, scrapesMissed: 3, coveredSeconds: 0 };
const isWhole = ({ scrapesMissed = 0, resets = 0, firstSight = false }: Partial<CoverageRecord>) =>
  scrapesMissed + resets === 0 && !firstSight;
const NOT_READ = { scrapesMissed: 1, coveredSeconds: 0 };
const unnamed = record('server', thumbs, peer(null), 100, 0, ENVOY);

for (const [title, client, lack, complete] of [
  ['lacks a scrape', 60, { ...ENVOY, ...MISSED }, false],
  ['is seen for the first time', 60, { ...ENVOY, firstSight: true }, false],
  ['was set back', 60, { ...ENVOY, resets: 1 }, false],
  ['is heard whole', 60, ENVOY, true],
  ['tells nothing at all', null, { ...ENVOY, ...SILENT }, false],
  ['tells nothing because nobody called', null, ENVOY, true],
  ['is seen for the first time and has no series of a call', null, { ...ENVOY, firstSight: true }, true],
  ['was set back, and its new life has no series of a call', null, { ...ENVOY, resets: 1 }, false],
  ['lacks a scrape, and whether its last page came is not known', null, { ...ENVOY, ...MISSED }, false],
] as const) {
  test(`what is left of unnamed callers while a client of them ${title}`, (t) => {
    const told = client === null ? [] : [record('client', images, peer('x/thumbs'), client, 0, ENVOY)];
    const reading = read([unnamed, ...told], [covered(images, lack), covered(thumbs, ENVOY)]);
    t.true(edgesOf(reading).includes(`? > thumbs ${complete}`), edgesOf(reading).join());
    t.is(reading.complete, isWhole(lack));
    const explained = reading.explainEdge(reading.edges.find(({ source }) => source === null)!);
    t.deepEqual(explained?.unheard?.named.map(({ name }) => name) ?? null, complete ? null : ['images']);
    const all = reading.edgesOf({ kind: 'Namespace', cluster: '', namespace: '', name: 'x' });
    t.is(all.find(({ other }) => other === null)?.figures.complete, complete, 'a sum of it as well');
  });
}

test('a client that has told calls to others only may have called this server in what is missing', (t) => {
  const others = record('client', images, peer('x/store'), 5, 0, ENVOY);
  t.deepEqual(edgesOf(read([unnamed, others], [covered(images, { ...ENVOY, ...MISSED }), covered(thumbs, ENVOY)])), [
    'images > store false',
    '? > thumbs false',
  ]);
  const shared = own('x/images', { account: 'shared' });
  const told = [
    record('server', thumbs, peer('x/shared', { kind: 'ServiceAccount' }), 10),
    record('client', shared, peer('x/store'), 5),
  ];
  const cron = covered(own('x/cron', { account: 'shared' }));
  t.deepEqual(edgesOf(read(told, [covered(shared, MISSED), cron, covered(thumbs)])), [
    'images > store false',
    'shared > thumbs false',
  ]);
});

test('a client that the server would name is none of those it cannot', (t) => {
  const named = [record('server', thumbs, peer(null), 100), record('server', thumbs, peer('x/web'), 7)];
  const seen = (lack: Partial<CoverageRecord>) => edgesOf(read(named, [covered(web, lack), covered(thumbs)]));
  t.deepEqual(seen(SILENT), ['web > thumbs true', '? > thumbs true']);
  t.deepEqual(seen({ ...SILENT, ...ENVOY }), ['web > thumbs true', '? > thumbs false'], 'of another mesh');
});

test('an account that stands for a client which tells nothing is incomplete', (t) => {
  const shared = [own('x/search', { account: 'shared' }), own('x/cron', { account: 'shared' })] as const;
  const told = [record('server', thumbs, peer('x/shared', { kind: 'ServiceAccount' }), 9)];
  const seen = (lack: Partial<CoverageRecord>) =>
    edgesOf(read(told, [covered(shared[0], lack), covered(shared[1]), covered(web, SILENT), covered(thumbs)]));
  t.deepEqual(seen({}), ['shared > thumbs true'], 'web has another account');
  t.deepEqual(seen(SILENT), ['shared > thumbs false']);
  t.deepEqual(
    seen({ ...SILENT, ...ENVOY }),
    ['shared > thumbs true'],
    'its servers tell accounts of their own mesh alone',
  );
});

for (const sides of [null, new SideMemory()] as const) {
  test(`pods and their workload say the same, in ${sides === null ? 'one window' : 'a stream'}`, (t) => {
    const account = record('server', thumbs, peer('x/shared', { kind: 'ServiceAccount' }), 9);
    const cron = covered(own('x/cron', { account: 'shared' }));
    for (const [lack, complete] of [
      [{}, true],
      [SILENT, false],
    ] as const) {
      const silent = covered(own('x/search', { account: 'shared' }), lack);
      sides?.beginWindow();
      const reading = read([unnamed, account], [silent, cron, covered(thumbs, ENVOY)], sides);
      t.deepEqual(edgesOf(reading), [`shared > thumbs ${complete}`, `? > thumbs ${complete}`]);
      for (const [kind, name] of [
        ['Deployment', 'thumbs'],
        ['Pod', 'thumbs-1'],
      ] as const) {
        const seen = reading.edgesOf({ kind, cluster: '', namespace: 'x', name });
        t.deepEqual(
          seen.map(({ other, figures }) => `${other?.name ?? '?'} ${figures.complete}`).sort(),
          [`? ${complete}`, `shared ${complete}`],
          kind,
        );
      }
    }
  });
}

test('some of many clients that were not heard are told by name', (t) => {
  const silent = Array.from({ length: 5 }, (_, i) => covered(own(`x/c${i}`), { ...ENVOY, ...SILENT }));
  const reading = read([unnamed], [...silent, covered(thumbs, ENVOY)]);
  const explained = reading.explainEdge(reading.edges[0]!)!;
  t.is(explained.unheard?.count, 5);
  t.regex(
    reasonText(explained, 'edge'),
    /; not heard of whole, and maybe among these callers: x\/c0, x\/c1, x\/c2 and 2 more$/,
  );
});

const sumUp = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

test('what a page missed before the window brought is told with the reason', (t) => {
  const model = new ReadModel(OPTIONS);
  const client = { calls: [3, 1, 1, 1], good: [false, true, true, true], before: 0 };
  for (const slot of slotsOf([client], [50, 50, 50, 50], false)) model.add(slot);
  const reading = model.read()!;
  const edge = reading.edges.find(({ source }) => source === null)!;
  t.like(edge.figures, { complete: false, successes: 147 }, '3 too many of 153 are taken off');
  const why = reasonText(reading.explainEdge(edge)!, 'edge');
  t.true(why.endsWith('; a page missed just before the window brought calls from before it'), why);
});

/** What a client calls in each slot, one before the window and three in it, and which of its pages come. */
const anyClient = fc.record({
  calls: fc.oneof(fc.constant<number[]>([0, 0, 0, 0]), fc.array(fc.nat(3), { minLength: 4, maxLength: 4 })),
  good: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  before: fc.constantFrom<number[]>(0, 0, 2),
});
type AnyClient = typeof anyClient extends fc.Arbitrary<infer Client> ? Client : never;

/** The slots that the pages of thumbs, of `clients` and of nobody's `strangers` make; thumbs may miss the first one. */
function slotsOf(clients: readonly AnyClient[], strangers: readonly number[], isMissed: boolean): TrafficSum[] {
  const untold = clients.map(() => 0);
  return strangers.map((_, slot) => {
    const callsIn = (at: number) => clients.reduce((sum, { calls }) => sum + calls[at]!, strangers[at]!);
    const all = callsIn(slot) + (isMissed && slot === 1 ? callsIn(0) : 0);
    const isGood = !isMissed || slot > 0;
    const records = isGood ? [record('server', thumbs, peer(null), all, 0, ENVOY)] : [];
    const coverage = [covered(thumbs, { ...ENVOY, scrapesDue: 1, ...(isGood ? {} : NOT_READ) })];
    clients.forEach(({ calls, good, before }, i) => {
      const me = own(`x/client-${i}`);
      untold[i]! += calls[slot]!;
      const ever = calls.slice(0, slot + 1).reduce((sum, count) => sum + count, before);
      coverage.push(covered(me, { ...ENVOY, scrapesDue: 1, ...(good[slot] ? {} : NOT_READ) }));
      if (!good[slot]) return;
      if (ever > 0) records.push(record('client', me, peer('x/thumbs'), untold[i]!, 0, ENVOY));
      untold[i] = 0;
    });
    return sumOf(records, coverage, { startMs: slot * 10_000, lengthMs: 10_000 });
  });
}

test('an edge of unnamed callers that is told complete is the truth, whatever pages are missing', (t) => {
  let complete = 0;
  let idle = 0;
  const slots = fc.array(fc.oneof(fc.constant(0), fc.nat(60)), { minLength: 4, maxLength: 4 });
  const property = fc.property(
    fc.array(anyClient, { maxLength: 3 }),
    slots,
    fc.boolean(),
    (clients, strangers, isMissed) => {
      const model = new ReadModel(OPTIONS);
      for (const slot of slotsOf(clients, strangers, isMissed)) model.add(slot);
      const edge = model.read()?.edges.find(({ source }) => source === null);
      if (edge?.figures.complete !== true) return;
      const everyCall = ({ calls, before }: AnyClient) => before + sumUp(calls);
      const missed = clients.filter(({ good }) => good.slice(1).includes(false));
      t.true(missed.every((client) => everyCall(client) === 0));
      complete += 1;
      if (missed.length > 0) idle += 1;
      // Nothing is taken off then: as everywhere, the first page after a missed one tells the calls of both.
      const isWhole = isMissed && clients.every((client) => everyCall(client) === 0);
      t.is(edge.figures.successes, sumUp(isWhole ? strangers : strangers.slice(1)));
    },
  );
  fc.assert(property, { numRuns: 2000, seed: 7 });
  t.true(complete > 50 && idle > 5, `${complete} complete, ${idle} of them with idle clients that miss a page`);
});

test('a window is complete when nothing is missing of anybody who is watched', (t) => {
  t.true(read([], [covered(web), covered(thumbs)]).complete);
  t.false(read([], [covered(web), covered(thumbs, MISSED)]).complete);
  t.false(readTraffic(sumOf([], [covered(web)], { partial: true }), { defaultKind: '', windowMs: 1 }).complete);
});
