/**
 * @module A world scraped by several agents that send to one gateway, each of them a process of its own on the machine's
 * clock and sockets, over a network that loses answers: how they are started and ended, and what their scrapes told.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type ScrapeRecord, type ServedWorld, serveWorld } from '../../demo/proxies/serve.ts';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import type { MeshName } from '../../demo/world/topology.ts';
import { createWorld, type World } from '../../demo/world/world.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { decodeTraffic } from '../../pipeline/wire/otlp-traffic.ts';
import { amendmentsBySlot, bySlot } from './agent-truth.ts';
import { assertStoppedWhole, type RunningCli, startCli } from './cli.ts';
import { JoinedTruth, type WatchedLife } from './joined-truth.ts';
import { AGENT_HEADER, type GatewayPorts, LossyRelay } from './lossy-relay.ts';
import { OtlpBackend } from './otlp-backend.ts';
import { freePorts } from './ports.ts';
import { type SeenLife, watched } from './seen-life.ts';

export const SLOT_MS = 2000;
const WINDOW_SLOTS = 3;
const MESHES: readonly MeshName[] = ['linkerd', 'istio', 'envoy'];
/** How long the world runs before anybody watches. */
const LEAD_MS = 25_000;

/** How an agent sends: YAML of the exporter but for what all have. */
interface Way {
  readonly exporter: 'otlp' | 'otlphttp';
  readonly yaml: string;
}

/** By agent. */
export const WAYS: readonly Way[] = [
  { exporter: 'otlphttp', yaml: 'compression: gzip' },
  { exporter: 'otlphttp', yaml: 'encoding: json, compression: none' },
  { exporter: 'otlp', yaml: 'tls: { insecure: true }' },
  { exporter: 'otlphttp', yaml: 'compression: none' },
  { exporter: 'otlp', yaml: 'tls: { insecure: true }, compression: none' },
  { exporter: 'otlphttp', yaml: 'encoding: json' },
];

export class AgentProcesses {
  readonly world: World;
  readonly relay: LossyRelay;
  readonly repeatsFile: string;
  readonly lives: SeenLife[] = [];
  /** When each life of the gateway was told to stop, and when the next one was up. Milliseconds. */
  readonly gatewayAway: { readonly fromMs: number; toMs: number }[] = [];
  readonly #t: ExecutionContext;
  readonly #served: ServedWorld;
  readonly #sink: OtlpBackend;
  readonly #folder: string;
  readonly #ports: GatewayPorts & { readonly api: number; readonly metrics: number };
  readonly #owners = new Map<string, number>();
  readonly #agents = new Map<number, { readonly life: SeenLife; readonly process: RunningCli }>();
  readonly #current = new Map<number, SeenLife>();
  #gateway: RunningCli | null = null;

  private constructor(
    t: ExecutionContext,
    world: World,
    served: ServedWorld,
    near: { folder: string; relay: LossyRelay; sink: OtlpBackend; ports: readonly number[] },
  ) {
    const [http = 0, grpc = 0, api = 0, metrics = 0] = near.ports;
    this.#t = t;
    this.world = world;
    this.relay = near.relay;
    this.repeatsFile = join(near.folder, 'taken');
    this.#served = served;
    this.#sink = near.sink;
    this.#folder = near.folder;
    this.#ports = { http, grpc, api, metrics };
    const pods = world.pods().filter(({ workload }) => workload.mesh !== null);
    for (const [i, { name }] of pods.entries()) this.#owners.set(name, i % WAYS.length);
  }

  /** Nobody runs yet; everything ends with the test. */
  static async create(t: ExecutionContext, seed: number): Promise<AgentProcesses> {
    const world = createWorld({ seed, startMs: Date.now() - LEAD_MS, retainIdleMs: 60_000, topology: THREE_MESHES });
    world.advance(Date.now());
    let stage: AgentProcesses | null = null;
    const served = await serveWorld(world, {
      now: () => Date.now(),
      onScrape: (record) => stage?.scraped(record),
    });
    t.teardown(() => served.close());
    const folder = await mkdtemp(join(tmpdir(), 'weir-agents-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const ports = await freePorts(4);
    const relay = await LossyRelay.start(t, { http: ports[0]!, grpc: ports[1]! });
    stage = new AgentProcesses(t, world, served, { folder, relay, sink: await OtlpBackend.start(t), ports });
    return stage;
  }

  scraped(record: ScrapeRecord): void {
    this.#current.get(this.#owners.get(record.pod) ?? -1)?.records.push(record);
  }

  ownerOf(pod: string): number | undefined {
    return this.#owners.get(pod);
  }

  async startAgent(agent: number): Promise<void> {
    const life: SeenLife = { agent, records: [], spawnedMs: Date.now(), stoppedMs: null };
    this.lives.push(life);
    this.#current.set(agent, life);
    this.#agents.set(agent, { life, process: await this.#run(`agent-${agent}`, this.#agentConfig(agent)) });
  }

  /** SIGTERM. Resolves when the agent has drained and ended. */
  async stopAgent(agent: number): Promise<void> {
    const { life, process } = this.#agents.get(agent)!;
    life.stoppedMs = Date.now();
    await this.#end(process);
  }

  async restartAgent(agent: number): Promise<void> {
    await this.stopAgent(agent);
    await this.startAgent(agent);
  }

  async startGateway(): Promise<void> {
    this.#gateway = await this.#run('gateway', this.#gatewayConfig());
    const away = this.gatewayAway.at(-1);
    if (away !== undefined) away.toMs = Date.now();
  }

  /** SIGTERM. Resolves when the gateway has drained and ended. */
  async stopGateway(): Promise<void> {
    this.gatewayAway.push({ fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY });
    await this.#end(this.#gateway!);
  }

  /** What the gateway's API answers now; null while it is away. */
  async get(path: string): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.#ports.api}${path}`).catch(() => null);
    return answer === null ? null : answer.json();
  }

  /** The gateway's own metrics. */
  async ownMetrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#ports.metrics}/metrics`)).text();
  }

  /** What all lives of the gateway told, by slot. */
  slots(): Map<number, TrafficSum> {
    return bySlot(this.#sums(), SLOT_MS);
  }

  /** How often all lives of the gateway amended each slot. */
  amendments(): Map<number, number> {
    return amendmentsBySlot(this.#sums(), SLOT_MS);
  }

  #sums(): TrafficSum[] {
    return this.#sink.received.flatMap(({ body }) => decodeTraffic(body).resources.flatMap(({ sums }) => sums));
  }

  /** What the scrapes of all lives told, when everything has ended. */
  truth(): { readonly lives: readonly WatchedLife[]; readonly truth: JoinedTruth } {
    const lives = this.lives.map((life) => watched(life, SLOT_MS));
    return { lives, truth: new JoinedTruth(lives, SLOT_MS, (pod) => this.ownerOf(pod)) };
  }

  async #run(name: string, config: string): Promise<RunningCli> {
    const file = join(this.#folder, `${name}.yaml`);
    await writeFile(file, config);
    const process = startCli(['run', '-c', file]);
    this.#t.teardown(() => process.child.kill('SIGKILL'));
    await process.printed('started');
    return process;
  }

  async #end(process: RunningCli): Promise<void> {
    process.child.kill('SIGTERM');
    assertStoppedWhole(this.#t, await process.finished);
  }

  #agentConfig(agent: number): string {
    const { exporter, yaml } = WAYS[agent]!;
    const receivers = MESHES.flatMap((mesh) => {
      const groups = this.#served.targets(mesh).filter(({ labels }) => this.#owners.get(labels.pod!) === agent);
      return groups.length === 0 ? [] : [[mesh, groups] as const];
    });
    const blocks = receivers.map(
      ([mesh, groups]) => `${mesh}: { scrape_interval: ${SLOT_MS}ms, static_configs: ${JSON.stringify(groups)} }`,
    );
    const endpoint = exporter === 'otlp' ? this.relay.grpcEndpoint : this.relay.httpUrl;
    return `
receivers: { ${blocks.join(', ')} }
processors: { smi: {} }
exporters:
  ${exporter}:
    { endpoint: "${endpoint}", source: agent-${agent}, headers: { ${AGENT_HEADER}: "${agent}" }, ${yaml},
      retry_on_failure: { initial_interval: 100ms, max_interval: 300ms } }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [${receivers.map(([mesh]) => mesh).join(', ')}], processors: [smi], exporters: [${exporter}] }
`;
  }

  #gatewayConfig(): string {
    const { http, grpc, api, metrics } = this.#ports;
    return `
receivers:
  otlp:
    scrape_interval: ${SLOT_MS}ms
    protocols: { http: { endpoint: "127.0.0.1:${http}" }, grpc: { endpoint: "127.0.0.1:${grpc}" } }
    traffic: { repeats_file: "${this.repeatsFile}" }
processors: { smi: { window: ${WINDOW_SLOTS * SLOT_MS}ms } }
exporters:
  smi: { endpoint: "127.0.0.1:${api}" }
  otlphttp: { endpoint: "${this.#sink.url}", source: gateway }
service:
  telemetry: { metrics: { address: "127.0.0.1:${metrics}" } }
  pipelines: { metrics: { receivers: [otlp], processors: [smi], exporters: [smi, otlphttp] } }
`;
  }
}
