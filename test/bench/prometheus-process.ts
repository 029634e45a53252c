/**
 * @module What a Prometheus server costs that scrapes the same pages in the same run: its process' CPU a sample.
 *
 * It does more than Weir does with a sample: it stores every one of them on disk, wanted or not. It is the peer people
 * have today, not an equal.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ShapeName } from '../../demo/shapes/shapes.ts';
import { startPages } from './pages.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

/** Discovery hands over its first targets after 5 s; blocks of the first minute are still being made. */
const WARM_SECONDS = 20;
/** Linux counts CPU time of processes in hundredths of a second. */
const TICK_SECONDS = 0.01;

/** Rows of Prometheus over `shape` scraped each second; none where it cannot be had. */
export async function measurePrometheus(shape: ShapeName, seconds: number): Promise<BenchResult[]> {
  const { ensurePrometheus, ServiceUnavailable } = await import('../../bin/services.mjs');
  try {
    const { bin, version } = await ensurePrometheus();
    return await measure(bin, version, shape, seconds);
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error;
    console.error(`no Prometheus beside it: ${error.message}`);
    return [];
  }
}

async function measure(bin: string, version: string, shape: ShapeName, seconds: number): Promise<BenchResult[]> {
  const { child: server, pages } = await startPages(shape, 1);
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-bench-'));
  const file = join(folder, 'prometheus.yml');
  await writeFile(file, configText(pages.ports[0] ?? 0));
  const address = `127.0.0.1:${await freePort()}`;
  const options = [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`];
  const prometheus = spawn(bin, options, { stdio: 'ignore' });
  try {
    await wait(WARM_SECONDS * 1000);
    const [cpuBefore, scrapesBefore] = [await cpuSeconds(prometheus.pid ?? 0), await samplesOf(address)];
    await wait(seconds * 1000);
    const cpu = (await cpuSeconds(prometheus.pid ?? 0)) - cpuBefore;
    const samples = (await samplesOf(address)) - scrapesBefore;
    return [measured(`Prometheus ${version}: ${shape} each 1s`, (cpu * 1e9) / samples, 'ns/sample')];
  } finally {
    prometheus.kill('SIGKILL');
    server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

function configText(port: number): string {
  const job = `{ job_name: bench, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }`;
  return `global: { scrape_interval: 1s }\nscrape_configs: [${job}]\n`;
}

/** CPU time of a process so far, user and system. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

/** Samples taken in so far, by its own count. */
async function samplesOf(address: string): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const match = /^prometheus_tsdb_head_samples_appended_total(?:\{type="float"\})? (\S+)$/m.exec(text);
  if (match === null) throw new Error('Prometheus does not tell how many samples it took');
  return Number(match[1]);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

if (import.meta.main) {
  for (const shape of ['linkerd-20k', 'istio-20k'] as const)
    for (const result of await measurePrometheus(shape, 20)) console.log(formatResult(result));
}
