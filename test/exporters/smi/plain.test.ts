/** @module `/v1/edges` and `/v1/targets`: stable JSON, and an answer to "why is my workload missing?". */
import test from 'ava';
import type { SeriesListing, SeriesQuery, TargetStatus } from '../../../pipeline/component.ts';
import type { Identity } from '../../../pipeline/model/resource.ts';
import type { SeriesMeaning } from '../../../pipeline/model/rules.ts';
import { testRules as rules } from '../../kit/mesh.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { END_MS, fixture, startServer } from './server.ts';

const target: TargetStatus = {
  receiver: 'linkerd',
  address: '127.0.0.1:4191',
  url: 'http://127.0.0.1:4191/metrics',
  namespace: 'x',
  workload: 'api',
  kind: 'Deployment',
  pod: 'api-1',
  identity: 'labels',
  refused: false,
  health: 'up',
  lastScrapeMs: END_MS - 1_000,
  lastDurationMs: 12,
  samples: 900,
  consecutiveFailures: 0,
  lastError: '',
  intervalMs: 10_000,
};

test('an edge with everything that is known of it', async (t) => {
  const web = own('x/web');
  const latency = [
    buckets([
      [10, 190],
      [20, 40],
      [40, 130],
      [200, 5],
      [300, 32],
      [Number.POSITIVE_INFINITY, 8],
    ]),
  ];
  const sum = sumOf(
    [
      record('client', web, peer('x/api', { service: 'api', kind: 'StatefulSet' }), 95, 5, { latency }),
      record('server', own('x/api'), peer(null), 0, 0, {
        protocol: 'tcp',
        tcp: { opened: 1, closed: 1, readBytes: 5, writtenBytes: 6 },
      }),
    ],
    [covered(web, { coveredSeconds: 20, scrapesMissed: 1 }), covered(own('x/api'))],
    { startMs: END_MS - 30_000 },
  );
  const { get } = await startServer(t, { sums: [sum] });
  t.deepEqual(await get('/v1/edges'), {
    apiVersion: 'weir/v1',
    kind: 'Edges',
    ready: true,
    windowStart: '2023-11-14T22:13:30.000Z',
    windowEnd: '2023-11-14T22:14:00.000Z',
    windowSeconds: 30,
    partial: false,
    clockAhead: false,
    revision: 0,
    complete: false,
    watched: true,
    edges: [
      {
        source: { namespace: 'x', name: 'web', kind: 'Deployment' },
        destination: { namespace: 'x', name: 'api', kind: 'StatefulSet' },
        mesh: 'linkerd',
        services: ['api'],
        side: 'client',
        counts: 'attempts',
        successes: 95,
        failures: 5,
        successRate: 0.95,
        ratePerSecond: 5,
        latencyMs: {
          p50: { value: 13.125, lo: 10, hi: 20 },
          p90: { value: 190, lo: 100, hi: 200 },
          p99: { value: 50_000, lo: 50_000, hi: null },
        },
        tcp: null,
        complete: false,
        coveredSeconds: 20,
        expectedSeconds: 30,
        resets: 0,
        missed: 1,
        targets: 1,
      },
      {
        source: null,
        destination: { namespace: 'x', name: 'api', kind: 'StatefulSet' },
        mesh: 'linkerd',
        services: [],
        side: 'server',
        counts: 'requests',
        successes: 0,
        failures: 0,
        successRate: null,
        ratePerSecond: null,
        latencyMs: null,
        tcp: { opened: 1, closed: 1, readBytes: 5, writtenBytes: 6 },
        // Until web has told all of its connections, these may be of its own.
        complete: false,
        coveredSeconds: 30,
        expectedSeconds: 30,
        resets: 0,
        missed: 0,
        targets: 1,
      },
    ],
  });
});

test('a window in which nobody told of any proxy says so', async (t) => {
  const { get } = await startServer(t, { sums: [sumOf([], [], { startMs: END_MS - 10_000, lengthMs: 10_000 })] });
  t.like(await get('/v1/edges'), { ready: true, watched: false, edges: [] });
});

test('before the first slot both say when numbers come, never just nothing', async (t) => {
  const { get } = await startServer(t, { sums: [], nowMs: END_MS - 26_500, targets: [target] });
  const waiting = { apiVersion: 'weir/v1', ready: false, firstNumbersInSeconds: 7 };
  t.deepEqual(await get('/v1/edges'), { ...waiting, kind: 'Edges', edges: [] });
  const targets = await get('/v1/targets');
  t.like(targets, { ...waiting, kind: 'Targets' });
  t.is(targets.targets[0].explanation, 'up; first numbers in 7s');
});

test('edges take a window, and refuse one they cannot have', async (t) => {
  const { ask } = await startServer(t);
  t.is((await ask('/v1/edges?t=bogus')).status, 400);
  t.is((await ask('/v1/edges?t=1m')).status, 200);
  t.is((await ask('/v1/edges', { method: 'POST' })).status, 405);
});

test('edges whose slots stopped say since when', async (t) => {
  const { get, clock } = await startServer(t);
  clock.advance(60_000);
  const { ready, message } = await get('/v1/edges');
  t.false(ready);
  t.regex(message, /^no slot has closed since 2023-11-14T22:14:00\.000Z/);
});

const explanations: [string, Partial<TargetStatus>, string, string, string][] = [
  ['has traffic', {}, 'active', 'up: 61 requests received, 25 sent in the last 30s', ''],
  [
    'is idle',
    { workload: 'idle', pod: 'idle-1' },
    'idle',
    'up, but its proxy counted no requests in the last 30s',
    'is traffic really going through this proxy, and as requests (ports skipped or opaque, host network)?',
  ],
  [
    'was not scraped yet',
    { health: 'unknown', lastScrapeMs: null },
    'waiting',
    'not scraped yet; its first scrape comes within 10s',
    '',
  ],
  [
    'refuses connections',
    { health: 'down', consecutiveFailures: 3, lastError: 'connect ECONNREFUSED 127.0.0.1:4191' },
    'down',
    'down: connect ECONNREFUSED 127.0.0.1:4191 (3 scrapes in a row); its traffic is missing',
    'is the proxy running, and is this its admin port?',
  ],
  [
    'answers with a page that is none',
    { health: 'down', consecutiveFailures: 1, lastError: 'html: expected metrics, found a web page' },
    'down',
    'down: html: expected metrics, found a web page; its traffic is missing',
    'this is no metrics page: check port and metrics_path',
  ],
  [
    'tells nobody who it is',
    { namespace: '', workload: '127.0.0.1:4191', pod: '', identity: 'address' },
    'unidentified',
    'up, but no label tells its namespace and owner; its address 127.0.0.1:4191 stands for its workload',
    'add to the labels of this target: namespace and deployment (or statefulset, daemonset, cronjob, job, replicaset), or pod',
  ],
  [
    'tells its namespace only',
    { workload: '127.0.0.1:4191', pod: '', identity: 'address' },
    'unidentified',
    'up, but no label tells its owner; its address 127.0.0.1:4191 stands for its workload',
    'add to the labels of this target: deployment (or statefulset, daemonset, cronjob, job, replicaset), or pod',
  ],
  [
    'tells its owner only',
    { namespace: '' },
    'unidentified',
    'up, but no label tells its namespace',
    'add to the labels of this target: namespace',
  ],
  [
    'has too many series',
    { lastError: 'series_limit: max_series is reached, 7 samples of this page are left out' },
    'incomplete',
    'up: 61 requests received, 25 sent in the last 30s; its counts are incomplete: series_limit: max_series is reached, 7 samples of this page are left out',
    'raise max_series of this receiver',
  ],
  [
    'is one too many',
    { refused: true, health: 'unknown', lastScrapeMs: null, lastError: 'target_limit: this receiver takes 1 targets' },
    'refused',
    'not scraped: target_limit: this receiver takes 1 targets',
    'raise target_limit of this receiver, or give it fewer targets',
  ],
  [
    'was fed by a Collector that sends no more',
    { health: 'down', lastError: 'nothing came since 2023-11-14T22:08:25.000Z', consecutiveFailures: 31 },
    'down',
    'down: nothing came since 2023-11-14T22:08:25.000Z (31 scrapes in a row); its traffic is missing',
    'does the Collector still send, and is scrape_interval of this receiver that of the Collector?',
  ],
  [
    'is told of much later',
    { pod: 'api-9', lastScrapeMs: END_MS - 300_000 },
    'stale',
    `nothing counted in the last 30s: its last scrape is of ${new Date(END_MS - 300_000).toISOString()}`,
    'is what is scraped sent on at once, and is the clock there right?',
  ],
  ['came after the last slot closed', { pod: 'api-9' }, 'starting', 'starting: first numbers with its next scrape', ''],
];
for (const [title, parts, state, explanation, mend] of explanations) {
  test(`a target that ${title}`, async (t) => {
    const { get } = await startServer(t, { sums: [fixture()], targets: [{ ...target, ...parts }] });
    const [row] = (await get('/v1/targets')).targets;
    t.like(row, { state, explanation, mend, address: target.address, url: target.url });
    const { lastScrapeMs } = { ...target, ...parts };
    t.is(row.lastScrape, lastScrapeMs === null ? null : new Date(lastScrapeMs).toISOString());
  });
}

const bySeries = { namespace: '', workload: '127.0.0.1:4191', kind: '', pod: '', identity: 'series' } as const;
for (const [lengthMs, shown] of [
  [6_440.919_921, '6.4s'],
  [6_960, '7s'],
  [12, '100ms'],
  [90_000, '1m30s'],
] as const) {
  test(`a window of ${lengthMs} ms is told as ${shown}`, async (t) => {
    const sum = { ...fixture(), interval: { startMs: END_MS - lengthMs, endMs: END_MS } };
    const { get } = await startServer(t, { sums: [sum], targets: [target], windowMs: Math.max(30_000, lengthMs) });
    t.true((await get('/v1/targets')).targets[0].explanation.endsWith(` in the last ${shown}`));
  });
}

test('one request is told as one', async (t) => {
  const api = own('x/api', { pod: 'api-1' });
  const sum = sumOf([record('server', api, peer(null), 1)], [covered(api)], { startMs: END_MS - 30_000 });
  const { get } = await startServer(t, { sums: [sum], targets: [target] });
  t.is((await get('/v1/targets')).targets[0].explanation, 'up: 1 request received, 0 sent in the last 30s');
});

/** Series of two targets: what each tells of its own end; null: nothing. */
function listing(...owners: (Identity | null)[]) {
  const meaning = (mine: Identity | null): SeriesMeaning => ({
    ...{ role: 'traffic', measure: 'success', side: 'server', own: mine, peer: peer(null), protocol: 'http' },
    ...{ counts: null, boundMs: 0, group: '' },
  });
  return ({ wants }: SeriesQuery): SeriesListing => {
    const source = { receiver: 'linkerd', own: own('/127.0.0.1:4191'), rules };
    for (const mine of owners) wants(meaning(mine), { ...source, address: target.address });
    wants(meaning(own('x/elsewhere')), { ...source, address: '127.0.0.1:9' });
    wants({ role: 'filtered', reason: 'inbound' }, { ...source, address: target.address });
    return { series: [], more: 0 };
  };
}
const told: [string, (Identity | null)[], string[], string, RegExp, RegExp][] = [
  [
    'counts the requests of all of them',
    [own('x/api'), own('x/api', { pod: '' }), own('x/web', { pod: '' }), null],
    ['x/api', 'x/web'],
    'active',
    /^up: 3 series tell 2 workloads; \d+ requests received, \d+ sent in the last 30s$/,
    /^$/,
  ],
  [
    'is idle when they are',
    [own('x/idle')],
    ['x/idle'],
    'idle',
    /^up: 1 series tells 1 workload, but counted no requests in the last 30s$/,
    /^is traffic really going/,
  ],
  [
    'starts with them',
    [own('x/new')],
    ['x/new'],
    'starting',
    /^starting: 1 series tells 1 workload; first numbers/,
    /^$/,
  ],
  ['is idle while there are none', [], [], 'idle', /^up, but its page has no series of traffic/, /^is traffic really/],
  [
    'is nobody’s while they tell nothing',
    [null],
    [],
    'unidentified',
    /^up, but no label and no series tells its namespace and owner; its address 127\.0\.0\.1:4191 stands for its workload$/,
    /^add to the labels of this target: namespace and deployment/,
  ],
];
for (const [title, owners, workloads, state, explanation, mend] of told) {
  test(`a target whose series tell whose they are ${title}`, async (t) => {
    const { get } = await startServer(t, {
      sums: [fixture()],
      targets: [{ ...target, ...bySeries }],
      series: listing(...owners),
    });
    const [row] = (await get('/v1/targets')).targets;
    t.like(row, { state, identity: 'series' });
    t.regex(row.explanation, explanation);
    t.regex(row.mend, mend);
    t.deepEqual(row.workloads ?? [], workloads);
  });
}

test('a target whose series tell whose they are tells them with what is amiss, and when first numbers come', async (t) => {
  const lastError = 'series_limit: max_series is reached';
  const targets = [{ ...target, ...bySeries, lastError }];
  const { get } = await startServer(t, { sums: [fixture()], targets, series: listing(own('x/api')) });
  t.like((await get('/v1/targets')).targets[0], { state: 'incomplete', workloads: ['x/api'] });
  const early = await startServer(t, {
    ...{ sums: [], nowMs: END_MS - 26_500, targets: [{ ...target, ...bySeries }] },
    series: listing(own('x/api')),
  });
  t.like((await early.get('/v1/targets')).targets[0], { explanation: 'up; first numbers in 7s', workloads: ['x/api'] });
});

test('a busy target of which only a first baseline is known is starting, not idle', async (t) => {
  const api = own('x/api');
  const baseline = covered(api, { coveredSeconds: 0, expectedSeconds: 10, firstSight: true, scrapesDue: 0 });
  const { get, feed } = await startServer(t, {
    sums: [sumOf([record('server', api, peer(null), 0)], [baseline], { startMs: END_MS - 10_000, lengthMs: 10_000 })],
    targets: [target],
  });
  const early = await get('/v1/targets');
  t.regex(early.targets[0].explanation, /^(starting: first numbers with its next scrape|up; first numbers in \d+s)$/);
  t.is(early.targets[0].mend, '');
  // Another one that is covered: there are numbers, but none of this target.
  const web = own('x/web');
  feed(sumOf([record('server', web, peer(null), 3)], [covered(web)], { startMs: END_MS - 10_000, lengthMs: 10_000 }));
  t.like((await get('/v1/targets')).targets[0], {
    state: 'starting',
    explanation: 'starting: first numbers with its next scrape',
    mend: '',
  });
});

test('files of targets that cannot be used are listed beside the targets', async (t) => {
  const problem = { receiver: 'linkerd', file: 'targets/*.json', error: 'no file matches this pattern' };
  const { get } = await startServer(t, { targets: [], discoveryProblems: [problem] });
  t.like(await get('/v1/targets'), { targets: [], problems: [problem] });
  const sound = await startServer(t, { targets: [target] });
  t.deepEqual((await sound.get('/v1/targets')).problems, []);
});

test('what was counted, failures that no server saw, and all meshes that told', async (t) => {
  const [web, api] = [own('x/web'), own('x/api')];
  const istio = { mesh: 'istio', counts: 'requests', unreached: 4 } as const;
  const sum = sumOf(
    [
      record('client', web, peer('x/api'), 90, 10, istio),
      record('server', api, peer('x/web'), 120, 0, { counts: 'attempts' }),
    ],
    [covered(web), covered(api)],
    { startMs: END_MS - 30_000 },
  );
  const { get } = await startServer(t, { sums: [sum] });
  const { edges } = await get('/v1/edges');
  t.like(edges[0], { side: 'server', counts: 'attempts', failures: 4, unreached: 4, meshes: ['istio', 'linkerd'] });
  const object = await get('/apis/metrics.smi-spec.io/v1alpha2/namespaces/x/deployments/api');
  t.deepEqual(object['x-weir'], { mesh: ['istio', 'linkerd'], counts: 'attempts', unreached: 4, complete: true });
});
