/** @module What a component is: its life cycle, its factory, and what it is handed when it is created. */
import type { OperatorFunction } from 'rxjs';
import type { ZodType } from 'zod';
import type { Balance } from './balance.ts';
import type { Batch, Body } from './batch.ts';
import type { Clock } from './clock/clock.ts';
import type { EngineTime } from './clock/engine-time.ts';
import type { Identity, Labels } from './model/resource.ts';
import type { Demand, MeshRules, SeriesMeaning } from './model/rules.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Meters } from './telemetry/meters.ts';

export type Kind = 'receiver' | 'processor' | 'exporter' | 'extension';
/** All of them, in the order in which they are shown. */
export const SIGNALS = ['metrics', 'traces'] as const;
export type Signal = (typeof SIGNALS)[number];

/** The signal whose pipelines carry a body. */
export function signalOfBody(body: Body): Signal {
  return body === 'spans' ? 'traces' : 'metrics';
}

export type Stability = 'development' | 'alpha' | 'beta' | 'stable';

/** `start` returns quickly and fails fast. `stop` may come without `start` and twice, flushes, honours the signal. */
export interface Component {
  start(): Promise<void>;
  /** Resolves when everything is flushed or `deadline` is aborted, whichever comes first. */
  stop(deadline: AbortSignal): Promise<void>;
}

/** Whether a branch would take a batch now. A refusal names why and when to come again. */
export type Admission =
  | {
      readonly ok: true;
      /** It only looks on: what it takes goes nowhere, so that nobody yields to it. */
      readonly looksOn?: true;
    }
  | Refusal;

export interface Refusal {
  readonly ok: false;
  readonly reason: string;
  readonly retryAfterMs: number;
  /**
   * It gives way to others: where one of them takes the batch, this one is offered it all the same (its delivery is `spare`
   * then), drops and counts what it has no room for, and says that it is taken. Absent: nobody gets what this one refuses.
   */
  readonly yields?: true;
}

export const ADMITTED: Admission = { ok: true };
/** Of those who show what passes by and keep nothing. */
export const LOOKS_ON: Admission = { ok: true, looksOn: true };

/**
 * Who takes batches: asked first, then handed the batch. The batch's `Delivery` is the only acknowledgement, and says on
 * what terms it is offered. It is asked about a batch any number of times before it is handed it.
 */
export interface Consumer {
  admits(batch: Batch): Admission;
  consume(batch: Batch): void;
}

export interface Receiver extends Component {
  /** Scrape interval in milliseconds, for receivers that scrape; slots are as long as the longest of a pipeline. */
  readonly scrapeIntervalMs?: number;
  readonly scrapeTimeoutMs?: number;
}

/** A stage of the pipeline: one operator, one loop (style.md §10). */
export interface Processor extends Component {
  readonly stage: OperatorFunction<Batch, Batch>;
  /** Whether it would take a batch now, where it may refuse one; asked before anybody of a fan-out is offered it. */
  admits?(batch: Batch): Admission;
}

export interface Exporter extends Component, Consumer {}

/** What every component is handed by the graph. Shared, never owned. */
export interface Settings<Config> {
  /** `type` or `type/name`. */
  readonly id: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly time: EngineTime;
  /** Carries kind, id and, where there is one, the pipeline. */
  readonly log: Logger;
  readonly meters: Meters;
  /** Books of the first body that the component takes, or gives if it is a receiver. */
  readonly balance: Balance;
  /** Books of any body; each body is counted in its own items. The same object each time. */
  readonly balanceOf: (body: Body) => Balance;
  /** Engine time (ms) at which this Weir started. */
  readonly startedMs: number;
}

export interface ReceiverSettings<Config> extends Settings<Config> {
  /** All pipelines it feeds; a batch reaches those of its body's signal. */
  readonly next: Consumer;
  /** Signals of the pipelines it feeds; never empty. */
  readonly signals: ReadonlySet<Signal>;
  /** Meanings that something downstream wants; empty when no pipeline of metrics is fed. */
  readonly demand: ReadonlySet<Demand>;
  /**
   * The table of a mesh, as its own receiver has it by default, for those who are sent what others scraped; null where there
   * is none. Absent where there is no graph.
   */
  readonly meshTable?: (mesh: string) => Promise<MeshRules | null>;
}

export interface ProcessorSettings<Config> extends Settings<Config> {
  /** Length of a slot in milliseconds: the longest scrape interval upstream. */
  readonly slotMs: number;
  /** Longest scrape timeout upstream, milliseconds. */
  readonly scrapeTimeoutMs: number;
  readonly demand: ReadonlySet<Demand>;
  /** What the receivers of the pipeline may give. */
  readonly receives: ReadonlySet<Body>;
}

export interface ExporterSettings<Config> extends Settings<Config> {
  /** Signal of the pipelines this instance is for: an exporter in pipelines of both has an instance for each. */
  readonly signal: Signal;
  /** Window in milliseconds (from the `smi` processor of the pipeline) and slot length, for those who sum slots. */
  readonly windowMs: number;
  readonly slotMs: number;
  /** How long after its end a slot is told, milliseconds, beside what scrapes take; absent for 0. */
  readonly slotWaitMs?: number;
  /** Listings of targets of all receivers, for those who answer questions about them. */
  readonly targets: () => readonly TargetStatus[];
  /** Files of targets, of all receivers, that cannot be used; absent where there is no graph. */
  readonly discoveryProblems?: () => readonly DiscoveryProblem[];
  /** Whether some receiver names targets; false where all take what others send. Absent where there is no graph. */
  readonly scrapes?: () => boolean;
  /** Series of all receivers' targets; absent where there is no graph. */
  readonly series?: (query: SeriesQuery) => SeriesListing;
}

/** A target as shown to people by `/v1/targets` and `weir targets`. */
export interface TargetStatus {
  readonly receiver: string;
  readonly address: string;
  readonly url: string;
  readonly namespace: string;
  readonly workload: string;
  readonly kind: string;
  readonly pod: string;
  /**
   * What tells whose proxy it is: labels, a guess by the pod's name, the series of its pages (where these tell none, the
   * address stands for it), or nothing, so that the address does.
   */
  readonly identity: 'labels' | 'pod_name' | 'series' | 'address';
  /** True when it is beyond `target_limit`: it is never scraped, `lastError` says so, `health` stays `unknown`. */
  readonly refused: boolean;
  readonly health: 'up' | 'down' | 'unknown';
  /** Wall-clock milliseconds since the epoch of the last scrape's start; null before the first one. */
  readonly lastScrapeMs: number | null;
  readonly lastDurationMs: number | null;
  readonly samples: number;
  readonly consecutiveFailures: number;
  /** Reason and text of the last failure, or of why a good scrape is incomplete; '' when nothing is amiss. */
  readonly lastError: string;
  readonly intervalMs: number;
}

/** A file that names targets and cannot be used; what it held before stays in use. */
export interface DiscoveryProblem {
  readonly receiver: string;
  /** Its path, or the pattern that no file matches. */
  readonly file: string;
  readonly error: string;
}

/** Whose page a series stands on. */
export interface SeriesSource {
  readonly receiver: string;
  readonly address: string;
  readonly own: Identity;
  readonly rules: MeshRules;
}

/** Which series are asked for, for people who want to see what stands behind a number. */
export interface SeriesQuery {
  /** Cheap: called once for each series of each target that some page showed. */
  readonly wants: (meaning: SeriesMeaning, source: SeriesSource) => boolean;
  /** Series listed at most. */
  readonly limit: number;
}

export interface SeriesStatus {
  readonly source: SeriesSource;
  readonly sample: string;
  readonly labels: Labels;
  /** As the last page that showed it had it; a page whose scrape failed counts for nothing but is seen here. */
  readonly value: number;
  readonly meaning: SeriesMeaning;
}

export interface SeriesListing {
  readonly series: readonly SeriesStatus[];
  /** Series that were wanted beyond the limit. */
  readonly more: number;
}

/** What a receiver that scrapes tells of itself beside its data. */
export interface TargetLists {
  targets?(): readonly TargetStatus[];
  discoveryProblems?(): readonly DiscoveryProblem[];
  /** O(series of all targets). */
  series?(query: SeriesQuery): SeriesListing;
}

interface FactoryBase<Config> {
  /** YAML type, `lower_snake_case`; also the name of the component's folder. */
  readonly type: string;
  /** The folder, where several types share one that is named otherwise. */
  readonly folder?: string;
  readonly signals: Partial<Record<Signal, Stability>>;
  /** Strict schema of the YAML value; absent keys take their defaults here. */
  readonly config: ZodType<Config>;
  /** Problems a schema cannot see, e.g. a window that is no multiple of the slot. Paths are relative to the component. */
  check?(config: Config, context: CheckContext): ConfigIssue[];
}

/** What a component may ask about its surroundings before anything starts. */
export interface CheckContext {
  /** Signal of the pipeline under check; absent for what stands in none, or where it is not known. */
  readonly signal?: Signal;
  /** Length of a slot in the pipeline under check, milliseconds; 0 when no receiver scrapes. */
  readonly slotMs: number;
}

export interface ConfigIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly mend: string;
  readonly severity?: 'error' | 'warning';
  /** Code of `PROBLEM_CODES` when one fits better than WEIR1021, e.g. WEIR1024 for an open listener. */
  readonly code?: string;
  /** Whether the key at the end of `path` is at fault, rather than its value. */
  readonly onKey?: boolean;
}

export interface ReceiverFactory<Config = unknown> extends FactoryBase<Config> {
  readonly kind: 'receiver';
  /** What it may give; a pipeline gets those of its signal. */
  readonly gives: readonly Body[];
  /** Interval and timeout in milliseconds a configuration asks for; null when it does not scrape. */
  cadence?(config: Config): { intervalMs: number; timeoutMs: number } | null;
  /** Its mesh's table with the defaults of its configuration; absent where there is no mesh. */
  meshTable?(): Promise<MeshRules>;
  create(settings: ReceiverSettings<Config>): Promise<Receiver & TargetLists>;
}
export interface ProcessorFactory<Config = unknown> extends FactoryBase<Config> {
  readonly kind: 'processor';
  readonly takes: readonly Body[];
  readonly gives: Body;
  /** It keeps what it takes on its own account, so that what follows need not be asked. Default: when it gives another body. */
  readonly takesOver?: boolean;
  /** Window in milliseconds this processor gives its pipeline's exporters; absent when it makes none. */
  window?(config: Config, slotMs: number): number;
  /** How long (ms) after its end it keeps a slot open for others than scrapes. Default: not at all. */
  slotWaitMs?(slotMs: number, receives: ReadonlySet<Body>): number;
  create(settings: ProcessorSettings<Config>): Promise<Processor>;
}
export interface ExporterFactory<Config = unknown> extends FactoryBase<Config> {
  readonly kind: 'exporter';
  readonly takes: readonly Body[];
  demand(config: Config): readonly Demand[];
  /** Where OTLP of the signal is sent to, null for nowhere; absent where it speaks another protocol than receivers do. */
  sendsTo?(config: Config, signal: Signal): { readonly host: string; readonly port: number } | null;
  create(settings: ExporterSettings<Config>): Promise<Exporter>;
}
/** Something beside the pipelines, such as health answers. */
export interface ExtensionFactory<Config = unknown> extends FactoryBase<Config> {
  readonly kind: 'extension';
  create(settings: ExtensionSettings<Config>): Promise<Component>;
}
export interface ExtensionSettings<Config> extends Settings<Config> {
  readonly status: () => ServiceStatus;
}
/** `ready` is true between the end of start-up and the beginning of the drain. */
export interface ServiceStatus {
  readonly ready: boolean;
  readonly phase: 'starting' | 'running' | 'draining' | 'stopped';
  /** Why it is not ready, '' when it is. */
  readonly reason: string;
}

/** Any factory; its `config` has the type of its own schema's output. */
export type AnyFactory = ReceiverFactory | ProcessorFactory | ExporterFactory | ExtensionFactory;
