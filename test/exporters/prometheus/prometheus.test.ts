/** @module The pages of the `prometheus` exporter: what they say, in which format, for how long, whatever the names. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { boundsName } from '../../../pipeline/wire/exposition-out/text.ts';
import { settle } from '../../kit/exporter.ts';
import { emptySpans } from '../../kit/spans.ts';
import { buckets, covered, LINKERD_BOUNDS_MS, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { OPEN_METRICS, pickSamples, START_MS, samplesOf, startExporter } from './server.ts';

const SLOT_MS = 10_000;
const WEB = own('shop/web', { kind: 'Deployment', pod: 'web-1', account: 'web' });
const OTHER_WEB = { ...WEB, pod: 'web-2' };
const API = own('shop/api', { kind: 'Deployment', pod: 'api-1' });
const TO_API = peer('shop/api', { kind: 'Deployment', service: 'api' });
const FROM_WEB = peer('shop/web', { kind: 'ServiceAccount' });
const TCP = { opened: 3, closed: 1, readBytes: 1000, writtenBytes: 2000 };
const LATENCY = [
  buckets([
    [5, 3],
    [1000, 4],
    [Number.POSITIVE_INFINITY, 1],
  ]),
];

/** Two pods of web call api, which one server sees. */
function traffic(n = 0): TrafficSum {
  const covers = { coveredSeconds: 9.75, expectedSeconds: 10, scrapesDue: 1 };
  return sumOf(
    [
      record('client', WEB, TO_API, 7, 1, { latency: LATENCY, tcp: TCP, unreached: 1 }),
      record('client', OTHER_WEB, TO_API, 2),
      record('server', API, FROM_WEB, 9, 0),
    ],
    [covered(WEB, covers), covered(API, { ...covers, scrapesMissed: 1, resets: 2, firstSight: n === 0 })],
    { startMs: START_MS + n * SLOT_MS, lengthMs: SLOT_MS },
  );
}

test('counters add up slot by slot, per edge and side', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(traffic(0));
  feed(traffic(1));
  t.deepEqual(pickSamples(await page(), 'weir_requests_total', 'side', 'source_pod', 'classification'), {
    'client web-1 success': 14,
    'client web-1 failure': 2,
    'client web-2 success': 4,
    'client web-2 failure': 0,
    'server - success': 18,
    'server - failure': 0,
  });
});

test('resources are totals of their pods, received by the server side and sent by the client side, never both in one', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(traffic(0));
  const text = await page();
  t.deepEqual(pickSamples(text, 'weir_resource_requests_total', 'side', 'workload', 'kind', 'classification'), {
    'client web Deployment success': 9,
    'client web Deployment failure': 1,
    'server api Deployment success': 9,
    'server api Deployment failure': 0,
  });
  t.deepEqual(pickSamples(text, 'weir_resource_request_duration_seconds_count', 'side', 'workload'), {
    'client web': 8,
  });
});

test('a series in full', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(traffic(0));
  const labels =
    'mesh="linkerd",side="client",protocol="http",counts="attempts",source_namespace="shop",source_workload="web",' +
    'source_kind="Deployment",source_pod="web-1",source_service_account="web",destination_namespace="shop",' +
    'destination_workload="api",destination_kind="Deployment",destination_service="api"';
  const found = samplesOf(await page());
  const bounds = `bounds="${boundsName(LINKERD_BOUNDS_MS)}"`;
  for (const [series, value] of [
    [`weir_requests_total{${labels},classification="success"}`, 7],
    [`weir_requests_total{${labels},classification="failure"}`, 1],
    [`weir_requests_unreached_total{${labels}}`, 1],
    [`weir_request_duration_seconds_bucket{${labels},${bounds},le="0.004"}`, 0],
    [`weir_request_duration_seconds_bucket{${labels},${bounds},le="0.005"}`, 3],
    [`weir_request_duration_seconds_bucket{${labels},${bounds},le="1.0"}`, 7],
    [`weir_request_duration_seconds_bucket{${labels},${bounds},le="50.0"}`, 7],
    [`weir_request_duration_seconds_bucket{${labels},${bounds},le="+Inf"}`, 8],
    [`weir_request_duration_seconds_count{${labels},${bounds}}`, 8],
    [`weir_tcp_connections_opened_total{${labels}}`, 3],
    [`weir_tcp_connections_closed_total{${labels}}`, 1],
    [`weir_tcp_read_bytes_total{${labels}}`, 1000],
    [`weir_tcp_written_bytes_total{${labels}}`, 2000],
  ] as const)
    t.is(found.get(series), value, series);
});

test('coverage and the time told are there, so that gaps can be seen', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(traffic(0));
  feed({ ...traffic(1), partial: true });
  const text = await page();
  const of = (name: string) => pickSamples(text, `weir_coverage_${name}_total`, 'workload');
  t.deepEqual(of('scrapes_due'), { web: 2, api: 2 });
  t.deepEqual(of('scrapes_missed'), { web: 0, api: 2 });
  t.deepEqual(of('covered_seconds'), { web: 19.5, api: 19.5 });
  t.deepEqual(of('expected_seconds'), { web: 20, api: 20 });
  t.deepEqual(of('resets'), { web: 0, api: 4 });
  t.deepEqual(of('first_sights'), { web: 0, api: 1 });
  t.deepEqual(pickSamples(text, 'weir_interval_seconds_total', 'partial', 'clock_ahead'), {
    'false false': 10,
    'true false': 10,
  });
});

test('before the first slot the page is empty but whole', async (t) => {
  const { page } = await startExporter(t);
  t.is(await page(), '');
  t.is(await page(OPEN_METRICS), '# EOF\n');
});

test('failures that no server saw are there once there were any, and stay', async (t) => {
  const { feed, page } = await startExporter(t);
  const toDb = peer('shop/db');
  const unreached = async () => pickSamples(await page(), 'weir_requests_unreached_total', 'destination_workload');
  feed(sumOf([record('client', WEB, TO_API, 5, 2), record('client', WEB, toDb, 1)], []));
  t.deepEqual(await unreached(), {});
  t.false((await page()).includes('unreached'), 'no head without a sample');
  feed(sumOf([record('client', WEB, TO_API, 0, 3, { unreached: 3 }), record('client', WEB, toDb, 1)], []));
  t.deepEqual(await unreached(), { api: 3 });
  feed(sumOf([record('client', WEB, TO_API, 1)], []));
  t.deepEqual(await unreached(), { api: 3 });
});

test('an edge without traffic is 0, and bytes without requests are no requests', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(
    sumOf(
      [record('client', WEB, TO_API, 0), record('client', WEB, peer('shop/db'), 0, 0, { protocol: 'tcp', tcp: TCP })],
      [],
    ),
  );
  const text = await page();
  t.deepEqual(pickSamples(text, 'weir_requests_total', 'protocol', 'classification'), {
    'http success': 0,
    'http failure': 0,
  });
  t.deepEqual(pickSamples(text, 'weir_tcp_read_bytes_total', 'protocol'), { tcp: 1000 });
});

test('unlike bounds of one record stand apart, each with its own count', async (t) => {
  const { feed, page } = await startExporter(t);
  const envoy = buckets([[5, 2]], [5, 1000]);
  feed(sumOf([record('client', WEB, TO_API, 10, 0, { latency: [...LATENCY, envoy] })], []));
  const text = await page();
  const name = boundsName([5, 1000]);
  t.deepEqual(pickSamples(text, 'weir_request_duration_seconds_count', 'bounds'), {
    [boundsName(LINKERD_BOUNDS_MS)]: 8,
    [name]: 2,
  });
  t.is(pickSamples(text, 'weir_request_duration_seconds_bucket', 'bounds', 'le')[`${name} 0.005`], 2);
});

test('text 0.0.4 and OpenMetrics 1.0 carry the same samples under their own heads', async (t) => {
  const { feed, ask } = await startExporter(t);
  feed(traffic(0));
  const text = await ask();
  const open = await ask({ headers: { accept: OPEN_METRICS } });
  t.is(text.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.is(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.true(text.text.includes('# TYPE weir_requests_total counter\n'));
  t.true(open.text.includes('# TYPE weir_requests counter\n'));
  t.true(
    open.text.includes(
      '# TYPE weir_request_duration_seconds histogram\n# UNIT weir_request_duration_seconds seconds\n',
    ),
  );
  t.true(open.text.includes('# UNIT weir_tcp_read_bytes bytes\n'));
  t.true(open.text.endsWith('\n# EOF\n'));
  t.false(text.text.includes('# EOF') || text.text.includes('_created') || text.text.includes('# UNIT'));
  const withoutCreated = [...samplesOf(open.text)].filter(([series]) => !series.includes('_created{'));
  t.deepEqual(new Map(withoutCreated), samplesOf(text.text));
});

test('every counter and histogram of OpenMetrics says since when it counts, unless told not to', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(traffic(3));
  const found = samplesOf(await page(OPEN_METRICS));
  const created = [...found].filter(([series]) => series.includes('_created{'));
  const counting = [...found.keys()].filter((series) => /_(total|count)\{/.test(series));
  t.is(created.length, counting.length);
  for (const [series, value] of created) {
    t.is(value, (START_MS + 3 * SLOT_MS) / 1000);
    t.true(
      found.has(series.replace('_created{', '_total{')) || found.has(series.replace('_created{', '_count{')),
      series,
    );
  }
  const silent = await startExporter(t, { created_samples: false });
  silent.feed(traffic(3));
  t.false((await silent.page(OPEN_METRICS)).includes('_created'));
});

test('families stand together, each once, with help and type above its first sample', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(traffic(0));
  for (const accept of ['', OPEN_METRICS]) {
    const lines = (await page(accept)).split('\n').filter((line) => line !== '' && line !== '# EOF');
    const heads = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2] ?? '');
    t.is(new Set(heads).size, heads.length);
    let current = '';
    for (const line of lines) {
      if (line.startsWith('# HELP ')) current = line.split(' ')[2] ?? '';
      else if (!line.startsWith('#')) t.true(line.startsWith(current), `${line} under ${current}`);
    }
  }
});

test('what nothing tells any more disappears and comes back from 0 with a new start', async (t) => {
  const { feed, page, clock } = await startExporter(t, { metric_expiration: '1m' });
  feed(traffic(0));
  clock.advance(59_999);
  t.is(
    pickSamples(await page(), 'weir_requests_total', 'source_pod', 'side', 'classification')['web-1 client success'],
    7,
  );
  clock.advance(1);
  t.deepEqual(
    [...samplesOf(await page()).keys()].map((series) => series.split('{')[0]),
    ['weir_interval_seconds_total'],
  );
  feed(traffic(7));
  const text = await page(OPEN_METRICS);
  t.is(pickSamples(text, 'weir_requests_total', 'source_pod', 'side', 'classification')['web-1 client success'], 7);
  t.is(
    pickSamples(text, 'weir_requests_created', 'source_pod', 'side', 'classification')['web-1 client success'],
    START_MS / 1000 + 70,
  );
});

test('what is told with zeros stays as long as it is told', async (t) => {
  const { feed, page, clock } = await startExporter(t, { metric_expiration: '1m' });
  feed(traffic(0));
  for (let n = 1; n < 20; n++) {
    clock.advance(SLOT_MS);
    feed(sumOf([record('client', WEB, TO_API, 0)], []));
  }
  t.deepEqual(pickSamples(await page(), 'weir_requests_total', 'source_pod', 'classification'), {
    'web-1 success': 7,
    'web-1 failure': 1,
  });
});

test('without a reader old totals are forgotten as well, and their room is free again', async (t) => {
  const { feed, balance, clock } = await startExporter(t, { metric_expiration: '10s', max_series: 5 });
  for (let n = 0; n < 50; n++) {
    feed(sumOf([record('client', own(`shop/w${n}`), TO_API, 1)], []));
    clock.advance(10_000);
  }
  t.is(balance.dropped.size, 0);
  t.is(balance.delivered, 50);
});

test('beyond max_series new series are dropped, counted and told once, while their resource goes on', async (t) => {
  const { feed, page, balance, log } = await startExporter(t, { max_series: 2 });
  feed(
    sumOf(
      [
        record('client', WEB, TO_API, 1),
        record('client', OTHER_WEB, TO_API, 2),
        record('client', OTHER_WEB, peer('shop/db'), 4),
      ],
      [],
    ),
  );
  feed(sumOf([record('client', WEB, TO_API, 1), record('client', OTHER_WEB, peer('shop/db'), 4)], []));
  t.deepEqual(balance.dropped, new Map([['max_series', 2]]));
  t.is(balance.delivered, 3);
  t.is(balance.unaccounted, 0);
  const text = await page();
  t.deepEqual(pickSamples(text, 'weir_requests_total', 'source_pod', 'classification')['web-1 success'], 2);
  t.deepEqual(pickSamples(text, 'weir_resource_requests_total', 'workload', 'classification')['web success'], 12);
  t.is(log.filter(({ message }) => message.startsWith('max_series')).length, 1);
});

test('labels that are left out are added over', async (t) => {
  const { feed, page } = await startExporter(t, { exclude_labels: ['source_pod', 'source_service_account'] });
  feed(traffic(0));
  const text = await page();
  t.deepEqual(pickSamples(text, 'weir_requests_total', 'side', 'source_pod', 'classification'), {
    'client - success': 9,
    'client - failure': 1,
    'server - success': 9,
    'server - failure': 0,
  });
  t.false(/requests_total\{[^\n]*source_service_account/.test(text));
});

test('a namespace goes before every name and constant labels into every series', async (t) => {
  const { feed, page } = await startExporter(t, { namespace: 'acme', const_labels: { region: 'e"u' } });
  feed(traffic(0));
  for (const accept of ['', OPEN_METRICS]) {
    const series = [...samplesOf(await page(accept)).keys()];
    t.true(series.length > 50);
    for (const each of series) t.regex(each, /^acme_weir_[a-z_]+\{region="e\\"u",/);
  }
});

const HOSTILE = [
  '',
  '"',
  '\\',
  '\n',
  'a"} 1\nweir_evil{x="',
  '\u0000',
  '__proto__',
  'constructor',
  '\ud800',
  '漢字',
  ' ',
  'x'.repeat(5000),
];

test('names of any kind stay names, and no series is told twice', async (t) => {
  const { feed, page } = await startExporter(t);
  const names = [...HOSTILE, '\ud801'];
  feed(
    sumOf(
      names.map((name) =>
        record('server', own('x/y', { pod: `pod${name}` }), peer(`x/${name.replaceAll('/', '')}`), 1),
      ),
      [],
    ),
  );
  for (const accept of ['', OPEN_METRICS]) {
    const text = await page(accept);
    t.false(text.includes('\nweir_evil'));
    const found = pickSamples(text, 'weir_requests_total', 'source_workload', 'classification');
    // Half pairs and NUL all read as U+FFFD: equal labels are one series with the counts of all.
    t.is(found['\ufffd success'], 3);
    t.is(found['a\\"} 1\\nweir_evil{x=\\" success'], 1);
    t.is(
      Object.entries(found).reduce((sum, [, value]) => sum + value, 0),
      names.length,
    );
  }
});

test('a workload of unknown name and an unknown peer have equal labels, and their counts are added', async (t) => {
  const { feed, page } = await startExporter(t);
  const nameless = { ...peer(null), workload: { cluster: '', namespace: '', name: '', kind: '' as const } };
  feed(sumOf([record('server', API, peer(null), 1), record('server', API, nameless, 2)], []));
  const values = Object.values(pickSamples(await page(), 'weir_requests_total', 'source_workload', 'classification'));
  t.deepEqual(
    values.reduce((sum, value) => sum + value, 0),
    3,
  );
});

test('gzip when asked, and only then', async (t) => {
  const { feed, ask, page } = await startExporter(t);
  feed(traffic(0));
  const zipped = await ask({ headers: { 'accept-encoding': 'gzip' } });
  t.is(zipped.headers['content-encoding'], 'gzip');
  t.is(zipped.text, await page());
  t.true(Number(zipped.headers['content-length']) < zipped.text.length / 3);
  t.is((await ask({ headers: { 'accept-encoding': 'gzip;q=0, identity' } })).headers['content-encoding'], undefined);
});

test('HEAD has the headers of GET; other methods and paths are told so', async (t) => {
  const { feed, ask, page } = await startExporter(t);
  feed(traffic(0));
  const head = await ask({ method: 'HEAD' });
  t.like(head, { status: 200, text: '' });
  t.is(head.headers['content-length'], String(Buffer.byteLength(await page())));
  t.like(await ask({ method: 'POST' }), { status: 405 });
  t.like(await ask({ path: '/' }), { status: 404 });
});

test('with a token, only who carries it reads', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'token'), 'open sesame\n');
  const { ask } = await startExporter(t, { bearer_token_file: join(folder, 'token') });
  t.is((await ask()).status, 401);
  t.is((await ask({ headers: { authorization: 'Bearer open sesame' } })).status, 200);
});

test('scrapes at once share a page; one after the next slot sees it', async (t) => {
  const { feed, page } = await startExporter(t);
  feed(traffic(0));
  const pages = await Promise.all(Array.from({ length: 12 }, (_, i) => page(i % 2 === 0 ? '' : OPEN_METRICS)));
  t.is(new Set(pages).size, 2);
  feed(traffic(1));
  t.is(pickSamples(await page(), 'weir_requests_total', 'side', 'classification')['server success'], 18);
});

test('every batch is taken and accounted for; something else than traffic is rejected', async (t) => {
  const { exporter, feed, balance } = await startExporter(t);
  const batch = feed(traffic(0));
  t.deepEqual(batch.delivery.outcome, { kind: 'taken' });
  await settle();
  t.deepEqual([balance.accepted, balance.delivered, balance.held, balance.unaccounted], [5, 5, 0, 0]);
  const spans = {
    body: 'spans' as const,
    spans: emptySpans(3),
    items: 3,
    delivery: batch.delivery,
  };
  exporter.consume(spans);
  t.deepEqual(balance.dropped, new Map([['not_traffic', 3]]));
});

test('a kind that is told later makes no second series: who somebody is does not depend on it', async (t) => {
  const { feed, page } = await startExporter(t);
  const pod = (name: string, kind: 'Deployment' | '') => own('shop/web', { kind, pod: name });
  feed(sumOf([record('server', pod('web-1', ''), peer(null), 1)], []));
  feed(sumOf([record('server', pod('web-1', 'Deployment'), peer(null), 2)], []));
  feed(sumOf([record('server', pod('web-2', 'Deployment'), peer(null), 4)], []));
  const text = await page();
  t.deepEqual(pickSamples(text, 'weir_resource_requests_total', 'workload', 'classification'), {
    'web success': 7,
    'web failure': 0,
  });
  t.deepEqual(pickSamples(text, 'weir_requests_total', 'destination_pod', 'classification'), {
    'web-1 success': 3,
    'web-1 failure': 0,
    'web-2 success': 4,
    'web-2 failure': 0,
  });
});

test('a series keeps the kinds with which it began, of edges that are added over and of targets, too', async (t) => {
  const { feed, page } = await startExporter(t, { exclude_labels: ['source_pod'] });
  const pod = (name: string, kind: 'Deployment' | '') => own('shop/web', { kind, pod: name });
  const target = 'linkerd 10.0.0.1:4191';
  feed(sumOf([record('client', pod('web-1', ''), peer('shop/api'), 1)], [covered(pod('web-1', ''), { target })]));
  feed(
    sumOf(
      [record('client', pod('web-2', 'Deployment'), peer('shop/api', { kind: 'Deployment' }), 2)],
      [covered(pod('web-1', 'Deployment'), { target })],
    ),
  );
  const text = await page();
  t.deepEqual(
    pickSamples(text, 'weir_requests_total', 'source_kind', 'destination_kind', 'source_workload', 'classification'),
    { '- - web success': 3, '- - web failure': 0 },
  );
  t.deepEqual(pickSamples(text, 'weir_coverage_scrapes_due_total', 'target', 'kind'), { [`${target} -`]: 6 });
});

test('a peer known by its account or its service alone is no workload of that name', async (t) => {
  const { feed, page } = await startExporter(t);
  const kinds = ['Deployment', 'ServiceAccount', 'Service'] as const;
  feed(
    sumOf(
      kinds.map((kind, n) => record('server', API, peer('shop/web', { kind }), n + 1)),
      [],
    ),
  );
  t.deepEqual(pickSamples(await page(), 'weir_requests_total', 'source_workload', 'source_kind', 'classification'), {
    ...{ 'web Deployment success': 1, 'web Deployment failure': 0 },
    ...{ 'web ServiceAccount success': 2, 'web ServiceAccount failure': 0 },
    ...{ 'web Service success': 3, 'web Service failure': 0 },
  });
});
