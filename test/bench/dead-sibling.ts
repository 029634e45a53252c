/**
 * @module What a dead exporter costs the one beside it (trust.md A18): how long spans are on their way through a Weir with a
 * second, dead exporter, whose queue is full, and through one without, both at once from one sender. Run it with
 * `node test/bench/dead-sibling.ts`.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ProbeFigures } from './latency-probe.ts';
import { metricsAddress, readMetrics } from './measured-weir.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const WEIR = fileURLToPath(new URL('../../bin/weir', import.meta.url));
/** Until the queue of the dead one, 1,000 requests at 250 a second, is full, and all code is compiled. */
const WARM_MS = 12_000;
/** Figures are the median over these, so that a hiccup of the machine spoils one; a ratio is that of one block. */
const BLOCKS = 25;
const BLOCK_MS = 1600;

function configText(backend: number, port: number, deadPort: number | null): string {
  const dead =
    deadPort === null ? '' : `\n  otlphttp/dead: { endpoint: "http://127.0.0.1:${deadPort}", compression: none }`;
  return `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters:
  otlphttp: { endpoint: "http://127.0.0.1:${backend}", compression: none }${dead}
service:
  telemetry: { logs: { level: info, encoding: json }, metrics: { address: "127.0.0.1:0" } }
  pipelines: { traces: { receivers: [otlp], exporters: [${dead === '' ? '' : 'otlphttp/dead, '}otlphttp] } }
`;
}

async function startWeir(folder: string, name: string, text: string): Promise<{ weir: ChildProcess; address: string }> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, text);
  const weir = spawn(WEIR, ['run', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  return { weir, address: await metricsAddress(weir) };
}

async function ask(probe: ChildProcess): Promise<ProbeFigures> {
  const answer = once(probe, 'message');
  probe.send('figures');
  return (await answer)[0] as ProbeFigures;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const median = (values: readonly number[]) => percentile(values, 0.5);

interface Block {
  /** By Weir: the one without a dead exporter, the one with it. */
  readonly p99: readonly [number, number];
  readonly p50: readonly [number, number];
  readonly refused: number;
}

async function measureBlock(probe: ChildProcess): Promise<Block> {
  await wait(BLOCK_MS);
  const { latencies, refused } = await ask(probe);
  const [alone = [], beside = []] = latencies;
  const both = (share: number) => [percentile(alone, share), percentile(beside, share)] as const;
  return { p99: both(0.99), p50: both(0.5), refused: refused.reduce((sum, one) => sum + one, 0) };
}

async function measureBlocks(probe: ChildProcess): Promise<BenchResult[]> {
  await ask(probe);
  const blocks: Block[] = [];
  for (let n = 0; n < BLOCKS; n++) blocks.push(await measureBlock(probe));
  const beside = 'spans: a dead exporter beside';
  return [
    measured('spans: on their way, p99', median(blocks.map(({ p99 }) => p99[0])), 'ms'),
    measured(`${beside}, p99 against none`, median(blocks.map(({ p99 }) => p99[1] / p99[0])), 'x', 1.1),
    measured(`${beside}, median against none`, median(blocks.map(({ p50 }) => p50[1] / p50[0])), 'x'),
    measured(
      `${beside}, refused`,
      blocks.reduce((sum, { refused }) => sum + refused, 0),
      'requests',
      0,
    ),
  ];
}

/** Takes about a minute. */
export async function run(): Promise<BenchResult[]> {
  const { freePorts } = await import('../kit/ports.ts');
  const [alonePort = 0, besidePort = 0, deadPort = 0] = await freePorts(3);
  const probe = fork(new URL('./latency-probe.ts', import.meta.url), [], { execArgv: [] });
  const { backends } = (await once(probe, 'message'))[0] as { backends: number[] };
  const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
  const weirs: ChildProcess[] = [];
  try {
    const alone = await startWeir(folder, 'alone', configText(backends[0]!, alonePort, null));
    weirs.push(alone.weir);
    const beside = await startWeir(folder, 'beside', configText(backends[1]!, besidePort, deadPort));
    weirs.push(beside.weir);
    await wait(500);
    probe.send({ ports: [alonePort, besidePort] });
    await wait(WARM_MS);
    const results = await measureBlocks(probe);
    const dropped = (await readMetrics(beside.address))('weir_items_total', 'reason="queue_full"');
    if (!(dropped > 0)) throw new Error('the queue of the dead exporter never was full');
    return results;
  } finally {
    for (const weir of weirs) weir.kill('SIGKILL');
    probe.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
