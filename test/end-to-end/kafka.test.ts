/**
 * @module The demo's world, the real `weir run` and a real Apache Kafka: a consumer built from the JSON Schema alone
 * reads on while the broker is away for 20 s, and again for longer than the queue holds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { serveWorld } from '../../demo/proxies/serve.ts';
import { createWorld } from '../../demo/world/world.ts';
import { type ExampleConsumer, startExampleConsumer } from '../kit/example-consumer.ts';
import { ExpectedTraffic } from '../kit/expected-traffic.ts';
import { kafkaFor } from '../kit/kafka.ts';
import { metricOf, type TrafficMessage } from '../kit/schema.ts';

const MAIN = fileURLToPath(new URL('../../pipeline/main.ts', import.meta.url));
const TOPIC = 'smi_traffic';
const WINDOW_MS = 3000;
/** Windows the queue holds: 36 s, so that 20 s and a slow start of the broker fit. */
const QUEUE_SIZE = 12;
/** Counts a client's own scrapes are booked under; slots do not matter here. */
const ANY_SLOT_MS = 1e15;

interface Window {
  readonly startMs: number;
  readonly endMs: number;
  readonly successes: number;
  readonly failures: number;
}

function edgeName({ resource, edge }: TrafficMessage): string {
  const far = edge.resource;
  return `${resource.namespace}/${resource.name} -> ${far.namespace}/${far.name}`;
}

/** Windows of each edge that its clients' proxies told, in order. */
function windowsByEdge(messages: readonly TrafficMessage[]): Map<string, Window[]> {
  const edges = new Map<string, Window[]>();
  for (const message of messages) {
    if (message.edge.direction !== 'to') continue;
    const name = edgeName(message);
    const { windowStart, windowEnd } = message['x-weir'];
    const windows = edges.get(name) ?? [];
    windows.push({
      startMs: Date.parse(windowStart),
      endMs: Date.parse(windowEnd),
      successes: metricOf(message, 'success_count'),
      failures: metricOf(message, 'failure_count'),
    });
    edges.set(name, windows);
  }
  for (const windows of edges.values()) windows.sort((a, b) => a.startMs - b.startMs);
  return edges;
}

function trueEdges(expected: ExpectedTraffic): Map<string, { successes: number; failures: number }> {
  const edges = new Map<string, { successes: number; failures: number }>();
  for (const counts of expected.slots.values()) {
    for (const [key, { successes, failures }] of counts) {
      const edge = expected.edgeOf(key);
      if (edge === null) continue;
      const at = edges.get(edge) ?? { successes: 0, failures: 0 };
      edges.set(edge, { successes: at.successes + successes, failures: at.failures + failures });
    }
  }
  return edges;
}

async function startWeir(folder: string, broker: string): Promise<{ child: ChildProcess; errors: () => string }> {
  await writeFile(
    join(folder, 'config.yaml'),
    `
receivers:
  linkerd: { scrape_interval: 1s, file_sd_configs: [{ files: [${JSON.stringify(join(folder, 'targets.json'))}] }] }
processors:
  smi: { window: 3s }
exporters:
  kafka:
    brokers: ["${broker}"]
    traffic: { topic: ${TOPIC} }
    timeout: 2s
    sending_queue: { queue_size: ${QUEUE_SIZE} }
    retry_on_failure: { initial_interval: 200ms, max_interval: 1s }
service:
  telemetry: { logs: { level: info, encoding: json }, metrics: { level: none } }
  pipelines:
    metrics: { receivers: [linkerd], processors: [smi], exporters: [kafka] }
`,
  );
  const child = spawn(process.execPath, [MAIN, 'run', '-c', join(folder, 'config.yaml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '--disable-warning=TimeoutNegativeWarning' },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return { child, errors: () => errors };
}

async function until(what: string, done: () => boolean, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await wait(100);
  }
}

const requestsOf = (consumer: ExampleConsumer) =>
  [...windowsByEdge(consumer.edges).values()].flat().reduce((sum, w) => sum + w.successes + w.failures, 0);

test('windows of every edge tile the run and add up to the truth through two outages of the broker', async (t) => {
  t.timeout(420_000);
  const broker = await kafkaFor(t);
  if (broker === null) return;
  await broker.createTopic(TOPIC, 3);
  const folder = await mkdtemp(join(tmpdir(), 'weir-kafka-e2e-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));

  const world = createWorld({ seed: 5, startMs: Date.now() - 60_000 });
  world.advance(Date.now());
  // All proxies are older than the watch: each first scrape is a baseline.
  const expected = new ExpectedTraffic(ANY_SLOT_MS, Number.POSITIVE_INFINITY);
  const served = await serveWorld(world, { now: () => Date.now(), onScrape: (record) => expected.scraped(record) });
  t.teardown(() => served.close());
  await writeFile(join(folder, 'targets.json'), JSON.stringify(served.targets()));
  const consumer = startExampleConsumer(broker.address, 'judge');
  // A test that fails must not leave it running: the run would wait for it.
  t.teardown(() => consumer.stop());
  const { child, errors } = await startWeir(folder, broker.address);
  t.teardown(() => child.kill('SIGKILL'));

  await until('the first windows are read', () => consumer.edges.length > 30, 60_000);
  // Away for less than the queue holds.
  await broker.kill();
  await wait(20_000);
  await broker.restart();
  const before = consumer.edges.length;
  await until('reading goes on after the first outage', () => consumer.edges.length > before + 100, 60_000);
  const windowsBefore = [...windowsByEdge(consumer.edges).values()].flat();
  t.true(
    windowsBefore.every(({ startMs, endMs }) => endMs - startMs <= WINDOW_MS),
    'the queue held every window apart',
  );
  // Away for longer than the queue holds.
  await broker.kill();
  await wait((QUEUE_SIZE + 6) * WINDOW_MS);
  await broker.restart();
  const between = consumer.edges.length;
  await until('reading goes on after the second outage', () => consumer.edges.length > between + 100, 60_000);
  child.kill('SIGTERM');
  await until('the process has drained and ended', () => child.exitCode !== null || child.signalCode !== null, 60_000);
  const code = child.exitCode;
  t.is(code, 0, errors());

  const truth = trueEdges(expected);
  const total = [...truth.values()].reduce((sum, { successes, failures }) => sum + successes + failures, 0);
  await until(`the consumer has all ${total} requests`, () => requestsOf(consumer) >= total, 60_000);
  t.is(await consumer.stop(), 0);
  t.is(consumer.complaints, '');

  const edges = windowsByEdge(consumer.edges);
  t.deepEqual([...edges.keys()].sort(), [...truth.keys()].sort());
  t.true(edges.size >= 15);
  let long = 0;
  for (const [edge, windows] of edges) {
    const sum = windows.reduce(
      (at, w) => ({ successes: at.successes + w.successes, failures: at.failures + w.failures }),
      { successes: 0, failures: 0 },
    );
    t.deepEqual(sum, truth.get(edge), edge);
    for (const [i, { startMs, endMs }] of windows.entries()) {
      if (i > 0) t.is(startMs, windows[i - 1]!.endMs, `${edge}: window ${i} begins where the one before ended`);
      if (endMs - startMs > WINDOW_MS) long += 1;
    }
  }
  t.true(long > 0, 'an outage longer than the queue makes longer windows');
  const last = errors()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find(({ msg }) => String(msg).startsWith('stopped'));
  t.like(last, { msg: 'stopped', unaccounted: 0, dropped: [] });
});
