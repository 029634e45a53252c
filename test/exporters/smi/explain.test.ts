/** @module `/v1/explain`: the number, the side and why, slots, pods, quantile steps, targets, series, and what is near. */
import test from 'ava';
import type { SeriesQuery, SeriesStatus, TargetStatus } from '../../../pipeline/component.ts';
import type { Identity, Peer } from '../../../pipeline/model/resource.ts';
import type { Measure, SeriesMeaning, Side } from '../../../pipeline/model/rules.ts';
import { createTrafficKey } from '../../../pipeline/model/traffic-key.ts';
import { testRules } from '../../kit/mesh.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { END_MS, fixture, startServer } from './server.ts';

const [web, api] = [own('x/web'), own('x/api')];
const toApi = peer('x/api', { service: 'api' });

/** Two slots of one edge: 30 and 60 requests, the second one covered for half its time. */
const SLOTS = [0, 1].map((i) => {
  const count = (i + 1) * 30;
  const latency = [
    buckets([
      [10, count - 3],
      [100, 3],
    ]),
  ];
  const records = [
    record('client', web, toApi, count - 2, 2, { mesh: 'test', counts: 'attempts', unreached: 1, latency }),
    record('server', api, peer('x/web'), count - 2, 1, { mesh: 'test' }),
  ];
  return sumOf(
    records.map((each) => ({ ...each, key: createTrafficKey(each.key) })),
    [covered(web, { scrapesDue: 1, coveredSeconds: i === 0 ? 10 : 5, expectedSeconds: 10 }), covered(api)],
    { startMs: END_MS - 20_000 + i * 10_000, lengthMs: 10_000 },
  );
});

test('an edge: its figures, the slots and pods that add up to them, and the steps to a quantile', async (t) => {
  const { get } = await startServer(t, { sums: SLOTS });
  const answer = await get('/v1/explain?resource=deploy/web&namespace=x&peer=deploy/api&metric=p99');
  t.like(answer, {
    apiVersion: 'weir/v1',
    kind: 'Explanation',
    metric: 'p99',
    unit: 'ms',
    side: 'client',
    windowSeconds: 20,
  });
  t.like(answer.subject, { source: { kind: 'Deployment', name: 'web' }, destination: { name: 'api' } });
  t.like(answer.figures, { successes: 86, failures: 4, unreached: 2, counts: 'attempts', ratePerSecond: 6 });
  t.is(answer.why, "an edge is asked of the client's side first; the server's side told 88 requests");
  t.deepEqual(
    answer.slots.map((slot: Record<string, unknown>) => [slot.start, slot.successes, slot.failures, slot.observations]),
    [
      ['2023-11-14T22:13:40.000Z', 28, 2, 30],
      ['2023-11-14T22:13:50.000Z', 58, 2, 60],
    ],
  );
  // 90 requests × 20 s expected ÷ 15 s covered ÷ 20 s.
  t.is(answer.pods.length, 1);
  t.like(answer.pods[0], { namespace: 'x', pod: 'web-1', requests: 90, expectedSeconds: 20, coveredSeconds: 15 });
  t.true(Math.abs(answer.pods[0].ratePerSecond - 6) < 1e-9);
  const { bucket, rank, observations, valueMs } = answer.quantiles.p99;
  t.deepEqual(
    { bucket, observations },
    { bucket: { startMs: 50, endMs: 100, before: 84, inside: 6 }, observations: 90 },
  );
  t.is(valueMs, answer.value);
  t.true(Math.abs(50 + (50 * (rank - 84)) / 6 - valueMs) < 1e-9);
});

test('a total that its server tells names the clients whose failures it could not see', async (t) => {
  const { get } = await startServer(t, { sums: SLOTS });
  const answer = await get('/v1/explain?resource=x/deploy/api&metric=failure_count');
  t.like(answer, { side: 'server', value: 4, reason: 'preferred' });
  t.is(
    answer.why,
    "a workload is asked of the server's side first; the client's side told 90 attempts, 2 of which no server saw, which makes 117 by what its scrapes covered",
  );
  t.deepEqual(
    answer.pods.map((pod: Record<string, unknown>) => [pod.pod, pod.side, pod.requests, pod.unreached]),
    [
      ['api-1', 'server', 88, 0],
      ['web-1', 'client', 2, 2],
    ],
  );
});

test('what clients told themselves is taken off the callers that a server cannot name', async (t) => {
  const sum = sumOf(
    [
      record('client', web, toApi, 100),
      record('server', api, peer(null), 150, 4, { mesh: 'istio', counts: 'attempts' }),
    ],
    [covered(web), covered(api)],
    { startMs: END_MS - 30_000 },
  );
  const { get } = await startServer(t, { sums: [sum] });
  const answer = await get('/v1/explain?resource=unknown&peer=x/api');
  t.like(answer, { reason: 'strangers', takenOff: { successes: 100, failures: 0 } });
  t.like(answer.figures, { successes: 50, failures: 4 });
  t.like(answer.slots[0], { successes: 150, failures: 4 });
});

interface Listed {
  readonly own: Identity;
  readonly side: Side;
  readonly measure: Measure;
  readonly peer: Peer;
}

/** Answers as the graph does, from series declared here. */
function lister(listed: readonly Listed[]) {
  const statuses: SeriesStatus[] = listed.flatMap(({ own: me, side, measure, peer: far }, i) => {
    const source = { receiver: 'test', address: `10.0.0.${i}:1`, own: me, rules: testRules };
    const more = { own: null, protocol: 'http', counts: null, boundMs: 0, group: '' } as const;
    const meaning: SeriesMeaning = { role: 'traffic', measure, side, peer: far, ...more };
    const labels = new Map([['code', '2\u001b[J00"']]);
    return [
      { source, sample: measure, labels, value: 7 + i, meaning },
      { source, sample: 'noise', labels: new Map(), value: Number.NaN, meaning: { role: 'filtered', reason: 'probe' } },
    ];
  });
  return ({ wants, limit }: SeriesQuery) => {
    const wanted = statuses.filter(({ meaning, source }) => wants(meaning, source));
    return { series: wanted.slice(0, limit), more: Math.max(0, wanted.length - limit) };
  };
}

const status: TargetStatus = {
  receiver: 'linkerd',
  address: '10.0.0.9:4191',
  url: 'http://10.0.0.9:4191/metrics',
  namespace: 'x',
  workload: 'web',
  kind: 'Deployment',
  pod: 'web-1',
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

test('the targets, and the series of the metric, with what is left out beside them', async (t) => {
  const series = lister([
    { own: web, side: 'client', measure: 'failure', peer: toApi },
    { own: web, side: 'client', measure: 'success', peer: toApi },
    { own: web, side: 'client', measure: 'unreached', peer: toApi },
    { own: web, side: 'client', measure: 'failure', peer: peer('x/db') },
    { own: own('x/other'), side: 'client', measure: 'failure', peer: toApi },
  ]);
  const targets = [status, { ...status, pod: 'web-2', address: '10.0.0.8:4191' }];
  const { get } = await startServer(t, { sums: SLOTS, series, targets });
  const answer = await get('/v1/explain?resource=web&peer=x/api&metric=failure_count&limit=1');
  t.deepEqual(
    answer.targets.map((target: TargetStatus) => [target.address, target.health]),
    [['10.0.0.9:4191', 'up']],
  );
  t.deepEqual(answer.series, [
    {
      target: '10.0.0.0:1',
      series: 'failure{code="2\\u001b[J00\\""}',
      value: 7,
      measure: 'failure',
      side: 'client',
      mesh: 'test',
    },
  ]);
  t.is(answer.moreSeries, 1);
  t.like(answer.filteredSeries[0], { series: 'noise', value: null, filtered: 'probe' });
  t.is(answer.moreFilteredSeries, 3);
  t.deepEqual(answer.filteredReasons, [{ reason: 'probe', series: 4 }]);
  t.deepEqual(answer.meshes, [
    {
      mesh: 'test',
      rule: 'clients count attempts, servers requests; a series that is back after it vanished counts from 0',
      docs: 'docs/semantics.md#anything-with-an-exposition-prometheus-receiver',
    },
  ]);
});

const mistakes: [query: string, status: number, message: RegExp][] = [
  ['', 400, /^resource is missing: say deploy\/web/],
  [
    'resource=deploy/wbe&namespace=x',
    404,
    /^deploy\/wbe in namespace x is not known \(did you mean x\/deployment\/web\?\); known: /,
  ],
  ['resource=sts/web', 404, /^sts\/web is not known, but w\/deployment\/web, x\/deployment\/web is$/],
  ['resource=deploy/web', 400, /^deploy\/web is not one: say which of w\/deployment\/web, x\/deployment\/web$/],
  ['resource=x/dploy/web', 400, /^no kind "dploy" \(did you mean deploy\?\)$/],
  ['resource=a/b/c/d', 400, /^"a\/b\/c\/d" is no resource/],
  ['resource=x/web&metric=p95', 400, /^no metric "p95" \(did you mean p90\?\): it is one of success_count, /],
  [
    'resource=x/api&peer=x/web',
    404,
    /^no edge x\/api -> x\/web had traffic; there are x\/deployment\/api -> y\/deployment\/db$/,
  ],
  ['resource=x/web&t=9h', 400, /^unable to use t="9h"/],
];
for (const [query, code, message] of mistakes) {
  test(`a mistake says what is near: ${query}`, async (t) => {
    const { ask } = await startServer(t, { sums: [fixture()] });
    const answer = await ask(`/v1/explain?${query}`);
    t.is(answer.status, code, answer.text);
    t.regex(JSON.parse(answer.text).message, message);
  });
}

const down: TargetStatus = {
  ...status,
  workload: 'gone',
  pod: 'gone-1',
  health: 'down',
  consecutiveFailures: 1,
  lastError: 'nothing came since 2023-11-14T22:13:00.000Z',
};
const DOWN =
  'target 10.0.0.9:4191 of linkerd is listed by weir targets: down: nothing came since 2023-11-14T22:13:00.000Z; its traffic is missing';
for (const [query, message] of [
  ['deploy/gone&namespace=x', `deploy/gone in namespace x is not known in this window; ${DOWN}`],
  [
    'x/pod/gone-1&t=10s',
    `x/pod/gone-1 is not known in this window; ${DOWN}; for what came before ask with --window (?t=), up to 5m0s`,
  ],
  [
    'deploy/late',
    'deploy/late is not known in this window; target 10.0.0.7:4191 of linkerd is listed by weir targets: not scraped yet; its first scrape comes within 10s',
  ],
] as const) {
  test(`what no slot of the window has, but a target is of, is still 404 and points to that: ${query}`, async (t) => {
    const late: TargetStatus = {
      ...status,
      address: '10.0.0.7:4191',
      workload: 'late',
      pod: '',
      health: 'unknown',
      lastScrapeMs: null,
    };
    const { ask } = await startServer(t, { sums: SLOTS, targets: [down, late] });
    const answer = await ask(`/v1/explain?resource=${query}`);
    t.is(answer.status, 404);
    t.is(JSON.parse(answer.text).message, message);
  });
}

test('of several targets the one that is down is pointed to', async (t) => {
  const waiting: TargetStatus = { ...down, address: '10.0.0.8:4191', health: 'unknown', lastScrapeMs: null };
  const { get } = await startServer(t, { sums: SLOTS, targets: [waiting, down] });
  const { message } = await get('/v1/explain?resource=deploy/gone');
  t.regex(message, /; target 10\.0\.0\.9:4191 of linkerd \(one of 2 targets\) is listed by weir targets: down: /);
});

test('a target of another kind or namespace is not pointed to', async (t) => {
  const { ask } = await startServer(t, { sums: SLOTS, targets: [down] });
  for (const query of ['sts/gone', 'y/deploy/gone', 'deploy/gon', 'pod/gone']) {
    const answer = await ask(`/v1/explain?resource=${query}`);
    t.is(answer.status, 404);
    t.notRegex(answer.text, /weir targets/);
  }
});

test('before the first closed slot it says when numbers come', async (t) => {
  const { ask } = await startServer(t, { sums: [] });
  const answer = await ask('/v1/explain?resource=deploy/web');
  t.is(answer.status, 503);
  t.regex(JSON.parse(answer.text).message, /^no slot has closed yet: first numbers in \d+s$/);
});

test('every kind of resource is explained, in whatever way kubectl lets it be written', async (t) => {
  const { ask } = await startServer(t, { sums: [fixture()] });
  for (const resource of [
    'ns/x',
    'no/n1',
    'po/api-1',
    'pods/api-1',
    'svc/api',
    'deployments/api',
    'DEPLOY/api',
    'idle',
  ]) {
    const answer = await ask(`/v1/explain?resource=${resource}`);
    t.is(answer.status, 200, `${resource}: ${answer.text}`);
  }
});
