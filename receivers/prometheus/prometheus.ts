/** @module The `prometheus` receiver: one scraper per job, each with the table its mapping makes. */
import type {
  DiscoveryProblem,
  Receiver,
  ReceiverSettings,
  SeriesListing,
  SeriesQuery,
  TargetLists,
  TargetStatus,
} from '../../pipeline/component.ts';
import { listSeries } from '../../pipeline/series-lists.ts';
import { timeoutMsOf } from '../scrape/config.ts';
import { ScrapeReceiver } from '../scrape/receiver.ts';
import { cadenceOf, type Job, mappingOf, type PrometheusConfig, scrapeConfigOf } from './config.ts';
import { MappedRules } from './rules.ts';
import { prepareTarget } from './target.ts';
import { createTelemetry, type PrometheusTelemetry } from './telemetry.ts';

export function createPrometheusReceiver(settings: ReceiverSettings<PrometheusConfig>): Receiver & TargetLists {
  return new PrometheusReceiver(settings);
}

class PrometheusReceiver implements Receiver, TargetLists {
  readonly scrapeIntervalMs: number;
  readonly scrapeTimeoutMs: number;
  readonly #jobs: readonly ScrapeReceiver[];
  readonly #telemetry: PrometheusTelemetry;
  #stopped = false;

  constructor(settings: ReceiverSettings<PrometheusConfig>) {
    const { intervalMs, timeoutMs } = cadenceOf(settings.config);
    this.scrapeIntervalMs = intervalMs;
    this.scrapeTimeoutMs = timeoutMs;
    this.#telemetry = createTelemetry(settings);
    this.#jobs = settings.config.config.scrape_configs.map((job) => createJob(settings, job, this.#telemetry));
  }

  /** Fails when one job cannot start; those that did are stopped by `stop`. */
  async start(): Promise<void> {
    await Promise.all(this.#jobs.map((job) => job.start()));
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all(this.#jobs.map((job) => job.stop(deadline)));
    if (!this.#stopped) this.#telemetry.close();
    this.#stopped = true;
  }

  targets(): readonly TargetStatus[] {
    return this.#jobs.flatMap((job) => job.targets());
  }

  discoveryProblems(): readonly DiscoveryProblem[] {
    return this.#jobs.flatMap((job) => job.discoveryProblems());
  }

  series(query: SeriesQuery): SeriesListing {
    return listSeries(
      this.#jobs.map((job) => (each: SeriesQuery) => job.series(each)),
      query,
    );
  }
}

function createJob(
  settings: ReceiverSettings<PrometheusConfig>,
  job: Job,
  telemetry: PrometheusTelemetry,
): ScrapeReceiver {
  const config = scrapeConfigOf(settings.config, job);
  // `checkPrometheusConfig` refuses a job without one.
  const mapping = mappingOf(settings.config, job)!;
  const rules = new MappedRules({ mapping, metricRelabel: job.metric_relabel_configs, honorLabels: job.honor_labels });
  const scraping = {
    job: job.job_name,
    scheme: config.scheme,
    metricsPath: config.metrics_path,
    params: config.params,
    intervalMs: config.scrape_interval,
    timeoutMs: timeoutMsOf(config),
    rules: job.relabel_configs,
  };
  // Its own id keeps the metrics and targets of jobs apart; `:` is in no component's type.
  const { source, destination } = mapping;
  const pagesTellOwner = source?.workload !== undefined || destination?.workload !== undefined;
  return new ScrapeReceiver({ ...settings, id: `${settings.id}:${job.job_name}`, config }, rules.forTarget(new Map()), {
    pagesTellOwner,
    rulesOf: ({ seriesLabels }) => rules.forTarget(seriesLabels),
    prepare(address, labels) {
      const prepared = prepareTarget(scraping, address, labels);
      if (prepared.kind === 'target') return prepared.target;
      if (prepared.kind === 'bad_address') telemetry.badAddress(job.job_name, prepared.address);
      return null;
    },
  });
}
