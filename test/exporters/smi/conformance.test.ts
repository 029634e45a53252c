/** @module The conformance rows of the SMI API, over a real socket. Numbers in titles are those of the list. */
import test from 'ava';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { END_MS, fixture, startServer } from './server.ts';

const B1 = '/apis/metrics.smi-spec.io/v1alpha1';
const B2 = '/apis/metrics.smi-spec.io/v1alpha2';
const FIVE = ['p99_response_latency', 'p90_response_latency', 'p50_response_latency', 'success_count', 'failure_count'];

interface Item {
  kind: string;
  metadata: Record<string, string>;
  resource: Record<string, string>;
  edge: { direction: string; side?: string; resource: Record<string, string> | null };
  metrics: { name: string; unit?: string; value: string }[];
}
const names = (list: { items: Item[] }) => list.items.map((item) => item.metadata.name);
const ends = (list: { items: Item[] }) =>
  list.items.map(({ edge }) => `${edge.direction} ${edge.resource?.namespace ?? ''}/${edge.resource?.name}`);

test('1, 2: discovery of v1alpha1 has one kind, a stable order, and takes a trailing slash', async (t) => {
  const { ask, get } = await startServer(t);
  const list = await get(B1);
  t.like(list, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'metrics.smi-spec.io/v1alpha1' });
  const kinds = (list.resources as { name: string; kind: string }[]).map(({ name, kind }) => [
    name.endsWith('/edges'),
    kind,
  ]);
  t.true(
    kinds.length >= 18 && kinds.every(([edges, kind]) => kind === (edges ? 'TrafficMetricsList' : 'TrafficMetrics')),
  );
  const text = (await ask(B1)).text;
  t.is((await ask(B1)).text, text);
  t.is((await ask(`${B1}/`)).text, text);
});

test('3: discovery of v1alpha2 has distinct kinds, trafficmetrics and edges', async (t) => {
  const { get } = await startServer(t);
  const resources: { name: string; kind: string; verbs: string[] }[] = (await get(B2)).resources;
  const kindOf = new Map(resources.map(({ name, kind }) => [name, kind]));
  t.is(kindOf.get('trafficmetrics'), 'TrafficMetrics');
  t.is(kindOf.get('deployments'), 'DeploymentTrafficMetrics');
  t.is(kindOf.get('deployments/edges'), 'TrafficMetricsList');
  const own = [...kindOf].filter(([name]) => !name.endsWith('/edges')).map(([, kind]) => kind);
  t.is(new Set(own).size, own.length);
  t.deepEqual(names(await get(`${B2}/namespaces/x/trafficmetrics`)), ['api', 'bare', 'idle', 'migrate', 'web']);
});

test('4, 5: the group and the list of groups', async (t) => {
  const { get } = await startServer(t);
  const group = await get('/apis/metrics.smi-spec.io');
  t.like(group, { kind: 'APIGroup', name: 'metrics.smi-spec.io', preferredVersion: { version: 'v1alpha2' } });
  t.like(await get('/apis'), { kind: 'APIGroupList', groups: [{ name: 'metrics.smi-spec.io' }] });
});

test('9: health answers ok', async (t) => {
  const { ask } = await startServer(t, { sums: [] });
  for (const path of ['/healthz', '/livez', '/readyz']) t.like(await ask(path), { status: 200, text: 'ok' });
  t.is((await ask('/readyz?verbose')).text, '[+]ping ok\nreadyz check passed\n');
});

test('11: one deployment in v1alpha1, byte by byte', async (t) => {
  const { ask } = await startServer(t);
  const answer = await ask(`${B1}/namespaces/x/deployments/api`);
  t.is(answer.status, 200);
  t.is(answer.headers['content-type'], 'application/json');
  t.is(
    answer.text,
    '{"kind":"TrafficMetrics","apiVersion":"metrics.smi-spec.io/v1alpha1","metadata":{"name":"api","namespace":"x",' +
      '"selfLink":"/apis/metrics.smi-spec.io/v1alpha1/namespaces/x/deployments/api",' +
      '"creationTimestamp":"2023-11-14T22:14:00Z"},"timestamp":"2023-11-14T22:14:00Z","window":"30s",' +
      '"resource":{"kind":"Deployment","namespace":"x","name":"api","apiVersion":"apps/v1"},' +
      '"edge":{"direction":"from","side":"server","resource":null},"metrics":[' +
      '{"name":"p99_response_latency","unit":"ms","value":"296875m"},' +
      '{"name":"p90_response_latency","unit":"ms","value":"40"},' +
      '{"name":"p50_response_latency","unit":"ms","value":"12500m"},' +
      '{"name":"success_count","value":"100"},{"name":"failure_count","value":"2"}]}',
  );
});

test('12: the same in v1alpha2 has a side, an empty peer, no backend, and what was counted', async (t) => {
  const { get } = await startServer(t);
  const api = await get(`${B2}/namespaces/x/deployments/api`);
  t.deepEqual(api.edge, { direction: 'from', side: 'server', resource: {} });
  t.is(api.backend, null);
  t.deepEqual(Object.keys(api), [
    'kind',
    'apiVersion',
    'metadata',
    'timestamp',
    'window',
    'resource',
    'edge',
    'backend',
    'metrics',
    'x-weir',
  ]);
  t.deepEqual(api['x-weir'], { mesh: 'linkerd', counts: 'requests', complete: true });
  t.false('x-weir' in (await get(`${B2}/namespaces/x/deployments/idle`)));
  t.is((await get(`${B2}/namespaces/x/deployments/idle`)).edge.side, '');
});

test('13, 15: a list is sorted, names its resource, and takes a trailing slash', async (t) => {
  const { ask, get } = await startServer(t);
  const list = await get(`${B1}/namespaces/x/deployments`);
  t.deepEqual(names(list), ['api', 'idle', 'web']);
  t.deepEqual(list.resource, { kind: 'Deployment', namespace: 'x', apiVersion: 'apps/v1' });
  t.deepEqual(list.metadata, { selfLink: `${B1}/namespaces/x/deployments` });
  t.deepEqual(Object.keys(list), ['kind', 'apiVersion', 'metadata', 'resource', 'items']);
  t.is((await ask(`${B1}/namespaces/x/deployments/`)).text, (await ask(`${B1}/namespaces/x/deployments`)).text);
});

test('14: over all namespaces it is sorted by namespace, then name', async (t) => {
  const { get } = await startServer(t);
  const list: { items: Item[]; resource: object } = await get(`${B1}/deployments`);
  t.deepEqual(
    list.items.map(({ metadata: m }) => `${m.namespace}/${m.name}`),
    ['w/web', 'x/api', 'x/idle', 'x/web', 'y/db'],
  );
  t.deepEqual(list.resource, { kind: 'Deployment', apiVersion: 'apps/v1' });
});

test('16: an idle deployment has five metrics that read 0', async (t) => {
  const { get } = await startServer(t);
  const idle: Item = await get(`${B1}/namespaces/x/deployments/idle`);
  t.deepEqual(
    idle.metrics.map(({ name, value }) => [name, value]),
    FIVE.map((name) => [name, '0']),
  );
  t.deepEqual(idle.edge, { direction: 'from', resource: null });
});

test('17: an unknown deployment is not found', async (t) => {
  const { ask } = await startServer(t);
  const { status, text } = await ask(`${B1}/namespaces/x/deployments/nope`);
  t.is(status, 404);
  t.is(
    text,
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",' +
      '"message":"deployments.metrics.smi-spec.io \\"nope\\" not found","reason":"NotFound",' +
      '"details":{"name":"nope","group":"metrics.smi-spec.io","kind":"deployments"},"code":404}',
  );
});

test('18: a list of an unknown namespace is empty, not null', async (t) => {
  const { ask } = await startServer(t);
  const { status, text } = await ask(`${B1}/namespaces/nope/deployments`);
  t.is(status, 200);
  t.true(text.endsWith('"items":[]}'));
});

for (const [number, path] of [
  [19, `${B1}/namespaces/x/foos`],
  [20, '/apis/metrics.smi-spec.io/v9/pods'],
  [28, `${B1}/namespaces/x/namespaces`],
  [28, `${B1}/namespaces/x/nodes`],
  [30, `${B1}/namespaces/x/trafficsplits/api-split`],
  [30, `${B2}/trafficsplits`],
  [19, `${B1}/namespaces/x/deployments/api/foo`],
  [19, `${B1}/namespaces/x/deployments/api/edges/x`],
  [19, `${B1}/deployments/api`],
  [19, `${B1}/trafficmetrics`],
] as const) {
  test(`${number}: ${path} is no resource of this server`, async (t) => {
    const { ask } = await startServer(t);
    const { status, text } = await ask(path);
    t.is(status, 404);
    const message = 'the server could not find the requested resource';
    t.like(JSON.parse(text), { kind: 'Status', code: 404, reason: 'NotFound', message });
    t.deepEqual(JSON.parse(text).details, {});
  });
}

test('21: edges of a deployment, each with its full other end', async (t) => {
  const { get } = await startServer(t);
  const list = await get(`${B1}/namespaces/x/deployments/api/edges`);
  t.deepEqual(ends(list), ['from x/web', 'from w/web', 'to y/db']);
  t.true(list.items.every((item: Item) => item.resource.name === 'api'));
  const web = { kind: 'Deployment', namespace: 'x', name: 'web', apiVersion: 'apps/v1' };
  t.deepEqual(list.items[0].edge, { direction: 'from', side: 'client', resource: web });
  t.deepEqual(list.resource, { kind: 'Deployment', namespace: 'x', name: 'api', apiVersion: 'apps/v1' });
  t.is(list.items[0].metadata.selfLink, `${B1}/namespaces/x/deployments/api/edges`);
});

test('22: a workload of the same name in another namespace stays out', async (t) => {
  const { get } = await startServer(t);
  t.deepEqual(ends(await get(`${B1}/namespaces/x/deployments/web/edges`)), ['to x/api']);
});

test('23, 24: edges of the unknown are not found, of the idle empty', async (t) => {
  const { ask, get } = await startServer(t);
  t.is((await ask(`${B1}/namespaces/x/deployments/nope/edges`)).status, 404);
  t.deepEqual((await get(`${B1}/namespaces/x/deployments/idle/edges`)).items, []);
});

test('25: a namespace is an object without a namespace', async (t) => {
  const { get } = await startServer(t);
  const x: Item = await get(`${B1}/namespaces/x`);
  t.deepEqual(x.resource, { kind: 'Namespace', name: 'x', apiVersion: 'v1' });
  t.false('namespace' in x.metadata);
  t.is(x.metadata.selfLink, `${B1}/namespaces/x`);
  t.deepEqual(
    x.metrics.slice(3).map((m) => m.value),
    ['100', '2'],
  );
});

test('26: edges of a namespace: itself both ways, and the others', async (t) => {
  const { get } = await startServer(t);
  t.deepEqual(ends(await get(`${B1}/namespaces/x/edges`)), ['from /x', 'from /w', 'to /x', 'to /y']);
});

test('27: namespaces are a list of the whole cluster', async (t) => {
  const { get } = await startServer(t);
  const list = await get(`${B1}/namespaces`);
  t.deepEqual(names(list), ['w', 'x', 'y']);
  t.deepEqual(list.resource, { kind: 'Namespace', apiVersion: 'v1' });
});

for (const [path, kind, apiVersion, successes] of [
  ['nodes/n1', 'Node', 'v1', '60'],
  ['namespaces/x/services/api', 'Service', 'v1', '100'],
  ['namespaces/x/replicasets/bare', 'ReplicaSet', 'apps/v1', '0'],
  ['namespaces/x/jobs/migrate', 'Job', 'batch/v1', '0'],
  ['namespaces/x/pods/api-2', 'Pod', 'v1', '40'],
] as const) {
  test(`29: ${path} has its kind and API version`, async (t) => {
    const { get } = await startServer(t);
    for (const base of [B1, B2]) {
      const item: Item = await get(`${base}/${path}`);
      t.like(item.resource, { kind, apiVersion, name: path.split('/').at(-1)! });
      t.is(item.metrics[3]!.value, successes);
    }
  });
}

const slots = [0, 1, 2, 3, 4, 5, 6].map((at) => {
  const web = own('x/web');
  const me = covered(web, { coveredSeconds: 10, expectedSeconds: 10, scrapesDue: 1 });
  const startMs = END_MS - 70_000 + at * 10_000;
  return sumOf([record('client', web, peer('x/api'), 2 ** at)], [me], { startMs, lengthMs: 10_000 });
});
const API = '/namespaces/x/deployments/api';

test('31: a window that is asked for is rounded up to whole slots, and stated', async (t) => {
  const { get } = await startServer(t, { sums: slots });
  const asked = async (path: string) => {
    const item = await get(path);
    return [item.window, item.metrics[3].value];
  };
  t.deepEqual(await asked(`${B1}${API}`), ['30s', '112']);
  t.deepEqual(await asked(`${B1}${API}?t=1m`), ['1m0s', '126']);
  t.deepEqual(await asked(`${B2}${API}?t=1s`), ['10s', '64']);
  t.deepEqual(await asked(`${B2}${API}?window=35s`), ['40s', '120']);
  // Seven slots are all there is, and the answer says so.
  t.deepEqual(await asked(`${B1}${API}?t=4m59s`), ['1m10s', '127']);
});

test('32: a window that is no duration is the default in v1alpha1 and refused in v1alpha2', async (t) => {
  const { ask, get } = await startServer(t, { sums: slots });
  for (const text of ['bogus', '', '30', '1d']) {
    t.is((await get(`${B1}${API}?t=${text}`)).window, '30s');
    t.is((await ask(`${B2}${API}?t=${text}`)).status, 400);
  }
});

test('33: a window of nothing, less or too much is refused', async (t) => {
  const { ask } = await startServer(t, { sums: slots });
  for (const base of [B1, B2]) {
    for (const text of ['0s', '-5s', '1000h', '5m1s', '500ms']) {
      const { status, text: body } = await ask(`${base}${API}?t=${text}`);
      t.is(status, 400);
      const message = `unable to use t="${text}": it must be from 1s to 5m0s (the retention)`;
      t.like(JSON.parse(body), { kind: 'Status', reason: 'BadRequest', message });
    }
  }
});

test('44: watching is not supported, and selectors are refused rather than ignored', async (t) => {
  const { ask } = await startServer(t);
  const list = `${B1}/namespaces/x/deployments`;
  const { status, text } = await ask(`${list}?watch=true`);
  t.is(status, 405);
  t.is(JSON.parse(text).message, 'watch is not supported on resources of kind "deployments.metrics.smi-spec.io"');
  t.is((await ask(`${list}?watch=false&limit=500`)).status, 200);
  t.is((await ask(`${list}?labelSelector=app%3Dapi`)).status, 400);
});

test('50: other methods are not allowed', async (t) => {
  const { ask } = await startServer(t);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    for (const path of [`${B1}${API}`, `${B1}/namespaces/x/deployments`]) {
      const { status, headers, text } = await ask(path, { method });
      t.is(status, 405);
      t.is(headers.allow, 'GET, HEAD');
      t.like(JSON.parse(text), { kind: 'Status', reason: 'MethodNotAllowed', details: {}, code: 405 });
    }
  }
});

test('51: HEAD has the headers of GET and no body', async (t) => {
  const { ask } = await startServer(t);
  const [get, head] = [await ask(`${B1}${API}`), await ask(`${B1}${API}`, { method: 'HEAD' })];
  t.is(head.status, 200);
  t.is(head.text, '');
  const comparable = ({ date: _, ...rest }: typeof get.headers) => rest;
  t.deepEqual(comparable(head.headers), comparable(get.headers));
  t.is(head.headers['content-length'], String(Buffer.byteLength(get.text)));
});

test('52: the body of a GET is ignored', async (t) => {
  const { ask } = await startServer(t);
  const body = '\u0000\u0001protobuf';
  const headers = { 'content-length': String(Buffer.byteLength(body)), 'content-type': 'application/x-protobuf' };
  const answer = await ask(`${B1}${API}`, { body, headers });
  t.is(answer.status, 200);
  t.is(answer.text, (await ask(`${B1}${API}`)).text);
});

const HOSTILE = [
  '%2e%2e%2fx',
  '%2e%2e',
  '..%2f..%2fx%2fdeployments%2fapi',
  'api%22',
  "api'",
  'api%7Cweb',
  '.%2B',
  '.*',
  '%00',
  '__proto__',
  'constructor',
  '%E2%80%AE',
  '%zz',
  '%ff',
  'a'.repeat(300),
  'api%2Fedges',
  'api%20',
  'API',
];
for (const name of HOSTILE) {
  test(`69: the name ${name.slice(0, 40)} reaches no object`, async (t) => {
    const { ask } = await startServer(t);
    for (const path of [
      `${B1}/namespaces/x/deployments/${name}`,
      `${B1}/namespaces/x/deployments/${name}/edges`,
      `${B2}/namespaces/${name}`,
      `${B1}/nodes/${name}`,
    ]) {
      const { status, text } = await ask(path);
      t.is(status, 404);
      t.is(JSON.parse(text).kind, 'Status');
    }
  });
}

test('69: hostile names in the data stay data', async (t) => {
  const hostile = own('x"/,"kind":"Evil/../\u0000', { pod: '</script>' });
  const { get } = await startServer(t, {
    sums: [sumOf([record('server', hostile, peer(null), 1)], [covered(hostile)], { startMs: END_MS - 30_000 })],
  });
  const list: { items: Item[] } = await get(`${B1}/deployments`);
  t.is(list.items.length, 1);
  t.is(list.items[0]!.metadata.name, ',"kind":"Evil');
  t.is(list.items[0]!.metadata.selfLink, `${B1}/namespaces/x%22/deployments/%2C%22kind%22%3A%22Evil`);
  t.is((await get(list.items[0]!.metadata.selfLink!)).metrics[3].value, '1');
});

test('69: half a surrogate pair in a name breaks no list', async (t) => {
  const odd = own('x/a\ud800b');
  const sums = [sumOf([record('server', odd, peer(null), 1)], [covered(odd)], { startMs: END_MS - 30_000 })];
  const { get } = await startServer(t, { sums });
  const list: { items: Item[] } = await get(`${B1}/deployments`);
  t.is(list.items[0]?.metadata.selfLink, `${B1}/namespaces/x/deployments/a%EF%BF%BDb`);
});

test('76: a reader that takes metrics by position and looks at every other end finds what it needs', async (t) => {
  const { get } = await startServer(t);
  const list: { items: Item[] } = await get(`${B1}/namespaces/x/deployments/`);
  const edges: { items: Item[] } = await get(`${B1}/namespaces/x/deployments/api/edges`);
  for (const item of [...list.items, ...edges.items]) {
    t.deepEqual(
      item.metrics.map((m) => m.name),
      FIVE,
    );
    t.deepEqual(
      item.metrics.map((m) => m.unit),
      ['ms', 'ms', 'ms', undefined, undefined],
    );
    t.truthy(item.edge.direction);
  }
  for (const item of edges.items) t.truthy(item.edge.resource?.name);
});

test('before the first slot: 503 with when numbers come, while discovery and health answer', async (t) => {
  const { ask, feed } = await startServer(t, { sums: [], nowMs: END_MS - 26_500 });
  const { status, headers, text } = await ask(`${B1}${API}`);
  t.is(status, 503);
  t.is(headers['retry-after'], '7');
  t.like(JSON.parse(text), {
    kind: 'Status',
    reason: 'ServiceUnavailable',
    message: 'no slot has closed yet: first numbers in 7s',
    details: { retryAfterSeconds: 7 },
  });
  t.is((await ask(B1)).status, 200);
  t.is((await ask('/readyz')).status, 200);
  feed({ ...fixture(), interval: { startMs: END_MS - 60_000, endMs: END_MS - 30_000 } });
  t.is((await ask(`${B1}${API}`)).status, 200);
});

test('when slots stop closing, old numbers are not shown under a fresh time', async (t) => {
  const { ask, clock } = await startServer(t);
  clock.advance(60_000);
  const { status, text } = await ask(`${B1}${API}`);
  t.is(status, 503);
  t.is(JSON.parse(text).message, 'no slot has closed since 2023-11-14T22:14:00.000Z: nothing reports traffic any more');
});

test('a path outside the served groups is plain text', async (t) => {
  const { ask } = await startServer(t);
  for (const path of ['/', '/foo/bar', '/apis/apps/v1', '/api']) t.is((await ask(path)).text, '404 page not found\n');
});

test('with a token, everything but health asks for it', async (t) => {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const folder = await mkdtemp(`${(await import('node:os')).tmpdir()}/weir-`);
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(`${folder}/token`, 'open sesame\n');
  const { ask } = await startServer(t, { written: { bearer_token_file: `${folder}/token` } });
  for (const path of [B1, `${B1}${API}`, '/v1/edges', '/v1/targets', '/nowhere']) {
    const { status, text } = await ask(path);
    t.is(status, 401);
    t.like(JSON.parse(text), { kind: 'Status', reason: 'Unauthorized' });
    t.not((await ask(path, { headers: { authorization: 'Bearer open sesame' } })).status, 401);
  }
  t.is((await ask('/livez')).text, 'ok');
});

test('every batch is taken, counted as delivered and never refused', async (t) => {
  const { exporter, balance, feed } = await startServer(t, { sums: [] });
  const empty = { ...fixture(), records: [], coverage: [] };
  t.deepEqual(exporter.admits({ body: 'traffic', sum: empty, items: 0, delivery: feed(empty) }), { ok: true });
  t.deepEqual(feed(fixture()).outcome, { kind: 'taken' });
  t.deepEqual([balance.accepted, balance.delivered, balance.unaccounted], [12, 12, 0]);
});
