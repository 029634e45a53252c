/** @module The scraping receiver every mesh shares: keeps one loop per discovered target; a mesh adds only its table. */
import type {
  DiscoveryProblem,
  ReceiverSettings,
  SeriesListing,
  SeriesQuery,
  TargetStatus,
} from '../../pipeline/component.ts';
import type { FamilyRule, MeshRules } from '../../pipeline/model/rules.ts';
import { Access } from './access.ts';
import { type ScrapeConfig, timeoutMsOf } from './config.ts';
import { failure } from './failure.ts';
import { FileDiscovery, type FileProblem } from './file-sd.ts';
import { Gate } from './gate.ts';
import { SeriesBudget } from './series-index.ts';
import { listSeries } from './series-list.ts';
import { refusedStatus, statusOf } from './status.ts';
import { type LoopContext, TargetLoop } from './target-loop.ts';
import { diffTargets, type PrepareTarget, type TargetSpec, targetsOf } from './targets.ts';
import { ScrapeTelemetry } from './telemetry.ts';

/** What a receiver whose targets are not all alike does with each. */
export interface SpecialTargets {
  readonly prepare?: PrepareTarget;
  /** The table for one target; its families are those of the receiver's own table. */
  readonly rulesOf?: (spec: TargetSpec) => MeshRules;
  /** Series tell whose they are where no label does; then an address without an owner is no mistake. */
  readonly pagesTellOwner?: boolean;
}

export class ScrapeReceiver {
  readonly scrapeIntervalMs: number;
  readonly scrapeTimeoutMs: number;
  readonly #settings: ReceiverSettings<ScrapeConfig>;
  readonly #telemetry: ScrapeTelemetry;
  readonly #access: Access;
  readonly #files: FileDiscovery;
  readonly #context: LoopContext;
  readonly #loops = new Map<string, TargetLoop>();
  /** Targets on their farewell; one that returns begins its new life only when the old one has ended. */
  readonly #retiring = new Map<TargetLoop, Promise<void>>();
  readonly #retiringKeys = new Set<string>();
  /** What discovery names now, within `target_limit`. */
  #named: ReadonlyMap<string, TargetSpec> = new Map();
  #refused: readonly TargetSpec[] = [];
  #started = false;
  #stopping: Promise<void> | null = null;

  readonly #prepare: PrepareTarget | undefined;
  readonly #pagesTellOwner: boolean;

  constructor(settings: ReceiverSettings<ScrapeConfig>, rules: MeshRules, special: SpecialTargets = {}) {
    const { id, config, clock, log, meters } = settings;
    const budget = new SeriesBudget(config.max_series);
    this.scrapeIntervalMs = config.scrape_interval;
    this.scrapeTimeoutMs = timeoutMsOf(config);
    this.#settings = settings;
    this.#prepare = special.prepare;
    this.#pagesTellOwner = special.pagesTellOwner ?? false;
    this.#telemetry = new ScrapeTelemetry(id, clock, log, meters, () => budget.used);
    this.#access = new Access(config);
    this.#files = new FileDiscovery(clock, {
      onChange: () => this.#apply(),
      onProblem: (problem) => this.#tellProblem(problem),
      onEvent: () => this.#telemetry.fileEvent(),
    });
    this.#context = {
      settings,
      telemetry: this.#telemetry,
      discoveryGate: new Gate(config.discovery_concurrency),
      farewellGate: new Gate(config.farewell_concurrency),
      scraping: {
        receiver: id,
        clock,
        access: this.#access,
        rulesOf: special.rulesOf ?? (() => rules),
        wanted: wantedOf(settings, rules),
        budget,
        limits: {
          sampleLimit: config.sample_limit,
          labelLimit: config.label_limit,
          labelNameLengthBytes: config.label_name_length_limit,
          labelValueLengthBytes: config.label_value_length_limit,
        },
        bodyLimitBytes: config.body_size_limit,
        intervalMs: config.scrape_interval,
        timeoutMs: this.scrapeTimeoutMs,
      },
    };
  }

  /** Fails when a file of credentials or TLS cannot be read; a broken file of targets is only told. */
  async start(): Promise<void> {
    await this.#access.start(this.#settings.clock, (error) => this.#telemetry.credentialsChanged(error));
    await this.#files.start(this.#settings.config.file_sd_configs);
    if (this.#stopping !== null) {
      this.#closeFiles();
      return;
    }
    this.#started = true;
    this.#apply();
    this.#telemetry.watching(this.#loops.size, this.scrapeIntervalMs);
  }

  /** Scrapes every target once more, as far as the deadline allows, and lets them go. */
  stop(deadline: AbortSignal): Promise<void> {
    this.#stopping ??= this.#stop(deadline);
    return this.#stopping;
  }

  targets(): readonly TargetStatus[] {
    const { id: receiver, config } = this.#settings;
    const shared = ({ address, path }: TargetSpec) => ({
      receiver,
      url: `${config.scheme}://${address}${path ?? this.#access.path}`,
      intervalMs: this.scrapeIntervalMs,
      pagesTellOwner: this.#pagesTellOwner,
    });
    return [
      ...[...this.#loops.values()].map(({ spec, stats }) => statusOf(spec, stats, shared(spec))),
      ...this.#refused.map((spec) => refusedStatus(spec, config.target_limit, shared(spec))),
    ];
  }

  discoveryProblems(): readonly DiscoveryProblem[] {
    const { id: receiver } = this.#settings;
    return [...this.#files.problems()].map(([file, error]) => ({ receiver, file, error }));
  }

  series(query: SeriesQuery): SeriesListing {
    return listSeries(
      this.#loops.values().map(({ listed }) => listed),
      query,
    );
  }

  #tellProblem({ path, text, isRead, kept }: FileProblem): void {
    if (text === null) this.#telemetry.fileWhole(path);
    else if (isRead) this.#telemetry.entriesRefused(path, text);
    else this.#telemetry.fileBroken(path, text, kept);
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    this.#closeFiles();
    // Those that answer come first: the dead ones take their whole timeout each.
    const loops = [...this.#loops.values()].sort((a, b) => Number(b.stats.up) - Number(a.stats.up));
    for (const loop of loops) this.#retire(loop);
    const abort = () => {
      for (const loop of this.#retiring.keys()) loop.abort(failure('stopped', 'the time to stop is over'));
    };
    if (deadline.aborted) abort();
    else deadline.addEventListener('abort', abort, { once: true });
    await Promise.all(this.#retiring.values());
    deadline.removeEventListener('abort', abort);
    this.#telemetry.close();
  }

  #closeFiles(): void {
    this.#files.close();
    this.#access.close();
  }

  /** Brings the loops in line with what discovery names now. O(targets), so only when that has changed. */
  #apply(): void {
    if (!this.#started || this.#stopping !== null) return;
    const { id, config } = this.#settings;
    const groups = [...config.static_configs, ...this.#files.groups()];
    const { targets, refused, refusedTargets } = targetsOf(id, groups, config.target_limit, this.#prepare);
    this.#named = targets;
    this.#refused = refusedTargets;
    this.#telemetry.targetsRefused(refused, config.target_limit);
    const { gone, added } = diffTargets(this.#loops, targets);
    for (const key of gone) this.#retire(this.#loops.get(key)!);
    for (const spec of added) this.#begin(spec);
  }

  #begin(spec: TargetSpec): void {
    if (this.#retiringKeys.has(spec.key)) return;
    if (spec.ownerSource === 'address' && !this.#pagesTellOwner) this.#telemetry.workloadUnknown(spec.address);
    const loop = new TargetLoop(spec, this.#context);
    this.#loops.set(spec.key, loop);
    loop.start();
  }

  #retire(loop: TargetLoop): void {
    const { key } = loop.spec;
    this.#loops.delete(key);
    this.#retiringKeys.add(key);
    const farewell = loop.retire().then(() => {
      this.#retiring.delete(loop);
      this.#retiringKeys.delete(key);
      this.#beginAgain(key);
    });
    this.#retiring.set(loop, farewell);
  }

  /** A target that was named again during its farewell waits for the end of it; nothing else can have changed by that. */
  #beginAgain(key: string): void {
    const spec = this.#named.get(key);
    if (spec !== undefined && this.#stopping === null) this.#begin(spec);
  }
}

/** The table's families that something downstream demands, by sample name. */
function wantedOf(settings: ReceiverSettings<ScrapeConfig>, rules: MeshRules): ReadonlyMap<string, FamilyRule> {
  const wanted = rules.families.filter(({ demand }) => demand === null || settings.demand.has(demand));
  return new Map(wanted.map((family) => [family.sample, family]));
}
