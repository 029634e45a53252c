/** @module A world, its proxies over HTTP, and the real process under one clock: the stage of the end-to-end tests. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServedWorld, serveWorld } from '../../demo/proxies/serve.ts';
import type { MeshName } from '../../demo/world/topology.ts';
import { createWorld, type World, type WorldOptions } from '../../demo/world/world.ts';
import { SETTLE_MS } from '../../pipeline/net/file-watch.ts';
import { DrivenWeir } from './driven/driven-weir.ts';
import { ExpectedTraffic } from './expected-traffic.ts';
import { putFile } from './put-file.ts';

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
  readonly #files: TargetFiles;
  #changed = false;
  /** When (wall clock, ms) the process reads a file that was published; null when it has read all. */
  #readsAtMs: number | null = null;

  private constructor(
    world: World,
    served: ServedWorld,
    weir: DrivenWeir,
    expected: ExpectedTraffic,
    files: TargetFiles,
  ) {
    this.world = world;
    this.served = served;
    this.weir = weir;
    this.expected = expected;
    this.#files = files;
    world.onPods(() => {
      this.#changed = true;
    });
  }

  static async start(options: DrivenWorldOptions): Promise<DrivenWorld> {
    // A slot's start, so that slots of a run are numbered from its beginning.
    const startWallMs = 1_800_000_000_000;
    const world = createWorld({ seed: 1, startMs: startWallMs - (options.leadMs ?? 0), ...options.world });
    world.advance(startWallMs);
    const expected = new ExpectedTraffic(SLOT_MS, startWallMs);
    let nowMs = startWallMs;
    const served = await serveWorld(world, { now: () => nowMs, onScrape: (record) => expected.scraped(record) });
    const folder = await mkdtemp(join(tmpdir(), 'weir-world-'));
    const files = new TargetFiles(folder, meshesOf(world));
    await files.publish(served);
    const weir = await DrivenWeir.start({
      startWallMs,
      config: configText(files, options),
      hanging: () => served.hanging,
      onTime: (wallMs) => {
        nowMs = wallMs;
      },
      execArgv: options.execArgv ?? [],
    });
    return new DrivenWorld(world, served, weir, expected, files);
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
    const events = before + (await this.#files.publish(this.served));
    if (events === before) return;
    while ((await this.weir.fileEvents()) < events);
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
    await rm(this.#files.folder, { recursive: true, force: true });
  }
}

/** Meshes whose proxies the world has, in their order of appearance. */
function meshesOf({ topology }: World): MeshName[] {
  const meshes = topology.workloads.flatMap(({ mesh }) => (mesh === null ? [] : [mesh]));
  return [...new Set(meshes)];
}

/** A file of targets for each mesh, in a folder of its own, so that one event is told to one receiver. */
class TargetFiles {
  readonly folder: string;
  readonly meshes: readonly MeshName[];
  readonly #texts = new Map<MeshName, string>();

  constructor(folder: string, meshes: readonly MeshName[]) {
    this.folder = folder;
    this.meshes = meshes;
  }

  pathOf(mesh: MeshName): string {
    return join(this.folder, mesh, 'targets.json');
  }

  /** Moves whole files into their places, which is one event each; returns how many had changed. */
  async publish(served: ServedWorld): Promise<number> {
    let changed = 0;
    for (const mesh of this.meshes) {
      const text = JSON.stringify(served.targets(mesh));
      if (this.#texts.get(mesh) === text) continue;
      this.#texts.set(mesh, text);
      changed += 1;
      await mkdir(join(this.folder, mesh), { recursive: true });
      await putFile(this.pathOf(mesh), text);
    }
    return changed;
  }
}

function configText(files: TargetFiles, { exporters = '', exporterIds = [], smi = '{}' }: DrivenWorldOptions): string {
  return `
receivers:
${files.meshes.map((mesh) => receiverText(mesh, files.pathOf(mesh))).join('')}processors:
  smi: ${smi}
exporters:
  capture:
${exporters}
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [${files.meshes.join(', ')}], processors: [smi], exporters: [capture${exporterIds.map((id) => `, ${id}`).join('')}] }
`;
}

function receiverText(mesh: MeshName, file: string): string {
  return `  ${mesh}:
    scrape_interval: 10s
    scrape_timeout: 5s
    file_sd_configs:
      - files: [${JSON.stringify(file)}]
`;
}
