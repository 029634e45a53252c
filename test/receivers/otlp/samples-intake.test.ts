/** @module Which points of a request are samples of a mesh, whose they are, and what limits and books do with them. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import type { Batch } from '../../../pipeline/batch.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { inOneGo, MalformedProtobuf } from '../../../pipeline/wire/otlp-traffic.ts';
import { createSamplesIntake } from '../../../receivers/otlp/samples-intake.ts';
import {
  attributesOf,
  createStage,
  encoded,
  gauge,
  histogram,
  OUTBOUND,
  PROXY,
  requestOf,
  SETTLED_MS,
  type Stage,
  type StageOptions,
  sum,
  tablesOf,
  WATCH_MS,
} from './samples-stage.ts';

const REQUESTS = 'response_total';
const at = { at: 5 };
const SUMMARY = { dataPoints: [{ timeUnixNano: 1 }, { timeUnixNano: 2 }] };
const ISTIO = {
  reporter: 'destination',
  source_workload: 'web',
  source_workload_namespace: 'shop',
  destination_workload: 'api',
  destination_workload_namespace: 'shop',
  response_code: '200',
};

async function opened(options: StageOptions = {}): Promise<Stage> {
  const stage = await createStage(options);
  stage.clock.advance(5100);
  return stage;
}

/** Sends `metrics` of the scrapes at 5 and 15 s, and returns the sums of all slots. */
async function twoScrapes(
  metrics: (point: { at: number }, value: number) => readonly object[],
  resource: Readonly<Record<string, string>> = PROXY,
  options: StageOptions = {},
): Promise<TrafficSum[]> {
  const stage = await opened(options);
  await stage.send(requestOf(metrics({ at: 5 }, 10), resource));
  stage.clock.advance(10_000);
  await stage.send(requestOf(metrics({ at: 15 }, 13), resource));
  stage.clock.advance(40_000);
  return stage.sums;
}

function records(sums: readonly TrafficSum[]) {
  return sums
    .flatMap((one) => one.records)
    .filter(({ successes, failures }) => successes + failures > 0)
    .map(({ key, successes, failures }) => ({
      mesh: key.mesh,
      own: `${key.own.workload.kind} ${key.own.workload.namespace}/${key.own.workload.name} ${key.own.pod}`,
      peer: `${key.peer.workload?.namespace}/${key.peer.workload?.name}`,
      requests: successes + failures,
    }));
}

// --- What is taken -------------------------------------------------------------------------------------------------------

test('what no mesh has is left to others, and told by name', async (t) => {
  const stage = await opened();
  const metrics = [
    sum(REQUESTS, 1, at),
    sum('http_server_requests', 1, at),
    gauge('go_goroutines', 1, at),
    gauge('up', 1, at),
  ];
  t.deepEqual(
    await stage.send(requestOf(metrics)),
    new Map([
      [REQUESTS, 1],
      ['up', 1],
    ]),
  );
});

test('the rest of the page of a proxy is not wanted, whatever request it comes in; that of other programs is no part of it', async (t) => {
  const stage = await opened({ demand: ['requests'] });
  const own = [gauge('weir.requests', 1, at), { ...gauge('summed', 1, at), gauge: undefined, summary: SUMMARY }];
  const rest = [sum('request_total', 1, at), sum('tcp_open_total', 1, at), gauge('scrape_duration_seconds', 1, at)];
  const wanted = new Map([['request_total', 1]]).set('tcp_open_total', 1).set('scrape_duration_seconds', 1);
  const program = requestOf([gauge('scrape_duration_seconds', 1, at), sum('jobs', 1, at)], { 'service.name': 'jobs' });
  t.is(inOneGo(stage.intake.read(requestOf(rest), new Map())), null, 'nobody knows yet that it is a proxy');
  const first = Buffer.concat([program, requestOf([...rest, ...own, sum(REQUESTS, 1, at)])]);
  t.deepEqual(inOneGo(stage.intake.read(first, new Map()))?.unwanted, new Map(wanted).set('summed', 2));
  await stage.send(first);
  const later = inOneGo(stage.intake.read(Buffer.concat([requestOf(rest), program]), new Map()));
  t.deepEqual([later?.points, later?.unwanted], [new Map(), wanted]);
});

test('a program that is no proxy has nothing to count, whatever its process tells', async (t) => {
  const stage = await opened();
  t.is(await stage.send(requestOf([gauge('process_start_time_seconds', 1, at), gauge('up', 1, at)])), null);
  t.is(await stage.send(requestOf([gauge('go_goroutines', 1, at)])), null);
  t.is(stage.seen.length, 0);
});

test('only what somebody wants is taken', async (t) => {
  const stage = await opened({ demand: ['tcp'] });
  t.is(await stage.send(requestOf([sum(REQUESTS, 1, at)])), null);
  const taken = await stage.send(
    requestOf([sum(REQUESTS, 1, at), sum('tcp_open_total', 1, at, { ...OUTBOUND, peer: 'dst' })]),
  );
  t.deepEqual(taken, new Map([['tcp_open_total', 1]]));
});

test('names are found that a Collector has cut its suffixes off, and counters whose type it did not know', async (t) => {
  const withUnit = (metric: object, unit: string) => ({ ...metric, unit });
  t.is(records(await twoScrapes((point, value) => [sum('response', value, point)])).length, 1);
  t.is(records(await twoScrapes((point, value) => [gauge(REQUESTS, value, point, OUTBOUND)])).length, 1);
  const istio = await twoScrapes((point, value) => [
    sum('istio_requests', value, point, ISTIO),
    withUnit(histogram('istio_request_duration', [value, 1], [10], point, ISTIO), 'ms'),
  ]);
  const [record] = istio[1]!.records;
  t.is(record?.successes, 3);
  t.deepEqual([...(record?.latency?.[0]?.counts ?? [])], [3, 0]);
});

test('buckets of a histogram whose type a Collector did not know come as gauges', async (t) => {
  const bucket = (le: string, value: number, point: { at: number }) =>
    gauge('response_latency_ms_bucket', value, point, { ...OUTBOUND, le });
  const sums = await twoScrapes((point, value) => [bucket('10', value, point), bucket('+Inf', value + 1, point)]);
  t.deepEqual([...(sums[1]?.records[0]?.latency?.[0]?.counts ?? [])], [3, 0]);
});

test('sums that do not say whether they are deltas are dropped, and show no proxy', async (t) => {
  const stage = await opened();
  const points = new Map([[REQUESTS, 1]]);
  t.deepEqual(await stage.send(requestOf([sum(REQUESTS, 1, { ...at, temporality: 0 })])), points);
  t.deepEqual([...stage.balance.dropped], [['no_temporality', 1]]);
  t.deepEqual([stage.seen, stage.intake.targets()], [[], []]);
  t.is(stage.balance.unaccounted, 0);
});

test('whole numbers are read as such', async (t) => {
  const whole = (asInt: string, time: number) => ({
    name: REQUESTS,
    sum: {
      dataPoints: [{ attributes: attributesOf(OUTBOUND), timeUnixNano: `${WATCH_MS + time}000000`, asInt }],
      ...{ aggregationTemporality: 2, isMonotonic: true },
    },
  });
  const stage = await opened();
  await stage.send(requestOf([whole('9007199254740980', 5000)]));
  stage.clock.advance(10_000);
  await stage.send(requestOf([whole('9007199254740991', 15_000)]));
  stage.clock.advance(40_000);
  t.deepEqual(
    records(stage.sums).map(({ requests }) => requests),
    [11],
  );
});

// --- Which mesh ------------------------------------------------------------------------------------------------------------

const ENVOY = { envoy_cluster_name: 'outbound|80||api.shop.svc.cluster.local', envoy_response_code_class: '2' };

test('a proxy of Istio is counted by its own families, not by those of its Envoy again', async (t) => {
  const both = await twoScrapes((point, value) => [
    sum('envoy_cluster_upstream_rq_xx', value, point, ENVOY),
    sum('istio_requests_total', value, point, ISTIO),
  ]);
  t.deepEqual(
    records(both).map(({ mesh, requests }) => [mesh, requests]),
    [['istio', 3]],
  );
  const alone = await twoScrapes((point, value) => [sum('envoy_cluster_upstream_rq_xx', value, point, ENVOY)]);
  t.deepEqual(
    records(alone).map(({ mesh, requests }) => [mesh, requests]),
    [['envoy', 3]],
  );
});

test('meshes that are not named are not counted', async (t) => {
  const options = { config: { meshes: ['linkerd'] } };
  t.deepEqual(
    await twoScrapes((point, value) => [sum('istio_requests_total', value, point, ISTIO)], PROXY, options).then(
      records,
    ),
    [],
  );
});

test('an Envoy that turns out to be of Istio begins anew as such, and counts nothing twice', async (t) => {
  const stage = await opened();
  const envoy = (time: number, value: number) => sum('envoy_cluster_upstream_rq_xx', value, { at: time }, ENVOY);
  const istio = (time: number, value: number) => sum('istio_requests_total', value, { at: time }, ISTIO);
  const requests = [
    [envoy(5, 10)],
    [envoy(15, 11), istio(15, 11)],
    [envoy(25, 13), istio(25, 13)],
    [envoy(35, 17), istio(35, 17)],
  ];
  for (const metrics of requests) {
    await stage.send(requestOf(metrics));
    stage.clock.advance(10_000);
  }
  stage.clock.advance(40_000);
  t.deepEqual(
    records(stage.sums).map(({ mesh, requests: count }) => [mesh, count]),
    [
      ['istio', 2],
      ['istio', 4],
    ],
  );
  t.is(stage.balance.unaccounted, 0);
});

test('points of an Envoy whose series are over, because it turned out to be of Istio, are dropped and told, and nothing comes of it any more', async (t) => {
  const stage = await opened();
  const page = (time: number, value: number) => [
    sum('envoy_cluster_upstream_rq_xx', value, { at: time }, ENVOY),
    gauge('envoy_server_uptime', 3600 + time, { at: time }),
  ];
  const istio = (time: number, value: number) => sum('istio_requests_total', value, { at: time }, ISTIO);
  await stage.send(requestOf(page(5, 10)));
  stage.clock.advance(10_000);
  await stage.send(requestOf([...page(15, 11), istio(15, 11)]));
  t.deepEqual(stage.balance.dropped, new Map([['mesh_changed', 1]]), 'its uptime, which either mesh has');
  stage.clock.advance(10_000);
  await stage.send(requestOf([...page(25, 13), istio(25, 13)]));
  stage.clock.advance(40_000);
  t.deepEqual(stage.balance.dropped, new Map([['mesh_changed', 1]]));
  const kinds = stage.seen.map(({ kind }) => kind);
  t.deepEqual(kinds.slice(0, kinds.lastIndexOf('scraped') + 1), [
    ...['discovered', 'scraped'],
    ...['gone', 'discovered', 'scraped'],
    'scraped',
  ] as typeof kinds);
  t.deepEqual(
    records(stage.sums).map(({ mesh, requests }) => [mesh, requests]),
    [['istio', 2]],
  );
  t.is(stage.balance.unaccounted, 0);
});

// --- Whose ---------------------------------------------------------------------------------------------------------------

const scrapes = (labels: Readonly<Record<string, string>>) => (point: { at: number }, value: number) => [
  sum(REQUESTS, value, point, { ...OUTBOUND, ...labels }),
];

test('the attributes of Kubernetes tell whose proxy it is', async (t) => {
  const [record] = records(await twoScrapes(scrapes({})));
  t.like(record, { own: 'Deployment shop/web web-7f4f6d79b5-8mmkd', peer: 'shop/api' });
});

test('so do labels of the points, where the Collector was told to add them', async (t) => {
  const resource = { 'service.name': 'linkerd-proxy', 'service.instance.id': '10.0.0.7:4191' };
  const [record] = records(await twoScrapes(scrapes({ namespace: 'shop', pod: 'db-0' }), resource));
  t.like(record, { own: 'StatefulSet shop/db db-0' });
});

test('labels of points tell nothing where the resource does', async (t) => {
  const [record] = records(await twoScrapes(scrapes({ namespace: 'else', pod: 'db-0' })));
  t.like(record, { own: 'Deployment shop/web web-7f4f6d79b5-8mmkd' });
});

test('points of several pods under one resource are those of several proxies', async (t) => {
  const resource = { 'service.name': 'federated' };
  const sums = await twoScrapes(
    (point, value) => [
      ...scrapes({ namespace: 'shop', pod: 'db-0' })(point, value),
      ...scrapes({ namespace: 'shop', pod: 'db-1' })(point, value * 2),
    ],
    resource,
  );
  t.deepEqual(
    records(sums).map(({ own, requests }) => [own, requests]),
    [
      ['StatefulSet shop/db db-0', 3],
      ['StatefulSet shop/db db-1', 6],
    ],
  );
});

test('without either, the address stands for the workload, and that is told', async (t) => {
  const stage = await opened();
  await stage.send(
    requestOf(scrapes({})(at, 1), { 'service.name': 'linkerd-proxy', 'service.instance.id': '10.0.0.7:4191' }),
  );
  stage.clock.advance(SETTLED_MS);
  t.like(stage.intake.targets()[0], { workload: '10.0.0.7:4191', identity: 'address', health: 'up' });
  t.true(stage.log.lines.some(({ message }) => message.includes('nothing tells whose proxy this is')));
});

test('a proxy of which nothing comes any more is down, since when it says, until something comes', async (t) => {
  const stage = await opened();
  await stage.send(requestOf([sum(REQUESTS, 10, { at: 5 })]));
  stage.clock.advance(12_000);
  t.like(stage.intake.targets()[0], { health: 'up', consecutiveFailures: 0, lastError: '' });
  stage.clock.advance(60_000);
  const [target] = stage.intake.targets();
  t.like(target, { health: 'down', lastError: 'nothing came since 2023-11-14T22:13:25.100Z' });
  t.true(target!.consecutiveFailures >= 4 && target!.consecutiveFailures <= 6, `${target!.consecutiveFailures}`);
  await stage.send(requestOf([sum(REQUESTS, 13, { at: 75 })]));
  stage.clock.advance(SETTLED_MS);
  t.like(stage.intake.targets()[0], { health: 'up', consecutiveFailures: 0, lastError: '' });
});

test('attributes in another order are the same series', async (t) => {
  const stage = await opened();
  const reversed = Object.fromEntries(Object.entries(OUTBOUND).reverse());
  await stage.send(requestOf([sum(REQUESTS, 10, { at: 5 })]));
  stage.clock.advance(10_000);
  await stage.send(requestOf([sum(REQUESTS, 13, { at: 15 }, reversed)]));
  stage.clock.advance(40_000);
  t.deepEqual(
    records(stage.sums).map(({ requests }) => requests),
    [3],
  );
});

// --- Limits and books ------------------------------------------------------------------------------------------------------

test('points beyond a limit are dropped, counted and told; all others count', async (t) => {
  const series = await opened({ config: { max_series: 2 } });
  const to = (name: string) => ({ ...OUTBOUND, dst_deployment: name });
  await series.send(requestOf(['a', 'b', 'c', 'd'].map((name) => sum(REQUESTS, 1, at, to(name)))));
  t.is(series.balance.dropped.get('series_limit'), 2);
  await series.send(requestOf([histogram('response_latency_ms', [1, 2], [10], { at: 6 })]));
  t.is(series.balance.dropped.get('series_limit'), 4);
  const told = series.balance.told.map(([, items, sample]) => [items, sample?.metric, sample?.target !== '']);
  t.deepEqual(told, [
    [2, REQUESTS, true],
    [2, 'response_latency_ms_bucket', true],
  ]);

  const targets = await opened({ config: { max_targets: 1 } });
  for (const pod of ['db-0', 'db-1']) await targets.send(requestOf([sum(REQUESTS, 1, at)], { 'k8s.pod.name': pod }));
  t.is(targets.balance.dropped.get('target_limit'), 1);
  t.is(targets.intake.targets().length, 1);
  t.deepEqual(targets.balance.told, [['target_limit', 1, { metric: REQUESTS, target: '' }]]);

  const long = await opened({ config: { max_attribute_bytes: 300 } });
  await long.send(requestOf([sum(REQUESTS, 1, at), sum(REQUESTS, 1, at, to('x'.repeat(300)))]));
  t.is(long.balance.dropped.get('attribute_limit'), 1);
  t.deepEqual(long.balance.told, [['attribute_limit', 1, { metric: REQUESTS, target: '' }]]);
  for (const stage of [series, targets, long]) {
    t.is(stage.balance.unaccounted, 0);
    t.true(stage.log.lines.some(({ message }) => message.includes('counts are incomplete')));
  }
});

test('points of a resource with more than max_attribute_bytes are dropped, told with the key, and remembered nowhere', async (t) => {
  const stage = await opened({ config: { max_attribute_bytes: 300 } });
  const metrics = [sum(REQUESTS, 1, at), histogram('response_latency_ms', [1, 2, 3], [1, 10], at)];
  const long = { ...PROXY, note: 'x'.repeat(300) };
  t.deepEqual(
    await stage.send(requestOf(metrics, long)),
    new Map([
      [REQUESTS, 1],
      ['response_latency_ms', 1],
    ]),
  );
  t.deepEqual(stage.intake.targets(), []);
  t.deepEqual(stage.balance.dropped, new Map([['attribute_limit', 4]]));
  t.is(stage.balance.accepted, 4);
  t.true(stage.log.lines.some(({ message }) => message.includes('samples.max_attribute_bytes')));
  t.is((await stage.send(requestOf(metrics)))?.get(REQUESTS), 1);
  t.is(stage.intake.targets().length, 1);
});

test('a program with a long resource is no proxy for that', async (t) => {
  const stage = await opened({ config: { max_attribute_bytes: 300 } });
  const long = { ...PROXY, note: 'x'.repeat(300) };
  t.is(await stage.send(requestOf([gauge('process_start_time_seconds', 1, at), gauge('up', 1, at)], long)), null);
});

test('room of proxies that are gone is given back', async (t) => {
  const stage = await opened({ config: { max_series: 1, max_targets: 1, target_expiration: '30s' } });
  await stage.send(requestOf([sum(REQUESTS, 1, at)], { 'k8s.pod.name': 'db-0' }));
  stage.clock.advance(60_000);
  t.deepEqual(stage.intake.targets(), []);
  t.is(stage.meters.read('weir_otlp_samples_series'), 0);
  await stage.send(requestOf([sum(REQUESTS, 1, { at: 65 })], { 'k8s.pod.name': 'db-1' }));
  t.is(stage.balance.dropped.size, 0);
  t.is(stage.meters.read('weir_otlp_samples_targets'), 1);
});

test('series that come and go for ever fill nothing', async (t) => {
  const stage = await opened();
  for (let scrape = 0; scrape < 60; scrape++) {
    const point = { at: 5 + scrape * 10 };
    const metrics = Array.from({ length: 100 }, (_, i) =>
      sum(REQUESTS, 1, point, { ...OUTBOUND, dst_deployment: `d${scrape}-${i}` }),
    );
    const over = Array.from({ length: scrape === 0 ? 0 : 100 }, (_, i) =>
      sum(REQUESTS, 0, { ...point, stale: true }, { ...OUTBOUND, dst_deployment: `d${scrape - 1}-${i}` }),
    );
    await stage.send(requestOf([gauge('up', 1, point), ...metrics, ...over]));
    stage.clock.advance(10_000);
  }
  t.true(stage.meters.read('weir_otlp_samples_series')! <= 1200);
  const total = records(stage.sums).reduce((sum, { requests }) => sum + requests, 0);
  t.true(total >= 5600, `${total}`);
});

test('filtered series are booked by their reason', async (t) => {
  const stage = await opened();
  await stage.send(requestOf([sum(REQUESTS, 1, at), sum(REQUESTS, 5, at, { ...OUTBOUND, target_port: '4191' })]));
  t.is(stage.balance.accepted, 0, 'it is held, and not booked yet');
  stage.clock.advance(SETTLED_MS);
  t.is(stage.balance.filtered.get('own_scrape'), 1);
  t.is(stage.balance.delivered, 1);
  t.is(stage.balance.unaccounted, 0);
  t.is(stage.smiBalance.unaccounted, 0);
});

// --- Hostile input ---------------------------------------------------------------------------------------------------------

for (const outcome of [
  { kind: 'rejected', reason: 'series_limit' },
  { kind: 'retry', reason: 'stopping', afterMs: 10 },
] as const) {
  test(`samples that the pipeline does not take (${outcome.kind}) are dropped with its reason, and none is delivered`, async (t) => {
    const stage = await opened();
    const { settings } = stage;
    const next = { ...settings.next, consume: ({ delivery }: Batch) => delivery.settle(outcome) };
    const intake = createSamplesIntake({ ...settings, next }, await tablesOf(settings.config.samples.meshes))!;
    const share = inOneGo(intake.read(requestOf([gauge('up', 1, at), sum(REQUESTS, 7, at)]), new Map()))!;
    t.deepEqual(await inOneGo(share.offer(false)), TAKEN, 'its sender was answered while it was held');
    stage.clock.advance(SETTLED_MS);
    const { accepted, delivered, dropped, unaccounted } = stage.balance;
    t.deepEqual([accepted, delivered, [...dropped], unaccounted], [2, 0, [[outcome.reason, 2]], 0]);
  });
}

test('whatever comes is read, or refused as malformed, and nothing of it is applied by reading', async (t) => {
  const line = readFileSync(new URL('../../data/otlp/collector-istio.jsonl', import.meta.url), 'utf8').split('\n')[0]!;
  const whole = encoded(JSON.parse(line));
  const stage = await opened();
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = whole.slice();
      for (const [place, value] of changes) bytes[place] = value;
      try {
        inOneGo(stage.intake.read(bytes, new Map()));
      } catch (error) {
        if (!(error instanceof MalformedProtobuf)) throw error;
      }
    }),
    { numRuns: 500 },
  );
  t.is(stage.seen.length, 0);
  t.is(stage.balance.accepted, 0);
});

test('every mutation that can be read can be applied, and the books hold', async (t) => {
  const line = readFileSync(new URL('../../data/otlp/collector-linkerd.jsonl', import.meta.url), 'utf8').split(
    '\n',
  )[0]!;
  const whole = encoded(JSON.parse(line));
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  const stage = await opened();
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = whole.slice();
      for (const [place, value] of changes) bytes[place] = value;
      stage.clock.advance(100);
      await stage.send(bytes).catch((error) => {
        if (!(error instanceof MalformedProtobuf)) throw error;
      });
      t.is(stage.balance.unaccounted, 0);
      t.is(stage.smiBalance.unaccounted, 0);
    }),
    { numRuns: 300 },
  );
});
