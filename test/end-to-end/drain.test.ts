/**
 * @module A real process is told to stop while some of its exporters are dead: the living ones have everything at once, in
 * every pipeline, and the dead ones alone wait for the end and lose theirs.
 */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startCli } from '../kit/cli.ts';
import { GrpcBackend } from '../kit/grpc-backend.ts';
import { OtlpBackend, until } from '../kit/otlp-backend.ts';
import { readOtlp } from '../kit/otlp-reading.ts';
import { freePorts } from '../kit/ports.ts';
import { idsFrom, spanIdsIn, spansNumbered } from '../kit/sent-spans.ts';

const REQUESTS = 100;
const SPANS = 5;
/** What it takes on a machine that is busy with much else; the dead one waits far longer. */
const SOON_MS = 6000;
const DRAIN_SECONDS = 15;

type Type = 'otlphttp' | 'otlp';

/** A proxy that has answered `REQUESTS` more each time it is asked. */
async function proxy(t: ExecutionContext) {
  let scrapes = 0;
  const server = createServer((_request, response) => {
    scrapes += 1;
    response.end(`response_total{direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="api",classification="success"} ${scrapes * REQUESTS}
process_start_time_seconds 1
`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, scrapes: () => scrapes };
}

interface Came {
  readonly isSpans: boolean;
  readonly body: Buffer;
}

/** It takes traffic at once, and spans when it is told to. */
async function living(t: ExecutionContext, type: Type) {
  let takesSpans = false;
  const taken: Came[] = [];
  let refused = 0;
  /** Whether it takes this one. */
  const take = (path: string, body: Buffer): boolean => {
    const isSpans = path.includes('race');
    if (isSpans && !takesSpans) refused += 1;
    else taken.push({ isSpans, body });
    return !isSpans || takesSpans;
  };
  const takeSpans = () => {
    takesSpans = true;
  };
  const told = { taken, refused: () => refused, takeSpans };
  if (type === 'otlphttp') {
    const backend = await OtlpBackend.start(t);
    backend.react = ({ path, body }) => (take(path, body) ? {} : { status: 503 });
    return { ...told, endpoint: backend.url };
  }
  const backend = await GrpcBackend.start(t);
  backend.react = ({ path, body }) => (take(path, body) ? {} : { code: 14, message: 'not yet' });
  return { ...told, endpoint: backend.endpoint };
}

async function startWeir(t: ExecutionContext, type: Type, live: string, target: number) {
  const [port = 0, deadPort = 0] = await freePorts(2);
  const dead = type === 'otlp' ? `127.0.0.1:${deadPort}` : `http://127.0.0.1:${deadPort}`;
  const insecure = type === 'otlp' ? 'tls: { insecure: true }, ' : '';
  const settings = `${insecure}retry_on_failure: { initial_interval: 60s, max_interval: 60s }`;
  const folder = await mkdtemp(join(tmpdir(), 'weir-drain-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(
    file,
    `receivers:
  linkerd: { scrape_interval: 3600s, static_configs: [{ targets: ["127.0.0.1:${target}"], labels: { namespace: shop, deployment: web } }] }
  otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } }
processors: { smi: }
exporters:
  ${type}/dead: { endpoint: "${dead}", ${settings} }
  ${type}/live: { endpoint: "${live}", ${settings} }
service:
  telemetry: { metrics: { level: none }, logs: { encoding: json } }
  pipelines:
    traces: { receivers: [otlp], exporters: [${type}/dead, ${type}/live] }
    metrics: { receivers: [linkerd], processors: [smi], exporters: [${type}/dead, ${type}/live] }
`,
  );
  const weir = startCli(['run', '-c', file, '--drain-timeout', `${DRAIN_SECONDS}s`]);
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');
  return { ...weir, url: `http://127.0.0.1:${port}/v1/traces` };
}

test('a reader of the debug exporter that stands still does not keep Weir from ending', async (t) => {
  t.timeout(120_000);
  const [port = 0] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), 'weir-drain-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(
    file,
    `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { debug: { verbosity: detailed, max_spans: 10000 } }
service: { telemetry: { metrics: { level: none } }, pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }
`,
  );
  const weir = startCli(['run', '-c', file]);
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');
  weir.child.stdout?.pause();
  const { bytes } = spansNumbered(idsFrom(1, 10_000));
  const headers = { 'content-type': 'application/x-protobuf' };
  const url = `http://127.0.0.1:${port}/v1/traces`;
  t.is((await fetch(url, { method: 'POST', headers, body: Buffer.from(bytes) })).status, 200);
  const exited = once(weir.child, 'exit');
  weir.child.kill('SIGTERM');
  t.deepEqual(await exited, [0, null]);
  weir.child.stdout?.resume();
  const { out } = await weir.finished;
  t.true(out.length > 0 && !out.includes('000000000000270f'), 'the reader had not read all');
});

type Line = Readonly<Record<string, unknown>>;

for (const type of ['otlphttp', 'otlp'] as const) {
  test(`${type}: a living exporter has all traffic and spans soon after SIGTERM, while a dead one before it waits`, async (t) => {
    t.timeout(120_000);
    const target = await proxy(t);
    const live = await living(t, type);
    const weir = await startWeir(t, type, live.endpoint, target.port);
    await until(() => target.scrapes() === 1, 'the first scrape');
    const { bytes } = spansNumbered(idsFrom(1, SPANS));
    const headers = { 'content-type': 'application/x-protobuf' };
    t.is((await fetch(weir.url, { method: 'POST', headers, body: Buffer.from(bytes) })).status, 200);
    await until(() => live.refused() === 1, 'the first attempt');
    live.takeSpans();

    const sentMs = performance.now();
    weir.child.kill('SIGTERM');
    const has = (isSpans: boolean) => live.taken.some((one) => one.isSpans === isSpans);
    await until(() => has(true) && has(false), 'all that is to be sent');
    const tookMs = performance.now() - sentMs;
    t.true(tookMs < SOON_MS, `it took ${tookMs} ms`);
    t.is(weir.child.exitCode, null, 'the dead one still waits');

    const finished = await weir.finished;
    t.is(finished.code, 0, finished.err);
    t.true(performance.now() - sentMs > DRAIN_SECONDS * 1000 - 1000, 'it waited until the deadline');
    const traffic = live.taken.filter(({ isSpans }) => !isSpans).flatMap(({ body }) => readOtlp(body).points);
    const requests = traffic.filter(({ metric }) => metric === 'weir.requests');
    t.is(
      requests.reduce((sum, { value }) => sum + value, 0),
      REQUESTS,
    );
    t.deepEqual(
      live.taken.filter(({ isSpans }) => isSpans).flatMap(({ body }) => spanIdsIn(body)),
      idsFrom(1, SPANS),
    );
    assertTold(
      t,
      type,
      finished.err
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line),
    );
  });
}

function assertTold(t: ExecutionContext, type: Type, lines: readonly Line[]): void {
  const dead = `${type}/dead`;
  const handedOn = lines.find(({ msg }) => /^draining: .* to hand on$/.test(String(msg)));
  t.deepEqual(
    (handedOn?.waiting as { component: string }[] | undefined)?.map(({ component }) => component),
    [dead, `${type}/live`],
    'what processors flushed is counted',
  );
  const drops = lines.filter(({ level }) => level === 'error');
  t.deepEqual(drops.map(({ id, signal, reason }) => [id, signal, reason]).toSorted(), [
    [dead, 'spans', 'shutdown'],
    [dead, 'traffic', 'shutdown'],
  ]);
  t.true(drops.every(({ items, dropped_items: spans }) => Number(items ?? spans) > 0));
  const failed = lines.filter(({ msg }) => msg === 'Sending failed and is tried again');
  t.deepEqual([...new Set(failed.map(({ signal }) => signal))].toSorted(), ['spans', 'traffic']);
  const { unaccounted, dropped } = lines.at(-1) as { unaccounted: number; dropped: Line[] };
  t.is(unaccounted, 0);
  t.deepEqual(dropped.map(({ component, signal, reason }) => [component, signal, reason]).toSorted(), [
    [dead, 'spans', 'shutdown'],
    [dead, 'traffic', 'shutdown'],
  ]);
}
