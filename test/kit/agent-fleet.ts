/** @module A world scraped by several agents that send to one gateway, and what each slot must hold of it. */
import { type ServedWorld, serveWorld } from '../../demo/proxies/serve.ts';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import type { MeshName } from '../../demo/world/topology.ts';
import { createWorld, type PodView, type World } from '../../demo/world/world.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { bySlot } from './agent-truth.ts';
import { ExpectedTraffic } from './expected-traffic.ts';
import { type Fate, Fleet, type Member } from './fleet.ts';
import { JoinedTruth, type WatchedLife } from './joined-truth.ts';
import { freePorts } from './ports.ts';

export const SLOT_MS = 10_000;
export const START_MS = 1_800_000_000_000;
/** How long the world runs before anybody watches. */
const LEAD_MS = 25_000;
const MESHES: readonly MeshName[] = ['linkerd', 'istio', 'envoy'];

export interface AgentLife extends WatchedLife {
  /** Null while it starts: its first scrapes come before it is up. */
  member: Member | null;
  stoppedMs: number | null;
}

export class AgentFleet {
  readonly world: World;
  readonly served: ServedWorld;
  readonly fleet: Fleet;
  /** Lives of all agents, ended or not. */
  readonly lives: AgentLife[] = [];
  /** Lives of the gateway, ended or not. */
  readonly gateways: Member[] = [];
  /** What becomes of the next POSTs of an agent; first one first. Without any they arrive. */
  readonly fates = new Map<number, Fate[]>();
  /** What all scrapes of all lives told. */
  readonly truth = new JoinedTruth(this.lives, SLOT_MS, (pod) => this.ownerOf(pod));
  readonly #agents = new Map<number, AgentLife>();
  readonly #owners = new Map<string, number>();
  readonly #ports: readonly number[];
  readonly #repeatsFile: string | null;
  #gateway: Member | null = null;

  private constructor(
    world: World,
    served: ServedWorld,
    fleet: Fleet,
    { agents, ports, repeatsFile }: { agents: number; ports: readonly number[]; repeatsFile: string | null },
  ) {
    this.#repeatsFile = repeatsFile;
    this.world = world;
    this.served = served;
    this.fleet = fleet;
    this.#ports = ports;
    for (const [i, { name }] of podsOf(world).entries()) this.#owners.set(name, i % agents);
  }

  /** Nobody runs yet. `repeatsFile` is the gateway's; null: it knows what it has taken in memory only. */
  static async create(seed: number, agents: number, repeatsFile: string | null = null): Promise<AgentFleet> {
    const world = createWorld({ seed, startMs: START_MS - LEAD_MS, retainIdleMs: 60_000, topology: THREE_MESHES });
    world.advance(START_MS);
    let nowMs = START_MS;
    const made: { fleet: AgentFleet | null } = { fleet: null };
    const served = await serveWorld(world, {
      now: () => nowMs,
      onScrape: (record) => made.fleet?.lifeOf(record.pod)?.expected.scraped(record),
    });
    const fleet = new Fleet({
      startWallMs: START_MS,
      fateOf: (member) => made.fleet?.fates.get(Number(member))?.shift() ?? 'arrives',
      hanging: () => served.hanging,
      onTime: (wallMs) => {
        nowMs = wallMs;
      },
    });
    made.fleet = new AgentFleet(world, served, fleet, { agents, ports: await freePorts(2), repeatsFile });
    return made.fleet;
  }

  /** The life of the agent that scrapes a pod now. */
  lifeOf(pod: string): AgentLife | undefined {
    return this.#agents.get(this.#owners.get(pod) ?? -1);
  }

  /** The agent that scrapes a pod, running or not. */
  ownerOf(pod: string): number | undefined {
    return this.#owners.get(pod);
  }

  /** What the gateway told of each slot so far, in all its lives. */
  slots(): Map<number, TrafficSum> {
    return bySlot(
      this.gateways.flatMap(({ sums }) => sums),
      SLOT_MS,
    );
  }

  podsOf(agent: number): string[] {
    return [...this.#owners].flatMap(([pod, owner]) => (owner === agent ? [pod] : []));
  }

  /** Workloads (`namespace/name`) of which an agent watches some pod. */
  workloadsOf(agent: number): Set<string> {
    const own = podsOf(this.world).filter(({ name }) => this.#owners.get(name) === agent);
    return new Set(own.map(({ workload: { namespace, name } }) => `${namespace}/${name}`));
  }

  async startAgent(agent: number): Promise<void> {
    const startedMs = this.fleet.clock.wallMs();
    const expected = new ExpectedTraffic(SLOT_MS, startedMs);
    const life: AgentLife = { agent, member: null, expected, startedMs, stoppedMs: null };
    this.#agents.set(agent, life);
    life.member = await this.fleet.start(String(agent), this.#agentConfig(agent));
    this.lives.push(life);
  }

  async stopAgent(agent: number): Promise<void> {
    const life = this.#agents.get(agent);
    if (life === undefined || life.member === null) throw new Error(`agent ${agent} does not run`);
    life.stoppedMs = this.fleet.clock.wallMs();
    await this.fleet.stop(life.member);
    this.#agents.delete(agent);
  }

  async startGateway(): Promise<void> {
    this.#gateway = await this.fleet.start('gateway', this.#gatewayConfig());
    this.gateways.push(this.#gateway);
  }

  async stopGateway(): Promise<void> {
    if (this.#gateway === null) throw new Error('the gateway does not run');
    await this.fleet.stop(this.#gateway);
    this.#gateway = null;
  }

  /** Agents first, so that everything they have arrives. */
  async stopAll(): Promise<void> {
    for (const agent of [...this.#agents.keys()]) await this.stopAgent(agent);
    if (this.#gateway !== null) await this.stopGateway();
  }

  async advance(ms: number, stepMs = 500): Promise<void> {
    const { clock } = this.fleet;
    for (const untilMs = clock.monoMs() + ms; clock.monoMs() < untilMs; ) {
      await this.fleet.advance(Math.min(stepMs, untilMs - clock.monoMs()));
      this.world.advance(clock.wallMs());
    }
  }

  async get(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.#ports[1]}${path}`);
    return response.json();
  }

  async close(): Promise<void> {
    this.served.release();
    await this.stopAll();
    await this.served.close();
  }

  #agentConfig(agent: number): string {
    const receivers = MESHES.flatMap((mesh) => {
      const groups = this.served.targets(mesh).filter(({ labels }) => this.#owners.get(labels.pod!) === agent);
      return groups.length === 0 ? [] : [[mesh, groups] as const];
    });
    const blocks = receivers.map(
      ([mesh, groups]) =>
        `  ${mesh}: { scrape_interval: 10s, scrape_timeout: 5s, static_configs: ${JSON.stringify(groups)} }\n`,
    );
    return `
receivers:
${blocks.join('')}
processors: { smi: {} }
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:${this.#ports[0]}
    source: agent-${agent}
    compression: none
    retry_on_failure: { initial_interval: 1s, max_interval: 4s, randomization_factor: 0 }
    sending_queue: { queue_size: 1000 }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [${receivers.map(([mesh]) => mesh).join(', ')}], processors: [smi], exporters: [otlphttp] }
`;
  }

  #gatewayConfig(): string {
    const traffic = this.#repeatsFile === null ? {} : { repeats_file: this.#repeatsFile };
    return `
receivers:
  otlp:
    scrape_interval: 10s
    protocols: { http: { endpoint: "127.0.0.1:${this.#ports[0]}" } }
    traffic: ${JSON.stringify(traffic)}
processors: { smi: {} }
exporters:
  capture:
  smi: { endpoint: "127.0.0.1:${this.#ports[1]}" }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [otlp], processors: [smi], exporters: [capture, smi] }
`;
  }
}

function podsOf(world: World): readonly PodView[] {
  return world.pods().filter(({ workload }) => workload.mesh !== null);
}
