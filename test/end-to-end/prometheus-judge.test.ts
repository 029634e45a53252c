/**
 * @module The independent judge: pages stand still until a real Prometheus and the real Weir have scraped them, then turn.
 * Our deltas must equal `x @ t2 - x @ t1`, our quantiles `histogram_quantile` over those, and the same Prometheus must
 * read the same counts back from our exporter; and `promtool` must find nothing amiss on its pages.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import type { MeshName } from '../../demo/world/topology.ts';
import { createWorld } from '../../demo/world/world.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { envoyConfig } from '../../receivers/envoy/config.ts';
import { rulesOptions } from '../../receivers/envoy/envoy.ts';
import { createEnvoyRules } from '../../receivers/envoy/rules.ts';
import { istioConfig } from '../../receivers/istio/config.ts';
import { createIstioRules } from '../../receivers/istio/rules.ts';
import { createLinkerdRules } from '../../receivers/linkerd/rules.ts';
import { startExporter } from '../exporters/prometheus/server.ts';
import { expectedExposition } from '../kit/expected-exposition.ts';
import { assertSame, expositionOf, JudgeStage, SLOT_MS, START_MS, type Subject } from '../kit/judge-stage.ts';
import { installationFor, prometheusFor, promtoolProblems, until } from '../kit/prometheus.ts';
import { buckets, covered, own, peer, record, sumOf } from '../kit/traffic.ts';

const PAGES = 14;

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

/** How each mesh's proxies are read. */
const MESHES: Readonly<Record<MeshName, Pick<Subject, 'receiver' | 'rules' | 'path'>>> = {
  linkerd: {
    receiver: 'linkerd',
    rules: createLinkerdRules({ adminPort: 4191, sentinel: true }),
    path: '/metrics',
  },
  istio: { receiver: 'istio', rules: istioRules(), path: '/stats/prometheus' },
  envoy: { receiver: 'envoy', rules: createEnvoyRules(rulesOptions(envoyConfig.parse({}))), path: '/stats/prometheus' },
};

/** Two real proxies under known load: retries, a timeout, a denial, idle eviction and a restart are on their pages. */
function recorded(): Subject[] {
  const page = (who: string) => (number: number) =>
    readFileSync(new URL(`../data/linkerd/real-29637b64f-${who}-${number}.prom`, import.meta.url), 'utf8');
  return ['web', 'api'].map((who) => ({
    ...MESHES.linkerd,
    name: `recorded-${who}`,
    labels: { namespace: 'recorded', deployment: who, pod: `${who}-1` },
    page: page(who),
  }));
}

const WATCHED = [
  'shop/web',
  'payments/checkout',
  'delivery/dispatch',
  'delivery/courier',
  'media/images',
  'media/store',
];
const QUIET = [
  'shop/web -> shop/cart',
  'payments/checkout -> delivery/dispatch',
  'delivery/dispatch -> delivery/tracking',
];

/** Proxies of three meshes with every fault that the demo's world knows; each page is one slot later. */
function generated(): Subject[] {
  const world = createWorld({ seed: 5, startMs: START_MS - 60_000, topology: THREE_MESHES, retainIdleMs: 25_000 });
  world.advance(START_MS);
  const pods = WATCHED.map((workload) => world.podOf(workload));
  const [web = '', checkout = '', dispatch = '', courier = '', images = '', store = ''] = pods;
  const before = new Map<number, () => void>([
    [3, () => [web, dispatch, store].forEach(world.restart)],
    [4, () => QUIET.forEach(world.pause)],
    // Twice in a row, so that many a counter of the new life has outgrown the old one.
    [5, () => world.restart(store)],
    [6, () => [store, images, courier].forEach(world.hotRestart)],
    [7, () => [store, images, courier].forEach(world.hotRestart)],
    [8, () => pods.forEach((pod) => void world.resetCounters(pod))],
    [9, () => pods.forEach(world.reorder)],
    [11, () => QUIET.forEach(world.resume)],
    [13, () => world.restart(checkout)],
  ]);
  const pages = new Map<string, string>();
  for (let number = 1; number <= PAGES; number++) {
    before.get(number)?.();
    world.advance(START_MS + (number - 1) * SLOT_MS + SLOT_MS / 2);
    for (const pod of pods) pages.set(`${pod} ${number}`, world.scrape(pod));
  }
  return WATCHED.map((workload, i) => {
    const [namespace = '', deployment = ''] = workload.split('/');
    const pod = pods[i] ?? '';
    const spec = THREE_MESHES.workloads.find((each) => each.namespace === namespace && each.name === deployment);
    return {
      ...MESHES[spec?.mesh ?? 'linkerd'],
      name: `generated-${deployment}`,
      labels: { namespace, deployment, pod },
      page: (number) => pages.get(`${pod} ${number}`) ?? '',
    };
  });
}

test('a real Prometheus counts the same between the same pages, and reads the same from our exporter', async (t) => {
  t.timeout(300_000);
  const stage = await JudgeStage.start(t, [...recorded(), ...generated()]);
  if (stage === null) return;
  for (let number = 1; number <= PAGES; number++) await stage.turn(number);
  t.true(stage.comparedRecords > 500, `${stage.comparedRecords} records were compared`);
  t.true(stage.comparedQuantiles > 900, `${stage.comparedQuantiles} quantiles were compared`);
  for (const { component, unaccounted } of await stage.weir.balances()) t.is(unaccounted, 0, component);
});

const HOSTILE = [
  ...[
    '"',
    '\\',
    '\n',
    '\r',
    '\t',
    '\0',
    "'",
    '`',
    '{}',
    '#',
    ',',
    '=',
    ' ',
    '\\n',
    '\\"',
    '\ud800',
    '\udfff\ud800',
    '漢字🚀',
  ],
  ...[
    'a"} 1\nweir_evil_total{x="',
    '__name__',
    '__proto__',
    '\u2028',
    '\u202e',
    '\ufeff',
    '\u0001\u007f',
    'x'.repeat(1000),
  ],
];

/** Every name stands in every place where a proxy can put one. */
function hostileTraffic(): TrafficSum {
  const records = HOSTILE.flatMap((name, i) => {
    const me = own('n/w', { kind: 'Deployment', pod: name, podUid: name, node: name, account: name });
    const workload = { cluster: name, namespace: name, name, kind: '' as const };
    const far = { ...peer(null, { pod: name, service: name, serviceNamespace: name, account: name }), workload };
    const latency = [buckets([[10, i + 1]])];
    // The two sides of one name are added, and no sum goes past 2^53.
    const tcp = { opened: i, closed: 0, readBytes: 2 ** 52 - 1 - i, writtenBytes: 0.5 };
    const parts = { latency, tcp, mesh: name, unreached: i };
    return [record('client', { ...me, workload }, far, i, 2 * i, parts), record('server', me, far, i, 0, parts)];
  });
  const coverage = HOSTILE.map((name) => covered(own('n/w', { pod: name }), { target: name, mesh: name }));
  return sumOf(records, coverage);
}

test('names with any character are read back by a real Prometheus from both formats', async (t) => {
  t.timeout(120_000);
  const sum = hostileTraffic();
  const exporters = [await startExporter(t), await startExporter(t, { enable_open_metrics: false })];
  for (const { feed } of exporters) feed(sum);
  const jobs = exporters.map(({ port }, i) => ({ name: i === 0 ? 'open' : 'text', target: `127.0.0.1:${port}` }));
  const prometheus = await prometheusFor(t, jobs);
  if (prometheus === null) return;
  for (const { name } of jobs) {
    // A busy machine may not manage a scrape within Prometheus' 200 ms; a page that it cannot read stays an error.
    await until(async () => (await prometheus.lastError(name)) === '', `${name} is scraped without an error`);
    const ours = `{__name__=~"weir_.*",judge="${name}"}`;
    // One question: after a scrape that came too late its series are stale until the next one.
    let read = await prometheus.query(ours);
    await until(async () => {
      if (read.length === 0) read = await prometheus.query(ours);
      return read.length > 0;
    }, `${name} is there`);
    assertSame(t, expositionOf(read), expectedExposition([sum], name === 'open'), name);
  }
});

test('promtool finds nothing amiss on our pages', async (t) => {
  const installation = await installationFor(t);
  if (installation === null) return;
  const { feed, page } = await startExporter(t);
  t.is(promtoolProblems(installation, await page()), '');
  feed(hostileTraffic());
  const text = await page();
  t.true(text.split('\n').length > 2000);
  t.is(promtoolProblems(installation, text), '');
  t.not(promtoolProblems(installation, `${text}weir_bad{x="y" 1\n`), '');
});
