/**
 * @module A real `weir run` with both signals on both OTLP ports, to be attacked: good clients that must be served meanwhile, a
 * backend that tells what arrived, and what is seen of the process from outside.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Finished, type RunningCli, startCli } from './cli.ts';
import type { Scale } from './otlp-victim-attack.ts';
import type { Report } from './otlp-victim-attacker.ts';
import type { AttackName } from './otlp-victim-attacks.ts';
import { VictimBackend } from './otlp-victim-backend.ts';
import { BOMB_CODECS } from './otlp-victim-bombs.ts';
import { Caller, DOORS, type Ports } from './otlp-victim-calls.ts';
import { GoodClients } from './otlp-victim-clients.ts';
import { type AttackFigures, quantiles } from './otlp-victim-figures.ts';
import { VictimWatch } from './otlp-victim-watch.ts';
import { freePorts } from './ports.ts';

/** So long only good clients send before anything is attacked. */
const WARM_MS = 2500;
/** So long good clients and probes are looked at, at least, so that a percentile is one. */
const LOOK_MS: Readonly<Record<Scale, number>> = { short: 1000, full: 2000 };

export interface VictimSettings {
  /** Further keys of both ports, in YAML's flow style. */
  readonly listener?: string;
  readonly warmMs?: number;
  /** Most memory that the engine may keep objects in, MiB: garbage is collected before it has more. */
  readonly maxHeapMib?: number;
}

/** How it ended. */
export interface Account {
  readonly finished: Finished;
  /** Answers to good clients that were no success. */
  readonly failures: readonly string[];
  readonly probeFailures: number;
  /** Requests of spans that were taken, and how often each arrived. */
  readonly marks: { readonly sent: readonly string[]; readonly arrived: ReadonlyMap<string, number> };
  /** Successes by workload that were sent in requests that were taken, and those that arrived. */
  readonly successes: { readonly sent: ReadonlyMap<string, number>; readonly arrived: ReadonlyMap<string, number> };
}

export class Victim {
  readonly ports: Ports;
  readonly metricsUrl: string;
  readonly weir: RunningCli;
  readonly backend: VictimBackend;
  readonly #clients: GoodClients;
  readonly #watch: VictimWatch;
  readonly #attacker: ChildProcess;
  readonly #folder: string;
  #quietP99Ms = 0;
  #ended = false;

  private constructor(parts: Started) {
    this.ports = parts.ports;
    this.metricsUrl = parts.metricsUrl;
    this.weir = parts.weir;
    this.backend = parts.backend;
    this.#folder = parts.folder;
    this.#attacker = parts.attacker;
    this.#clients = new GoodClients(parts.ports);
    this.#watch = new VictimWatch(parts.weir.child.pid ?? 0, parts.healthPort);
  }

  /** Starts all of them. Call `end`, or `kill` when something failed. */
  static async start(settings: VictimSettings = {}): Promise<Victim> {
    const { warmMs = WARM_MS } = settings;
    const parts = await startParts(settings);
    const victim = new Victim(parts);
    await rehearse(parts.ports);
    await victim.#warm(warmMs);
    return victim;
  }

  /** Does one attack and tells what it did, seen for `lookMs` at least. */
  async attack(name: AttackName, scale: Scale, lookMs = LOOK_MS[scale]): Promise<AttackFigures> {
    this.#watch.look();
    this.#clients.look();
    const before = await this.#watch.memory();
    const began = performance.now();
    const report = await this.#order(name, scale);
    if ('error' in report) throw new Error(report.error);
    await wait(Math.max(0, lookMs - (performance.now() - began)));
    await this.#watch.memory();
    const { tookMs, mostBytes } = this.#watch.look();
    return {
      tried: report.tried,
      quietP99Ms: this.#quietP99Ms,
      grewBytes: Math.max(0, mostBytes - before),
      livez: quantiles(tookMs),
      good: quantiles(this.#clients.look().tookMs),
      slowestMs: Math.max(0, ...report.tried.map((one) => one.tookMs)),
    };
  }

  /** Waits until code is compiled and memory has found its size, and looks how long things take then. */
  async #warm(ms: number): Promise<void> {
    await wait(ms / 2);
    this.#watch.look();
    this.#clients.look();
    await wait(ms / 2);
    const probes = quantiles(this.#watch.look().tookMs);
    this.#quietP99Ms = Math.max(probes.p99Ms, quantiles(this.#clients.look().tookMs).p99Ms);
  }

  /** Resident memory now, bytes. */
  memory(): Promise<number> {
    return this.#watch.memory();
  }

  async metricsPage(): Promise<string> {
    return (await fetch(this.metricsUrl)).text();
  }

  /** Ends the good clients, then the process by SIGTERM, and gives the account. */
  async end(): Promise<Account> {
    await this.#clients.stop();
    await this.#watch.stop();
    this.weir.child.kill('SIGTERM');
    const finished = await this.weir.finished;
    const account = {
      finished,
      failures: this.#clients.look().failures,
      probeFailures: this.#watch.failures,
      marks: { sent: this.#clients.marks, arrived: this.backend.marks },
      successes: { sent: this.#clients.successes, arrived: this.backend.successes },
    };
    await this.kill();
    return account;
  }

  /** Ends all at once; may be called twice. */
  async kill(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.weir.child.kill('SIGKILL');
    this.#attacker.kill('SIGKILL');
    await this.#watch.stop();
    await this.#clients.stop();
    this.backend.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #order(name: AttackName, scale: Scale): Promise<Report> {
    const attacker = this.#attacker;
    return new Promise((resolve) => {
      const ended = (code: number | null) => resolve({ error: `the attacker ended with ${code}` });
      attacker.once('exit', ended);
      attacker.once('message', (report: Report) => {
        attacker.off('exit', ended);
        resolve(report);
      });
      attacker.send({ name, ports: this.ports, scale });
    });
  }
}

interface Started {
  readonly ports: Ports;
  readonly healthPort: number;
  readonly metricsUrl: string;
  readonly weir: RunningCli;
  readonly backend: VictimBackend;
  readonly attacker: ChildProcess;
  readonly folder: string;
}

async function startParts({ listener = '', maxHeapMib }: VictimSettings): Promise<Started> {
  const [httpPort = 0, grpcPort = 0, metricsPort = 0, healthPort = 0] = await freePorts(4);
  const backend = await VictimBackend.start();
  const folder = await mkdtemp(join(tmpdir(), 'weir-victim-'));
  const file = join(folder, 'config.yaml');
  await writeFile(file, configText({ httpPort, grpcPort, metricsPort, healthPort, url: backend.url, listener }));
  const env = maxHeapMib === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${maxHeapMib}` };
  const weir = startCli(['run', '-c', file], { env });
  await weir.printed('started');
  const attacker = fork(new URL('./otlp-victim-attacker.ts', import.meta.url), { execArgv: [] });
  await once(attacker, 'message');
  const metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
  return { ports: { httpPort, grpcPort }, healthPort, metricsUrl, weir, backend, attacker, folder };
}

interface Places extends Ports {
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly url: string;
  readonly listener: string;
}

function configText({ httpPort, grpcPort, metricsPort, healthPort, url, listener }: Places): string {
  return `
receivers:
  otlp:
    scrape_interval: 1s
    protocols:
      grpc: { endpoint: "127.0.0.1:${grpcPort}", ${listener} }
      http: { endpoint: "127.0.0.1:${httpPort}", ${listener} }
processors: { smi: {} }
exporters: { otlphttp: { endpoint: "${url}", source: victim, compression: none } }
extensions: { health_check: { endpoint: "127.0.0.1:${healthPort}" } }
service:
  extensions: [health_check]
  telemetry: { metrics: { address: "127.0.0.1:${metricsPort}" } }
  pipelines:
    traces: { receivers: [otlp], exporters: [otlphttp] }
    metrics: { receivers: [otlp], processors: [smi], exporters: [otlphttp] }
`;
}

/** Each door takes something in each codec once, so that what is loaded only then counts for no attack. */
async function rehearse(ports: Ports): Promise<void> {
  const { deflateSync, gzipSync, zstdCompressSync } = await import('node:zlib');
  const compress = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync };
  const caller = new Caller(ports, '127.0.0.1');
  // A field that nobody knows: a request of nothing.
  const body = Buffer.alloc(100_000, Buffer.from([0x78, 0]));
  for (const door of DOORS) {
    for (const encoding of BOMB_CODECS) await caller.send(door, compress[encoding](body), { encoding });
    if (door.protocol === 'http') await caller.send(door, Buffer.from('{"a":[{}]}'), { json: true });
  }
  caller.close();
}
