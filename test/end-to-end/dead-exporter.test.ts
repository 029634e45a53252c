/**
 * @module A real process with several exporters of spans of which some are dead or slow: the others get every span once, what
 * is missed is counted exactly, and senders are refused when, and only when, the spans are safe nowhere (A18, ADR 0014).
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

/** `exporters` and `pipelines` are lines of YAML. */
async function startWeir(t: ExecutionContext, exporters: readonly string[], pipelines: readonly string[]) {
  const [httpPort = 0, metricsPort = 0] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), 'weir-dead-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(
    file,
    `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${httpPort}" } } } }
exporters:
${exporters.map((line) => `  ${line}\n`).join('')}service:
  telemetry: { metrics: { address: "127.0.0.1:${metricsPort}" } }
  pipelines:
${pipelines.map((line) => `    ${line}\n`).join('')}`,
  );
  const weir = startCli(['run', '-c', file]);
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');
  const page = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const metricsAddress = `127.0.0.1:${metricsPort}`;
  return { ...weir, page, metricsAddress, url: `http://127.0.0.1:${httpPort}/v1/traces` };
}

async function post(url: string, request: number): Promise<Response> {
  const { bytes } = spansNumbered(idsFrom(1 + request * SPANS, SPANS));
  const headers = { 'content-type': 'application/x-protobuf' };
  return fetch(url, { method: 'POST', headers, body: Buffer.from(bytes) });
}

/** Items dropped for a full queue, by component. */
function droppedIn(page: string): Map<string, number> {
  const dropped = parseOwnMetrics(page).filter(
    ({ name, labels, value }) => name === 'weir_items_total' && labels.get('reason') === 'queue_full' && value > 0,
  );
  return new Map(dropped.map(({ labels, value }) => [labels.get('component') ?? '', value]));
}

const idsAt = ({ received }: OtlpBackend) => received.flatMap(({ body }) => spanIdsIn(body)).sort((a, b) => a - b);

test('two of four exporters are dead, one beside a living one and one in a pipeline of its own: nobody else notices', async (t) => {
  t.timeout(120_000);
  const living = [await OtlpBackend.start(t), await OtlpBackend.start(t)] as const;
  const [deadPort = 0] = await freePorts(1);
  const dead = `{ endpoint: "http://127.0.0.1:${deadPort}", sending_queue: { queue_size: ${ROOM} } }`;
  const weir = await startWeir(
    t,
    [
      ...[`otlphttp/one: { endpoint: "${living[0].url}" }`, `otlphttp/two: { endpoint: "${living[1].url}" }`],
      ...[`otlphttp/dead: ${dead}`, `otlphttp/gone: ${dead}`],
    ],
    [
      'traces: { receivers: [otlp], exporters: [otlphttp/dead, otlphttp/one] }',
      'traces/two: { receivers: [otlp], exporters: [otlphttp/two] }',
      'traces/gone: { receivers: [otlp], exporters: [otlphttp/gone] }',
    ],
  );
  for (let n = 0; n < REQUESTS; n++) t.is((await post(weir.url, n)).status, 200, 'the sender is never refused');
  for (const backend of living) {
    await until(() => backend.received.length === REQUESTS, 'all requests');
    t.deepEqual(idsAt(backend), idsFrom(1, REQUESTS * SPANS), 'each span once');
  }
  const page = await weir.page();
  assertOwnBalance(t, page);
  assertDropsTold(t, page, await fetchDrops(weir.metricsAddress));
  t.deepEqual(
    droppedIn(page),
    new Map([
      ['otlphttp/dead', (REQUESTS - ROOM) * SPANS],
      ['otlphttp/gone', (REQUESTS - ROOM) * SPANS],
    ]),
  );
});

/** A slow exporter with `on_full: refuse` beside a dead one of another kind, both with little room, in one pipeline or two. */
interface Beside {
  readonly onFull: 'drop_oldest' | 'drop_newest';
  readonly pipelines: readonly string[];
}

const ONE = ['traces: { receivers: [otlp], exporters: [otlphttp/dead, otlphttp/slow] }'];
const TWO = [
  'traces: { receivers: [otlp], exporters: [otlphttp/dead] }',
  'traces/slow: { receivers: [otlp], exporters: [otlphttp/slow] }',
];

const SIBLINGS: readonly Beside[] = [
  { onFull: 'drop_oldest', pipelines: ONE },
  { onFull: 'drop_oldest', pipelines: TWO },
  { onFull: 'drop_newest', pipelines: ONE },
];

for (const { onFull, pipelines } of SIBLINGS) {
  test(`a full ${onFull} exporter takes no back-pressure from a slow one, pipelines: ${pipelines.length}`, async (t) => {
    t.timeout(120_000);
    const slow = await OtlpBackend.start(t);
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    slow.react = async () => held.then(() => ({}));
    const [deadPort = 0] = await freePorts(1);
    const weir = await startWeir(
      t,
      [
        `otlphttp/slow: { endpoint: "${slow.url}", sending_queue: { queue_size: ${ROOM} } }`,
        `otlphttp/dead: { endpoint: "http://127.0.0.1:${deadPort}", sending_queue: { queue_size: ${ROOM - 1}, num_consumers: 1, on_full: ${onFull} } }`,
      ],
      pipelines,
    );
    for (let n = 0; n < ROOM; n++) t.is((await post(weir.url, n)).status, 200);
    for (let n = ROOM; n < REQUESTS; n++) {
      const refused = await post(weir.url, n);
      t.is(refused.status, 503, 'spans are safe nowhere: the sender keeps them');
      t.true(Number(refused.headers.get('retry-after')) >= 1);
    }
    // Of what was refused nothing is anywhere: the dead one has given up one request, for the last one that was taken.
    t.deepEqual(droppedIn(await weir.page()), new Map([['otlphttp/dead', SPANS]]));
    letGo();
    await until(() => slow.received.length === ROOM, 'what was taken');
    for (let n = ROOM; n < REQUESTS; n++) {
      let { status } = await post(weir.url, n);
      while (status === 503) ({ status } = await post(weir.url, n));
      t.is(status, 200, 'there is room again');
    }
    await until(() => slow.received.length === REQUESTS, 'all requests');
    t.deepEqual(idsAt(slow), idsFrom(1, REQUESTS * SPANS), 'each span once, though most were refused before');
    const page = await weir.page();
    assertOwnBalance(t, page);
    t.deepEqual(droppedIn(page), new Map([['otlphttp/dead', (REQUESTS - ROOM + 1) * SPANS]]));
  });
}

test('a drop_oldest exporter that has room is a place for spans: the slow one beside it drops, and nobody is refused', async (t) => {
  t.timeout(120_000);
  const slow = await OtlpBackend.start(t);
  slow.react = () => 'hang';
  const [deadPort = 0] = await freePorts(1);
  const weir = await startWeir(
    t,
    [
      `otlphttp/slow: { endpoint: "${slow.url}", sending_queue: { queue_size: ${ROOM} } }`,
      `otlphttp/dead: { endpoint: "http://127.0.0.1:${deadPort}", sending_queue: { queue_size: ${REQUESTS}, on_full: drop_oldest } }`,
    ],
    ONE,
  );
  for (let n = 0; n < REQUESTS; n++) t.is((await post(weir.url, n)).status, 200);
  t.is((await post(weir.url, REQUESTS)).status, 503, 'now both are full');
  const page = await weir.page();
  assertOwnBalance(t, page);
  t.deepEqual(droppedIn(page), new Map([['otlphttp/slow', (REQUESTS - ROOM) * SPANS]]));
});
