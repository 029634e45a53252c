/** @module Pages of Istio's and Envoy's proxies in the demo world: what they show is what the truth says, and when. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import { edgeId, type MeshName, workloadId } from '../../demo/world/topology.ts';
import { observable, type TruthDelta } from '../../demo/world/truth.ts';
import { createWorld, type World } from '../../demo/world/world.ts';
import { lineForms, readPage, type Sample, total } from './tiny-reader.ts';

const START_MS = 1_700_000_000_000;
const DATA = new URL('../data/', import.meta.url);

function newWorld(more: Partial<Parameters<typeof createWorld>[0]> = {}): World {
  return createWorld({ seed: 7, startMs: START_MS, topology: THREE_MESHES, ...more });
}

function podsOf(world: World, mesh: MeshName): string[] {
  return world
    .pods()
    .filter(({ workload }) => workload.mesh === mesh)
    .map(({ name }) => name);
}

function look(world: World, pod: string): { samples: Sample[]; deltas: TruthDelta[] } {
  const samples = readPage(world.scrape(pod));
  return { samples, deltas: observable(null, world.snapshot(pod)) };
}

const REPORTER = { client: 'source', server: 'destination' } as const;
const GRPC_FAILURES = new Set(['2', '4', '7', '13', '14', '15']);

function sum(deltas: readonly TruthDelta[], side: string, read: (delta: TruthDelta) => number): number {
  return deltas.filter((delta) => delta.side === side).reduce((all, delta) => all + read(delta), 0);
}

function isFailure({ labels }: Sample): boolean {
  const grpc = labels.get('grpc_response_status') ?? '';
  return grpc === '' ? labels.get('response_code')!.startsWith('5') : GRPC_FAILURES.has(grpc);
}

test('the Linkerd pages of the larger world are those of the smaller one where nobody new calls or is called', (t) => {
  const small = createWorld({ seed: 7, startMs: START_MS });
  const large = newWorld();
  for (const world of [small, large]) world.advance(START_MS + 20_000);
  for (const workload of ['shop/catalog', 'shop/cart', 'payments/ledger', 'payments/rates', 'payments/fraud']) {
    t.is(large.scrape(large.podOf(workload)), small.scrape(small.podOf(workload)), workload);
  }
});

test('each mesh calls both others, unmeshed workloads call and are called', (t) => {
  const meshes = new Map(THREE_MESHES.workloads.map((spec) => [workloadId(spec), spec.mesh]));
  const crossings = new Set(THREE_MESHES.edges.map(({ from, to }) => `${meshes.get(from)} ${meshes.get(to)}`));
  for (const from of ['linkerd', 'istio', 'envoy']) {
    for (const to of ['linkerd', 'istio', 'envoy', 'null']) t.true(crossings.has(`${from} ${to}`), `${from} ${to}`);
  }
  for (const to of ['linkerd', 'istio', 'envoy']) t.true(crossings.has(`null ${to}`), `null ${to}`);
});

for (const flushMs of [0, 5000]) {
  test(`every Istio page shows the requests, latencies and TCP of the truth, flushed every ${flushMs} ms`, (t) => {
    const world = newWorld({ flushMs });
    const seen = { requests: 0, unreached: 0, tcp: 0 };
    for (const atMs of [1700, 7300, 31_234]) {
      world.advance(START_MS + atMs);
      for (const pod of podsOf(world, 'istio')) {
        const { samples, deltas } = look(world, pod);
        for (const side of ['client', 'server'] as const) {
          const requests = samples.filter(
            ({ name, labels }) => name === 'istio_requests_total' && labels.get('reporter') === REPORTER[side],
          );
          const [bad, good] = [true, false].map((wanted) =>
            total(
              requests.filter((sample) => isFailure(sample) === wanted),
              'istio_requests_total',
            ),
          );
          t.is(
            good,
            sum(deltas, side, ({ successes }) => successes),
            `${pod} ${side} at ${atMs}`,
          );
          t.is(
            bad,
            sum(deltas, side, ({ failures }) => failures),
            `${pod} ${side} at ${atMs}`,
          );
          const reporter = { reporter: REPORTER[side] };
          for (const bound of [0.5, 5, 25, 100, 1000]) {
            t.is(
              total(samples, 'istio_request_duration_milliseconds_bucket', { ...reporter, le: String(bound) }),
              sum(deltas, side, ({ latenciesMs }) => latenciesMs.filter((ms) => ms <= bound).length),
              `${pod} ${side} at ${atMs} up to ${bound}`,
            );
          }
          const own = total(samples, 'istio_tcp_received_bytes_total', reporter);
          t.is(
            own,
            sum(deltas, side, ({ tcp }) => (side === 'client' ? tcp.writtenBytes : tcp.readBytes)),
          );
          t.is(
            total(samples, 'istio_tcp_sent_bytes_total', reporter),
            sum(deltas, side, ({ tcp }) => (side === 'client' ? tcp.readBytes : tcp.writtenBytes)),
          );
          t.is(
            total(samples, 'istio_tcp_connections_opened_total', reporter),
            sum(deltas, side, ({ tcp }) => tcp.opened),
          );
          seen.requests += good! + bad!;
          seen.tcp += own;
        }
        const unreached = { reporter: 'source', response_flags: 'UH', destination_workload: 'unknown' };
        t.is(
          total(samples, 'istio_requests_total', unreached),
          sum(deltas, 'client', (delta) => delta.unreached),
        );
        seen.unreached += total(samples, 'istio_requests_total', unreached);
      }
    }
    t.true(seen.requests > 1500 && seen.unreached > 5 && seen.tcp > 50_000, JSON.stringify(seen));
  });

  test(`every Envoy page shows the requests, latencies and bytes of the truth, flushed every ${flushMs} ms`, (t) => {
    const world = newWorld({ flushMs });
    let requests = 0;
    for (const atMs of [1700, 7300, 31_234]) {
      world.advance(START_MS + atMs);
      for (const pod of podsOf(world, 'envoy')) {
        const { samples, deltas } = look(world, pod);
        const outbound = samples.filter(({ labels }) => /_svc_/.test(labels.get('envoy_cluster_name') ?? ''));
        const inbound = samples.filter(({ labels }) => labels.get('envoy_http_conn_manager_prefix') === 'ingress_http');
        for (const [side, own, family, time] of [
          ['client', outbound, 'envoy_cluster_upstream_rq_xx', 'envoy_cluster_upstream_rq_time'],
          ['server', inbound, 'envoy_http_downstream_rq_xx', 'envoy_http_downstream_rq_time'],
        ] as const) {
          const failures = total(own, family, { envoy_response_code_class: '5' });
          t.is(
            failures,
            sum(deltas, side, (delta) => delta.failures),
            `${pod} ${side}`,
          );
          t.is(
            total(own, family) - failures,
            sum(deltas, side, ({ successes }) => successes),
            `${pod} ${side}`,
          );
          t.is(
            total(own, `${time}_bucket`, { le: '25' }),
            sum(deltas, side, ({ latenciesMs }) => latenciesMs.filter((ms) => ms <= 25).length),
          );
          requests += total(own, family);
        }
        t.is(
          total(outbound, 'envoy_cluster_upstream_cx_tx_bytes_total'),
          sum(deltas, 'client', ({ tcp }) => tcp.writtenBytes),
        );
        t.is(
          total(inbound, 'envoy_http_downstream_cx_tx_bytes_total'),
          sum(deltas, 'server', ({ tcp }) => tcp.writtenBytes),
        );
      }
    }
    t.true(requests > 1500, String(requests));
  });
}

test('histograms and uptime come with a flush, counters at once', (t) => {
  const world = newWorld();
  const pod = world.podOf('delivery/dispatch');
  const at = (ms: number) => {
    world.advance(START_MS + ms);
    const samples = readPage(world.scrape(pod));
    return {
      uptime: total(samples, 'envoy_server_uptime'),
      requests: total(samples, 'istio_requests_total'),
      timed: total(samples, 'istio_request_duration_milliseconds_count'),
    };
  };
  const early = at(4999);
  t.is(early.uptime, 0);
  t.is(early.timed, 0);
  t.true(early.requests > 30);
  const flushed = at(5000);
  t.is(flushed.uptime, 5);
  t.is(flushed.timed, flushed.requests);
  const later = at(9999);
  t.is(later.timed, flushed.timed);
  t.true(later.requests > flushed.requests);
});

test('a client counts a retried call once, its server each attempt', (t) => {
  const world = newWorld();
  world.advance(START_MS + 120_000);
  for (const edge of THREE_MESHES.edges) world.pause(edgeId(edge));
  world.advance(START_MS + 200_000);
  for (const [client, server] of [
    ['dispatch', 'courier'],
    ['images', 'thumbs'],
  ] as const) {
    const count = (side: string, own: string, peer: string) =>
      world
        .truth()
        .filter(({ workload }) => workload.name === own)
        .flatMap((life) => observable(null, life))
        .filter((delta) => delta.side === side && delta.peer.workload.name === peer)
        .reduce((at, { successes, failures }) => [at[0]! + successes, at[1]! + failures], [0, 0]);
    const [asked = 0, lost = 0] = count('client', client, server);
    const [served = 0, failed = 0] = count('server', server, client);
    t.is(served, asked, 'every success is one attempt');
    t.true(failed > lost * 2 && failed > 20, `${failed} attempts failed, ${lost} calls`);
  }
});

test('an edge without endpoints fails at its clients alone, until it is fed', (t) => {
  const world = newWorld();
  world.advance(START_MS + 10_000);
  const edge = 'media/thumbs -> media/store';
  const pods = [world.podOf('media/thumbs'), world.podOf('media/store')] as const;
  world.starve(edge);
  const [client, server] = pods.map((pod) => world.snapshot(pod));
  world.advance(START_MS + 20_000);
  const failed = observable(client!, world.snapshot(pods[0])).filter(({ peer }) => peer.workload.name === 'store');
  t.true(failed.some(({ unreached, failures }) => unreached >= 20 && failures === unreached));
  const served = observable(server!, world.snapshot(pods[1])).filter(({ peer }) => peer.workload.name === 'thumbs');
  t.true(served.every(({ successes }) => successes < 3));
  t.true(total(readPage(world.scrape(pods[0])), 'envoy_cluster_upstream_cx_none_healthy') >= 20);
  world.feed(edge);
  world.advance(START_MS + 30_000);
  const after = observable(server!, world.snapshot(pods[1])).find(({ peer }) => peer.workload.name === 'thumbs');
  t.true((after?.successes ?? 0) > 20);
});

test('a workload without a running pod is one without an endpoint', (t) => {
  const world = newWorld();
  world.advance(START_MS + 5000);
  world.stopPod(world.podOf('delivery/geo'));
  world.advance(START_MS + 15_000);
  const { samples, deltas } = look(world, world.podOf('delivery/tracking'));
  const flagged = total(samples, 'istio_requests_total', { response_flags: 'UH', request_protocol: 'grpc' });
  t.true(flagged > 30);
  t.is(
    flagged,
    sum(deltas, 'client', ({ unreached }) => unreached),
  );
});

test('after a restart uptime starts anew, after a hot one it goes on under the next epoch; counters start at 0 both times', (t) => {
  const world = newWorld();
  const pod = world.podOf('media/images');
  world.advance(START_MS + 60_000);
  const read = () => {
    const { samples, deltas } = look(world, pod);
    const inbound = { envoy_http_conn_manager_prefix: 'ingress_http' };
    t.is(
      total(samples, 'envoy_http_downstream_rq_xx', inbound),
      sum(deltas, 'server', ({ successes, failures }) => successes + failures),
    );
    return {
      uptime: total(samples, 'envoy_server_uptime'),
      epoch: total(samples, 'envoy_server_hot_restart_epoch'),
      requests: total(samples, 'envoy_http_downstream_rq_xx', inbound),
      life: world.snapshot(pod).life,
    };
  };
  const before = read();
  world.hotRestart(pod);
  world.advance(START_MS + 66_000);
  const hot = read();
  t.like(hot, { uptime: 65, epoch: 1, life: before.life + 1 });
  t.true(hot.requests < before.requests / 2);
  world.restart(pod);
  world.advance(START_MS + 72_500);
  t.like(read(), { uptime: 5, epoch: 0, life: before.life + 2 });
  t.throws(() => world.hotRestart(world.podOf('shop/web')), { message: /no hot restart/ });
});

test('counters that are reset leave histograms as they are', (t) => {
  const world = newWorld();
  const pod = world.podOf('delivery/courier');
  world.advance(START_MS + 30_000);
  const before = { samples: readPage(world.scrape(pod)), truth: world.snapshot(pod) };
  world.resetCounters(pod);
  world.advance(START_MS + 40_000);
  const after = { samples: readPage(world.scrape(pod)), truth: world.snapshot(pod) };
  t.is(total(after.samples, 'istio_requests_total'), 0);
  const timed = (samples: Sample[]) => total(samples, 'istio_request_duration_milliseconds_count');
  const deltas = observable(before.truth, after.truth);
  t.is(
    timed(after.samples) - timed(before.samples),
    deltas.reduce((all, { latenciesMs }) => all + latenciesMs.length, 0),
  );
  t.true(timed(after.samples) > timed(before.samples));
  t.true(deltas.every(({ successes, failures }) => successes + failures === 0));
});

test('an idle Istio series is shown once more, then gone, then back from 0', (t) => {
  const world = newWorld({ retainIdleMs: 5000 });
  const pod = world.podOf('delivery/tracking');
  const toGeo = { reporter: 'source', destination_workload: 'geo' };
  const look = (ms: number) => {
    world.advance(world.nowMs + ms);
    return { samples: readPage(world.scrape(pod)), truth: world.snapshot(pod) };
  };
  look(10_000);
  world.pause('delivery/tracking -> delivery/geo');
  t.true(total(look(10_000).samples, 'istio_requests_total', toGeo) > 0);
  const gone = look(1000);
  const lines = gone.samples.filter(({ labels }) => labels.get('destination_workload') === 'geo');
  t.deepEqual(
    lines.filter(({ labels }) => labels.get('reporter') === 'source'),
    [],
  );
  world.resume('delivery/tracking -> delivery/geo');
  const back = look(4000);
  const born = observable(gone.truth, back.truth).filter(({ peer }) => peer.workload.name === 'geo');
  t.is(
    total(back.samples, 'istio_requests_total', toGeo),
    born.reduce((all, { successes, failures }) => all + successes + failures, 0),
  );
});

test("labels of Istio's series are those of recorded pages, old and new", (t) => {
  const real = (file: string) => readFileSync(new URL(file, DATA), 'utf8');
  const world = newWorld();
  world.advance(START_MS + 20_000);
  const form = (page: string) => [...lineForms(page).get('istio_request_bytes_count')!];
  const old = form(world.scrape(world.podOf('delivery/courier')));
  t.deepEqual(old, form(real('istio/sidecar-1.5-ungrouped-passthrough-excerpt.txt')));
  const [current = '', ...others] = form(world.scrape(world.podOf('delivery/dispatch')));
  t.deepEqual(others, []);
  const [recorded = ''] = form(real('istio/sidecar-1.11.4-merged-excerpt.txt'));
  t.deepEqual(current.split(',').toSorted(), recorded.split(',').toSorted());
  t.true(current.startsWith('reporter,source_workload,'));
});

test("families, label orders and bounds of Envoy's page are those of a recorded one", (t) => {
  const recorded = readFileSync(new URL('envoy/envoy-1.40-admin.prom', DATA), 'utf8');
  const real = lineForms(recorded);
  const world = newWorld();
  world.advance(START_MS + 20_000);
  let compared = 0;
  for (const pod of podsOf(world, 'envoy')) {
    const page = world.scrape(pod);
    for (const [name, forms] of lineForms(page)) {
      // The recorded proxy never retried.
      if (name.startsWith('envoy_cluster_retry_')) continue;
      for (const form of forms) t.true(real.get(name)?.has(form), `${name}{${form}}`);
      compared += 1;
    }
    const types = (text: string) => new Map([...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, a, b]) => [a, b]));
    for (const [family, type] of types(page)) {
      if (!family!.startsWith('envoy_cluster_retry_')) t.is(type, types(recorded).get(family), family);
    }
    const bounds = (text: string) =>
      new Set([...text.matchAll(/rq_time_bucket\{.*le="([^"]+)"/g)].map(([, bound]) => bound));
    t.deepEqual(bounds(page), bounds(recorded));
  }
  t.true(compared > 150, String(compared));
});

test('no series stands on a page twice, and buckets are cumulative up to the count', (t) => {
  const world = newWorld();
  world.advance(START_MS + 40_000);
  for (const pod of [...podsOf(world, 'istio'), ...podsOf(world, 'envoy')]) {
    const page = world.scrape(pod);
    const heads = page
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    t.is(new Set(heads).size, heads.length);
    let last = 0;
    for (const { name, labels, value } of readPage(page)) {
      if (!name.endsWith('_bucket')) continue;
      if (labels.get('le') === '0.5') last = 0;
      t.true(value >= last);
      last = value;
    }
  }
});
