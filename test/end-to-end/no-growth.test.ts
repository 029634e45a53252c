/** @module 10,000 scrapes of one process, with peers that come and go all the time: the heap stays as it was. */
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
const BOUNDS = [1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, '+Inf'];
const MIB = 2 ** 20;

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

test(`${SCRAPES} scrapes with ever new pods as peers: the heap is flat and every request is counted`, async (t) => {
  t.timeout(60 * SCRAPES);
  let served = 0;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end(page(served++));
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
processors: { smi: }
exporters: { capture: , smi: { endpoint: "127.0.0.1:0" } }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [capture, smi] } }
`,
  });
  t.teardown(async () => {
    await weir.kill();
    server.closeAllConnections();
    server.close();
  });

  let requests = 0;
  const drainSums = () => {
    for (const sum of weir.sums.splice(0)) for (const record of sum.records) requests += record.successes;
  };
  const heaps: number[] = [];
  while (served < SCRAPES) {
    await weir.advance(1_000_000);
    drainSums();
    if (served >= WARM_SCRAPES) heaps.push(await weir.heapBytes());
  }
  const growth = Math.min(...heaps.slice(-5)) - Math.min(...heaps.slice(0, 5));
  t.true(growth < MIB, `the heap grew by ${growth} bytes over ${heaps.length * 100} scrapes: ${heaps.join(' ')}`);

  const scrapes = served;
  assertBalanced(t, await weir.stop());
  drainSums();
  // The first page was a baseline; from then on every scrape brings one request of every peer, whichever pod it is.
  t.is(requests, (served - 1) * PEERS);
  t.is(served, scrapes + 1, 'one farewell');
});
