/**
 * @module What a page for Prometheus costs for each sample, beside the SDK's exporter in the same run, and for how long a
 * scrape of many series keeps the loop.
 *
 * Run it with `node test/bench/prometheus-text.ts`. Two shapes: two counters an edge, and those with a histogram of 26
 * buckets and its count. Labels as Linkerd's edges have them. The best of
 * many short rounds counts.
 */
import { request } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Attributes } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { AggregationType, MeterProvider } from '@opentelemetry/sdk-metrics';
import { config } from '../../exporters/prometheus/config.ts';
import { createLabels } from '../../exporters/prometheus/labels.ts';
import type { Format } from '../../exporters/prometheus/negotiate.ts';
import { PageLayout } from '../../exporters/prometheus/page.ts';
import { createPrometheusExporter } from '../../exporters/prometheus/prometheus.ts';
import { type PageContent, Totals } from '../../exporters/prometheus/totals.ts';
import { Balance } from '../../pipeline/balance.ts';
import { systemClock } from '../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../pipeline/clock/engine-time.ts';
import type { TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../pipeline/model/traffic-key.ts';
import { NO_METERS } from '../../pipeline/telemetry/meters.ts';
import { PageWriter } from '../../pipeline/wire/exposition-out/page-writer.ts';
import { labelName, trafficAttributes } from '../../pipeline/wire/traffic-attributes.ts';
import { trafficBatch } from '../kit/slots.ts';
import { LINKERD_BOUNDS_MS, own, peer, sumOf } from '../kit/traffic.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const EDGES = 500;
const SDK_ROUNDS = 20;
const ROUNDS = 400;
const TEXT_GOAL_NS = 60;
/** Series of the scrape whose stretches are measured. */
const MANY_SERIES = 100_000;
const STRETCH_GOAL_MS = 20;

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

function records(edges: number, withLatency: boolean): TrafficRecord[] {
  return Array.from({ length: edges }, (_, i) => {
    const counts = Float64Array.from({ length: LINKERD_BOUNDS_MS.length + 1 }, (_, b) => (i * 31 + b * 7) % 900);
    const key = createTrafficKey({
      mesh: 'linkerd',
      side: 'client',
      own: own(`ns-${i % 50}/workload-${i}`, { kind: 'Deployment', account: 'default' }),
      peer: peer(`ns-${i % 50}/workload-${(i * 7) % edges}`, { kind: 'Deployment', service: `svc-${i % 500}` }),
      protocol: 'http',
      counts: 'attempts',
    });
    const latency = withLatency ? [{ boundsMs: LINKERD_BOUNDS_MS, counts }] : null;
    return { key, successes: 90_000 + i, failures: i % 77, unreached: 0, latency, tcp: null };
  });
}

/** The least of many short rounds, nanoseconds: one that nobody interrupted. */
function best(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now();
    work();
    least = Math.min(least, (performance.now() - from) * 1e6);
  }
  return least;
}

/** Edges only: resources would be the same work over again. */
function contentOf(sum: TrafficSum): PageContent {
  const totals = new Totals({
    labels: createLabels({ constant: {}, excluded: [] }),
    expirationMs: 1e12,
    maxSeries: 1e7,
  });
  totals.add(sum, 0);
  return { ...totals.content(), resources: [], intervals: [] };
}

function pageNs(content: PageContent, format: Format): number {
  const layout = new PageLayout({ namespace: '', created: true });
  const writer = new PageWriter();
  const write = () => {
    const before = writer.lines;
    for (const steps = layout.write(content, format, writer); steps.next().done !== true; );
    return writer.lines - before;
  };
  const samples = write();
  return best(write) / samples;
}

/** As our shapes, by the SDK: what it collects and writes; what recording costs is another matter. */
async function sdkNs(withLatency: boolean): Promise<number> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const boundaries = LINKERD_BOUNDS_MS.map((ms) => ms / 1000);
  const aggregation = { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries } } as const;
  const limit = { aggregationCardinalityLimit: 10 * EDGES };
  const provider = new MeterProvider({
    readers: [exporter],
    views: [
      { instrumentName: 'weir_requests_total', ...limit },
      { instrumentName: 'weir_request_duration_seconds', aggregation, ...limit },
    ],
  });
  const meter = provider.getMeter('bench');
  const requests = meter.createCounter('weir_requests_total');
  const durations = meter.createHistogram('weir_request_duration_seconds');
  for (const { key, successes, failures } of records(EDGES, withLatency)) {
    const labels: Attributes = {};
    for (const [name, value] of trafficAttributes(key)) labels[labelName(name)] = value;
    requests.add(successes, { ...labels, classification: 'success' });
    requests.add(failures, { ...labels, classification: 'failure' });
    if (withLatency) durations.record(0.02, labels);
  }
  const serializer = new PrometheusSerializer();
  let text = '';
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < SDK_ROUNDS; round++) {
    const from = performance.now();
    text = serializer.serialize((await exporter.collect()).resourceMetrics);
    least = Math.min(least, (performance.now() - from) * 1e6);
  }
  await provider.shutdown();
  const samples = text.split('\n').filter((line) => line.startsWith('weir_')).length;
  return least / samples;
}

function addNs(sum: TrafficSum): number {
  const totals = new Totals({
    labels: createLabels({ constant: {}, excluded: [] }),
    expirationMs: 1e12,
    maxSeries: 1e7,
  });
  totals.add(sum, 0);
  return best(() => void totals.add(sum, 0)) / sum.records.length;
}

interface Scrapes {
  readonly stretchMs: number;
  readonly answerMs: number;
}

/** The longest stretch in which nothing else ran while a page was scraped over a socket, and the time to its end. */
async function scrapeMany(gzip: boolean): Promise<Scrapes> {
  const exporter = createPrometheusExporter({
    id: 'prometheus',
    config: config.parse({ endpoint: '127.0.0.1:0' }),
    clock: systemClock,
    time: createEngineTime(systemClock),
    log: silent,
    meters: NO_METERS,
    balance: new Balance(),
    balanceOf: () => new Balance(),
    signal: 'metrics',
    startedMs: 0,
    windowMs: 30_000,
    slotMs: 10_000,
    targets: () => [],
  });
  await exporter.start();
  const lines = LINKERD_BOUNDS_MS.length + 4;
  const sum = sumOf(records(Math.ceil(MANY_SERIES / lines / 2), true), []);
  let [stretchMs, answerMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  try {
    for (let round = 0; round < 6; round++) {
      exporter.consume(trafficBatch(sum));
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const from = performance.now();
      await read(exporter.port ?? 0, gzip);
      answerMs = Math.min(answerMs, performance.now() - from);
      delay.disable();
      stretchMs = Math.min(stretchMs, delay.max / 1e6);
    }
  } finally {
    await exporter.stop(AbortSignal.abort());
  }
  return { stretchMs, answerMs };
}

function read(port: number, gzip: boolean): Promise<void> {
  const headers = gzip ? { 'accept-encoding': 'gzip' } : {};
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/metrics', headers, agent: false }, (answer) => {
      answer.on('data', () => {});
      answer.on('end', resolve);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Takes about ten seconds. */
export async function run(): Promise<BenchResult[]> {
  const counters = sumOf(records(EDGES, false), []);
  const histograms = sumOf(records(EDGES, true), []);
  const plain = await scrapeMany(false);
  const zipped = await scrapeMany(true);
  return [
    measured('prometheus: text of counters, per sample', pageNs(contentOf(counters), 'text'), 'ns', TEXT_GOAL_NS),
    measured('prometheus: text with histograms, per sample', pageNs(contentOf(histograms), 'text'), 'ns', TEXT_GOAL_NS),
    measured(
      'prometheus: OpenMetrics with them, per sample',
      pageNs(contentOf(histograms), 'openmetrics'),
      'ns',
      TEXT_GOAL_NS,
    ),
    measured('prometheus: SDK, counters, per sample', await sdkNs(false), 'ns'),
    measured('prometheus: SDK, with histograms, per sample', await sdkNs(true), 'ns'),
    measured('prometheus: adding a record with its histogram', addNs(histograms), 'ns'),
    measured('prometheus: scrape of 100k series', plain.answerMs, 'ms'),
    measured('prometheus: its longest stretch of the loop', plain.stretchMs, 'ms', STRETCH_GOAL_MS),
    measured('prometheus: scrape of 100k series, gzip', zipped.answerMs, 'ms'),
    measured('prometheus: its longest stretch of the loop, gzip', zipped.stretchMs, 'ms', STRETCH_GOAL_MS),
  ];
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
