/** @module Everything a scraping receiver logs and counts: one named function per occurrence. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { createDropLog, type DropLog } from '../../pipeline/telemetry/drop-log.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters, Observation } from '../../pipeline/telemetry/meters.ts';
import type { ScrapeFailure } from './failure.ts';
import { TargetStats } from './target-stats.ts';
import type { TargetSpec } from './targets.ts';

/** What one good page was like. */
export interface PageStats {
  readonly samples: number;
  readonly bodyBytes: number;
  readonly skippedLines: number;
  readonly firstSkipped: { readonly reason: string; readonly line: number; readonly excerpt: string } | null;
  /** Samples left out because `max_series` is reached. */
  readonly limitedSamples: number;
  readonly repeatedSeries: number;
  /** Samples of families that no rule can name, and the first line of one. */
  readonly straySamples: number;
  readonly firstStray: string;
  /** What mends that, in the words of the mesh's table. */
  readonly strayMend: string;
}

export class ScrapeTelemetry {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #receiver: string;
  readonly #targets = new Set<TargetStats>();
  readonly #remove: (() => void)[] = [];
  readonly #failed = new Map<string, number>();
  readonly #seconds;
  readonly #limited: DropLog<null>;
  #succeeded = 0;
  #skipped = 0;
  #skippedLines = 0;
  #limitedSamples = 0;
  #repeatedSeries = 0;
  #fileEvents = 0;
  #refusedTargets = 0;
  inFlight = 0;

  constructor(receiver: string, clock: Clock, log: Logger, meters: Meters, series: () => number) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#log = log;
    this.#seconds = meters.seconds('weir_scrape_duration_seconds', 'Time from the start of a scrape to its end.');
    this.#limited = createDropLog(clock, ({ key: target, items: samples, times, total }) =>
      log.error(
        { target, samples, times, total },
        'max_series is reached: counts of this target are incomplete; raise it',
      ),
    );
    this.#registerTargets(meters);
    this.#registerTotals(meters, series);
  }

  close(): void {
    this.#limited.end();
    for (const remove of this.#remove.splice(0)) remove();
  }

  watching(targets: number, intervalMs: number): void {
    this.#log.info({ targets, intervalMs }, 'scraping');
  }

  targetFound(spec: TargetSpec): TargetStats {
    const stats = new TargetStats(this.#receiver, spec, this.#clock);
    this.#targets.add(stats);
    this.#log.debug({ target: spec.address }, 'target discovered');
    return stats;
  }

  targetGone(stats: TargetStats): void {
    this.#targets.delete(stats);
    this.#log.debug({ target: stats.address }, 'target gone');
  }

  targetsRefused(refused: number, limit: number): void {
    if (refused === this.#refusedTargets) return;
    this.#refusedTargets = refused;
    if (refused === 0) this.#log.info({ limit }, 'all targets fit target_limit again');
    else this.#log.warn({ refused, limit }, 'more targets than target_limit: those beyond are not scraped');
  }

  workloadUnknown(address: string): void {
    this.#log.warn(
      { target: address },
      'no label names the workload of this target, its address stands for it: add namespace and deployment (or ' +
        'statefulset, daemonset, cronjob, job, replicaset), or pod',
    );
  }

  /** `kept`: an earlier reading was good. */
  fileBroken(path: string, error: string, kept: boolean): void {
    const missing = /^ENOENT\b|^no file matches/.test(error);
    const never = missing
      ? 'file_sd file does not exist (yet), it is read as soon as it does'
      : 'file_sd file is broken and gave no targets yet';
    this.#log.warn({ path, error }, kept ? 'file_sd file is broken, its last good targets stay' : never);
  }

  entriesRefused(path: string, error: string): void {
    this.#log.warn({ path, error }, 'file_sd file has entries that are left out, the others are used');
  }

  fileWhole(path: string): void {
    this.#log.info({ path }, 'file_sd file is readable again');
  }

  /** The kernel told that a file of targets, or another one of its folder, changed. */
  fileEvent(): void {
    this.#fileEvents += 1;
  }

  credentialsChanged(error: string | null): void {
    if (error === null) this.#log.info({}, 'credentials or TLS files changed, the new ones are used');
    else this.#log.warn({ error }, 'credentials or TLS files changed and cannot be read, the old ones stay');
  }

  scrapeStarted(stats: TargetStats): void {
    this.inFlight += 1;
    stats.lastScrapeMs = this.#clock.wallMs();
  }

  scrapeSucceeded(stats: TargetStats, durationMs: number, page: PageStats): void {
    this.#ended(stats, durationMs, 'success');
    this.#succeeded += 1;
    this.#skippedLines += page.skippedLines;
    this.#limitedSamples += page.limitedSamples;
    this.#repeatedSeries += page.repeatedSeries;
    if (stats.consecutiveFailures > 0) {
      const { address: target, consecutiveFailures: failures } = stats;
      this.#log.info({ target, failures }, 'scrape works again');
    }
    stats.log.ended('failed');
    stats.up = true;
    stats.consecutiveFailures = 0;
    stats.lastError = '';
    stats.samples = page.samples;
    stats.bodyBytes = page.bodyBytes;
    this.#tellOddities(stats, page);
  }

  /** `expected`: a farewell to a target that may be gone already, so nobody is warned. */
  scrapeFailed(stats: TargetStats, durationMs: number, failed: ScrapeFailure, expected: boolean): void {
    this.#ended(stats, durationMs, 'failure');
    this.#failed.set(failed.reason, (this.#failed.get(failed.reason) ?? 0) + 1);
    stats.up = false;
    stats.consecutiveFailures += 1;
    stats.lastError = `${failed.reason}: ${failed.text}`;
    stats.samples = 0;
    const { address: target } = stats;
    const { reason, text: error } = failed;
    if (expected) {
      this.#log.debug({ target, reason, error }, 'farewell scrape failed');
      return;
    }
    const failures = stats.log.occurred('failed');
    if (failures > 0) this.#log.warn({ target, reason, error, failures }, 'scrape failed');
  }

  /** A scrape was due while the one before still ran. */
  scrapeSkipped(stats: TargetStats): void {
    this.#skipped += 1;
    this.#log.debug({ target: stats.address }, 'scrape skipped, the one before still runs');
  }

  #ended(stats: TargetStats, durationMs: number, outcome: string): void {
    this.inFlight -= 1;
    stats.lastDurationMs = durationMs;
    this.#seconds.record(durationMs / 1000, { receiver: this.#receiver, outcome });
  }

  #tellOddities(stats: TargetStats, page: PageStats): void {
    const { address: target } = stats;
    if (page.firstSkipped !== null && stats.log.occurred('bad lines') > 0) {
      const { line, reason, excerpt } = page.firstSkipped;
      this.#log.warn({ target, lines: page.skippedLines, line, reason, excerpt }, 'bad lines skipped');
    }
    if (page.repeatedSeries > 0 && stats.log.occurred('repeated') > 0) {
      this.#log.warn({ target, series: page.repeatedSeries }, 'series repeated on one page, their values are summed');
    }
    if (page.straySamples > 0 && stats.log.occurred('strays') > 0) {
      const { straySamples: samples, firstStray: excerpt, strayMend: mend } = page;
      this.#log.warn({ target, samples, excerpt }, `traffic of which nobody can say whose it is: ${mend}`);
    }
    if (page.limitedSamples > 0) {
      stats.lastError = `series_limit: max_series is reached, ${page.limitedSamples} samples of this page are left out`;
      this.#limited.dropped(target, page.limitedSamples, null);
    }
  }

  #registerTargets(meters: Meters): void {
    const each = (read: (stats: TargetStats) => number | null) => () => this.#observe(read);
    this.#remove.push(
      meters.gauge('weir_target_up', '1 when the last scrape of the target was good, else 0.', each(upOf)),
      meters.gauge(
        'weir_target_consecutive_failures',
        'Scrapes failed since the last good one.',
        each((stats) => stats.consecutiveFailures),
      ),
      meters.gauge(
        'weir_scrape_samples',
        'Wanted samples on the last page.',
        each((stats) => stats.samples),
      ),
      meters.gauge(
        'weir_scrape_body_bytes',
        'Bytes of the last good page.',
        each((stats) => stats.bodyBytes),
      ),
    );
  }

  #registerTotals(meters: Meters, series: () => number): void {
    const one = (read: () => number) => () => [{ value: read(), attributes: { receiver: this.#receiver } }];
    this.#remove.push(
      meters.counter('weir_scrapes_total', 'Scrapes by outcome and reason.', () => this.#observeScrapes()),
      meters.counter(
        'weir_scrape_skipped_lines_total',
        'Lines of wanted families that could not be read.',
        one(() => this.#skippedLines),
      ),
      meters.counter(
        'weir_scrape_repeated_series_total',
        'Series that a page held more than once and whose values were summed.',
        one(() => this.#repeatedSeries),
      ),
      meters.counter(
        'weir_file_sd_events_total',
        'Changes of target files that the system told of; always 0 where only refresh_interval finds them.',
        one(() => this.#fileEvents),
      ),
      meters.counter(
        'weir_series_limited_total',
        'Samples left out because max_series is reached.',
        one(() => this.#limitedSamples),
      ),
      meters.gauge('weir_series', 'Series kept of all targets.', one(series)),
      meters.gauge(
        'weir_scrapes_in_flight',
        'Scrapes under way.',
        one(() => this.inFlight),
      ),
      meters.gauge(
        'weir_targets',
        'Targets watched.',
        one(() => this.#targets.size),
      ),
      meters.gauge(
        'weir_targets_refused',
        'Targets beyond target_limit.',
        one(() => this.#refusedTargets),
      ),
    );
  }

  /** A target on its farewell gives way to one that took its place under the same names: points would be added up. */
  #observe(read: (stats: TargetStats) => number | null): Iterable<Observation> {
    const byNames = new Map<string, Observation>();
    for (const stats of this.#targets) {
      const value = read(stats);
      if (value !== null) byNames.set(JSON.stringify(stats.attributes), { value, attributes: stats.attributes });
    }
    return byNames.values();
  }

  *#observeScrapes(): Generator<Observation> {
    const receiver = this.#receiver;
    yield { value: this.#succeeded, attributes: { receiver, outcome: 'success', reason: '' } };
    yield { value: this.#skipped, attributes: { receiver, outcome: 'skipped', reason: 'overlap' } };
    for (const [reason, value] of this.#failed) yield { value, attributes: { receiver, outcome: 'failure', reason } };
  }
}

function upOf(stats: TargetStats): number | null {
  return stats.up === null ? null : Number(stats.up);
}
