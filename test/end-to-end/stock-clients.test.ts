/**
 * @module The OpenTelemetry JS exporters, unchanged, through a real process: what leaves Weir equals what came, field by
 * field, as `protobufjs` reads it by the public schema; and what Weir refuses arrives once when it is sent again.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import test, { type ExecutionContext } from 'ava';
import { assertStoppedWhole, type RunningCli, startCli } from '../kit/cli.ts';
import { OtlpBackend, type Received, until } from '../kit/otlp-backend.ts';
import {
  decodeTraces,
  decodeTracesJson,
  spansOf,
  type TraceRequest,
  type TraceResource,
  withDefaults,
} from '../kit/otlp-trace.ts';
import { GrpcTraceBackend } from '../kit/otlp-trace-backend.ts';
import { parseOwnMetrics } from '../kit/own-metrics.ts';
import { freePorts } from '../kit/ports.ts';
import { everySpan, STOCK_CLIENTS, type StockClient, stockClient } from '../kit/stock-clients.ts';

/** Requests leave one after the other, so that their order can be compared too. */
const IN_ORDER = 'sending_queue: { num_consumers: 1 }';

interface Ports {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
}

async function startWeir(t: ExecutionContext, exporters: string, names: string): Promise<RunningCli & Ports> {
  const [grpcPort = 0, httpPort = 0, metricsPort = 0] = await freePorts(3);
  const folder = await mkdtemp(join(tmpdir(), 'weir-stock-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(
    file,
    `receivers:
  otlp:
    protocols: { grpc: { endpoint: "127.0.0.1:${grpcPort}" }, http: { endpoint: "127.0.0.1:${httpPort}" } }
exporters:
${exporters}
service:
  telemetry: { metrics: { address: "127.0.0.1:${metricsPort}" } }
  pipelines: { traces: { receivers: [otlp], exporters: [${names}] } }
`,
  );
  const weir = startCli(['run', '-c', file]);
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');
  return { ...weir, grpcPort, httpPort, metricsPort };
}

async function stop(t: ExecutionContext, weir: RunningCli): Promise<void> {
  weir.child.kill('SIGTERM');
  assertStoppedWhole(t, await weir.finished);
}

function decode({ headers, body }: Received): TraceRequest {
  return headers['content-type'] === 'application/json' ? decodeTracesJson(body.toString()) : decodeTraces(body);
}

/** What the same client sends to a backend without Weir between: nothing of Weir has touched it. */
async function direct(t: ExecutionContext, protocol: 'http/protobuf' | 'http/json', spans: readonly ReadableSpan[]) {
  const backend = await OtlpBackend.start(t);
  const client = stockClient(protocol, false, { grpcPort: 0, httpPort: backend.port });
  await client.send(spans);
  await client.shutdown();
  return decode(backend.received[0]!);
}

test('every stock exporter: what leaves equals what came, field by field, as protobuf, as JSON and over gRPC', async (t) => {
  t.timeout(120_000);
  const [proto, json, grpc] = [await OtlpBackend.start(t), await OtlpBackend.start(t), await GrpcTraceBackend.start(t)];
  const weir = await startWeir(
    t,
    `  otlphttp/proto: { endpoint: "${proto.url}", ${IN_ORDER} }
  otlphttp/json: { endpoint: "${json.url}", encoding: json, compression: none, ${IN_ORDER} }
  otlp: { endpoint: "${grpc.endpoint}", tls: { insecure: true }, ${IN_ORDER} }`,
    'otlphttp/proto, otlphttp/json, otlp',
  );
  const sent: TraceRequest[] = [];
  for (const [n, { protocol, compressed }] of STOCK_CLIENTS.entries()) {
    const spans = everySpan(`${protocol} ${compressed} ${n}`);
    const client = stockClient(protocol, compressed, weir);
    await client.send(spans);
    await client.shutdown();
    // The gRPC exporter fills the same message as the one of protobuf over HTTP.
    sent.push(await direct(t, protocol === 'http/json' ? protocol : 'http/protobuf', spans));
  }
  const all = spansOf(sent).length;
  const arrived = (backend: OtlpBackend) => backend.received.map(decode);
  const overGrpc = () => grpc.received.map(decodeTraces);
  const isAll = (requests: readonly TraceRequest[]) => spansOf(requests).length >= all;
  await until(() => isAll(arrived(proto)) && isAll(arrived(json)) && isAll(overGrpc()), 'all spans');
  await stop(t, weir);

  // The judge has something to judge: every field of the schema that these clients fill.
  assertFilled(t, sent[0]!);
  t.deepEqual(arrived(proto).flatMap(resourcesOf), sent.flatMap(resourcesOf));
  t.deepEqual(overGrpc().flatMap(resourcesOf), sent.flatMap(resourcesOf));
  // JSON may leave defaults out, and a reader puts them in again.
  t.deepEqual(arrived(json).map(withDefaults).flatMap(resourcesOf), sent.map(withDefaults).flatMap(resourcesOf));
  t.true(proto.received.every(({ headers }) => headers['content-encoding'] === 'gzip'));
  t.true(json.received.every(({ headers }) => headers['content-type'] === 'application/json'));
});

/** Requests may be cut and joined on the way; what is in them stays in its order. */
function resourcesOf({ resourceSpans = [] }: TraceRequest): readonly TraceResource[] {
  return resourceSpans;
}

function assertFilled(t: ExecutionContext, request: TraceRequest): void {
  const [resourceSpans] = request.resourceSpans ?? [];
  const [scopeSpans] = resourceSpans?.scopeSpans ?? [];
  const spans = spansOf([request]);
  t.is(spans.length, 6);
  t.truthy(resourceSpans?.schemaUrl);
  t.truthy(scopeSpans?.schemaUrl);
  t.is(scopeSpans?.scope?.version, '1.2.3');
  t.true((resourceSpans?.resource?.attributes ?? []).length >= 3);
  const some = (has: (span: (typeof spans)[number]) => unknown) => t.true(spans.some(has), String(has));
  some(({ kind }) => kind === 5);
  some(({ status }) => status?.code === 2 && status.message === 'no stock');
  some(({ status }) => status?.code === 1);
  some(({ droppedAttributesCount }) => droppedAttributesCount);
  some(({ droppedEventsCount }) => droppedEventsCount);
  some(({ droppedLinksCount, links = [] }) => (droppedLinksCount ?? 0) > 0 || links.length === 2);
  some(({ events = [] }) => events.some(({ droppedAttributesCount }) => droppedAttributesCount));
  some(({ links = [] }) => links.some(({ attributes = [] }) => attributes.length > 0));
  some(({ flags }) => flags !== undefined && (flags & 0x300) === 0x300);
  const kinds = spans.flatMap(({ attributes = [] }) => attributes.flatMap(({ value }) => Object.keys(value ?? {})));
  t.deepEqual([...new Set(kinds)].sort(), [
    'arrayValue',
    'boolValue',
    'bytesValue',
    'doubleValue',
    'intValue',
    'kvlistValue',
    'stringValue',
  ]);
}

/** Requests over `protocol` that were told to come again. */
async function refused({ metricsPort }: Ports, protocol: string): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return parseOwnMetrics(page)
    .filter(({ name, labels }) => name === 'weir_otlp_received_requests_total' && labels.get('reason') === 'busy')
    .filter(({ labels }) => labels.get('protocol') === protocol)
    .reduce((sum, { value }) => sum + value, 0);
}

/** UNAVAILABLE, which asks to come again. */
const UNAVAILABLE = 14;

/**
 * Sends until it is taken. The exporters over HTTP try again by themselves; the one over gRPC reports the refusal, and
 * leaves it to the application.
 */
async function sendAgain(client: StockClient, spans: readonly ReadableSpan[]): Promise<void> {
  for (;;) {
    try {
      return await client.send(spans);
    } catch (error) {
      if (client.protocol !== 'grpc' || (error as { code?: unknown }).code !== UNAVAILABLE) throw error;
      await wait(200);
    }
  }
}

test('spans that are refused while the queue is full and sent again are neither lost nor doubled', async (t) => {
  t.timeout(180_000);
  const backend = await OtlpBackend.start(t);
  const { promise: mended, resolve: mend } = Promise.withResolvers<void>();
  backend.react = async () => {
    await mended;
    return {};
  };
  const weir = await startWeir(
    t,
    `  otlphttp: { endpoint: "${backend.url}", timeout: 120s, sending_queue: { queue_size: 1 } }`,
    'otlphttp',
  );
  const clients = STOCK_CLIENTS.map(({ protocol, compressed }) => stockClient(protocol, compressed, weir, 60_000));
  const spans = clients.map((_, n) => everySpan(`refused ${n}`));
  const sending = clients.map((client, n) => sendAgain(client, spans[n]!));
  // One request is under way and has the queue's only place; the others are refused.
  for (const protocol of ['grpc', 'http']) while ((await refused(weir, protocol)) === 0) await wait(20);
  mend();
  await Promise.all(sending);
  const all = spans.flat().map((span) => span.spanContext().spanId);
  await until(() => spansOf(backend.received.map(decode)).length >= all.length, 'all spans');
  await Promise.all(clients.map((client) => client.shutdown()));
  await stop(t, weir);
  const arrived = spansOf(backend.received.map(decode)).map(({ spanId }) => spanId ?? '');
  t.deepEqual(arrived.sort(), all.sort());
});
