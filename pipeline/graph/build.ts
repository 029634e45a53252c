/** @module From a checked configuration to connected components; nothing is started here. */
import { Balance } from '../balance.ts';
import type { Body } from '../batch.ts';
import type { Clock } from '../clock/clock.ts';
import type { EngineTime } from '../clock/engine-time.ts';
import type {
  Consumer,
  DiscoveryProblem,
  Exporter,
  ExporterFactory,
  ExtensionFactory,
  Kind,
  Processor,
  ProcessorFactory,
  ReceiverFactory,
  SeriesListing,
  SeriesQuery,
  ServiceStatus,
  Settings,
  TargetStatus,
} from '../component.ts';
import type { CheckedComponent, CheckedConfig, CheckedPipeline } from '../config/checked.ts';
import { listSeries } from '../series-lists.ts';
import type { BalanceEntry } from '../telemetry/balance-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Meters } from '../telemetry/meters.ts';
import { pipelineDemand, receiverDemand } from './demand.ts';
import { fanOut } from './fanout.ts';
import { type Fault, faultOf } from './guard.ts';
import type { Living } from './lifecycle.ts';
import { connectPipeline, type PipelineStage } from './pipeline.ts';

export interface BuildDeps {
  readonly clock: Clock;
  readonly time: EngineTime;
  readonly startedMs: number;
  readonly log: Logger;
  readonly meters: Meters;
  readonly status: () => ServiceStatus;
}

export interface Graph {
  readonly receivers: readonly Living[];
  readonly processors: readonly Living[];
  readonly exporters: readonly Living[];
  readonly extensions: readonly Living[];
  targets(): readonly TargetStatus[];
  balances(): readonly BalanceEntry[];
}

/** Builds exporters first and receivers last, so that everybody is handed what it feeds. */
export async function buildGraph(config: CheckedConfig, deps: BuildDeps): Promise<Graph> {
  const builder = new GraphBuilder(config, deps);
  return builder.build();
}

class GraphBuilder {
  readonly #config: CheckedConfig;
  readonly #deps: BuildDeps;
  readonly #balances: BalanceEntry[] = [];
  readonly #targetLists: (() => readonly TargetStatus[])[] = [];
  readonly #problemLists: (() => readonly DiscoveryProblem[])[] = [];
  readonly #seriesLists: ((query: SeriesQuery) => SeriesListing)[] = [];
  readonly #targets = (): readonly TargetStatus[] => this.#targetLists.flatMap((list) => list());
  readonly #discoveryProblems = (): readonly DiscoveryProblem[] => this.#problemLists.flatMap((list) => list());
  readonly #series = (query: SeriesQuery): SeriesListing => listSeries(this.#seriesLists, query);

  constructor(config: CheckedConfig, deps: BuildDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  async build(): Promise<Graph> {
    const extensions = await this.#extensions();
    const exporters = await this.#exporters();
    const processors: Living[] = [];
    const entries = new Map<CheckedPipeline, Consumer>();
    for (const pipeline of this.#config.pipelines) {
      const { entry, living } = await this.#pipeline(pipeline, exporters);
      entries.set(pipeline, entry);
      processors.push(...living);
    }
    const receivers = await this.#receivers(entries);
    return {
      receivers,
      processors,
      exporters: [...exporters.values()],
      extensions,
      targets: this.#targets,
      balances: () => this.#balances,
    };
  }

  async #extensions(): Promise<Living[]> {
    const living: Living[] = [];
    for (const checked of this.#config.extensions) {
      const factory = checked.factory as ExtensionFactory<unknown>;
      const settings = { ...this.#settings(checked, null), status: this.#deps.status };
      living.push({ id: checked.id, component: await factory.create(settings) });
    }
    return living;
  }

  async #exporters(): Promise<Map<string, Living & { component: Exporter; fault: Fault }>> {
    const exporters = new Map<string, Living & { component: Exporter; fault: Fault }>();
    for (const pipeline of this.#config.pipelines) {
      for (const checked of pipeline.exporters) {
        if (exporters.has(checked.id)) continue;
        const factory = checked.factory as ExporterFactory<unknown>;
        const settings = this.#settings(checked, factory.takes[0] ?? null);
        const component = await factory.create({
          ...settings,
          windowMs: pipeline.windowMs,
          slotMs: pipeline.slotMs,
          targets: this.#targets,
          discoveryProblems: this.#discoveryProblems,
          series: this.#series,
        });
        exporters.set(checked.id, { id: checked.id, component, fault: faultOf(settings.log, settings.balance) });
      }
    }
    return exporters;
  }

  async #pipeline(
    pipeline: CheckedPipeline,
    exporters: ReadonlyMap<string, Living & { component: Exporter; fault: Fault }>,
  ): Promise<{ entry: Consumer; living: Living[] }> {
    const branches = pipeline.exporters.map((checked) => {
      const { component, fault } = exporters.get(checked.id)!;
      return { consumer: component, fault };
    });
    const stages: (PipelineStage & Living)[] = [];
    for (const checked of pipeline.processors) stages.push(await this.#stage(pipeline, checked));
    const entry = connectPipeline(stages, fanOut(branches));
    return { entry, living: stages.map((stage) => ({ id: stage.id, component: stage.processor })) };
  }

  async #stage(pipeline: CheckedPipeline, checked: CheckedComponent): Promise<PipelineStage & Living> {
    const factory = checked.factory as ProcessorFactory<unknown>;
    const settings = this.#settings(checked, factory.takes[0] ?? null, pipeline.id);
    const processor: Processor = await factory.create({
      ...settings,
      slotMs: pipeline.slotMs,
      scrapeTimeoutMs: pipeline.scrapeTimeoutMs,
      demand: pipelineDemand(pipeline),
    });
    const fault = faultOf(settings.log, settings.balance);
    return { id: settings.id, component: processor, processor, takes: factory.takes, gives: factory.gives, fault };
  }

  async #receivers(entries: ReadonlyMap<CheckedPipeline, Consumer>): Promise<Living[]> {
    const receivers = new Map<string, Living>();
    for (const pipeline of this.#config.pipelines) {
      for (const checked of pipeline.receivers) {
        if (!receivers.has(checked.id)) receivers.set(checked.id, await this.#receiver(checked, entries));
      }
    }
    return [...receivers.values()];
  }

  async #receiver(checked: CheckedComponent, entries: ReadonlyMap<CheckedPipeline, Consumer>): Promise<Living> {
    const factory = checked.factory as ReceiverFactory<unknown>;
    const settings = this.#settings(checked, factory.gives);
    const fault = faultOf(settings.log, settings.balance);
    const fed = [...entries].filter(([pipeline]) => pipeline.receivers.some((receiver) => receiver.id === checked.id));
    const next = fanOut(fed.map(([, consumer]) => ({ consumer, fault })));
    const demand = receiverDemand(checked.id, this.#config.pipelines);
    const component = await factory.create({ ...settings, next, demand });
    if (component.targets !== undefined) this.#targetLists.push(() => component.targets!());
    if (component.discoveryProblems !== undefined) this.#problemLists.push(() => component.discoveryProblems!());
    if (component.series !== undefined) this.#seriesLists.push((query) => component.series!(query));
    return { id: checked.id, component };
  }

  /** `items` names what the component keeps books of; null when it takes nothing. */
  #settings(checked: CheckedComponent, items: Body | null, pipeline?: string): Settings<unknown> {
    const { clock, time, log, meters, startedMs } = this.#deps;
    const balance = new Balance();
    if (items !== null) this.#balances.push({ kind: checked.kind, component: checked.id, signal: items, balance });
    const fields: { kind: Kind; id: string; pipeline?: string } = { kind: checked.kind, id: checked.id };
    if (pipeline !== undefined) fields.pipeline = pipeline;
    return { id: checked.id, config: checked.config, clock, time, log: log.child(fields), meters, balance, startedMs };
  }
}
