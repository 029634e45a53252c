/** @module A stock Collector between: what it sends of recorded pages counts as much as scraping the same pages does. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Balance } from '../../../pipeline/balance.ts';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { ADMITTED } from '../../../pipeline/component.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { ReceivingRoom } from '../../../pipeline/net/receiving-room.ts';
import { MetricsRequest } from '../../../pipeline/wire/otlp-spans.ts';
import { istioConfig } from '../../../receivers/istio/config.ts';
import { factory as istio } from '../../../receivers/istio/factory.ts';
import { linkerdConfig } from '../../../receivers/linkerd/config.ts';
import { factory as linkerd } from '../../../receivers/linkerd/factory.ts';
import { createJsonReading } from '../../../receivers/otlp/json-requests.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters } from '../scrape/harness.ts';
import { createSlots, createStage, encoded } from './samples-stage.ts';

const DATA = new URL('../../data/', import.meta.url);
const INTERVAL_MS = 2000;
const SCRAPES = 4;

interface Recording {
  readonly mesh: 'linkerd' | 'istio';
  readonly page: string;
  readonly collector: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Requests, and bytes of TCP, of each scrape but the first, as the page has them. */
  readonly total: readonly [requests: number, tcpBytes: number];
}

const RECORDINGS: readonly Recording[] = [
  {
    mesh: 'linkerd',
    page: 'linkerd/proxy-edge-22.6-slow-cooker-opaque.prom',
    collector: 'otlp/collector-linkerd.jsonl',
    labels: { namespace: 'default', pod: 'slow-cooker-opaque-pod-mjqsw' },
    total: [0, 8323 + 3763],
  },
  {
    mesh: 'istio',
    page: 'istio/sidecar-1.11.4-merged-excerpt.txt',
    collector: 'otlp/collector-istio.jsonl',
    labels: { namespace: 'default', pod: 'reviews-v1-7f4f6d79b5-8mmkd' },
    total: [1, 0],
  },
];

/** The page in the k-th scrape: every integer value of a counter or histogram multiplied by k + 1. */
function pageOf(text: string, k: number): string {
  let multiplies = false;
  const lines = text.split('\n').map((line) => {
    const type = /^# TYPE \S+ (\S+)/.exec(line);
    if (type !== null) multiplies = type[1] === 'counter' || type[1] === 'histogram';
    if (!multiplies || line.startsWith('#')) return line;
    return line.replace(/ (\d+)$/, (_, value) => ` ${Number(value) * (k + 1)}`);
  });
  return lines.join('\n');
}

/** Scrapes the pages with the mesh's own receiver; returns the slots. */
async function scraped(t: ExecutionContext, { mesh, page, labels }: Recording): Promise<TrafficSum[]> {
  const text = readFileSync(new URL(page, DATA), 'latin1');
  let asked = 0;
  const server = createServer((_, response) => void response.end(pageOf(text, asked++), 'latin1'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const targets = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  const clock = createTestClock(1_795_628_000_000);
  const slots = createSlots(clock, INTERVAL_MS);
  const balance = new Balance();
  let come = 0;
  let arrived = () => {};
  const settings = {
    ...{ id: mesh, clock, time: slots.time, log: createTestLog(), meters: createTestMeters(), balance },
    ...{ balanceOf: () => balance, startedMs: slots.time.nowMs(), signals: new Set(['metrics'] as const) },
    demand: new Set(['requests', 'latency', 'tcp'] as const),
    next: {
      admits: () => ADMITTED,
      consume(batch: Parameters<typeof slots.consume>[0]) {
        slots.consume(batch);
        if (batch.body === 'samples' && batch.event.kind === 'scraped') come += 1;
        arrived();
      },
    },
  };
  const keys = { scrape_interval: '2s', static_configs: [{ targets, labels }] };
  const receiver =
    mesh === 'linkerd'
      ? await linkerd.create({ ...settings, config: linkerdConfig.parse(keys) })
      : await istio.create({ ...settings, config: istioConfig.parse(keys) });
  await receiver.start();
  for (let k = 0; k < SCRAPES; k++) {
    while (come <= k) await new Promise<void>((resolve) => (arrived = resolve));
    clock.advance(INTERVAL_MS);
  }
  clock.advance(5 * INTERVAL_MS);
  await receiver.stop(AbortSignal.abort());
  return slots.sums;
}

/** What the Collector sent of them; returns the slots. */
async function collected(
  t: ExecutionContext,
  { collector }: Recording,
  requestsOf: (line: string) => Promise<readonly Uint8Array[]>,
): Promise<TrafficSum[]> {
  const lines = readFileSync(new URL(collector, DATA), 'utf8').trim().split('\n');
  const firstMs = 1_795_628_150_000;
  const stage = await createStage({ startMs: firstMs, intervalMs: INTERVAL_MS });
  for (const line of lines) {
    const atMs = Number(/"timeUnixNano":"(\d+)\d{6}"/.exec(line)![1]);
    stage.clock.advance(atMs + 70 - stage.time.nowMs());
    for (const request of await requestsOf(line)) await stage.send(request);
  }
  t.is(stage.balance.unaccounted, 0);
  stage.clock.advance(5 * INTERVAL_MS);
  return stage.sums;
}

/** Slots with traffic, as comparable values: everything of every record, but not when it was. */
function traffic(sums: readonly TrafficSum[]) {
  return sums
    .map(({ records }) =>
      records
        .map(({ key, latency, ...record }) => ({
          id: key.id,
          ...record,
          latency: latency?.map(({ boundsMs, counts }) => [[...boundsMs], [...counts]]) ?? null,
        }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    )
    .filter((records) => records.some((r) => r.successes + r.failures > 0 || r.latency !== null || r.tcp !== null));
}

function totalOf(records: ReturnType<typeof traffic>[number]): [number, number] {
  const requests = records.reduce((total, record) => total + record.successes + record.failures, 0);
  const bytes = records.reduce((total, { tcp }) => total + (tcp?.readBytes ?? 0) + (tcp?.writtenBytes ?? 0), 0);
  return [requests, bytes];
}

interface Json {
  resourceMetrics: { resource: object; scopeMetrics: { scope: object; metrics: Record<string, unknown>[] }[] }[];
}

/** The points of a request dealt out to requests by `parts`, one after another. */
function split({ resourceMetrics }: Json, parts: readonly number[]): Uint8Array[] {
  const requests = new Map<number, Record<string, unknown>[]>();
  let point = 0;
  const { resource, scopeMetrics } = resourceMetrics[0]!;
  for (const metric of scopeMetrics[0]!.metrics) {
    const kind = ['sum', 'gauge', 'histogram', 'summary'].find((name) => name in metric)!;
    const data = metric[kind] as { dataPoints: object[] };
    for (const one of data.dataPoints) {
      const part = parts[point++ % parts.length]!;
      const metrics = requests.get(part) ?? [];
      requests.set(part, metrics);
      metrics.push({ ...metric, [kind]: { ...data, dataPoints: [one] } });
    }
  }
  const { scope } = scopeMetrics[0]!;
  return [...requests.values()].map((metrics) =>
    encoded({ resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics }] }] }),
  );
}

for (const recording of RECORDINGS) {
  test(`${recording.mesh}: a Collector's protobuf counts as the pages it scraped do, slot by slot`, async (t) => {
    t.timeout(60_000);
    const direct = traffic(await scraped(t, recording));
    t.is(direct.length, SCRAPES - 1);
    t.deepEqual(traffic(await collected(t, recording, async (line) => [encoded(JSON.parse(line))])), direct);
    t.deepEqual(direct.map(totalOf), Array(SCRAPES - 1).fill(recording.total));
  });

  test(`${recording.mesh}: its JSON counts the same`, async (t) => {
    const limits = { maxItems: 50_000, maxDepth: 32 };
    const settings = { turns: new Turns(createTestClock()), room: new ReceivingRoom(2 ** 30) };
    const read = createJsonReading(MetricsRequest, limits, settings);
    const protobuf = traffic(await collected(t, recording, async (line) => [encoded(JSON.parse(line))]));
    t.deepEqual(
      traffic(await collected(t, recording, async (line) => [(await read(Buffer.from(line))).bytes])),
      protobuf,
    );
    t.deepEqual(protobuf.map(totalOf), Array(SCRAPES - 1).fill(recording.total));
  });

  test(`${recording.mesh}: split at any points into requests of any order, it counts the same`, async (t) => {
    t.timeout(60_000);
    const whole = traffic(await collected(t, recording, async (line) => [encoded(JSON.parse(line))]));
    const cuts = fc.array(fc.nat(4), { minLength: 200, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (parts, repeats) => {
        const sums = await collected(t, recording, async (line) => {
          const requests = split(JSON.parse(line), parts);
          return repeats ? [...requests, ...requests] : requests;
        });
        t.deepEqual(traffic(sums), whole);
      }),
      { numRuns: 15 },
    );
  });
}
