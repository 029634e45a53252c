/** @module The `prometheus` receiver over real sockets: jobs, relabelled targets, and the rows their mapping gives. */
import test, { type ExecutionContext } from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { prometheusConfig } from '../../../receivers/prometheus/config.ts';
import { factory } from '../../../receivers/prometheus/factory.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters, http, Sink, serve } from '../scrape/harness.ts';

async function createReceiver(t: ExecutionContext, config: object) {
  t.timeout(60_000);
  const clock = createTestClock();
  const log = createTestLog();
  const meters = createTestMeters();
  const balance = new Balance();
  const sink = new Sink();
  const receiver = await factory.create({
    id: 'prometheus',
    config: prometheusConfig.parse(config),
    clock,
    time: createEngineTime(clock),
    log,
    meters,
    balance,
    balanceOf: () => balance,
    startedMs: clock.wallMs(),
    next: sink,
    signals: new Set(['metrics'] as const),
    demand: new Set(['requests', 'latency', 'tcp']),
  });
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  return { clock, log, meters, balance, sink, receiver };
}

const MAPPING = {
  mesh: 'traefik',
  counts: 'requests',
  side: 'server',
  destination: { workload: 'service', namespace: 'ns' },
  requests: [{ sample: 'traefik_service_requests_total', failure: { code: '5..' } }],
  latency: [{ family: 'traefik_service_request_duration_seconds' }],
};

const TRAEFIK = `# HELP traefik_service_requests_total How many.
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="GET",service="web"} 7
traefik_service_requests_total{code="404",method="GET",service="web"} 2
traefik_service_requests_total{code="502",method="GET",service="web"} 1
# TYPE traefik_service_request_duration_seconds histogram
traefik_service_request_duration_seconds_bucket{code="200",service="web",le="0.1"} 6
traefik_service_request_duration_seconds_bucket{code="200",service="web",le="1.2"} 7
traefik_service_request_duration_seconds_bucket{code="200",service="web",le="+Inf"} 7
traefik_service_request_duration_seconds_sum{code="200",service="web"} 0.9
traefik_service_request_duration_seconds_count{code="200",service="web"} 7
# TYPE other counter
other 9
`;

test('each job is scraped and its pages mean what its mapping says', async (t) => {
  const traefik = await serve(t, http(TRAEFIK));
  const other = await serve(t, http('# TYPE hits_total counter\nhits_total{ok="yes"} 5\nhits_total{ok="no"} 1\n'));
  const { sink, receiver, balance } = await createReceiver(t, {
    config: {
      scrape_configs: [
        {
          job_name: 'edge',
          metrics_path: '/m',
          static_configs: [{ targets: [traefik.address], labels: { ns: 'shop' } }],
        },
        {
          job_name: 'app',
          static_configs: [{ targets: [other.address], labels: { namespace: 'shop', deployment: 'app' } }],
        },
      ],
    },
    mapping: [
      { ...MAPPING, jobs: ['edge'] },
      { mesh: 'app', counts: 'requests', side: 'server', requests: [{ sample: 'hits_total', success: { ok: 'yes' } }] },
    ],
  });
  await receiver.start();
  await sink.come(2, 'scraped');
  const pages = sink.seen.filter(({ kind }) => kind === 'scraped');
  const edge = pages.find(({ address }) => address === traefik.address)!;
  t.deepEqual(
    edge.rows.map(({ side, successes, failures, buckets }) => ({ side, successes, failures, buckets })),
    [{ side: 'server', successes: 9, failures: 1, buckets: { 100: 6, 1200: 7, '+Inf': 7 } }],
  );
  const app = pages.find(({ address }) => address === other.address)!;
  t.deepEqual(
    app.rows.map(({ side, successes, failures }) => ({ side, successes, failures })),
    [{ side: 'server', successes: 5, failures: 1 }],
  );
  t.true(traefik.requests[0]!.startsWith('GET /m HTTP/1.1'));
  t.deepEqual(
    receiver.targets?.().map(({ receiver: id, address, workload }) => [id, address, workload]),
    [
      ['prometheus:edge', traefik.address, traefik.address],
      ['prometheus:app', other.address, 'app'],
    ],
  );
  // 3 counters and 3 buckets, and 2 counters; all handed on.
  t.like(balance, { accepted: 8, delivered: 8, held: 0 });
});

test('relabelling drops targets, moves addresses and names workloads; an address that is none is told', async (t) => {
  const web = await serve(t, http('# TYPE hits_total counter\nhits_total{ok="yes"} 5\n'));
  const port = web.address.split(':')[1]!;
  const { sink, receiver, log, meters } = await createReceiver(t, {
    config: {
      scrape_configs: [
        {
          job_name: 'app',
          static_configs: [
            { targets: ['ignored.example:1'], labels: { app: 'drop-me' } },
            { targets: [`127.0.0.1:${port}`], labels: { app: 'web', zone: 'eu' } },
            { targets: ['127.0.0.1:9'], labels: { app: 'web', zone: 'broken' } },
          ],
          relabel_configs: [
            { action: 'drop', source_labels: ['app'], regex: 'drop-.*' },
            { source_labels: ['app'], target_label: 'deployment' },
            { source_labels: ['zone'], target_label: 'namespace' },
            { source_labels: ['zone'], regex: 'broken', target_label: '__address__', replacement: 'no address' },
          ],
        },
      ],
    },
    mapping: [
      { mesh: 'app', counts: 'requests', side: 'server', requests: [{ sample: 'hits_total', success: { ok: 'yes' } }] },
    ],
  });
  await receiver.start();
  await sink.come(1, 'scraped');
  t.deepEqual(
    receiver.targets?.().map(({ address, namespace, workload, kind }) => ({ address, namespace, workload, kind })),
    [{ address: `127.0.0.1:${port}`, namespace: 'eu', workload: 'web', kind: 'Deployment' }],
  );
  t.is(meters.read('weir_relabelled_addresses_refused_total'), 1);
  t.deepEqual(
    log.lines.filter(({ level }) => level === 'warn').map(({ message, fields }) => [message, fields.address]),
    [['relabel_configs made an address that is no host:port: the target is not scraped', 'no address']],
  );
});

test('one address with two sets of labels is two targets', async (t) => {
  const web = await serve(t, http('# TYPE hits_total counter\nhits_total{ok="yes"} 5\n'));
  const { sink, receiver } = await createReceiver(t, {
    config: {
      scrape_configs: [
        {
          job_name: 'app',
          static_configs: [
            { targets: [web.address], labels: { deployment: 'web', shard: 'a' } },
            { targets: [web.address], labels: { deployment: 'web', shard: 'b' } },
            { targets: [web.address], labels: { deployment: 'web', shard: 'b' } },
          ],
        },
      ],
    },
    mapping: [
      {
        mesh: 'app',
        counts: 'requests',
        side: 'server',
        source: { workload: 'shard' },
        requests: [{ sample: 'hits_total', success: { ok: 'yes' } }],
      },
    ],
  });
  await receiver.start();
  await sink.come(2, 'scraped');
  t.is(receiver.targets?.().length, 2);
  t.deepEqual(
    sink.seen
      .filter(({ kind }) => kind === 'scraped')
      .map(({ rows }) => rows[0]!.peer.name)
      .sort(),
    ['a', 'b'],
  );
});

test('rules may write the path and the parameters of a target', async (t) => {
  const web = await serve(t, http('# TYPE hits_total counter\nhits_total{ok="yes"} 5\n'));
  const { sink, receiver } = await createReceiver(t, {
    config: {
      scrape_configs: [
        {
          job_name: 'probe',
          metrics_path: '/probe',
          params: { module: ['http'], target: ['none', 'second'] },
          static_configs: [
            { targets: [web.address], labels: { path: '/custom metrics', what: 'a&b' } },
            { targets: [web.address], labels: { what: 'c' } },
          ],
          relabel_configs: [
            { source_labels: ['path'], regex: '(.+)', target_label: '__metrics_path__' },
            { source_labels: ['what'], target_label: '__param_target' },
          ],
        },
      ],
    },
    mapping: [
      { mesh: 'app', counts: 'requests', side: 'server', requests: [{ sample: 'hits_total', success: { ok: 'yes' } }] },
    ],
  });
  await receiver.start();
  await sink.come(2, 'scraped');
  t.deepEqual(web.requests.map((request) => request.split('\r\n', 1)[0]).sort(), [
    'GET /custom%20metrics?module=http&target=a%26b&target=second HTTP/1.1',
    'GET /probe?module=http&target=c&target=second HTTP/1.1',
  ]);
  t.deepEqual(
    receiver.targets?.().map(({ url }) => url.replace(web.address, 'HOST')),
    [
      'http://HOST/custom%20metrics?module=http&target=a%26b&target=second',
      'http://HOST/probe?module=http&target=c&target=second',
    ],
  );
});
