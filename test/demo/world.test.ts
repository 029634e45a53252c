/** @module The demo world: repeatable, conserving, and in agreement with its own pages through every fault. */
import test from 'ava';
import { edgeId, FAILING_EDGE, SLOW_EDGE } from '../../demo/world/topology.ts';
import type { TruthDelta, TruthSnapshot } from '../../demo/world/truth.ts';
import { groupDeltas, observable, sinceStart, trueQuantile } from '../../demo/world/truth.ts';
import { createWorld, type World } from '../../demo/world/world.ts';
import { readPage, type Sample, total } from './tiny-reader.ts';

const START_MS = 1_700_000_000_000;
const ADMIN = '4191';

function newWorld(more: Partial<Parameters<typeof createWorld>[0]> = {}): World {
  return createWorld({ seed: 7, startMs: START_MS, ...more });
}

function scrapeAfter(world: World, pod: string, ms: number): { samples: Sample[]; truth: TruthSnapshot } {
  world.advance(world.nowMs + ms);
  return { samples: readPage(world.scrape(pod)), truth: world.snapshot(pod) };
}

/** Responses of the application on a page, scrapes left out. */
function responses(samples: readonly Sample[], direction: string, classification: string): number {
  const own = { target_port: ADMIN, direction, classification };
  return total(samples, 'response_total', { direction, classification }) - total(samples, 'response_total', own);
}

function sums(deltas: readonly TruthDelta[], side: string): { successes: number; failures: number } {
  const own = deltas.filter((delta) => delta.side === side);
  return {
    successes: own.reduce((sum, delta) => sum + delta.successes, 0),
    failures: own.reduce((sum, delta) => sum + delta.failures, 0),
  };
}

/** Counts of a page in the shape of the truth's. */
function countsOf(samples: readonly Sample[]) {
  return {
    client: {
      successes: responses(samples, 'outbound', 'success'),
      failures: responses(samples, 'outbound', 'failure'),
    },
    server: { successes: responses(samples, 'inbound', 'success'), failures: responses(samples, 'inbound', 'failure') },
  };
}

function trueCounts(deltas: readonly TruthDelta[]) {
  return { client: sums(deltas, 'client'), server: sums(deltas, 'server') };
}

test('the same seed and steps give the same pages, another seed gives others', (t) => {
  const pages = (seed: number) => {
    const world = newWorld({ seed });
    world.advance(START_MS + 5000);
    return world
      .pods()
      .filter((pod) => pod.meshed)
      .map((pod) => world.scrape(pod.name));
  };
  t.deepEqual(pages(7), pages(7));
  t.notDeepEqual(pages(7), pages(8));
});

test('the length of the steps does not matter', (t) => {
  const small = newWorld();
  const large = newWorld();
  for (let at = START_MS; at <= START_MS + 9000; at += 37) small.advance(at);
  small.advance(START_MS + 9000);
  large.advance(START_MS + 9000);
  const pod = large.podOf('shop/web');
  t.is(small.scrape(pod), large.scrape(pod));
});

test('a topology of twelve meshed workloads, at least fourteen edges, one failing and one slow', (t) => {
  const { workloads, edges } = newWorld().topology;
  t.is(workloads.filter((spec) => spec.mesh !== null && spec.replicas > 0).length, 12);
  t.true(edges.length >= 14);
  t.true(edges.some((edge) => edgeId(edge) === FAILING_EDGE));
  t.true(edges.some((edge) => edgeId(edge) === SLOW_EDGE));
});

test('every page shows exactly the responses and bytes the truth has', (t) => {
  const world = newWorld();
  for (const { name, meshed } of world.pods()) {
    if (!meshed) continue;
    const { samples, truth } = scrapeAfter(world, name, 1500);
    const deltas = observable(null, truth);
    t.deepEqual(countsOf(samples), trueCounts(deltas), name);
    const written = total(samples, 'tcp_write_bytes_total', { direction: 'outbound', peer: 'dst' });
    t.is(
      written,
      deltas.reduce((sum, { side, tcp }) => sum + (side === 'client' ? tcp.writtenBytes : 0), 0),
    );
  }
});

test('buckets of a page hold the true samples', (t) => {
  const world = newWorld();
  const { samples, truth } = scrapeAfter(world, world.podOf('payments/checkout'), 20_000);
  const latencies = observable(null, truth)
    .filter(({ side }) => side === 'client')
    .flatMap((delta) => delta.latenciesMs);
  t.true(latencies.length > 300);
  for (const bound of [1, 5, 10, 50, 100, 500]) {
    const wanted = { direction: 'outbound', le: String(bound) };
    t.is(total(samples, 'response_latency_ms_bucket', wanted), latencies.filter((ms) => ms <= bound).length);
  }
  t.is(
    total(samples, 'response_latency_ms_sum', { direction: 'outbound' }),
    latencies.reduce((sum, ms) => sum + ms, 0),
  );
});

test('about one call in five fails on the failing edge, and the slow edge reaches a second', (t) => {
  const world = newWorld();
  world.advance(START_MS + 120_000);
  const toward = (pod: string, name: string) =>
    observable(null, world.snapshot(world.podOf(pod))).find(
      ({ side, peer }) => side === 'client' && peer.workload.name === name,
    );
  const failing = toward('payments/checkout', 'fraud');
  const slow = toward('shop/web', 'recommend');
  if (failing === undefined || slow === undefined) return t.fail('no traffic on the special edges');
  const share = failing.failures / (failing.failures + failing.successes);
  t.true(share > 0.16 && share < 0.24, `${share}`);
  const p99 = trueQuantile(slow.latenciesMs, 0.99) ?? 0;
  t.true(p99 > 700 && p99 < 1300, `${p99}`);
});

test('clients and servers counted the same calls once none is under way', (t) => {
  const world = newWorld();
  world.advance(START_MS + 30_000);
  for (const edge of world.topology.edges) world.pause(edgeId(edge));
  world.advance(START_MS + 90_000);
  const deltas = world.truth().flatMap(sinceStart);
  for (const { from, to } of world.topology.edges) {
    const client = world.topology.workloads.find((spec) => `${spec.namespace}/${spec.name}` === from);
    const server = world.topology.workloads.find((spec) => `${spec.namespace}/${spec.name}` === to);
    if (client?.mesh == null || server?.mesh == null || client.replicas === 0) continue;
    const seen = (side: string, own: string, peer: string) =>
      world
        .truth()
        .filter(({ pod }) => pod.startsWith(`${own}-`))
        .flatMap(sinceStart)
        .filter((delta) => delta.side === side && delta.peer.workload.name === peer)
        .reduce((sum, delta) => sum + delta.successes * 1e6 + delta.failures, 0);
    t.is(seen('client', client.name, server.name), seen('server', server.name, client.name), `${from} -> ${to}`);
    t.true(seen('client', client.name, server.name) > 0);
  }
  t.true(
    deltas.every(
      (delta) => delta.side === 'client' || delta.latenciesMs.length > 0 || delta.peer.workload.mesh === null,
    ),
  );
});

test('in-flight requests are ahead of responses, never behind', (t) => {
  const world = newWorld();
  const pod = world.podOf('shop/recommend');
  for (let i = 0; i < 40; i++) {
    const { samples } = scrapeAfter(world, pod, 333);
    t.true(total(samples, 'request_total') >= total(samples, 'response_total'));
  }
});

test('a scrape counts itself, its request one ahead of its response', (t) => {
  const world = newWorld();
  const pod = world.podOf('shop/archive');
  for (let scrapes = 1; scrapes <= 3; scrapes++) {
    const samples = readPage(world.scrape(pod));
    t.is(total(samples, 'request_total', { target_port: ADMIN }), scrapes);
    t.is(total(samples, 'response_total', { target_port: ADMIN }), scrapes - 1);
    t.is(total(samples, 'tcp_open_connections', { target_port: ADMIN }), 1);
  }
});

test('a restart begins a new life at 0, and unanswered calls fail at their clients without a status', (t) => {
  const world = newWorld({ rateFactor: 4 });
  const pod = world.podOf('shop/recommend');
  const before = scrapeAfter(world, pod, 10_000);
  world.restart(pod);
  const after = scrapeAfter(world, pod, 500);
  t.is(after.truth.life, before.truth.life + 1);
  t.is(total(after.samples, 'process_start_time_seconds'), (START_MS + 10_000) / 1000);
  const counts = observable(before.truth, after.truth);
  t.deepEqual(countsOf(after.samples), trueCounts(counts));
  t.true(sums(counts, 'server').successes < sums(observable(null, before.truth), 'server').successes);
  const web = readPage(world.scrape(world.podOf('shop/web')));
  t.true(total(web, 'response_total', { error: 'unclassified', classification: 'failure' }) > 0);
  t.true(
    web.filter((sample) => sample.labels.get('error') === 'unclassified').every((s) => !s.labels.has('status_code')),
  );
});

test('a counter reset shows 0 on the next page under the same start time and counts on from there', (t) => {
  const world = newWorld();
  const pod = world.podOf('shop/catalog');
  const before = scrapeAfter(world, pod, 10_000);
  world.resetCounters(pod);
  const at = scrapeAfter(world, pod, 2000);
  t.deepEqual(countsOf(at.samples).server, { successes: 0, failures: 0 });
  t.is(total(at.samples, 'process_start_time_seconds'), total(before.samples, 'process_start_time_seconds'));
  t.deepEqual(observable(before.truth, at.truth), []);
  const after = scrapeAfter(world, pod, 2000);
  t.deepEqual(countsOf(after.samples), trueCounts(observable(at.truth, after.truth)));
  t.true(sums(sinceStart(after.truth), 'server').successes > sums(observable(null, after.truth), 'server').successes);
});

test('an idle series is shown once more, then gone, then back from 0 in the same process', (t) => {
  const world = newWorld({ retainIdleMs: 5000 });
  const pod = world.podOf('payments/rates');
  const toFeed = { direction: 'outbound', dst_deployment: 'fx-feed' };
  world.advance(START_MS + 10_000);
  world.pause('payments/rates -> payments/fx-feed');
  const stale = scrapeAfter(world, pod, 10_000);
  t.true(total(stale.samples, 'request_total', toFeed) > 0);
  const gone = scrapeAfter(world, pod, 1000);
  const family = (samples: Sample[], name: string) =>
    samples.filter((s) => s.name === name && s.labels.get('dst_deployment') === 'fx-feed').length;
  for (const name of ['request_total', 'response_total', 'response_latency_ms_count', 'tcp_open_total']) {
    t.is(family(gone.samples, name), 0, name);
  }
  world.resume('payments/rates -> payments/fx-feed');
  const back = scrapeAfter(world, pod, 4000);
  const born = observable(gone.truth, back.truth).find(({ peer }) => peer.workload.name === 'fx-feed');
  t.is(total(back.samples, 'response_total', toFeed), born?.successes ?? -1);
  t.is(gone.truth.life, back.truth.life);
});

test('lines stand still between scrapes, move when a series comes, and move on demand', (t) => {
  const world = newWorld();
  const pod = world.podOf('shop/web');
  const heads = () =>
    world
      .scrape(pod)
      .split('\n')
      .map((line) => line.replace(/ \S+$/, ''));
  world.advance(START_MS + 60_000);
  heads();
  const first = heads();
  t.deepEqual(heads(), first);
  world.reorder(pod);
  const reordered = heads();
  t.notDeepEqual(reordered, first);
  t.deepEqual(reordered.toSorted(), first.toSorted());
  world.startPod('shop/cart');
  world.advance(world.nowMs + 3000);
  const grown = heads();
  t.true(grown.length > reordered.length);
  const moved = new Set(reordered);
  t.notDeepEqual(
    grown.filter((line) => moved.has(line)),
    reordered,
  );
});

test('a rolling deployment replaces every pod and keeps constant per-pod rates', (t) => {
  const world = newWorld({ arrivals: 'constant' });
  const old = world.pods().filter((pod) => pod.workload.name === 'web');
  world.advance(START_MS + 10_000);
  let changes = 0;
  world.onPods(() => changes++);
  world.rollOut('shop/web', 4000);
  world.advance(START_MS + 30_000);
  const present = world.pods().filter((pod) => pod.workload.name === 'web');
  t.is(present.length, 2);
  t.true(changes >= 6);
  for (const pod of present) t.false(old.some(({ name, ip }) => name === pod.name || ip === pod.ip));
  const before = world.totals('shop/web', 'client');
  world.advance(START_MS + 60_000);
  const after = world.totals('shop/web', 'client');
  const perSecond = (after.successes + after.failures - before.successes - before.failures) / 30;
  const expected =
    2 * world.topology.edges.filter(({ from }) => from === 'shop/web').reduce((sum, e) => sum + e.ratePerSecond, 0);
  t.true(Math.abs(perSecond / expected - 1) < 0.01, `${perSecond} of ${expected}`);
});

test('a short-lived pod calls, leaves discovery, answers for its grace time, and is gone', (t) => {
  const world = newWorld();
  world.advance(START_MS + 5000);
  const pod = world.startPod('payments/report', { forMs: 6000 });
  const phase = () => world.pods().find(({ name }) => name === pod)?.phase ?? 'gone';
  world.advance(START_MS + 10_999);
  t.is(phase(), 'running');
  world.advance(START_MS + 11_001);
  t.is(phase(), 'leaving');
  const { samples, truth } = scrapeAfter(world, pod, 500);
  t.true(sums(observable(null, truth), 'client').successes > 40);
  t.deepEqual(countsOf(samples), trueCounts(observable(null, truth)));
  world.advance(START_MS + 20_000);
  t.is(phase(), 'gone');
});

test('a shared account: one inbound series on the page, two callers in the truth', (t) => {
  const world = newWorld();
  const { samples, truth } = scrapeAfter(world, world.podOf('shop/catalog'), 10_000);
  const account = 'discovery.shop.serviceaccount.identity.linkerd.cluster.local';
  const series = samples.filter((s) => s.name === 'request_total' && s.labels.get('client_id') === account);
  t.is(series.length, 1);
  const callers = observable(null, truth).filter((delta) => delta.peer.workload.serviceAccount === 'discovery');
  t.deepEqual(callers.map((delta) => delta.peer.workload.name).toSorted(), ['recommend', 'search']);
  const grouped = groupDeltas(callers, (delta) => delta.peer.workload.serviceAccount);
  t.is(total(samples, 'response_total', { client_id: account }), grouped.get('discovery')?.successes ?? -1);
});

test('quantiles are by nearest rank', (t) => {
  t.is(trueQuantile([], 0.5), null);
  t.is(trueQuantile([4], 0.99), 4);
  t.is(trueQuantile([1, 2, 3, 4], 0.5), 2);
  t.is(trueQuantile([1, 2, 3, 4], 0.51), 3);
  t.is(trueQuantile([1, 2, 3, 4], 1), 4);
});
