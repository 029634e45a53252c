/**
 * @module A small world scraped, counted and streamed by Weir's own parts in one process of simulated time, with stalls,
 * late pages and lost answers by a seed; and everything that was seen on the way.
 */
import { setImmediate as promisesSettle } from 'node:timers/promises';
import { Subject } from 'rxjs';
import { createRandom, type Random } from '../../../demo/world/random.ts';
import { edge, type Topology, workload } from '../../../demo/world/topology.ts';
import type { TruthSnapshot } from '../../../demo/world/truth.ts';
import { createWorld, type World } from '../../../demo/world/world.ts';
import { kafkaConfig } from '../../../exporters/kafka/config.ts';
import { createKafkaExporter } from '../../../exporters/kafka/kafka.ts';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch, SamplesBatch } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { ADMITTED, type Exporter, type Processor } from '../../../pipeline/component.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { config as smiConfig } from '../../../processors/smi/config.ts';
import { createSmi } from '../../../processors/smi/smi.ts';
import { linkerdConfig } from '../../../receivers/linkerd/config.ts';
import { createLinkerdRules } from '../../../receivers/linkerd/rules.ts';
import { Gate } from '../../../receivers/scrape/gate.ts';
import { SeriesBudget } from '../../../receivers/scrape/series-index.ts';
import { type LoopContext, TargetLoop } from '../../../receivers/scrape/target-loop.ts';
import { targetsOf } from '../../../receivers/scrape/targets.ts';
import { ScrapeTelemetry } from '../../../receivers/scrape/telemetry.ts';
import { ExpectedTraffic } from '../expected-traffic.ts';
import { createTestLog } from '../log.ts';
import type { TrafficMessage } from '../schema.ts';
import { SlowKafka } from './slow-kafka.ts';
import { type ShownPage, SlowAccess, SlowProxies } from './slow-proxies.ts';
import { type Stall, StallLoop } from './stall-loop.ts';

const START_WALL_MS = 1_800_000_000_000;
const INTERVAL_MS = 1000;
const WINDOW_MS = 3000;
const KAFKA_TIMEOUT_MS = 2000;
/** Everything in one slot of the expectation: which slot a page goes to does not matter to its sum. */
const ANY_SLOT_MS = 1e15;

const TOPOLOGY: Topology = {
  workloads: [
    workload('shop', 'cart', { replicas: 2 }),
    workload('payments', 'checkout'),
    workload('payments', 'fraud'),
  ],
  edges: [
    edge('shop/cart', 'payments/checkout', { ratePerSecond: 7, failureShare: 0.05 }),
    edge('payments/checkout', 'payments/fraud', { ratePerSecond: 6 }),
  ],
};

/** What came of one run. */
export interface StalledRun {
  /** Slots as the exporter was handed them. */
  readonly slots: readonly TrafficSum[];
  /** As a consumer counted them. */
  readonly messages: readonly TrafficMessage[];
  /** Pages that were committed, in order. */
  readonly pages: readonly ShownPage[];
  /** What they must have added. */
  readonly expected: ExpectedTraffic;
  /** The edge with several pods at one end. */
  readonly manyPods: string;
  /** Calls of an edge `from to to` from the beginning of the watch until the last page: [successes, failures]. */
  callsOf(edge: string): readonly [number, number];
  /** Of receiver, processor and exporter: items nobody accounts for. */
  readonly unaccounted: readonly number[];
  readonly dropped: readonly string[];
}

/** One run of `lengthMs`, then a stop as SIGTERM's. Whatever happens in it follows from `seed`. */
export async function stalledRun(seed: number, lengthMs: number): Promise<StalledRun> {
  const random = createRandom(seed, 'weather');
  const startWallMs = START_WALL_MS + random.below(WINDOW_MS);
  const loop = new StallLoop(startWallMs, random, stallsOf(random, lengthMs), random.below(3) === 0 ? 60 : 2);
  const world = createWorld({ seed, startMs: startWallMs - 60_000, topology: TOPOLOGY, keepSamples: true });
  world.advance(startWallMs);
  const run = new Run(loop, world, random);
  await run.whole(lengthMs);
  return run.result();
}

/** None, some short ones, or some of seconds. */
function stallsOf(random: Random, lengthMs: number): Stall[] {
  const longestMs = [0, 400, 2500, 9000][random.below(4)]!;
  if (longestMs === 0) return [];
  return Array.from({ length: 8 }, () => {
    const fromMs = random.below(lengthMs);
    return { fromMs, toMs: fromMs + 50 + random.below(longestMs) };
  });
}

class Run {
  readonly #loop: StallLoop;
  readonly #world: World;
  readonly #proxies: SlowProxies;
  readonly #kafka: SlowKafka;
  readonly #expected = new ExpectedTraffic(ANY_SLOT_MS, Number.POSITIVE_INFINITY);
  readonly #pages: ShownPage[] = [];
  readonly #slots: TrafficSum[] = [];
  readonly #balances = [new Balance(), new Balance(), new Balance()] as const;
  readonly #source = new Subject<Batch>();
  readonly #log = createTestLog();
  readonly #time: ReturnType<typeof createEngineTime>;
  /** Truth of all pods when the watch began. */
  readonly #first: readonly TruthSnapshot[];

  constructor(loop: StallLoop, world: World, random: Random) {
    this.#loop = loop;
    this.#world = world;
    const share = () => [0, 0.02, 0.3][random.below(3)]!;
    const weather = { slowShare: share(), brokenShare: share(), timeoutMs: INTERVAL_MS };
    this.#proxies = new SlowProxies(world, loop, random, weather);
    this.#kafka = new SlowKafka(loop, random, { lostShare: share(), timeoutMs: KAFKA_TIMEOUT_MS });
    this.#time = createEngineTime(loop.clock);
    this.#first = this.#snapshots();
  }

  async whole(lengthMs: number): Promise<void> {
    const exporter = this.#exporter();
    const smi = this.#smi();
    this.#source.pipe(smi.stage).subscribe((batch) => {
      if (batch.body === 'traffic') this.#slots.push(batch.sum);
      exporter.consume(batch);
    });
    await exporter.start();
    await smi.start();
    const loops = this.#loops();
    for (const loop of loops) loop.start();
    await this.#loop.run(lengthMs);
    const deadline = new AbortController().signal;
    await this.#until(Promise.all(loops.map((loop) => loop.retire())), lengthMs + 60_000);
    await smi.stop(deadline);
    await this.#until(exporter.stop(deadline), lengthMs + 600_000);
    // What the broker has not stored yet.
    await this.#loop.run(lengthMs + 900_000);
  }

  async #until(promise: Promise<unknown>, limitMs: number): Promise<void> {
    let over = false;
    void promise.then(() => {
      over = true;
    });
    await promisesSettle();
    await this.#loop.run(limitMs, () => over);
    if (!over) throw new Error(`not over after ${limitMs} ms`);
  }

  result(): StalledRun {
    return {
      slots: this.#slots,
      messages: this.#kafka.read,
      pages: this.#pages,
      expected: this.#expected,
      manyPods: 'shop/cart to payments/checkout',
      callsOf: (edge) => this.#callsOf(edge),
      unaccounted: this.#balances.map(({ unaccounted }) => unaccounted),
      dropped: this.#balances.flatMap(({ dropped }) => [...dropped.keys()]),
    };
  }

  /** By whichever end of the calls counted more of them. */
  #callsOf(edge: string): [number, number] {
    const [before, after] = [callsBySide(this.#first, edge), callsBySide(this.#snapshots(), edge)];
    const more = (i: 0 | 1) => Math.max(after.client[i] - before.client[i], after.server[i] - before.server[i]);
    return [more(0), more(1)];
  }

  #snapshots(): TruthSnapshot[] {
    return this.#world.pods().map(({ name }) => this.#world.snapshot(name));
  }

  #settings(id: string, balance: Balance) {
    const { clock } = this.#loop;
    const common = { id, clock, time: this.#time, log: this.#log, meters: NO_METERS, startedMs: this.#time.nowMs() };
    return { ...common, balance, balanceOf: () => balance };
  }

  #exporter(): Exporter {
    const config = kafkaConfig.parse({
      timeout: `${KAFKA_TIMEOUT_MS}ms`,
      sending_queue: { queue_size: 4 },
      retry_on_failure: { initial_interval: '200ms', max_interval: '1s' },
    });
    const shape = { windowMs: WINDOW_MS, slotMs: INTERVAL_MS, targets: () => [], signal: 'metrics' as const };
    const settings = { ...this.#settings('kafka', this.#balances[2]), config, ...shape };
    return createKafkaExporter(settings, this.#kafka.createProducer);
  }

  #smi(): Processor {
    return createSmi({
      ...this.#settings('smi', this.#balances[1]),
      config: smiConfig.parse({}),
      slotMs: INTERVAL_MS,
      scrapeTimeoutMs: INTERVAL_MS,
      receives: new Set(['samples'] as const),
      demand: new Set(['requests', 'latency', 'tcp'] as const),
    });
  }

  #loops(): TargetLoop[] {
    const config = linkerdConfig.parse({ scrape_interval: `${INTERVAL_MS}ms`, static_configs: [] });
    const rules = createLinkerdRules({ adminPort: config.admin_port, sentinel: config.sentinel });
    const budget = new SeriesBudget(config.max_series);
    const { clock } = this.#loop;
    const pods = new Map(this.#world.pods().map((pod, i) => [`10.0.0.${i + 1}:4191`, pod]));
    const access = new SlowAccess(config).by((address) => this.#proxies.client(pods.get(address)!.name));
    const settings = this.#settings('linkerd', this.#balances[0]);
    const context: LoopContext = {
      settings: { ...settings, next: { admits: () => ADMITTED, consume: (batch) => this.#committed(batch) } },
      telemetry: new ScrapeTelemetry('linkerd', clock, this.#log, NO_METERS, () => budget.used),
      discoveryGate: new Gate(config.discovery_concurrency),
      farewellGate: new Gate(config.farewell_concurrency),
      scraping: {
        receiver: 'linkerd',
        clock,
        access,
        rulesOf: () => rules,
        wanted: new Map(rules.families.map((family) => [family.sample, family])),
        budget,
        limits: {
          sampleLimit: config.sample_limit,
          labelLimit: config.label_limit,
          labelNameLengthBytes: config.label_name_length_limit,
          labelValueLengthBytes: config.label_value_length_limit,
        },
        bodyLimitBytes: config.body_size_limit,
        intervalMs: INTERVAL_MS,
        timeoutMs: INTERVAL_MS,
      },
    };
    const groups = [...pods].map(
      ([
        address,
        {
          name,
          node,
          workload: { namespace, serviceAccount, ...owner },
        },
      ]) => {
        const labels = { namespace, deployment: owner.name, pod: name, node, service_account: serviceAccount };
        return { targets: [address], labels: new Map(Object.entries(labels)) };
      },
    );
    return [...targetsOf('linkerd', groups, 100).targets.values()].map((spec) => new TargetLoop(spec, context));
  }

  /** Books the page by which the process took itself to have the whole page, before Weir counts it. */
  #committed(batch: Batch): void {
    const { event, target } = batch as SamplesBatch;
    if (event.kind === 'scraped') {
      const page = this.#proxies.arrived.get(target.own.pod) ?? null;
      if (page === null) throw new Error(`a page of ${target.own.pod} counts that had not arrived`);
      this.#pages.push(page);
      this.#expected.scraped({ ...page, outcome: 'good' });
    }
    this.#source.next(batch);
  }
}

function callsBySide(snapshots: readonly TruthSnapshot[], edge: string) {
  const calls = { client: [0, 0] as [number, number], server: [0, 0] as [number, number] };
  for (const { workload: own, entries } of snapshots) {
    for (const { counts, successes, failures } of entries) {
      const far = counts.peer.workload;
      const [from, to] = counts.side === 'client' ? [own, far] : [far, own];
      if (`${from.namespace}/${from.name} to ${to.namespace}/${to.name}` !== edge) continue;
      calls[counts.side][0] += successes;
      calls[counts.side][1] += failures;
    }
  }
  return calls;
}
