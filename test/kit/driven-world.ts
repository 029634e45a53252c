/** @module A world, its proxies over HTTP, and the real process under one clock: the stage of the end-to-end tests. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServedWorld, serveWorld } from '../../demo/proxies/serve.ts';
import { createWorld, type World, type WorldOptions } from '../../demo/world/world.ts';
import { SETTLE_MS } from '../../pipeline/net/file-watch.ts';
import { DrivenWeir } from './driven/driven-weir.ts';
import { ExpectedTraffic } from './expected-traffic.ts';

export const SLOT_MS = 10_000;

export interface DrivenWorldOptions {
  readonly world: Partial<WorldOptions>;
  /** How long the world runs before Weir begins to watch; default 0. */
  readonly leadMs?: number;
  /** YAML of the exporters and, per pipeline, their names. `capture` is always there. */
  readonly exporters?: string;
  readonly exporterIds?: readonly string[];
  readonly smi?: string;
  readonly execArgv?: readonly string[];
}

export class DrivenWorld {
  readonly world: World;
  readonly weir: DrivenWeir;
  readonly expected: ExpectedTraffic;
  readonly served: ServedWorld;
  readonly #folder: string;
  #changed = false;
  /** When (wall clock, ms) the process reads a file that was published; null when it has read all. */
  #readsAtMs: number | null = null;

  private constructor(world: World, served: ServedWorld, weir: DrivenWeir, expected: ExpectedTraffic, folder: string) {
    this.world = world;
    this.served = served;
    this.weir = weir;
    this.expected = expected;
    this.#folder = folder;
    world.onPods(() => {
      this.#changed = true;
    });
  }

  static async start(options: DrivenWorldOptions): Promise<DrivenWorld> {
    // A slot's start, so that slots of a run are numbered from its beginning.
    const startWallMs = 1_800_000_000_000;
    const world = createWorld({ seed: 1, startMs: startWallMs - (options.leadMs ?? 0), ...options.world });
    world.advance(startWallMs);
    const expected = new ExpectedTraffic(world, SLOT_MS, startWallMs);
    let nowMs = startWallMs;
    const served = await serveWorld(world, { now: () => nowMs, onScrape: (record) => expected.scraped(record) });
    const folder = await mkdtemp(join(tmpdir(), 'weir-world-'));
    await publish(folder, served);
    const weir = await DrivenWeir.start({
      startWallMs,
      config: configText(folder, options),
      hanging: () => served.hanging,
      onTime: (wallMs) => {
        nowMs = wallMs;
      },
      execArgv: options.execArgv ?? [],
    });
    return new DrivenWorld(world, served, weir, expected, folder);
  }

  /** Moves world and process on together, in steps short enough that pods come and go on time. */
  async advance(ms: number, stepMs = 500): Promise<void> {
    const { weir } = this;
    for (const untilMs = weir.wallMs + ms; weir.wallMs < untilMs; ) {
      await weir.advance(Math.min(untilMs, weir.wallMs + stepMs, this.#readsAtMs ?? Infinity) - weir.wallMs);
      await this.#takenOver();
      this.world.advance(weir.wallMs);
      await this.publishChanges();
    }
  }

  /**
   * Opens ports of new pods and tells discovery, when pods have changed. The process has noticed when this resolves, and
   * reads the file at a time of its own clock: nothing depends on how fast the machine is.
   */
  async publishChanges(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await this.served.refresh();
    const before = await this.weir.fileEvents();
    await publish(this.#folder, this.served);
    while ((await this.weir.fileEvents()) === before);
    this.#readsAtMs ??= this.weir.wallMs + SETTLE_MS;
  }

  /** When the process has just begun to read the file, waits until it knows all targets and has met the new ones. */
  async #takenOver(): Promise<void> {
    if (this.#readsAtMs === null || this.weir.wallMs < this.#readsAtMs) return;
    this.#readsAtMs = null;
    const expected = this.served.targets().flatMap(({ targets, labels }) => targets.map((at) => `${at} ${labels.pod}`));
    const wanted = expected.sort().join();
    while ((await this.weir.targets()).join() !== wanted);
    await this.weir.settle();
  }

  async close(): Promise<void> {
    await this.weir.kill();
    await this.served.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Moves the whole file into its place, which is one event. */
async function publish(folder: string, served: ServedWorld): Promise<void> {
  await writeFile(join(folder, 'next'), JSON.stringify(served.targets()));
  await rename(join(folder, 'next'), join(folder, 'targets.json'));
}

function configText(folder: string, { exporters = '', exporterIds = [], smi = '{}' }: DrivenWorldOptions): string {
  return `
receivers:
  linkerd:
    scrape_interval: 10s
    scrape_timeout: 5s
    file_sd_configs:
      - files: [${JSON.stringify(join(folder, 'targets.json'))}]
processors:
  smi: ${smi}
exporters:
  capture:
${exporters}
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [linkerd], processors: [smi], exporters: [capture${exporterIds.map((id) => `, ${id}`).join('')}] }
`;
}
