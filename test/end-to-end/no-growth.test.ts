/** @module 10,000 scrapes of one process, with pods that come and go all the time on both ends: the heap stays as it was. */
import { createServer } from 'node:http';
import test from 'ava';
import { budget } from '../kit/budget.ts';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWeir } from '../kit/driven/driven-weir.ts';

const SCRAPES = budget('scrapes', 10_000);
const WARM_SCRAPES = 2_000;
const PEERS = 12;
/** Scrapes a peer's series stay on the page before another pod takes its place. */
const PEER_LIFE = 20;
const OWN_PODS = 48;
const OWN_LIFE = 12;
const BOUNDS = [1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, '+Inf'];
const MIB = 2 ** 20;
/** What is gone is put away in one go now and then: of this many readings, 100 scrapes each, one is just after that. */
const TOOTH = 20;

/** A page whose counters grow by one request a scrape, with 12 peers of which the oldest is replaced every so often. */
function page(scrape: number): string {
  const lines = ['# TYPE process_start_time_seconds gauge', 'process_start_time_seconds 1000000000'];
  for (let slot = 0; slot < PEERS; slot++) {
    const life = Math.floor((scrape + slot * 2) / PEER_LIFE);
    const age = ((scrape + slot * 2) % PEER_LIFE) + 1;
    const pod = `peer-${life % 7}-${life}-${slot}`;
    const labels = `direction="outbound",target_addr="10.0.0.${slot}:8080",tls="true",dst_deployment="peer-${slot}",dst_namespace="n",dst_pod="${pod}",dst_service="peer-${slot}"`;
    lines.push(`response_total{${labels},status_code="200",classification="success"} ${age}`);
    for (const bound of BOUNDS)
      lines.push(`response_latency_ms_bucket{${labels},status_code="200",le="${bound}"} ${age}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A page that tells its own side of 48 pods of three workloads, one request a scrape each, in ever new pods. */
function ownPage(scrape: number): string {
  const lines = ['# TYPE calls_total counter'];
  for (let slot = 0; slot < OWN_PODS; slot++) {
    const life = Math.floor((scrape + slot) / OWN_LIFE);
    const age = ((scrape + slot) % OWN_LIFE) + 1;
    const app = `own-${slot % 3}`;
    lines.push(`calls_total{ns="n",app="${app}",pod="${app}-${life}-${slot}",to="api",code="200"} ${age}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Successes of the workloads whose pods come and go, as the `prometheus` exporter tells them. */
async function toldByExporter(port: number): Promise<{ readonly requests: number; readonly edges: number }> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found = text.matchAll(
    /^weir_resource_requests_total\{.*workload="own-\d".*classification="success"\} (\d+)$/gm,
  );
  const requests = Array.from(found, ([, value]) => Number(value)).reduce((sum, value) => sum + value, 0);
  return { requests, edges: text.match(/^weir_requests_total\{.*classification="success"/gm)?.length ?? 0 };
}

test(`${SCRAPES} scrapes with ever new pods on both ends: the heap is flat and every request is counted`, async (t) => {
  t.timeout(60 * SCRAPES);
  let served = 0;
  let ownServed = 0;
  const server = createServer(({ url }, response) => {
    const body = url === '/own' ? ownPage(ownServed++) : page(served++);
    response.writeHead(200, { 'content-type': 'text/plain' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const weir = await DrivenWeir.start({
    startWallMs: 1_800_000_000_000,
    execArgv: ['--expose-gc'],
    config: `
receivers:
  linkerd:
    scrape_interval: 10s
    static_configs: [{ targets: ["127.0.0.1:${port}"], labels: { namespace: n, deployment: web, pod: web-1 } }]
  prometheus:
    config:
      global: { scrape_interval: 10s }
      scrape_configs:
        - { job_name: own, metrics_path: /own, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }
    mapping:
      - mesh: custom
        counts: requests
        side: client
        source: { namespace: ns, workload: app, pod: pod }
        destination: { namespace: ns, workload: to }
        requests: [{ sample: calls_total, failure: { code: "5.." } }]
processors: { smi: }
exporters:
  capture:
  smi: { endpoint: "127.0.0.1:0" }
  prometheus: { endpoint: "127.0.0.1:0", metric_expiration: 1m }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [linkerd, prometheus], processors: [smi], exporters: [capture, smi, prometheus] } }
`,
  });
  t.teardown(async () => {
    await weir.kill();
    server.closeAllConnections();
    server.close();
  });

  const requests = new Map<string, number>();
  const drainSums = () => {
    for (const { records } of weir.sums.splice(0))
      for (const { key, successes } of records) requests.set(key.mesh, (requests.get(key.mesh) ?? 0) + successes);
  };
  const exporterPort = Number(weir.log.find(({ msg }) => msg.startsWith('Prometheus metrics'))?.port);
  let mostEdges = 0;
  const heaps: number[] = [];
  while (served < SCRAPES) {
    await weir.advance(1_000_000);
    drainSums();
    const told = await toldByExporter(exporterPort);
    t.is(told.requests, requests.get('custom') ?? 0, 'the totals of workloads whose pods are all gone');
    mostEdges = Math.max(mostEdges, told.edges);
    if (served >= WARM_SCRAPES) heaps.push(await weir.heapBytes());
  }
  const growth = Math.min(...heaps.slice(-TOOTH)) - Math.min(...heaps.slice(0, TOOTH));
  t.true(growth < MIB, `the heap grew by ${growth} bytes over ${heaps.length * 100} scrapes: ${heaps.join(' ')}`);

  // Those of now, and those of the last minute: of 48 pods four are replaced with each scrape.
  t.true(mostEdges >= PEERS + OWN_PODS && mostEdges < PEERS + OWN_PODS + 8 * 4, `edges at once: ${mostEdges}`);

  const scrapes = served;
  assertBalanced(t, await weir.stop());
  drainSums();
  // The first page was a baseline; from then on every scrape brings one request of every peer, whichever pod it is.
  t.is(requests.get('linkerd'), (served - 1) * PEERS);
  t.is(requests.get('custom'), (ownServed - 1) * OWN_PODS);
  t.is(served, scrapes + 1, 'one farewell');
});
