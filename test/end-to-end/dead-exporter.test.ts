/**
 * @module A real process with four exporters of spans, in three pipelines, of which two are dead: senders are never refused,
 * the others get every span once, and what the dead ones miss is counted exactly (A18).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startCli } from '../kit/cli.ts';
import { assertDropsTold, fetchDrops } from '../kit/drops.ts';
import { OtlpBackend, until } from '../kit/otlp-backend.ts';
import { assertOwnBalance, parseOwnMetrics } from '../kit/own-metrics.ts';
import { freePorts } from '../kit/ports.ts';
import { idsFrom, spanIdsIn, spansNumbered } from '../kit/sent-spans.ts';

const REQUESTS = 20;
const SPANS = 5;
const ROOM = 3;

async function startWeir(t: ExecutionContext, urls: readonly [string, string], deadPort: number) {
  const [httpPort = 0, metricsPort = 0] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), 'weir-dead-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  const queue = `sending_queue: { queue_size: ${ROOM} }`;
  await writeFile(
    file,
    `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${httpPort}" } } } }
exporters:
  otlphttp/one: { endpoint: "${urls[0]}" }
  otlphttp/two: { endpoint: "${urls[1]}" }
  otlphttp/dead: { endpoint: "http://127.0.0.1:${deadPort}", ${queue} }
  otlphttp/gone: { endpoint: "http://127.0.0.1:${deadPort}", ${queue} }
service:
  telemetry: { metrics: { address: "127.0.0.1:${metricsPort}" } }
  pipelines:
    traces: { receivers: [otlp], exporters: [otlphttp/dead, otlphttp/one] }
    traces/two: { receivers: [otlp], exporters: [otlphttp/two] }
    traces/gone: { receivers: [otlp], exporters: [otlphttp/gone] }
`,
  );
  const weir = startCli(['run', '-c', file]);
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');
  const page = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const metricsAddress = `127.0.0.1:${metricsPort}`;
  return { ...weir, page, metricsAddress, url: `http://127.0.0.1:${httpPort}/v1/traces` };
}

async function post(url: string, request: number): Promise<number> {
  const { bytes } = spansNumbered(idsFrom(1 + request * SPANS, SPANS));
  const headers = { 'content-type': 'application/x-protobuf' };
  const { status } = await fetch(url, { method: 'POST', headers, body: Buffer.from(bytes) });
  return status;
}

test('two of four exporters are dead, one beside a living one and one in a pipeline of its own: nobody else notices', async (t) => {
  t.timeout(120_000);
  const living = [await OtlpBackend.start(t), await OtlpBackend.start(t)] as const;
  const [deadPort = 0] = await freePorts(1);
  const weir = await startWeir(t, [living[0].url, living[1].url], deadPort);
  for (let n = 0; n < REQUESTS; n++) t.is(await post(weir.url, n), 200, 'the sender is never refused');
  for (const { received } of living) {
    await until(() => received.length === REQUESTS, 'all requests');
    const ids = received.flatMap(({ body }) => spanIdsIn(body)).sort((a, b) => a - b);
    t.deepEqual(ids, idsFrom(1, REQUESTS * SPANS), 'each span once');
  }
  const page = await weir.page();
  assertOwnBalance(t, page);
  assertDropsTold(t, page, await fetchDrops(weir.metricsAddress));
  const dropped = parseOwnMetrics(page).filter(
    ({ name, labels }) => name === 'weir_items_total' && labels.get('reason') === 'queue_full',
  );
  t.deepEqual(
    new Map(dropped.map(({ labels, value }) => [labels.get('component'), value])),
    new Map([
      ['otlphttp/dead', (REQUESTS - ROOM) * SPANS],
      ['otlphttp/gone', (REQUESTS - ROOM) * SPANS],
    ]),
  );
});
