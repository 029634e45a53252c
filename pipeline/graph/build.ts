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
  Signal,
  TargetStatus,
} from '../component.ts';
import { signalOfBody } from '../component.ts';
import type { CheckedComponent, CheckedConfig, CheckedPipeline } from '../config/checked.ts';
import { secretsIn } from '../config/secrets.ts';
import type { MeshRules } from '../model/rules.ts';
import { listSeries } from '../series-lists.ts';
import type { BalanceEntry } from '../telemetry/balance-metrics.ts';
import type { DropJournal } from '../telemetry/drop-journal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Meters } from '../telemetry/meters.ts';
import { bodiesOf, slotWaitOf } from './bodies.ts';
import { pipelineDemand, receiverDemand } from './demand.ts';
import { bySignal, fanOut } from './fanout.ts';
import { type ComponentBooks, type Fault, faultOf } from './guard.ts';
import type { Chain, Living } from './lifecycle.ts';
import { connectPipeline, type PipelineStage } from './pipeline.ts';

export interface BuildDeps {
  readonly clock: Clock;
  readonly time: EngineTime;
  readonly startedMs: number;
  readonly log: Logger;
  readonly meters: Meters;
  readonly status: () => ServiceStatus;
  /** Told of every drop in the books of every component; absent where nobody reads it. */
  readonly drops?: DropJournal;
}

export interface Graph {
  readonly receivers: readonly Living[];
  /** By pipeline, in the order of each. */
  readonly processors: readonly Chain[];
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
    const processors: Chain[] = [];
    const entries = new Map<CheckedPipeline, Consumer>();
    for (const pipeline of this.#config.pipelines) {
      const { entry, living } = await this.#pipeline(pipeline, exporters);
      entries.set(pipeline, entry);
      processors.push(living);
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
      const settings = { ...this.#settings(checked, null).settings, status: this.#deps.status };
      living.push({ id: checked.id, component: await factory.create(settings) });
    }
    return living;
  }

  async #exporters(): Promise<Map<string, Living & { component: Exporter; fault: Fault }>> {
    const exporters = new Map<string, Living & { component: Exporter; fault: Fault }>();
    for (const pipeline of this.#config.pipelines) {
      for (const checked of pipeline.exporters) {
        const key = exporterKey(pipeline.signal, checked.id);
        if (exporters.has(key)) continue;
        const factory = checked.factory as ExporterFactory<unknown>;
        const body = factory.takes.find((one) => signalOfBody(one) === pipeline.signal) ?? null;
        const { settings, books } = this.#settings(checked, body);
        const component = await factory.create({
          ...settings,
          signal: pipeline.signal,
          windowMs: pipeline.windowMs,
          slotMs: pipeline.slotMs,
          slotWaitMs: slotWaitOf(pipeline),
          targets: this.#targets,
          discoveryProblems: this.#discoveryProblems,
          scrapes: () => this.#problemLists.length > 0,
          series: this.#series,
        });
        exporters.set(key, { id: checked.id, component, fault: faultOf(settings.log, books) });
      }
    }
    return exporters;
  }

  async #pipeline(
    pipeline: CheckedPipeline,
    exporters: ReadonlyMap<string, Living & { component: Exporter; fault: Fault }>,
  ): Promise<{ entry: Consumer; living: Living[] }> {
    const branches = pipeline.exporters.map((checked) => {
      const { component, fault } = exporters.get(exporterKey(pipeline.signal, checked.id))!;
      return { consumer: component, fault };
    });
    const stages: (PipelineStage & Living)[] = [];
    for (const checked of pipeline.processors) stages.push(await this.#stage(pipeline, checked));
    const entry = connectPipeline(stages, fanOut(branches));
    return { entry, living: stages.map((stage) => ({ id: stage.id, component: stage.processor })) };
  }

  async #stage(pipeline: CheckedPipeline, checked: CheckedComponent): Promise<PipelineStage & Living> {
    const factory = checked.factory as ProcessorFactory<unknown>;
    const { settings, books } = this.#settings(checked, factory.takes[0] ?? null, pipeline.id);
    const processor: Processor = await factory.create({
      ...settings,
      slotMs: pipeline.slotMs,
      scrapeTimeoutMs: pipeline.scrapeTimeoutMs,
      demand: pipelineDemand(pipeline),
      receives: bodiesOf(pipeline),
    });
    const { takes, gives, takesOver } = factory;
    const fault = faultOf(settings.log, books);
    return { id: settings.id, component: processor, processor, takes, gives, takesOver, fault };
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
    const fed = [...entries].filter(([pipeline]) => pipeline.receivers.some((receiver) => receiver.id === checked.id));
    const signals = new Set(fed.map(([{ signal }]) => signal));
    const given = factory.gives.find((body) => signals.has(signalOfBody(body))) ?? null;
    const { settings, books } = this.#settings(checked, given);
    const fault = faultOf(settings.log, books);
    const branches = (signal: Signal) =>
      fed.filter(([pipeline]) => pipeline.signal === signal).map(([, consumer]) => ({ consumer, fault }));
    const next = bySignal(new Map([...signals].map((signal) => [signal, fanOut(branches(signal))])));
    const demand = receiverDemand(checked.id, this.#config.pipelines);
    const component = await factory.create({ ...settings, next, signals, demand, meshTable });
    if (component.targets !== undefined) this.#targetLists.push(() => component.targets!());
    if (component.discoveryProblems !== undefined) this.#problemLists.push(() => component.discoveryProblems!());
    if (component.series !== undefined) this.#seriesLists.push((query) => component.series!(query));
    return { id: checked.id, component };
  }

  /** `items` names what the component keeps books of first; null when it takes nothing. */
  #settings(
    checked: CheckedComponent,
    items: Body | null,
    pipeline?: string,
  ): { settings: Settings<unknown>; books: ComponentBooks } {
    const { clock, time, log, meters, startedMs } = this.#deps;
    const books = this.#books(checked);
    const fields: { kind: Kind; id: string; pipeline?: string } = { kind: checked.kind, id: checked.id };
    if (pipeline !== undefined) fields.pipeline = pipeline;
    const balance = items === null ? new Balance() : books.of(items);
    const balanceOf = (body: Body) => books.of(body);
    const { id, config } = checked;
    const settings = {
      id,
      config,
      clock,
      time,
      log: log.child(fields, secretsIn(checked.config)),
      meters,
      balance,
      balanceOf,
      startedMs,
    };
    return { settings, books };
  }

  /** Balances of one component, made and listed when they are first asked for. */
  #books({ kind, id: component, config }: CheckedComponent): ComponentBooks {
    const books = new Map<Body, Balance>();
    return {
      of: (signal) => {
        let balance = books.get(signal);
        if (balance === undefined) {
          balance = new Balance(this.#deps.drops?.observer(kind, component, signal, secretsIn(config)));
          books.set(signal, balance);
          this.#balances.push({ kind, component, signal, balance });
        }
        return balance;
      },
      all: () => books.values(),
    };
  }
}

/** Loaded when asked for: who scrapes one mesh pays for no other. */
async function meshTable(mesh: string): Promise<MeshRules | null> {
  const { registry } = await import('./registry.ts');
  const factory = (await registry.load('receiver', mesh)) as ReceiverFactory | null;
  return (await factory?.meshTable?.()) ?? null;
}

function exporterKey(signal: Signal, id: string): string {
  return `${signal} ${id}`;
}
