/**
 * @module What the real process costs: `weir run` from sources, scraping pages of a server in another process.
 *
 * CPU is the process' own count (`weir_cpu_seconds_total`) over a span after warm-up, everything included: timers,
 * HTTP, scanning, deltas, slots and the read model. Run it with `node test/bench/weir-process.ts`.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ShapeName } from '../../demo/shapes/shapes.ts';
import { metricsAddress, readMetrics, residentBytes } from './measured-weir.ts';
import { startPages } from './pages.ts';
import { measurePrometheus } from './prometheus-process.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

/** The launcher execs Node, so its process is the measured one. */
const WEIR = fileURLToPath(new URL('../../bin/weir', import.meta.url));
const MB = 1e6;

interface Measurement {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly scrapes: number;
  readonly failures: number;
  readonly rssBytes: number;
  readonly peakBytes: number | null;
  readonly samples: number;
}

interface Load {
  readonly shape: ShapeName;
  readonly targets: number;
  readonly intervalSeconds: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** Keys by which the receivers read the shapes; those of Istio are excerpts without a sentinel. */
const RECEIVERS = {
  linkerd: '',
  istio: `
    metrics_path: /metrics
    sentinel: false
    stats_flush_interval: 1s`,
};

function receiverOf(shape: ShapeName): keyof typeof RECEIVERS {
  return shape.startsWith('istio') ? 'istio' : 'linkerd';
}

function configText(shape: ShapeName, ports: readonly number[], intervalSeconds: number): string {
  const receiver = receiverOf(shape);
  const targets = ports.map(
    (port, i) =>
      `      - { targets: ["127.0.0.1:${port}"], labels: { namespace: bench, deployment: d${i}, pod: d${i}-1 } }`,
  );
  return `
receivers:
  ${receiver}:
    scrape_interval: ${intervalSeconds}s${RECEIVERS[receiver]}
    static_configs:
${targets.join('\n')}
processors: { smi: }
exporters: { smi: { endpoint: "127.0.0.1:0" } }
service:
  telemetry: { logs: { level: info, encoding: json }, metrics: { address: "127.0.0.1:0" } }
  pipelines: { metrics: { receivers: [${receiver}], processors: [smi], exporters: [smi] } }
`;
}

/** Runs `weir run` over `load` and reads its own metrics before and after the span. */
async function measure(load: Load): Promise<Measurement> {
  const { child: server, pages } = await startPages(load.shape, load.targets);
  const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
  const file = join(folder, 'config.yaml');
  await writeFile(file, configText(load.shape, pages.ports, load.intervalSeconds));
  const weir = spawn(WEIR, ['run', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const address = await metricsAddress(weir);
    await wait(load.warmSeconds * 1000);
    const before = await readMetrics(address);
    const startMs = performance.now();
    await wait(load.seconds * 1000);
    const after = await readMetrics(address);
    const wallSeconds = (performance.now() - startMs) / 1000;
    const delta = (name: string, outcome = '') => after(name, outcome) - before(name, outcome);
    return {
      cpuSeconds: delta('weir_cpu_seconds_total'),
      wallSeconds,
      scrapes: delta('weir_scrapes_total', 'outcome="success"'),
      failures: delta('weir_scrapes_total', 'outcome="failure"'),
      rssBytes: (await residentBytes(weir.pid ?? 0, 'VmRSS')) ?? after('weir_memory_rss_bytes'),
      peakBytes: await residentBytes(weir.pid ?? 0, 'VmHWM'),
      samples: pages.samples,
    };
  } finally {
    weir.kill('SIGKILL');
    server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

function perSampleNs({ cpuSeconds, scrapes, samples }: Measurement): number {
  return (cpuSeconds * 1e9) / (scrapes * samples);
}

export async function run(): Promise<BenchResult[]> {
  const big = await measure({ shape: 'linkerd-20k', targets: 1, intervalSeconds: 1, warmSeconds: 15, seconds: 30 });
  const istio = await measure({ shape: 'istio-20k', targets: 1, intervalSeconds: 1, warmSeconds: 15, seconds: 30 });
  const peers = [await measurePrometheus('linkerd-20k', 20), await measurePrometheus('istio-20k', 20)];
  const many = await measure({ shape: 'linkerd-2k', targets: 100, intervalSeconds: 1, warmSeconds: 25, seconds: 30 });
  const side = await measure({ shape: 'linkerd-2k', targets: 1, intervalSeconds: 10, warmSeconds: 60, seconds: 60 });
  return [
    measured('weir run: socket to slot, linkerd-20k each 1s', perSampleNs(big), 'ns/sample', 450),
    measured('weir run: socket to slot, istio-20k each 1s', perSampleNs(istio), 'ns/sample', 500),
    ...peers.flat(),
    measured('weir run: 100 x linkerd-2k each 1s', (100 * many.cpuSeconds) / many.wallSeconds, '% of a core', 30),
    measured('weir run: 100 x linkerd-2k, scrapes failed', many.failures, 'scrapes', 0),
    measured('weir run: 100 x linkerd-2k, RSS', many.rssBytes / MB, 'MB'),
    measured('weir run: 1 x linkerd-2k each 10s, RSS after 2 min', side.rssBytes / MB, 'MB', 130),
    measured('weir run: 1 x linkerd-2k each 10s, RSS at most', (side.peakBytes ?? 0) / MB, 'MB', 130),
    measured(
      'weir run: 1 x linkerd-2k each 10s, CPU a scrape',
      (1000 * side.cpuSeconds) / Math.max(1, side.scrapes),
      'ms',
    ),
  ];
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
