/** @module The `smi` exporter: folds traffic into the read model and answers the SMI API from it. */
import type { Batch } from '../../pipeline/batch.ts';
import type { Timer } from '../../pipeline/clock/clock.ts';
import { FinishableSteps, Turns } from '../../pipeline/clock/turns.ts';
import { ADMITTED, type Admission, type Exporter, type ExporterSettings } from '../../pipeline/component.ts';
import { isLoopback } from '../../pipeline/config/types.ts';
import { TAKEN } from '../../pipeline/delivery.ts';
import { ReadModel } from '../../pipeline/model/read-model.ts';
import type { ResourceReading, TrafficReading } from '../../pipeline/model/reading.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import {
  type HttpAnswer,
  type HttpListener,
  type HttpRequest,
  type HttpRoute,
  startHttpListener,
} from '../../pipeline/net/http-server.ts';
import type { SmiConfig } from './config.ts';
import { askedMetric, askedSubject } from './explain-ask.ts';
import { explanationOf } from './explain-number.ts';
import { edgesStale, edgesText, edgesWaiting, targetsText } from './plain.ts';
import { probe } from './probes.ts';
import { answerApi, type Source } from './routes.ts';
import * as answers from './status.ts';
import { createTelemetry, type SmiTelemetry } from './telemetry.ts';
import { askedWindow } from './window.ts';

/** The exporter, and the port it was given. */
export interface SmiExporter extends Exporter {
  /** Port listened on; null while it does not listen. */
  readonly port: number | null;
}

export function createSmiExporter(settings: ExporterSettings<SmiConfig>): SmiExporter {
  return new Smi(settings);
}

/** Slot length when no receiver of the pipeline scrapes, so that slots come from elsewhere. */
const FOREIGN_SLOT_MS = 10_000;

class Smi implements SmiExporter {
  readonly #settings: ExporterSettings<SmiConfig>;
  readonly #model: ReadModel;
  readonly #turns: Turns;
  readonly #retentionMs: number;
  readonly #telemetry: SmiTelemetry;
  readonly #source: Source = { read: (query, lenient) => this.#read(query, lenient) };
  #listener: HttpListener | null = null;
  #warmUp: Timer | null = null;
  /** The newest slot, which is being added. */
  #adding: FinishableSteps<void> | null = null;
  /** End (ms) of the newest slot when somebody last asked; only then are sums made before they are asked for. */
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: ExporterSettings<SmiConfig>) {
    const { config, windowMs, slotMs, slotWaitMs = 0, startedMs } = settings;
    this.#settings = settings;
    this.#retentionMs = Math.max(config.retention, windowMs);
    this.#turns = new Turns(settings.clock);
    this.#model = new ReadModel({
      windowMs: windowMs > 0 ? windowMs : 3 * FOREIGN_SLOT_MS,
      slotMs: slotMs > 0 ? slotMs : FOREIGN_SLOT_MS,
      slotWaitMs,
      retentionMs: this.#retentionMs,
      defaultKind: config.default_kind,
      startedMs,
      maxItems: config.max_items,
      maxReadings: config.cached_windows,
    });
    this.#telemetry = createTelemetry({ ...settings, model: this.#model });
  }

  get port(): number | null {
    return this.#listener?.port ?? null;
  }

  async start(): Promise<void> {
    const { id, config, clock } = this.#settings;
    const telemetry = this.#telemetry;
    this.#listener = await startHttpListener({
      key: `exporters.${id}.endpoint`,
      config,
      clock,
      routes: this.#routes(),
      notFound: () => answers.text('404 page not found\n', 404),
      unauthorized: () => answers.unauthorized(),
      failed: ({ path }, error) => {
        telemetry.answerFailed(path, error);
        return answers.internalError();
      },
      refused: telemetry.connectionRefused,
      fileUnusable: telemetry.fileUnusable,
    });
    telemetry.listening(config.endpoint.host, this.#listener.port);
    if (config.insecure_allow && !isLoopback(config.endpoint.host)) telemetry.openAddress(config.endpoint.host);
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#adding?.finish();
    this.#warmUp?.cancel();
    const listener = this.#listener;
    this.#listener = null;
    await listener?.close(deadline);
  }

  /** Memory is bounded by the retention and `max_items`, so nothing is ever refused. */
  admits(): Admission {
    return ADMITTED;
  }

  consume(batch: Batch): void {
    if (batch.body !== 'traffic') {
      this.#telemetry.notTraffic(batch);
      batch.delivery.settle({ kind: 'rejected', reason: 'not_traffic' });
      return;
    }
    this.#adding?.finish();
    const steps = new FinishableSteps(this.#addInSteps(batch.sum));
    this.#adding = steps;
    const { done } = steps.next();
    this.#telemetry.folded(batch.items);
    batch.delivery.settle(TAKEN);
    if (done !== true) void this.#turns.run(steps);
  }

  /** One that amends many slots goes by turns with all else; until then readers see the slots before it. */
  *#addInSteps(sum: TrafficSum): Generator<void, void, void> {
    yield* this.#model.addInSteps(sum);
    void this.#turns.run(this.#model.settleInSteps());
    this.#prepare(sum.interval.endMs);
  }

  /** Sums the default window ahead of the next question, when questions have come within the retention. */
  #prepare(endMs: number): void {
    if (endMs - this.#askedAtMs > this.#retentionMs) return;
    const { clock } = this.#settings;
    this.#warmUp?.cancel();
    this.#warmUp = clock.after(0, () => {
      const reading = this.#model.read();
      // In a turn of its own, so that others get theirs in between.
      this.#warmUp = clock.after(0, () => reading?.workloads.forEach(reckon));
    });
  }

  #routes(): HttpRoute[] {
    const counted = (handle: (request: HttpRequest) => HttpAnswer) => (request: HttpRequest) => {
      const answer = handle(request);
      this.#telemetry.answered(answer.status);
      return answer;
    };
    const api = counted((request) => answerApi(this.#source, request));
    const health = counted(probe);
    const healthPaths = ['healthz', 'livez', 'readyz'].flatMap((name) => [`/${name}`, `/${name}/*`]);
    return [
      { path: '/apis', handle: api },
      { path: '/apis/*', handle: api },
      { path: '/v1/edges', handle: counted(onlyReads((request) => this.#edges(request))) },
      { path: '/v1/explain', handle: counted(onlyReads((request) => this.#explain(request))) },
      { path: '/v1/targets', handle: counted(onlyReads(() => this.#targets())) },
      ...healthPaths.map((path) => ({ path, open: true, handle: health })),
    ];
  }

  #read(query: URLSearchParams, lenient: boolean): TrafficReading | HttpAnswer {
    const asked = askedWindow(query, this.#model, this.#retentionMs, lenient);
    if (!asked.ok) return answers.badRequest(asked.message);
    const state = this.#model.state(this.#settings.time.nowMs());
    if (state.kind === 'waiting') {
      const seconds = wholeSeconds(state.firstNumbersMs);
      return answers.unavailable(`no slot has closed yet: first numbers in ${seconds}s`, seconds);
    }
    const reading = state.kind === 'ready' ? this.#model.read(asked.windowMs) : null;
    this.#askedAtMs = this.#model.closedUntilMs ?? this.#askedAtMs;
    return reading ?? answers.unavailable(staleText(this.#model.closedUntilMs ?? 0), this.#retrySeconds());
  }

  #edges({ query }: HttpRequest): HttpAnswer {
    const state = this.#model.state(this.#settings.time.nowMs());
    if (state.kind === 'waiting') return answers.json(edgesWaiting(wholeSeconds(state.firstNumbersMs)));
    if (state.kind === 'stale') return answers.json(edgesStale(staleText(state.lastSlotEndMs)));
    const reading = this.#read(query, false);
    if (!('edges' in reading)) return reading;
    const watched = this.#slotsOf(query).some(({ coverage }) => coverage.length > 0);
    return answers.json(edgesText(reading, watched));
  }

  #targets(): HttpAnswer {
    const state = this.#model.state(this.#settings.time.nowMs());
    const firstNumbersInSeconds = state.kind === 'waiting' ? wholeSeconds(state.firstNumbersMs) : null;
    const reading = state.kind === 'ready' ? this.#model.read() : null;
    const { targets, series, discoveryProblems, scrapes } = this.#settings;
    const facts = { reading, firstNumbersInSeconds, series };
    const lists = { targets: targets(), problems: discoveryProblems?.() ?? [], scrapes: scrapes?.() ?? true };
    return answers.json(targetsText(lists, facts));
  }

  #explain({ query }: HttpRequest): HttpAnswer {
    const metric = askedMetric(query);
    if (!metric.ok) return metric.answer;
    const reading = this.#read(query, false);
    if (!('edges' in reading)) return reading;
    const targets = this.#settings.targets();
    const slots = this.#slotsOf(query);
    const isAll = this.#model.slotsOf(this.#retentionMs).length <= slots.length;
    const subject = askedSubject(reading, query, { targets, longerMs: isAll ? null : this.#retentionMs });
    if (!subject.ok) return subject.answer;
    const facts = { reading, slots, targets, series: this.#settings.series, limit: seriesLimit(query) };
    return answers.json(JSON.stringify(explanationOf(subject.item, metric.item, facts)));
  }

  /** Slots of the window asked for. */
  #slotsOf(query: URLSearchParams): readonly TrafficSum[] {
    const asked = askedWindow(query, this.#model, this.#retentionMs, false);
    return this.#model.slotsOf(asked.ok ? asked.windowMs : undefined);
  }

  #retrySeconds(): number {
    return wholeSeconds(this.#settings.slotMs > 0 ? this.#settings.slotMs : FOREIGN_SLOT_MS);
  }
}

/** Series listed unasked, and at most. */
const SERIES = { usual: 50, most: 10_000 };

function seriesLimit(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? SERIES.usual);
  return Number.isInteger(limit) && limit >= 0 ? Math.min(limit, SERIES.most) : SERIES.usual;
}

/** Figures are kept once they have been looked at. */
function reckon(item: ResourceReading): void {
  void item.figures;
}

function onlyReads(handle: (request: HttpRequest) => HttpAnswer): (request: HttpRequest) => HttpAnswer {
  return (request) => {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    return reads ? handle(request) : answers.methodNotAllowed();
  };
}

function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

function staleText(lastSlotEndMs: number): string {
  return `no slot has closed since ${new Date(lastSlotEndMs).toISOString()}: nothing reports traffic any more`;
}
