/** @module The stage on which Weir and a real Prometheus read the same pages and what both counted is compared. */
import type { ExecutionContext } from 'ava';
import { quantile } from '../../pipeline/model/histogram.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { sumTraffic } from '../../pipeline/model/sum.ts';
import type { LatencyHistogram, TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { DrivenWeir } from './driven/driven-weir.ts';
import { type Exposition, expectedExposition, expectedQuantiles, expositionKey } from './expected-exposition.ts';
import { FrozenPages, PAGE_NUMBER } from './frozen-pages.ts';
import {
  countsOf,
  type JudgedHistogram,
  JudgedProxy,
  type JudgedRecord,
  nonZero,
  pageLabels,
  type ReadPage,
} from './judged-deltas.ts';
import { type PrometheusServer, prometheusFor, until } from './prometheus.ts';

/** A slot's start, so that page n is read in slot n - 1. */
export const START_MS = 1_800_000_000_000;
export const SLOT_MS = 10_000;
const QUANTILES = [0.5, 0.9, 0.99];

/** A proxy to be judged. */
export interface Subject {
  /** Value of Prometheus' label `judge`. */
  readonly name: string;
  /** Type of the receiver. */
  readonly receiver: string;
  readonly rules: MeshRules;
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The page with this number, from 1. */
  readonly page: (number: number) => string;
}

interface Judged {
  readonly subject: Subject;
  readonly proxy: JudgedProxy;
  /** When Prometheus read the page before, seconds. */
  atSeconds: number;
}

/** Started once, then turned page by page. */
export class JudgeStage {
  readonly weir: DrivenWeir;
  comparedRecords = 0;
  comparedQuantiles = 0;
  readonly #t: ExecutionContext;
  readonly #pages: FrozenPages;
  readonly #prometheus: PrometheusServer;
  readonly #judged: Judged[] = [];
  readonly #subjects: readonly Subject[];

  private constructor(
    t: ExecutionContext,
    subjects: readonly Subject[],
    { weir, pages, prometheus }: { weir: DrivenWeir; pages: FrozenPages; prometheus: PrometheusServer },
  ) {
    this.#t = t;
    this.#subjects = subjects;
    this.weir = weir;
    this.#pages = pages;
    this.#prometheus = prometheus;
  }

  static async start(t: ExecutionContext, subjects: readonly Subject[]): Promise<JudgeStage | null> {
    const pages = new FrozenPages();
    t.teardown(() => pages.close());
    for (const { path, page } of subjects) await pages.add(path, page);
    const weir = await DrivenWeir.start({ startWallMs: START_MS, config: configText(subjects, pages) });
    t.teardown(() => weir.kill());
    const ours = ['prometheus', 'prometheus/text'].map((id) => ({ name: id, target: listenerOf(weir, id) }));
    const theirs = subjects.map(({ name, path }, i) => ({ name, target: pages.proxies[i]?.address ?? '', path }));
    const prometheus = await prometheusFor(t, [...ours, ...theirs]);
    return prometheus === null ? null : new JudgeStage(t, subjects, { weir, pages, prometheus });
  }

  /** Both read page `number` (from 1, one by one); then what they counted since the page before is compared. */
  async turn(number: number): Promise<void> {
    this.#pages.turnTo(number);
    const instants = await Promise.all(this.#subjects.map(({ name }) => this.#readInstant(name, number)));
    await this.weir.advance(SLOT_MS);
    const startMs = START_MS + (number - 1) * SLOT_MS;
    await until(() => this.weir.sums.some(({ interval }) => interval.startMs === startMs), `slot ${number} has closed`);
    const slots = this.weir.sums.filter(({ interval }) => interval.startMs === startMs);
    if (number === 1) this.#meet(slots);
    const sum = sumTraffic(slots);
    for (const [i, judged] of this.#judged.entries()) {
      const atSeconds = instants[i] ?? 0;
      await this.#compare(judged, sum, number, atSeconds);
      judged.atSeconds = atSeconds;
    }
    await this.#readBack(number);
  }

  /** When Prometheus scraped page `number` of a proxy. */
  async #readInstant(name: string, number: number): Promise<number> {
    const selector = `${PAGE_NUMBER}{judge=${JSON.stringify(name)}}`;
    let atSeconds = 0;
    await until(async () => {
      atSeconds = (await this.#prometheus.raw(selector)).findLast(({ value }) => value === number)?.atSeconds ?? 0;
      return atSeconds > 0;
    }, `Prometheus has page ${number} of ${name}`);
    return atSeconds;
  }

  /** Who is who comes from the coverage that Weir tells: identity is not what is judged here. */
  #meet(slots: readonly TrafficSum[]): void {
    for (const [i, subject] of this.#subjects.entries()) {
      const address = this.#pages.proxies[i]?.address ?? '';
      const own = slots.flatMap(({ coverage }) => coverage).find(({ target }) => target.includes(address))?.own;
      this.#t.truthy(own, subject.name);
      this.#judged.push({ subject, proxy: new JudgedProxy(subject.rules, own as Identity), atSeconds: 0 });
    }
  }

  async #compare(judged: Judged, sum: TrafficSum | null, number: number, atSeconds: number): Promise<void> {
    const { subject, proxy, atSeconds: beforeSeconds } = judged;
    const page = await this.#prometheus.query(`{judge=${JSON.stringify(subject.name)}} @ ${atSeconds}`);
    this.#t.true(page.length > 10);
    const expected = proxy.next(page, number === 1);
    const told = new Map(recordsOf(sum, subject).map((record) => [record.key.id, record]));
    const ask = { labelNames: labelNamesOf(page), beforeSeconds, atSeconds };
    const quantiles: Promise<void>[] = [];
    for (const id of new Set([...expected.keys(), ...told.keys()])) {
      const [ours, theirs] = [told.get(id), expected.get(id)];
      const what = `${subject.name}, page ${number}: ${id}`;
      const counted = ours === undefined ? null : nonZero(countsOf(ours));
      this.#t.deepEqual(counted, theirs === undefined ? null : nonZero(theirs), what);
      if (counted !== null) this.comparedRecords += 1;
      if (ours?.latency?.length === 1 && theirs !== undefined && counted !== null) {
        quantiles.push(this.#compareQuantiles(ours.latency, theirs, ask, what));
      }
    }
    await Promise.all(quantiles);
  }

  async #compareQuantiles(
    latency: readonly LatencyHistogram[],
    { histograms }: JudgedRecord,
    ask: Differences,
    what: string,
  ): Promise<void> {
    const delta = [...histograms.values()].map((histogram) => deltaExpression(histogram, ask)).join(' or ');
    const unitMs = [...histograms.values()][0]?.unitMs ?? 1;
    for (const q of QUANTILES) {
      const [answer] = await this.#prometheus.query(`histogram_quantile(${q}, sum by (le) (${delta}))`);
      const theirs = answer === undefined ? null : answer.value * unitMs;
      const ours = quantile(latency, q)?.valueMs ?? null;
      this.#t.true(close(ours, theirs), `${what}: p${q * 100} is ${ours} here and ${theirs} there`);
      if (ours !== null) this.comparedQuantiles += 1;
    }
  }

  /** Everything that went into our exporter is what Prometheus reads on it, in both formats. */
  async #readBack(number: number): Promise<void> {
    const t = this.#t;
    const { sums } = this.weir;
    const seconds = sums.reduce((total, { interval }) => total + (interval.endMs - interval.startMs) / 1000, 0);
    for (const judge of ['prometheus', 'prometheus/text']) {
      // One question for all: after a scrape that comes too late, series are stale until the next one.
      let read: ReadPage = [];
      await until(
        async () => {
          read = await this.#prometheus.query(`{__name__=~"weir_.*",judge=${JSON.stringify(judge)}}`);
          return secondsTold(read) === seconds;
        },
        `Prometheus has read ${judge} after page ${number}: ${await this.#prometheus.lastError(judge)}`,
      );
      assertSame(t, expositionOf(read), expectedExposition(sums, judge === 'prometheus'), `${judge}, page ${number}`);
    }
    const expected = expectedQuantiles(sumTraffic(sums)?.records ?? [], 0.9);
    let quantiles: ReadPage = [];
    await until(async () => {
      quantiles = await this.#prometheus.query(
        'histogram_quantile(0.9, weir_request_duration_seconds_bucket{judge="prometheus"})',
      );
      return quantiles.length > 0 || expected.size === 0;
    }, `Prometheus reckons quantiles after page ${number}`);
    t.deepEqual([...expositionOf(quantiles).keys()].sort(), [...expected.keys()].sort());
    for (const [series, value] of expositionOf(quantiles)) t.true(close(expected.get(series) ?? null, value), series);
  }
}

/** Length of all intervals that a page tells, seconds. */
function secondsTold(read: ReadPage): number {
  const told = read.filter(({ labels }) => labels.__name__ === 'weir_interval_seconds_total');
  return told.reduce((sum, { value }) => sum + value, 0);
}

/** What Prometheus holds of our pages. */
export function expositionOf(read: ReadPage): Exposition {
  return new Map(read.map((each) => [expositionKey(each.labels.__name__ ?? '', [...pageLabels(each)]), each.value]));
}

/** Fails, naming a few, when not all series are there with their values. */
export function assertSame(t: ExecutionContext, found: Exposition, expected: Exposition, what: string): void {
  const wrong = [...new Set([...found.keys(), ...expected.keys()])]
    .filter((series) => !close(found.get(series) ?? null, expected.get(series) ?? null))
    .map((series) => `${series}: read ${found.get(series)}, expected ${expected.get(series)}`);
  t.deepEqual(wrong.slice(0, 5), [], `${what}: ${wrong.length} of ${expected.size} series differ`);
}

/** Equal to 1e-9 of the value; NaN is no value. */
function close(a: number | null, b: number | null): boolean {
  const [x, y] = [a ?? Number.NaN, b ?? Number.NaN];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) && Number.isNaN(y);
  return x === y || Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y));
}

/** Records that one proxy told. */
function recordsOf(sum: TrafficSum | null, { labels }: Subject): TrafficRecord[] {
  return (sum?.records ?? []).filter(
    ({ key: { own } }) => own.pod === labels.pod && own.workload.namespace === labels.namespace,
  );
}

/** Between which two instants, and which labels each name has on the page. */
interface Differences {
  readonly labelNames: ReadonlyMap<string, ReadonlySet<string>>;
  readonly beforeSeconds: number;
  readonly atSeconds: number;
}

function labelNamesOf(page: ReadPage): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const { labels } of page) {
    const known = names.get(labels.__name__ ?? '') ?? new Set();
    names.set(labels.__name__ ?? '', known);
    for (const label of Object.keys(labels)) if (label !== 'le') known.add(label);
  }
  return names;
}

/** PromQL of what the buckets of one histogram, and no others, brought between two pages. */
function deltaExpression({ sample: { labels }, anew }: JudgedHistogram, ask: Differences): string {
  // Labels that others of its name have beside are none here: a selector alone would find those others too.
  const names = [...(ask.labelNames.get(labels.__name__ ?? '') ?? [])];
  const series = `{${names.map((name) => `${name}=${JSON.stringify(labels[name] ?? '')}`).join(',')}}`;
  const now = `${series} @ ${ask.atSeconds}`;
  return anew ? `(${now})` : `((${now} - ${series} @ ${ask.beforeSeconds}) or ${now})`;
}

function listenerOf(weir: DrivenWeir, id: string): string {
  const line = weir.log.find(
    ({ msg, port, ...rest }) => /traffic at \/metrics/.test(msg) && Object.values(rest).includes(id),
  );
  if (line === undefined) throw new Error(`${id} does not listen: ${JSON.stringify(weir.log)}`);
  return `127.0.0.1:${line.port}`;
}

function configText(subjects: readonly Subject[], pages: FrozenPages): string {
  const types = [...new Set(subjects.map(({ receiver }) => receiver))];
  const receiver = (type: string) => ({
    scrape_interval: '10s',
    scrape_timeout: '5s',
    static_configs: subjects.flatMap((subject, i) =>
      subject.receiver === type ? [{ targets: [pages.proxies[i]?.address], labels: subject.labels }] : [],
    ),
  });
  const exporter = { endpoint: '127.0.0.1:0', metric_expiration: '1h' };
  const exporters = {
    capture: {},
    prometheus: exporter,
    'prometheus/text': { ...exporter, enable_open_metrics: false },
  };
  return JSON.stringify({
    receivers: Object.fromEntries(types.map((type) => [type, receiver(type)])),
    processors: { smi: {} },
    exporters,
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: { receivers: types, processors: ['smi'], exporters: Object.keys(exporters) } },
    },
  });
}
