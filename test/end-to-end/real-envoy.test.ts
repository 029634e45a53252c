/**
 * @module Two real Envoys, one beside the client, one beside the application, scraped by the real receiver: what is
 * counted equals what the client and the application themselves saw, through resets, retries, timeouts, a hot restart
 * between scrapes and a cold one.
 *
 * How Envoy counts each odd case (docs/semantics.md has the table) is stated in test/kit/envoy-expected.ts.
 */
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { factory } from '../../receivers/envoy/factory.ts';
import { type EnvoyProcess, envoyFor, startEnvoy } from '../kit/envoy.ts';
import { bootstrap, cluster, httpListener, tcpListener } from '../kit/envoy-bootstrap.ts';
import { busyOnly, expectedOfClient, expectedOfServer, expectedPerEndpoint, NONE } from '../kit/envoy-expected.ts';
import { Application, Client, double, knock, startDoubler } from '../kit/envoy-load.ts';
import { type LiveWeir, startLiveWeir, totalsBy } from '../kit/live-weir.ts';
import { freePorts } from '../kit/ports.ts';
import { readRepositoryFile } from '../kit/repository.ts';

const FLUSH_MS = 200;
const INTERVAL_MS = 500;
const RETRY = {
  retry_policy: {
    retry_on: '5xx,reset,connect-failure',
    num_retries: 2,
    retry_back_off: { base_interval: '0.01s', max_interval: '0.02s' },
  },
};
/** Clusters of the client's Envoy that lead to the server's: one for each way a request can go, each an edge of its own. */
const TO_SERVER = [
  ...['plain', 'mixed', 'reset', 'half', 'late', 'trickle', 'flaky', 'failing', 'resetting', 'tries'],
  ...['left', 'leaving', 'upgraded', 'many'],
];
const RETRYING = new Set(['flaky', 'failing', 'resetting', 'refused2']);
const UPGRADE = { upgrade_configs: [{ upgrade_type: 'websocket' }] };

/** What Weir counted, by the peer's service on the client's side and as one on the server's. */
function observed(sums: readonly TrafficSum[], side: 'client' | 'server') {
  return totalsBy(
    sums,
    ({ key }) => (key.side !== side || key.protocol === 'tcp' ? null : side === 'server' ? 'all' : key.peer.service),
    NONE,
    (total, record) => {
      total.successes += record.successes;
      total.failures += record.failures;
      total.unreached += record.unreached;
      for (const { counts } of record.latency ?? []) total.latencies += counts.reduce((a, b) => a + b, 0);
    },
  );
}

function tcpTotals(sums: readonly TrafficSum[], name: (record: TrafficRecord) => string | null) {
  return totalsBy(
    sums,
    (record) => (record.key.protocol === 'tcp' ? name(record) : null),
    () => ({ opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 }),
    (total, { tcp }) => {
      total.opened += tcp?.opened ?? 0;
      total.closed += tcp?.closed ?? 0;
      total.readBytes += tcp?.readBytes ?? 0;
      total.writtenBytes += tcp?.writtenBytes ?? 0;
    },
  );
}

/** Resolves when what an Envoy counts has stood still for some flushes. */
async function settled(envoy: EnvoyProcess): Promise<void> {
  let before = '';
  for (let equal = 0; equal < 4; ) {
    const page = await envoy.get('/stats/prometheus');
    const now = page
      .split('\n')
      .filter((line) => /^envoy_(?:cluster|http|tcp)_/.test(line) && !line.includes('"admin"'));
    const text = now.join('\n');
    equal = text === before ? equal + 1 : 0;
    before = text;
    await wait(FLUSH_MS);
  }
}

/** The filter that the receiver's page recommends for statistics of endpoints. */
function filterForEndpoints(): string {
  const page = readRepositoryFile('receivers/envoy/README.md');
  const [whole, endpoints] = [...page.matchAll(/^```text\n(.*)\n```$/gm)].map(([, line]) => line);
  return `${endpoints}${whole}`;
}

function limited(name: string, ports: readonly number[], limits: object) {
  return { name, ports, extra: { circuit_breakers: { thresholds: [limits] } } };
}

function actionOf(name: string): Record<string, unknown> {
  if (RETRYING.has(name)) return { timeout: '10s', ...RETRY };
  if (name === 'late' || name === 'trickle') return { timeout: '0.2s' };
  if (name === 'tries') return { timeout: '10s', retry_policy: { ...RETRY.retry_policy, per_try_timeout: '0.2s' } };
  return name === 'upgraded' ? UPGRADE : { timeout: '10s' };
}

test('what two real Envoys counted is what the client and the application saw, through hot and cold restarts', async (t) => {
  t.timeout(240_000);
  const installation = await envoyFor(t);
  if (installation === null) return;
  const application = await Application.start();
  const doubler = await startDoubler();
  for (const each of [application, doubler]) t.teardown(() => each.close());
  const [serverHttp = 0, serverMore = 0, serverTcp = 0, clientHttp = 0, clientTcp = 0, nobody = 0] = await freePorts(6);
  const flush = { stats_flush_interval: `${FLUSH_MS / 1000}s` };
  const toApplication = [{ prefix: '/', cluster: 'local_app', action: { timeout: '10s', ...UPGRADE } }];
  const server = await startEnvoy(
    installation,
    bootstrap(
      [
        httpListener(serverHttp, 'ingress_http', toApplication),
        httpListener(serverMore, 'ingress_more', toApplication),
        tcpListener(serverTcp, 'inbound_tcp', 'localhost_1'),
      ],
      [
        cluster({ name: 'local_app', ports: [application.port] }, true),
        cluster({ name: 'localhost_1', ports: [doubler.port] }, true),
      ],
      flush,
    ),
  );
  t.teardown(() => server.close());
  const clusters = [
    ...TO_SERVER.map((name) => ({ name, ports: [serverHttp] })),
    { name: 'refused', ports: [nobody] },
    { name: 'refused2', ports: [nobody] },
    { name: 'empty', ports: [] },
    { name: 'closed', ports: [serverHttp] },
    limited('crowded', [serverHttp], { max_connections: 1, max_pending_requests: 1 }),
    limited('pools', [serverHttp, serverMore], { max_connection_pools: 1 }),
    { name: 'doubled', ports: [serverTcp] },
  ];
  const client = await startEnvoy(
    installation,
    bootstrap(
      [
        httpListener(
          clientHttp,
          'egress_http',
          clusters.map(({ name }) => ({ prefix: `/${name}/`, cluster: name, action: actionOf(name) })),
        ),
        tcpListener(clientTcp, 'egress_tcp', 'doubled'),
      ],
      clusters.map((each) => cluster(each, true)),
      {
        ...flush,
        layered_runtime: { layers: [{ name: 'static', static_layer: { 'upstream.maintenance_mode.closed': 100 } }] },
      },
    ),
  );
  t.teardown(() => client.close());

  const target = (envoy: EnvoyProcess, name: string) => ({
    targets: [`127.0.0.1:${envoy.adminPort}`],
    labels: { namespace: 'shop', deployment: name, pod: `${name}-1` },
  });
  const written = {
    static_configs: [target(client, 'web'), target(server, 'api')],
    stats_flush_interval: `${FLUSH_MS}ms`,
    cluster_namespace: 'shop',
  };
  const weir = await startLiveWeir(factory, written, INTERVAL_MS);
  t.teardown(() => weir.stop());
  const params = { usedonly: [''], filter: [filterForEndpoints()] };
  const perEndpoint = await startLiveWeir(factory, { ...written, params, endpoint_statistics: true }, INTERVAL_MS);
  t.teardown(() => perEndpoint.stop());
  const quiet = async () => {
    await Promise.all([settled(client), settled(server)]);
    await Promise.all([weir.scraped(), perEndpoint.scraped()]);
  };
  await quiet();

  const user = new Client(clientHttp);
  await user.call('plain', '200', 20);
  await user.call('mixed', '404', 5);
  await user.call('mixed', '503', 7);
  await user.call('mixed', '302', 2);
  await user.call('reset', 'reset', 4);
  await user.call('half', 'half', 3);
  await user.call('late', 'slow', 3);
  await user.call('trickle', 'trickle', 2);
  await user.call('flaky', 'flaky', 6);
  await user.call('failing', '503', 3);
  await user.call('resetting', 'reset', 2);
  await user.call('tries', 'slow', 2);
  await user.call('left', 'slow', 3, 150);
  await user.call('leaving', 'trickle', 3, 150);
  await user.upgrade('upgraded', 2);
  await user.call('refused', '200', 3);
  await user.call('refused2', '200', 2);
  await user.call('empty', '200', 4);
  await user.call('closed', '200', 3);
  await user.callAtOnce('crowded', 'slow', 6);
  await user.callAtOnce('pools', 'slow', 5);
  await double(clientTcp, 1000);
  await double(clientTcp, 2345);
  await quiet();

  // Cold, after quiet and a scrape. More requests than before follow, so that values have not fallen when they are seen.
  await Promise.all([server.coldRestart(), client.coldRestart()]);
  await user.call('plain', '200', 33);
  await user.call('mixed', '503', 9);
  await user.call('empty', '200', 7);
  await double(clientTcp, 5000);
  await quiet();

  // Hot, between two scrapes; uptime goes on. Again more than before.
  await Promise.all([server.hotRestart(), client.hotRestart()]);
  await user.call('plain', '200', 44);
  await user.call('mixed', '503', 12);
  await user.call('many', '200', 11);
  await double(clientTcp, 9000);
  await quiet();
  await Promise.all([weir.stop(), perEndpoint.stop()]);

  const { calls } = user;
  const { attempts } = application;
  t.deepEqual(busyOnly(observed(weir.sums, 'client')), busyOnly(expectedOfClient(calls)), "the client's side");
  t.deepEqual(busyOnly(observed(weir.sums, 'server')), busyOnly(expectedOfServer(attempts)), "the server's side");
  t.deepEqual(
    busyOnly(observed(perEndpoint.sums, 'client')),
    busyOnly(expectedPerEndpoint(calls, attempts)),
    'attempts',
  );
  t.deepEqual(busyOnly(observed(perEndpoint.sums, 'server')), busyOnly(expectedOfServer(attempts)));
  checkTcp(t, weir.sums);
  checkBooks(t, weir);
  checkBooks(t, perEndpoint);
});

test('connections of TCP that find no endpoint are no failed requests, where endpoints tell the requests', async (t) => {
  t.timeout(120_000);
  const installation = await envoyFor(t);
  if (installation === null) return;
  const application = await Application.start();
  const doubler = await startDoubler();
  for (const each of [application, doubler]) t.teardown(() => each.close());
  const [http = 0, toNobody = 0, toFew = 0, toBoth = 0] = await freePorts(4);
  const few = { max_connections: 1, max_pending_requests: 1 };
  const clusters = [
    { name: 'tcp_empty', ports: [] },
    limited('tcp_few', [doubler.port], few),
    { name: 'both_empty', ports: [] },
    { name: 'http_empty', ports: [] },
    limited('http_few', [application.port], few),
  ];
  const envoy = await startEnvoy(
    installation,
    bootstrap(
      [
        tcpListener(toNobody, 'egress_nobody', 'tcp_empty'),
        tcpListener(toFew, 'egress_few', 'tcp_few'),
        tcpListener(toBoth, 'egress_both', 'both_empty'),
        httpListener(
          http,
          'egress_http',
          clusters.map(({ name }) => ({ prefix: `/${name}/`, cluster: name, action: { timeout: '10s' } })),
        ),
      ],
      clusters.map((each) => cluster(each, true)),
      { stats_flush_interval: `${FLUSH_MS / 1000}s` },
    ),
  );
  t.teardown(() => envoy.close());
  const written = {
    static_configs: [{ targets: [`127.0.0.1:${envoy.adminPort}`], labels: { namespace: 'shop', deployment: 'web' } }],
    stats_flush_interval: `${FLUSH_MS}ms`,
    cluster_namespace: 'shop',
    endpoint_statistics: true,
  };
  // Whole pages, pages of what was ever used, and the page that is recommended.
  const weirs = await Promise.all(
    [{}, { usedonly: [''] }, { usedonly: [''], filter: [filterForEndpoints()] }].map((params) =>
      startLiveWeir(factory, { ...written, params }, INTERVAL_MS),
    ),
  );
  for (const weir of weirs) t.teardown(() => weir.stop());
  const scraped = () => Promise.all(weirs.map((weir) => weir.scraped()));
  await scraped();
  const user = new Client(http);
  for (let i = 0; i < 5; i++) await knock(toNobody);
  await Promise.all(Array.from({ length: 5 }, () => knock(toFew)));
  for (let i = 0; i < 3; i++) await knock(toBoth);
  await user.call('http_empty', '200', 4);
  await user.callAtOnce('http_few', 'slow', 6);
  await settled(envoy);
  await scraped();
  await user.call('both_empty', '200', 2);
  await settled(envoy);
  await scraped();
  const page = await envoy.get('/stats/prometheus');
  t.regex(page, /^envoy_cluster_upstream_cx_none_healthy\{envoy_cluster_name="tcp_empty"\} 5$/m);
  await Promise.all(weirs.map((weir) => weir.stop()));
  const refused = user.calls.filter(({ via, status }) => via === 'http_few' && status === 503).length;
  const failed = (n: number) => ({ successes: 0, failures: n, unreached: n, latencies: 0 });
  for (const { sums, balances } of weirs) {
    const { http_few, ...others } = busyOnly(observed(sums, 'client'));
    t.deepEqual(others, { http_empty: failed(4), both_empty: failed(2) });
    t.like(http_few, { failures: refused, unreached: refused, successes: 6 - refused });
    for (const books of balances) t.is(books.unaccounted, 0);
    t.true((balances[1]?.filtered.get('unproven') ?? 0) > 0);
  }
});

test('what a hot restart hands on is what was counted since the last flush, scraped or not', async (t) => {
  t.timeout(120_000);
  const installation = await envoyFor(t);
  if (installation === null) return;
  const application = await Application.start();
  t.teardown(() => application.close());
  const handedOn: number[] = [];
  for (const flush of ['0.1s', '299s']) {
    const [port = 0] = await freePorts(1);
    const toApplication = [{ prefix: '/', cluster: 'local_app' }];
    const envoy = await startEnvoy(
      installation,
      bootstrap(
        [httpListener(port, 'ingress_http', toApplication)],
        [cluster({ name: 'local_app', ports: [application.port] })],
        { stats_flush_interval: flush },
      ),
    );
    t.teardown(() => envoy.close());
    const user = new Client(port);
    await user.call('any', '200', 5);
    await settled(envoy);
    t.is(await successesOf(envoy), 5);
    await user.call('any', '200', 7);
    await wait(5 * FLUSH_MS);
    await envoy.hotRestart();
    await settled(envoy);
    handedOn.push(await successesOf(envoy));
  }
  t.deepEqual(handedOn, [0, 12]);
});

async function successesOf(envoy: EnvoyProcess): Promise<number> {
  const page = await envoy.get('/stats/prometheus');
  const series =
    'envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="ingress_http"}';
  return Number(
    page
      .split('\n')
      .find((line) => line.startsWith(series))
      ?.slice(series.length),
  );
}

/** Bytes of the plain connections are known; beyond that, each side of a connection saw what the other one did. */
function checkTcp(t: ExecutionContext, sums: readonly TrafficSum[]): void {
  const sent = 1000 + 2345 + 5000 + 9000;
  const doubled = tcpTotals(sums, ({ key }) => (key.peer.service === 'doubled' ? 'doubled' : null));
  t.deepEqual(doubled.get('doubled'), { opened: 4, closed: 4, readBytes: 2 * sent, writtenBytes: sent });
  // A connection that was refused is one that was opened, to Envoy.
  const sides = tcpTotals(sums, ({ key }) => (/^refused/.test(key.peer.service) ? null : key.side));
  const [client, server] = [sides.get('client'), sides.get('server')];
  t.is(client?.opened, server?.opened);
  t.is(client?.writtenBytes, server?.readBytes);
  t.is(client?.readBytes, server?.writtenBytes);
}

function checkBooks(t: ExecutionContext, { sums, balances }: LiveWeir): void {
  for (const books of balances) {
    t.is(books.unaccounted, 0);
    t.is(books.held, 0);
    t.deepEqual([...books.dropped], []);
  }
  const resets = totalsOfCoverage(sums);
  t.deepEqual(resets, { web: 2, api: 2 }, 'each restart is told once');
}

function totalsOfCoverage(sums: readonly TrafficSum[]): Record<string, number> {
  const resets: Record<string, number> = {};
  for (const { own, resets: more } of sums.flatMap(({ coverage }) => coverage)) {
    resets[own.workload.name] = (resets[own.workload.name] ?? 0) + more;
  }
  return resets;
}
