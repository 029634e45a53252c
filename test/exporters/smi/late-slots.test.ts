/** @module Slots that amend others by so much that it takes steps are in what readers get, one after another. */
import test from 'ava';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { END_MS, startServer } from './server.ts';

const SLOT_MS = 10_000;
/** Records of several steps. */
const EDGES = 5000;

/** The slot that ends `slots` before END_MS: `count` requests of each of `edges` clients. */
function slot(slots: number, edges: number, count: number): TrafficSum {
  const clients = Array.from({ length: edges }, (_, i) => own(`x/web-${i}`));
  return sumOf(
    clients.map((client) => record('client', client, peer('x/api'), count)),
    [covered(own('x/web-0'), { scrapesDue: 1, coveredSeconds: 10, expectedSeconds: 10 })],
    { startMs: END_MS - (slots + 1) * SLOT_MS, lengthMs: SLOT_MS },
  );
}

function amending(own: TrafficSum, ...amendments: readonly TrafficSum[]): TrafficSum {
  const sum = sumTraffic([own, ...amendments])!;
  return { ...sum, interval: own.interval, late: true, parts: [own, ...amendments] };
}

test('two slots that amend thousands of edges follow each other at once, and readers see both', async (t) => {
  const sums = [slot(3, EDGES, 1), slot(2, EDGES, 1)];
  const { feed, get, exporter } = await startServer(t, { sums });
  for (const sum of [
    amending(slot(1, 1, 10), slot(3, EDGES, 2), slot(2, EDGES, 3)),
    amending(slot(0, 1, 100), slot(2, EDGES, 4)),
  ])
    t.deepEqual(feed(sum).outcome, { kind: 'taken' });
  const { edges } = await get('/v1/edges?t=40s');
  t.is(edges.length, EDGES);
  const requests = edges.map(({ successes }: { successes: number }) => successes);
  t.is(
    requests.reduce((sum: number, count: number) => sum + count, 0),
    EDGES * (1 + 1 + 2 + 3 + 4) + 110,
  );
  await exporter.stop(AbortSignal.abort());
});
