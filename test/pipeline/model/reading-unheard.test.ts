/** @module Calls without a name, or by an account, are complete only when every client that may be behind them was heard. */
import test from 'ava';
import { readTraffic, type TrafficReading } from '../../../pipeline/model/reading.ts';
import type { CoverageRecord, TrafficRecord } from '../../../pipeline/model/traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

function read(records: readonly TrafficRecord[], coverage: readonly CoverageRecord[]): TrafficReading {
  return readTraffic(sumOf(records, coverage), { defaultKind: 'Deployment', windowMs: 30_000 });
}

/** `name complete` of each edge. */
const edgesOf = ({ edges }: TrafficReading) =>
  edges.map(({ source, destination, figures }) => `${source?.name ?? '?'} > ${destination?.name} ${figures.complete}`);

const ENVOY = { mesh: 'envoy' } as const;
const images = own('x/images', { account: 'images' });
const thumbs = own('x/thumbs', { account: 'thumbs' });
const web = own('x/web', { account: 'web' });
const MISSED = { scrapesDue: 3, scrapesMissed: 1, coveredSeconds: 20 };
const SILENT = { scrapesDue: 3, scrapesMissed: 3, coveredSeconds: 0 };
const unnamed = record('server', thumbs, peer(null), 100, 0, ENVOY);

for (const [title, client, lack, complete] of [
  ['lacks a scrape', 60, { ...ENVOY, ...MISSED }, false],
  ['is seen for the first time', 60, { ...ENVOY, firstSight: true }, false],
  ['was set back', 60, { ...ENVOY, resets: 1 }, false],
  ['is heard whole', 60, ENVOY, true],
  ['tells nothing at all', null, { ...ENVOY, ...SILENT }, false],
  ['tells nothing because nobody called', null, ENVOY, true],
] as const) {
  test(`what is left of unnamed callers while a client of them ${title}`, (t) => {
    const told = client === null ? [] : [record('client', images, peer('x/thumbs'), client, 0, ENVOY)];
    const reading = read([unnamed, ...told], [covered(images, lack), covered(thumbs, ENVOY)]);
    t.true(edgesOf(reading).includes(`? > thumbs ${complete}`), edgesOf(reading).join());
    t.is(reading.complete, complete);
    const explained = reading.explainEdge(reading.edges.find(({ source }) => source === null)!);
    t.is(explained?.unheard, !complete);
    const all = reading.edgesOf({ kind: 'Namespace', cluster: '', namespace: '', name: 'x' });
    t.is(all.find(({ other }) => other === null)?.figures.complete, complete, 'a sum of it as well');
  });
}

test('a client that calls others only, or that the server would name, takes nothing from it', (t) => {
  const others = record('client', images, peer('x/store'), 5, 0, ENVOY);
  t.deepEqual(edgesOf(read([unnamed, others], [covered(images, { ...ENVOY, ...MISSED }), covered(thumbs, ENVOY)])), [
    'images > store false',
    '? > thumbs true',
  ]);
  const named = [record('server', thumbs, peer(null), 100), record('server', thumbs, peer('x/web'), 7)];
  const heard = edgesOf(read(named, [covered(web, SILENT), covered(thumbs)]));
  t.deepEqual(heard, ['web > thumbs true', '? > thumbs true']);
});

test('an account that stands for a client which tells nothing is incomplete', (t) => {
  const shared = [own('x/search', { account: 'shared' }), own('x/cron', { account: 'shared' })] as const;
  const told = [record('server', thumbs, peer('x/shared', { kind: 'ServiceAccount' }), 9)];
  const seen = (lack: Partial<CoverageRecord>) =>
    edgesOf(read(told, [covered(shared[0], lack), covered(shared[1]), covered(web, SILENT), covered(thumbs)]));
  t.deepEqual(seen({}), ['shared > thumbs true'], 'web has another account');
  t.deepEqual(seen(SILENT), ['shared > thumbs false']);
});

test('a window is complete when nothing is missing of anybody who is watched', (t) => {
  t.true(read([], [covered(web), covered(thumbs)]).complete);
  t.false(read([], [covered(web), covered(thumbs, MISSED)]).complete);
  t.false(readTraffic(sumOf([], [covered(web)], { partial: true }), { defaultKind: '', windowMs: 1 }).complete);
});
