/**
 * @module A real process whose backend refuses 1 % of the requests for good (A7): those alone are dropped, the journal says
 * which, why and in whose words, at /v1/drops and to `weir drops`; all others arrive.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { callWeir, startCli } from '../kit/cli.ts';
import { assertDropsTold, fetchDrops } from '../kit/drops.ts';
import { OtlpBackend, until } from '../kit/otlp-backend.ts';
import { GrpcTraceBackend } from '../kit/otlp-trace-backend.ts';
import { assertOwnBalance } from '../kit/own-metrics.ts';
import { freePorts } from '../kit/ports.ts';
import { idsFrom, spanIdsIn, spansNumbered } from '../kit/sent-spans.ts';

const REQUESTS = 200;
const SPANS = 5;
/** Requests by the number of their first span: 1 %. */
const REFUSED = new Set([41 * SPANS + 1, 160 * SPANS + 1]);
const NAME = 'GET \u001b[2J/__proto__';

async function startWeir(t: ExecutionContext, exporter: string, telemetry = '') {
  const [httpPort = 0, metricsPort = 0] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), 'weir-drops-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(
    file,
    `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${httpPort}" } } } }
exporters: { ${exporter} }
service:
  telemetry: { metrics: { address: "127.0.0.1:${metricsPort}" }${telemetry} }
  pipelines: { traces: { receivers: [otlp], exporters: [${exporter.split(':', 1)[0]}] } }
`,
  );
  const weir = startCli(['run', '-c', file]);
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');
  const address = `127.0.0.1:${metricsPort}`;
  const page = async () => (await fetch(`http://${address}/metrics`)).text();
  return { ...weir, address, page, url: `http://127.0.0.1:${httpPort}/v1/traces` };
}

async function post(t: ExecutionContext, url: string, request: number): Promise<void> {
  const { bytes } = spansNumbered(idsFrom(1 + request * SPANS, SPANS), NAME);
  const headers = { 'content-type': 'application/x-protobuf' };
  t.is((await fetch(url, { method: 'POST', headers, body: Buffer.from(bytes) })).status, 200);
}

/** Until the exporter has read all answers: the receiver delivers all, the exporter the others. */
async function answered(weir: Awaited<ReturnType<typeof startWeir>>, delivered: string): Promise<void> {
  for (let look = 0; !(await weir.page()).includes(delivered); look++)
    if (look > 2000) throw new Error(`no ${delivered}`);
}

const isRefused = (body: Buffer) => REFUSED.has(spanIdsIn(body)[0] ?? 0);
const sampleOf = (first: number) => ({
  traceId: first.toString(16).padStart(32, '0'),
  spanId: first.toString(16).padStart(16, '0'),
  span: 'GET \\x1b[2J/__proto__',
});

/** All that A7 asks for, whatever carries the requests; `words` are what the backend says. */
async function judge(
  t: ExecutionContext,
  weir: Awaited<ReturnType<typeof startWeir>>,
  received: () => readonly Buffer[],
  { id, reason, words }: { id: string; reason: string; words: RegExp },
): Promise<void> {
  for (let n = 0; n < REQUESTS; n++) await post(t, weir.url, n);
  await until(() => received().length === REQUESTS, 'all requests');
  const lost = REFUSED.size * SPANS;
  await answered(
    weir,
    `outcome="delivered",reason=""} ${REQUESTS * SPANS - lost}
`,
  );
  const taken = received()
    .filter((body) => !isRefused(body))
    .flatMap((body) => spanIdsIn(body));
  t.is(new Set(taken).size, REQUESTS * SPANS - lost, 'others arrived');
  t.is(taken.length, REQUESTS * SPANS - lost, 'each once');

  const page = await weir.page();
  assertOwnBalance(t, page);
  const shown = await fetchDrops(weir.address);
  assertDropsTold(t, page, shown);
  const [drop, ...others] = shown.drops;
  t.deepEqual(others, []);
  t.like(drop, { kind: 'exporter', component: id, signal: 'spans', reason, items: lost, times: REFUSED.size });
  t.regex(drop?.error ?? '', words);
  t.deepEqual(drop?.sample, sampleOf(41 * SPANS + 1), 'the first one of the first request');
  t.true(Date.parse(shown.since) <= Date.parse(drop?.firstAt ?? ''));
  t.true(Date.parse(drop?.firstAt ?? '') <= Date.parse(drop?.lastAt ?? ''));

  const { code, out, err } = await callWeir(['drops', '--url', `http://${weir.address}`]);
  t.is(code, 0, err);
  const [head = '', line = '', ...rest] = out.split('\n');
  t.regex(head, /^ *LAST {3}COMPONENT +SIGNAL +REASON +ITEMS +TIMES +SAMPLE +ERROR$/);
  t.true(line.includes(` ago   exporter ${id}   spans    ${reason}`), line);
  t.true(line.includes(`traceId=${sampleOf(41 * SPANS + 1).traceId}`), line);
  t.regex(line, words);
  t.deepEqual(rest, ['']);
}

test.serial('otlphttp: a 400 to 1 % of the requests', async (t) => {
  t.timeout(120_000);
  const backend = await OtlpBackend.start(t);
  const body = `{"code":3,"message":"no tenant for abc.def, Bearer abc.def\\u0007 ${'x'.repeat(2000)}"}`;
  backend.react = (request) =>
    isRefused(request.body) ? { status: 400, headers: { 'content-type': 'application/json' }, body } : {};
  const weir = await startWeir(
    t,
    `otlphttp: { endpoint: "${backend.url}", headers: { authorization: "Bearer abc.def" } }`,
  );
  await judge(t, weir, () => backend.received.map((one) => one.body), {
    id: 'otlphttp',
    reason: 'http_400',
    words: /400.*no tenant for \*\*\*, \*\*\*/,
  });
  const text = await (await fetch(`http://${weir.address}/v1/drops`)).text();
  t.false(text.includes('abc.def'), 'no credential');
  weir.child.kill('SIGTERM');
  const { err } = await weir.finished;
  t.regex(err, /dropped.*no tenant for \*\*\*, \*\*\*/);
  t.false(err.includes('abc.def'), 'none in the log either');
});

test.serial('otlp: INVALID_ARGUMENT to 1 % of the requests', async (t) => {
  t.timeout(120_000);
  const backend = await GrpcTraceBackend.start(t);
  backend.react = (number) =>
    isRefused(backend.received[number]!) ? { code: status.INVALID_ARGUMENT, details: 'no such tenant' } : null;
  const weir = await startWeir(t, `otlp: { endpoint: "${backend.endpoint}", tls: { insecure: true } }`);
  await judge(t, weir, () => backend.received, {
    id: 'otlp',
    reason: 'grpc_invalid_argument',
    words: /no such tenant/,
  });
});
