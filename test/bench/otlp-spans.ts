/**
 * @module What spans cost the real process: `weir run` from sources between a sender and a sink in processes of their own.
 *
 * CPU is the process' own count (`weir_cpu_seconds_total`) over a span of time after warm-up, compression included. Run
 * it with `node test/bench/otlp-spans.ts`.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { metricsAddress, readMetrics, residentBytes } from './measured-weir.ts';
import { atLeast, type BenchResult, formatResult, measured } from './result.ts';

const WEIR = fileURLToPath(new URL('../../bin/weir', import.meta.url));
const MB = 1e6;
/** A stock Collector 0.165 on this class of machine, out uncompressed, as the goals were set against it: not measured here. */
const COLLECTOR = { grpc: 175_000, http: 147_000, rssMb: 107 };

interface Load {
  readonly from: 'grpc' | 'http' | 'json';
  readonly compression: 'none' | 'gzip';
  /** Spans of a request. */
  readonly spans: number;
  /** Requests a second; 0: as many as are taken. */
  readonly pace: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

interface Measurement {
  readonly spansPerCpuSecond: number;
  readonly spansPerSecond: number;
  readonly refused: number;
  readonly rssBytes: number;
  readonly peakBytes: number;
}

function configText(sinkPort: number, grpcPort: number, httpPort: number, compression: Load['compression']): string {
  return `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:${grpcPort}" }
      http: { endpoint: "127.0.0.1:${httpPort}" }
exporters:
  otlphttp: { endpoint: "http://127.0.0.1:${sinkPort}", compression: ${compression} }
service:
  telemetry: { logs: { level: info, encoding: json }, metrics: { address: "127.0.0.1:0" } }
  pipelines: { traces: { receivers: [otlp], exporters: [otlphttp] } }
`;
}

async function ask<Answer>(child: ChildProcess): Promise<Answer> {
  const answer = once(child, 'message');
  child.send('figures');
  return (await answer)[0] as Answer;
}

/** A process of this folder, and what it says first. */
async function start<Told>(file: string, args: readonly string[]): Promise<{ child: ChildProcess; told: Told }> {
  const child = fork(new URL(`./${file}`, import.meta.url), args, { execArgv: [] });
  return { child, told: (await once(child, 'message'))[0] as Told };
}

async function measure(load: Load): Promise<Measurement> {
  const { freePorts } = await import('../kit/ports.ts');
  const [grpcPort = 0, httpPort = 0] = await freePorts(2);
  const sink = await start<{ port: number }>('span-sink.ts', []);
  const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
  const file = join(folder, 'config.yaml');
  await writeFile(file, configText(sink.told.port, grpcPort, httpPort, load.compression));
  const weir = spawn(WEIR, ['run', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let sender: ChildProcess | null = null;
  try {
    const address = await metricsAddress(weir);
    await wait(500);
    const port = load.from === 'grpc' ? grpcPort : httpPort;
    sender = (await start('span-sender.ts', [load.from, String(port), String(load.spans), String(load.pace)])).child;
    await wait(load.warmSeconds * 1000);
    const before = { weir: await readMetrics(address), sink: await ask<{ requests: number }>(sink.child) };
    const startMs = performance.now();
    await wait(load.seconds * 1000);
    const after = { weir: await readMetrics(address), sink: await ask<{ requests: number }>(sink.child) };
    const wallSeconds = (performance.now() - startMs) / 1000;
    const cpuSeconds = after.weir('weir_cpu_seconds_total') - before.weir('weir_cpu_seconds_total');
    const spans = (after.sink.requests - before.sink.requests) * load.spans;
    return {
      spansPerCpuSecond: spans / cpuSeconds,
      spansPerSecond: spans / wallSeconds,
      refused: (await ask<{ refused: number }>(sender)).refused,
      rssBytes: (await residentBytes(weir.pid ?? 0, 'VmRSS')) ?? 0,
      peakBytes: (await residentBytes(weir.pid ?? 0, 'VmHWM')) ?? 0,
    };
  } finally {
    sender?.kill('SIGKILL');
    weir.kill('SIGKILL');
    sink.child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes about two minutes. */
export async function run(): Promise<BenchResult[]> {
  const full = { spans: 1000, pace: 0, warmSeconds: 5, seconds: 10 };
  const grpc = await measure({ from: 'grpc', compression: 'none', ...full });
  const http = await measure({ from: 'http', compression: 'none', ...full });
  const json = await measure({ from: 'json', compression: 'none', ...full });
  const gzip = await measure({ from: 'grpc', compression: 'gzip', ...full });
  const steady = await measure({
    from: 'grpc',
    compression: 'none',
    spans: 100,
    pace: 200,
    warmSeconds: 20,
    seconds: 30,
  });
  const spans = 'spans/CPU s';
  return [
    { ...atLeast('spans: gRPC in, OTLP/HTTP out', grpc.spansPerCpuSecond, spans, 250_000), collector: COLLECTOR.grpc },
    { ...atLeast('spans: HTTP in, OTLP/HTTP out', http.spansPerCpuSecond, spans, 400_000), collector: COLLECTOR.http },
    atLeast('spans: HTTP in as JSON, OTLP/HTTP out', json.spansPerCpuSecond, spans),
    measured('spans: gRPC in, gzip out against none', grpc.spansPerCpuSecond / gzip.spansPerCpuSecond, 'x', 2),
    { ...measured('spans: 20,000 a second by 100, RSS', steady.rssBytes / MB, 'MB', 130), collector: COLLECTOR.rssMb },
    measured('spans: 20,000 a second by 100, RSS at most', steady.peakBytes / MB, 'MB'),
    atLeast('spans: 20,000 a second by 100', steady.spansPerSecond, 'spans/s', 19_500),
    atLeast('spans: 20,000 a second by 100, CPU', steady.spansPerCpuSecond, spans),
  ];
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
