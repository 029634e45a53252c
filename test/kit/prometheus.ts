/** @module A real Prometheus for tests: on a free port of loopback, asked by its HTTP API; and its `promtool`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { ensurePrometheus, type PrometheusInstallation } from '../../bin/services.mjs';
import { freePorts } from './ports.ts';
import { serviceFor } from './service.ts';

/** It begins to scrape 5 s after its start; on a busy machine later. */
const WATCHDOG_MS = 60_000;
const POLL_MS = 50;

/** What it scrapes, every 200 ms. Its series carry `name` as the label `judge`. */
export interface ScrapeJob {
  readonly name: string;
  /** `host:port`. */
  readonly target: string;
  readonly path?: string;
}

/** One series of an answer: its labels, name as `__name__`, and its value at the instant. */
export interface QueriedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A raw sample of a series. */
export interface RawSample {
  readonly atSeconds: number;
  readonly value: number;
}

export interface PrometheusServer {
  readonly pid: number;
  readonly version: string;
  /** An instant query at `atSeconds` since the epoch, by default now. Throws what Prometheus objects to. */
  query(expression: string, atSeconds?: number): Promise<QueriedSample[]>;
  /** Samples as they were scraped, of the one series that `selector` finds, over the last minutes. */
  raw(selector: string, minutes?: number): Promise<RawSample[]>;
  /** Why the last scrape of a job failed; '' when it did not, null before the first one. */
  lastError(job: string): Promise<string | null>;
  close(): Promise<void>;
}

/** Null when none can be had here: the test then counts as skipped and should return. With `CI=true` that is a failure. */
export function installationFor(t: ExecutionContext): Promise<PrometheusInstallation | null> {
  return serviceFor(t, 'Prometheus', ensurePrometheus);
}

/** A Prometheus that scrapes `jobs`, ended with the test. Null as `installationFor`. */
export async function prometheusFor(t: ExecutionContext, jobs: readonly ScrapeJob[]): Promise<PrometheusServer | null> {
  const installation = await installationFor(t);
  if (installation === null) return null;
  const server = await startPrometheus(installation, jobs);
  t.teardown(() => server.close());
  return server;
}

/** What `promtool check metrics` says to a page: '' when it is content. */
export function promtoolProblems({ promtool }: PrometheusInstallation, page: string): string {
  const asked = spawnSync(promtool, ['check', 'metrics'], { input: page, encoding: 'utf8' });
  return asked.status === 0 && asked.stderr === '' ? '' : `status ${asked.status}: ${asked.stdout}${asked.stderr}`;
}

async function startPrometheus(
  installation: PrometheusInstallation,
  jobs: readonly ScrapeJob[],
): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-prometheus-'));
  await writeFile(join(folder, 'prom.yml'), JSON.stringify(configOf(jobs)));
  const [port = 0] = await freePorts(1);
  const child = launch(installation, folder, port);
  const base = `http://127.0.0.1:${port}`;
  const close = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`);
      return (await fetch(`${base}/-/ready`).catch(() => null))?.status === 200;
    }, 'Prometheus is ready');
  } catch (error) {
    const log = await readFile(join(folder, 'prometheus.log'), 'utf8').catch(() => '');
    await close();
    throw new Error(`${String(error)}\n${log.slice(-3000)}`);
  }
  return {
    pid: child.pid ?? -1,
    version: installation.version,
    query: async (expression, atSeconds) => vectorOf(await ask(base, expression, atSeconds)),
    raw: async (selector, minutes = 5) => seriesOf(await ask(base, `${selector}[${minutes}m]`)),
    lastError: (job) => lastErrorOf(base, job),
    close,
  };
}

/** JSON is YAML. */
function configOf(jobs: readonly ScrapeJob[]): unknown {
  return {
    global: { scrape_interval: '200ms', scrape_timeout: '200ms' },
    scrape_configs: jobs.map(({ name, target, path = '/metrics' }) => ({
      job_name: name,
      metrics_path: path,
      honor_labels: true,
      static_configs: [{ targets: [target], labels: { judge: name } }],
    })),
  };
}

function launch({ bin }: PrometheusInstallation, folder: string, port: number): ChildProcess {
  const log = openSync(join(folder, 'prometheus.log'), 'a');
  const flags = [
    `--config.file=${join(folder, 'prom.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--storage.tsdb.retention.time=2h',
    '--log.level=warn',
  ];
  const child = spawn(bin, flags, { cwd: folder, stdio: ['ignore', log, log] });
  closeSync(log);
  // A test process that is ended from outside must leave no server behind.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Asks until `done` says yes; fails after a minute, naming what was waited for. */
export async function until(done: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + WATCHDOG_MS; !(await done()); ) {
    if (performance.now() > deadline) throw new Error(`still waiting after ${WATCHDOG_MS / 1000} s: ${what}`);
    await wait(POLL_MS);
  }
}

interface VectorItem {
  readonly metric: Record<string, string>;
  readonly value: readonly [number, string];
}
interface MatrixItem {
  readonly metric: Record<string, string>;
  readonly values: readonly (readonly [number, string])[];
}

async function ask(base: string, expression: string, atSeconds?: number): Promise<unknown[]> {
  const body = new URLSearchParams({ query: expression });
  if (atSeconds !== undefined) body.set('time', atSeconds.toFixed(3));
  const answer = await fetch(`${base}/api/v1/query`, { method: 'POST', body });
  const told = (await answer.json()) as { status: string; error?: string; data?: { result: unknown[] } };
  if (told.status !== 'success') throw new Error(`${expression}: ${told.error}`);
  return told.data?.result ?? [];
}

function vectorOf(result: readonly unknown[]): QueriedSample[] {
  return (result as VectorItem[]).map(({ metric, value }) => ({ labels: metric, value: numberOf(value[1]) }));
}

function seriesOf(result: readonly unknown[]): RawSample[] {
  if (result.length > 1) throw new Error(`${result.length} series where one was asked for`);
  const [series] = result as MatrixItem[];
  return series?.values.map(([atSeconds, text]) => ({ atSeconds, value: numberOf(text) })) ?? [];
}

function numberOf(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
}

async function lastErrorOf(base: string, job: string): Promise<string | null> {
  const answer = await fetch(`${base}/api/v1/targets`);
  const told = (await answer.json()) as {
    data: { activeTargets: { scrapePool: string; lastError: string; health: string }[] };
  };
  const target = told.data.activeTargets.find(({ scrapePool }) => scrapePool === job);
  return target === undefined || target.health === 'unknown' ? null : target.lastError;
}
