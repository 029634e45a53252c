/**
 * @module The independent judge: pages stand still until a real Prometheus and the real Weir have scraped them, then turn.
 * Our deltas must equal `x @ t2 - x @ t1`, our quantiles `histogram_quantile` over those, and the same Prometheus must
 * read the same counts back from our exporter.
 */
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import { createWorld } from '../../demo/world/world.ts';
import { quantile } from '../../pipeline/model/histogram.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { sumTraffic } from '../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { envoyConfig } from '../../receivers/envoy/config.ts';
import { rulesOptions } from '../../receivers/envoy/envoy.ts';
import { createEnvoyRules } from '../../receivers/envoy/rules.ts';
import { istioConfig } from '../../receivers/istio/config.ts';
import { createIstioRules } from '../../receivers/istio/rules.ts';
import { createLinkerdRules } from '../../receivers/linkerd/rules.ts';
import { DrivenWeir } from '../kit/driven/driven-weir.ts';
import { type Exposition, expectedExposition, expectedQuantiles, expositionKey } from '../kit/expected-exposition.ts';
import { FrozenPages, PAGE_NUMBER } from '../kit/frozen-pages.ts';
import {
  countsOf,
  type JudgedHistogram,
  JudgedProxy,
  nonZero,
  pageLabels,
  type ReadPage,
} from '../kit/judged-deltas.ts';
import { type PrometheusServer, prometheusFor, until } from '../kit/prometheus.ts';

/** A slot's start, so that page n is read in slot n - 1. */
const START_MS = 1_800_000_000_000;
const SLOT_MS = 10_000;
const PAGES = 14;
const QUANTILES = [0.5, 0.9, 0.99];

type Mesh = 'linkerd' | 'istio' | 'envoy';

/** A proxy to be judged. `name` is the value of Prometheus' label `judge`. */
interface Subject {
  readonly name: string;
  readonly mesh: Mesh;
  readonly labels: Readonly<Record<string, string>>;
  /** The page with this number, from 1. */
  readonly page: (number: number) => string;
}

const RULES: Readonly<Record<Mesh, MeshRules>> = {
  linkerd: createLinkerdRules({ adminPort: 4191, sentinel: true }),
  istio: istioRules(),
  envoy: createEnvoyRules(rulesOptions(envoyConfig.parse({}))),
};
const PATHS: Readonly<Record<Mesh, string>> = {
  linkerd: '/metrics',
  istio: '/stats/prometheus',
  envoy: '/stats/prometheus',
};

function istioRules(): MeshRules {
  const config = istioConfig.parse({});
  return createIstioRules({
    noResponse: config.no_response,
    deniedIsFailure: config.denied_is_failure,
    nodeProxies: new Set(config.node_proxies),
    flushSeconds: config.stats_flush_interval / 1000,
    sentinel: config.sentinel,
  });
}

/** Two real proxies under known load: retries, a timeout, a denial, idle eviction and a restart are on their pages. */
function recorded(): Subject[] {
  const page = (who: string) => (number: number) =>
    readFileSync(new URL(`../data/linkerd/real-29637b64f-${who}-${number}.prom`, import.meta.url), 'utf8');
  return ['web', 'api'].map((who) => ({
    name: `recorded-${who}`,
    mesh: 'linkerd' as const,
    labels: { namespace: 'recorded', deployment: who, pod: `${who}-1` },
    page: page(who),
  }));
}

/** Proxies of three meshes with every fault that the demo's world knows; each page is one slot later. */
function generated(): Subject[] {
  const world = createWorld({ seed: 5, startMs: START_MS - 60_000, topology: THREE_MESHES, retainIdleMs: 25_000 });
  world.advance(START_MS);
  const workloads = [
    'shop/web',
    'payments/checkout',
    'delivery/dispatch',
    'delivery/courier',
    'media/images',
    'media/store',
  ];
  const pods = workloads.map((workload) => world.podOf(workload));
  const [web = '', checkout = '', dispatch = '', courier = '', images = '', store = ''] = pods;
  const quiet = [
    'shop/web -> shop/cart',
    'payments/checkout -> delivery/dispatch',
    'delivery/dispatch -> delivery/tracking',
  ];
  const before = new Map<number, () => void>([
    [3, () => [web, dispatch, store].forEach(world.restart)],
    [4, () => quiet.forEach(world.pause)],
    [6, () => [images, courier].forEach(world.hotRestart)],
    [8, () => pods.forEach((pod) => void world.resetCounters(pod))],
    [9, () => pods.forEach(world.reorder)],
    [11, () => quiet.forEach(world.resume)],
    [13, () => world.restart(checkout)],
  ]);
  const pages = new Map<string, string>();
  for (let number = 1; number <= PAGES; number++) {
    before.get(number)?.();
    world.advance(START_MS + (number - 1) * SLOT_MS + 5000);
    for (const pod of pods) pages.set(`${pod} ${number}`, world.scrape(pod));
  }
  return pods.map((pod, i) => {
    const [namespace = '', deployment = ''] = (workloads[i] ?? '').split('/');
    const spec = THREE_MESHES.workloads.find((each) => each.namespace === namespace && each.name === deployment);
    return {
      name: `generated-${deployment}`,
      mesh: spec?.mesh ?? 'linkerd',
      labels: { namespace, deployment, pod },
      page: (number) => pages.get(`${pod} ${number}`) ?? '',
    };
  });
}

test('a real Prometheus counts the same between the same pages, and reads the same from our exporter', async (t) => {
  t.timeout(300_000);
  const stage = await Stage.start(t, [...recorded(), ...generated()]);
  if (stage === null) return;
  for (let number = 1; number <= PAGES; number++) await stage.turn(number);
  t.true(stage.comparedRecords > 300, `${stage.comparedRecords} records were compared`);
  t.true(stage.comparedQuantiles > 300, `${stage.comparedQuantiles} quantiles were compared`);
  for (const { component, unaccounted } of await stage.weir.balances()) t.is(unaccounted, 0, component);
});

interface Judged {
  readonly subject: Subject;
  readonly proxy: JudgedProxy;
  /** When Prometheus read the page before, seconds. */
  atSeconds: number;
}

class Stage {
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

  static async start(t: ExecutionContext, subjects: readonly Subject[]): Promise<Stage | null> {
    const pages = new FrozenPages();
    t.teardown(() => pages.close());
    for (const { mesh, page } of subjects) await pages.add(PATHS[mesh], page);
    const weir = await DrivenWeir.start({ startWallMs: START_MS, config: configText(subjects, pages) });
    t.teardown(() => weir.kill());
    const ours = ['prometheus', 'prometheus/text'].map((id) => ({ name: id, target: listenerOf(weir, id) }));
    const theirs = subjects.map(({ name, mesh }, i) => ({
      name,
      target: pages.proxies[i]?.address ?? '',
      path: PATHS[mesh],
    }));
    const prometheus = await prometheusFor(t, [...ours, ...theirs]);
    return prometheus === null ? null : new Stage(t, subjects, { weir, pages, prometheus });
  }

  /** Both read page `number`; then what they counted since the page before is compared. */
  async turn(number: number): Promise<void> {
    this.#pages.turnTo(number);
    const instants = await Promise.all(this.#subjects.map(({ name }) => this.#readInstant(name, number)));
    await this.weir.advance(SLOT_MS + (number === PAGES ? 1000 : 0));
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
      this.#judged.push({ subject, proxy: new JudgedProxy(RULES[subject.mesh], own as Identity), atSeconds: 0 });
    }
  }

  async #compare(judged: Judged, sum: TrafficSum | null, number: number, atSeconds: number): Promise<void> {
    const t = this.#t;
    const { subject, proxy } = judged;
    const page: ReadPage = await this.#prometheus.query(`{judge=${JSON.stringify(subject.name)}} @ ${atSeconds}`);
    t.true(page.length > 10);
    const expected = proxy.next(page, number === 1);
    const { labels } = subject;
    const ours = (sum?.records ?? []).filter(
      ({ key }) => key.own.pod === labels.pod && key.own.workload.namespace === labels.namespace,
    );
    const told = new Map(ours.map((record) => [record.key.id, record]));
    for (const id of new Set([...expected.keys(), ...told.keys()])) {
      const record = told.get(id);
      const [theirs, own] = [expected.get(id), record === undefined ? undefined : countsOf(record)];
      const what = `${subject.name}, page ${number}: ${id}`;
      t.deepEqual(own && nonZero(own) ? nonZero(own) : null, theirs && nonZero(theirs) ? nonZero(theirs) : null, what);
      if (own !== undefined && nonZero(own) !== null) this.comparedRecords += 1;
      if (record?.latency?.length === 1 && theirs !== undefined) {
        for (const q of QUANTILES) {
          const value = quantile(record.latency, q)?.valueMs ?? null;
          const sought = await this.#theirQuantile(
            q,
            [...theirs.histograms.values()],
            page,
            judged.atSeconds,
            atSeconds,
          );
          t.true(close(value, sought), `${what}: p${q * 100} is ${value} here and ${sought} there`);
          if (value !== null) this.comparedQuantiles += 1;
        }
      }
    }
  }

  /** `histogram_quantile` over the differences of a record's histograms, milliseconds; null when nothing was counted. */
  async #theirQuantile(
    q: number,
    histograms: readonly JudgedHistogram[],
    page: ReadPage,
    beforeSeconds: number,
    atSeconds: number,
  ): Promise<number | null> {
    const deltas = histograms.map(({ sample, anew }) => {
      const series = selectorOf(sample, page);
      const now = `${series} @ ${atSeconds}`;
      return anew ? `(${now})` : `((${now} - ${series} @ ${beforeSeconds}) or ${now})`;
    });
    const [answer] = await this.#prometheus.query(`histogram_quantile(${q}, sum by (le) (${deltas.join(' or ')}))`);
    if (answer === undefined || Number.isNaN(answer.value)) return null;
    return answer.value * (histograms[0]?.unitMs ?? 1);
  }

  /** Everything that went into our exporter is what Prometheus reads on it, in both formats. */
  async #readBack(number: number): Promise<void> {
    const t = this.#t;
    const { sums } = this.weir;
    const seconds = sums.reduce((total, { interval }) => total + (interval.endMs - interval.startMs) / 1000, 0);
    for (const judge of ['prometheus', 'prometheus/text']) {
      const told = `sum(weir_interval_seconds_total{judge=${JSON.stringify(judge)}})`;
      const isRead = async () => (await this.#prometheus.query(told))[0]?.value === seconds;
      await until(
        isRead,
        `Prometheus has read ${judge} after page ${number}: ${await this.#prometheus.lastError(judge)}`,
      );
      const read = await this.#prometheus.query(`{__name__=~"weir_.*",judge=${JSON.stringify(judge)}}`);
      assertSame(t, expositionOf(read), expectedExposition(sums, judge === 'prometheus'), `${judge}, page ${number}`);
    }
    const quantiles = await this.#prometheus.query(
      'histogram_quantile(0.9, weir_request_duration_seconds_bucket{judge="prometheus"})',
    );
    const expected = expectedQuantiles(sumTraffic(sums)?.records ?? [], 0.9);
    t.deepEqual([...expositionOf(quantiles).keys()].sort(), [...expected.keys()].sort());
    for (const [series, value] of expositionOf(quantiles)) t.true(close(expected.get(series) ?? null, value), series);
  }
}

function expositionOf(read: ReadPage): Exposition {
  return new Map(read.map((each) => [expositionKey(each.labels.__name__ ?? '', [...pageLabels(each)]), each.value]));
}

function assertSame(t: ExecutionContext, found: Exposition, expected: Exposition, what: string): void {
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

/** Finds the buckets of one histogram and no others: labels that others of its name have beside are none here. */
function selectorOf({ labels }: { readonly labels: Readonly<Record<string, string>> }, page: ReadPage): string {
  const family = page.filter((each) => each.labels.__name__ === labels.__name__);
  const names = new Set(family.flatMap((each) => Object.keys(each.labels)));
  names.delete('le');
  return `{${[...names].map((name) => `${name}=${JSON.stringify(labels[name] ?? '')}`).join(',')}}`;
}

function listenerOf(weir: DrivenWeir, id: string): string {
  const line = weir.log.find(
    ({ msg, port, ...rest }) => /traffic at \/metrics/.test(msg) && Object.values(rest).includes(id),
  );
  if (line === undefined) throw new Error(`${id} does not listen: ${JSON.stringify(weir.log)}`);
  return `127.0.0.1:${line.port}`;
}

function configText(subjects: readonly Subject[], pages: FrozenPages): string {
  const receiver = (mesh: Mesh) => ({
    scrape_interval: '10s',
    scrape_timeout: '5s',
    static_configs: subjects.flatMap((subject, i) =>
      subject.mesh === mesh ? [{ targets: [pages.proxies[i]?.address], labels: subject.labels }] : [],
    ),
  });
  const exporter = { endpoint: '127.0.0.1:0', metric_expiration: '1h' };
  return JSON.stringify({
    receivers: { linkerd: receiver('linkerd'), istio: receiver('istio'), envoy: receiver('envoy') },
    processors: { smi: {} },
    exporters: {
      capture: {},
      prometheus: exporter,
      'prometheus/text': { ...exporter, enable_open_metrics: false },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        metrics: {
          receivers: ['linkerd', 'istio', 'envoy'],
          processors: ['smi'],
          exporters: ['capture', 'prometheus', 'prometheus/text'],
        },
      },
    },
  });
}
