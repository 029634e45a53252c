/** @module The `prometheus` exporter: adds traffic up and shows the totals to whoever scrapes. */
import type { Batch, TrafficBatch } from '../../pipeline/batch.ts';
import { ADMITTED, type Admission, type Exporter, type ExporterSettings } from '../../pipeline/component.ts';
import { isLoopback } from '../../pipeline/config/types.ts';
import { TAKEN } from '../../pipeline/delivery.ts';
import {
  type HttpAnswer,
  type HttpListener,
  type HttpRequest,
  startHttpListener,
} from '../../pipeline/net/http-server.ts';
import { sampleOf } from '../../pipeline/telemetry/drop-sample.ts';
import * as answers from './answers.ts';
import type { PrometheusConfig } from './config.ts';
import { createLabels } from './labels.ts';
import { acceptsGzip, CONTENT_TYPES, formatFor } from './negotiate.ts';
import { PageLayout } from './page.ts';
import { Pages } from './pages.ts';
import { createTelemetry, type PrometheusTelemetry } from './telemetry.ts';
import { Totals } from './totals.ts';

/** The exporter, and the port it was given. */
export interface PrometheusExporter extends Exporter {
  /** Port listened on; null while it does not listen. */
  readonly port: number | null;
}

export function createPrometheusExporter(settings: ExporterSettings<PrometheusConfig>): PrometheusExporter {
  return new Prometheus(settings);
}

/** Between two scrapes totals are looked through for old ones no more often than this, milliseconds. */
const EXPIRE_EVERY_MS = 10_000;

class Prometheus implements PrometheusExporter {
  readonly #settings: ExporterSettings<PrometheusConfig>;
  readonly #totals: Totals;
  readonly #pages: Pages;
  readonly #telemetry: PrometheusTelemetry;
  /** Came while a page was being made, which shows the state before them. */
  #waiting: TrafficBatch[] = [];
  /** Answers under way; each keeps its page in memory. */
  #readers = 0;
  #expiredMs = Number.NEGATIVE_INFINITY;
  #listener: HttpListener | null = null;
  #stopped = false;

  constructor(settings: ExporterSettings<PrometheusConfig>) {
    const { config, clock } = settings;
    this.#settings = settings;
    const labels = createLabels({ constant: config.const_labels, excluded: config.exclude_labels });
    this.#totals = new Totals({ labels, expirationMs: config.metric_expiration, maxSeries: config.max_series });
    this.#telemetry = createTelemetry({ ...settings, totals: this.#totals });
    this.#pages = new Pages({
      layout: new PageLayout({ namespace: config.namespace ?? '', created: config.created_samples }),
      clock,
      content: () => this.#totals.content(),
      idle: () => this.#foldWaiting(),
      made: this.#telemetry.pageMade,
    });
  }

  get port(): number | null {
    return this.#listener?.port ?? null;
  }

  async start(): Promise<void> {
    const { id, config, clock } = this.#settings;
    const telemetry = this.#telemetry;
    const counted = (answer: HttpAnswer) => {
      telemetry.answered(answer.status);
      return answer;
    };
    this.#listener = await startHttpListener({
      key: `exporters.${id}.endpoint`,
      config,
      clock,
      routes: [{ path: '/metrics', handle: async (request) => counted(await this.#scrape(request)) }],
      notFound: () => counted(answers.notFound()),
      unauthorized: () => counted(answers.unauthorized()),
      failed: (_request, error) => {
        telemetry.answerFailed(error);
        return counted(answers.internalError());
      },
      refused: telemetry.connectionRefused,
      fileUnusable: telemetry.fileUnusable,
    });
    telemetry.listening(config.endpoint.host, this.#listener.port);
    if (config.insecure_allow && !isLoopback(config.endpoint.host)) telemetry.openAddress(config.endpoint.host);
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopped = true;
    const listener = this.#listener;
    this.#listener = null;
    await listener?.close(deadline);
    this.#foldWaiting();
    this.#telemetry.end();
  }

  /** Memory is bounded by `max_series`, so nothing is ever refused while it runs. */
  admits(_batch: Batch): Admission {
    return this.#stopped ? { ok: false, reason: 'stopped', retryAfterMs: 1000 } : ADMITTED;
  }

  consume(batch: Batch): void {
    this.#settings.balance.accepted += batch.items;
    if (batch.body !== 'traffic') this.#reject(batch, 'not_traffic');
    else if (this.#stopped) this.#reject(batch, 'stopped');
    else this.#take(batch);
  }

  #reject(batch: Batch, reason: string): void {
    this.#settings.balance.drop(reason, batch.items, { sample: () => sampleOf(batch) });
    batch.delivery.settle({ kind: 'rejected', reason });
  }

  #take(batch: TrafficBatch): void {
    this.#settings.balance.held += batch.items;
    this.#waiting.push(batch);
    batch.delivery.settle(TAKEN);
    if (!this.#pages.busy) this.#foldWaiting();
  }

  #foldWaiting(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const { balance, time } = this.#settings;
    const nowMs = time.nowMs();
    this.#waiting = [];
    this.#expire(nowMs, EXPIRE_EVERY_MS);
    for (const { sum, items } of waiting) {
      const { refused } = this.#totals.add(sum, nowMs);
      balance.held -= items;
      balance.delivered += items - refused;
      if (refused > 0) this.#telemetry.noRoom(refused, sum);
    }
    this.#pages.forget();
  }

  /** Forgets what is gone, unless that was done less than `everyMs` ago. */
  #expire(nowMs: number, everyMs: number): void {
    if (nowMs - this.#expiredMs < everyMs) return;
    this.#expiredMs = nowMs;
    if (this.#totals.expire(nowMs) > 0) this.#pages.forget();
  }

  async #scrape({ method, headers }: HttpRequest): Promise<HttpAnswer> {
    const { config, time } = this.#settings;
    if (method !== 'GET' && method !== 'HEAD') return answers.methodNotAllowed();
    if (this.#readers >= config.max_concurrent_scrapes) {
      this.#telemetry.scrapeRefused();
      return answers.tooMany();
    }
    if (!this.#pages.busy) this.#expire(time.nowMs(), 0);
    const format = formatFor(headers.accept, config.enable_open_metrics);
    const gzip = acceptsGzip(headers['accept-encoding']?.toString());
    this.#readers += 1;
    try {
      const body = await this.#pages.page(format, gzip);
      return answers.page(body, CONTENT_TYPES[format], gzip, () => this.#readEnded());
    } catch (error) {
      this.#readEnded();
      throw error;
    }
  }

  #readEnded(): void {
    this.#readers -= 1;
    if (this.#readers === 0) this.#pages.forget();
  }
}
