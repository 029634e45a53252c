/** @module Istio's table: whose a series is, who the other end was, and what it adds to, case by case. */
import test from 'ava';
import type { Identity, Peer, Workload } from '../../../pipeline/model/resource.ts';
import type { SeriesMeaning, TrafficSeries } from '../../../pipeline/model/rules.ts';
import { createIstioRules } from '../../../receivers/istio/rules.ts';
import { OPTIONS, targetOf } from './rows.ts';

const rules = createIstioRules(OPTIONS);
const WEB = targetOf('web', 'shop');
const API = targetOf('api', 'shop');
const NOBODY = targetOf('', '');
const ZTUNNEL = targetOf('ztunnel', 'istio-system', 'DaemonSet');
const WAYPOINT = targetOf('waypoint', 'shop');

const ENDS = {
  source_workload: 'web',
  source_workload_namespace: 'shop',
  source_principal: 'spiffe://cluster.local/ns/shop/sa/web-sa',
  source_cluster: 'Kubernetes',
  destination_workload: 'api',
  destination_workload_namespace: 'shop',
  destination_principal: 'spiffe://cluster.local/ns/shop/sa/api-sa',
  destination_service: 'api-svc.shop.svc.cluster.local',
  destination_service_name: 'api-svc',
  destination_service_namespace: 'shop',
  destination_cluster: 'Kubernetes',
  connection_security_policy: 'unknown',
};
const OK = { ...ENDS, request_protocol: 'http', response_code: '200', grpc_response_status: '', response_flags: '-' };
const OUT = { ...OK, reporter: 'source' };
const IN = { ...OK, reporter: 'destination' };
const VIA = { ...OK, reporter: 'waypoint' };
const UNKNOWN_SERVER = {
  destination_workload: 'unknown',
  destination_workload_namespace: 'unknown',
  destination_principal: 'unknown',
  destination_cluster: 'unknown',
};
const UNKNOWN_CLIENT = {
  source_workload: 'unknown',
  source_workload_namespace: 'unknown',
  source_principal: 'unknown',
  source_cluster: 'unknown',
};

function resolve(sample: string, labels: Record<string, string>, target: Identity = WEB, table = rules): SeriesMeaning {
  return table.resolve(sample, new Map(Object.entries(labels)), target);
}

function requests(labels: Record<string, string>, target: Identity = WEB): TrafficSeries | null {
  const meaning = resolve('istio_requests_total', labels, target);
  return meaning.role === 'traffic' ? meaning : null;
}

function without(labels: Record<string, string>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
}

function workload(namespace: string, name: string, kind: Workload['kind'] = '', cluster = ''): Workload {
  return { cluster, namespace, name, kind };
}

test('counts of clients are of requests, of servers of attempts', (t) => {
  t.deepEqual(rules.counts, { client: 'requests', server: 'attempts' });
  t.is(requests(OUT)?.counts, null);
  t.is(requests(IN, API)?.counts, null);
});

test('uptime, restart epoch and lag come from Envoy, never from the process start of the application', (t) => {
  t.deepEqual(resolve('envoy_server_uptime', {}), { role: 'uptime' });
  t.deepEqual(resolve('envoy_server_hot_restart_epoch', {}), { role: 'restart_epoch' });
  t.is(createIstioRules({ ...OPTIONS, flushSeconds: 20 }).uptimeLagSeconds, 20);
  t.false(rules.families.some(({ sample }) => sample === 'process_start_time_seconds'));
});

test('a page is whole by what only a proxy writes', (t) => {
  t.deepEqual(resolve('istio_build', { component: 'proxy', tag: '1.28.0' }), { role: 'sentinel' });
  t.deepEqual(resolve('istio_build', { component: 'ztunnel' }), { role: 'sentinel' });
  // The agent writes its own into every merged page, whether Envoy's part is there or not.
  for (const component of ['agent', 'pilot', 'cni', 'proxyless', 'Proxy', '']) {
    t.deepEqual(resolve('istio_build', { component }), { role: 'filtered', reason: 'other_build' }, component);
  }
  t.deepEqual(resolve('istio_build', {}), { role: 'filtered', reason: 'other_build' });
  t.is(rules.sentinel, 'envoy_server_uptime');
  t.is(createIstioRules({ ...OPTIONS, sentinel: false }).sentinel, null);
});

const sideCase = test.macro({
  exec(t, labels: Record<string, string>, expected: Partial<TrafficSeries>) {
    t.like(requests(labels), expected);
  },
  title: (title) => `${title}`,
});
test('the source reports the client side', sideCase, OUT, {
  side: 'client',
  own: null,
  measure: 'success',
  protocol: 'http',
});
test('the destination reports the server side', sideCase, IN, { side: 'server', own: null, measure: 'success' });
test(
  'gRPC is told apart',
  sideCase,
  { ...OUT, request_protocol: 'grpc', grpc_response_status: '14' },
  {
    protocol: 'grpc',
    measure: 'failure',
  },
);
test('a protocol that is cut is HTTP', sideCase, without(OUT, 'request_protocol'), { protocol: 'http' });

for (const reporter of ['ztunnel', '', 'Source']) {
  test(`reporter "${reporter}" is filtered`, (t) => {
    const filtered = { role: 'filtered', reason: 'unknown_reporter' } as const;
    t.deepEqual(resolve('istio_requests_total', { ...OK, reporter }), filtered);
    t.deepEqual(resolve('istio_tcp_sent_bytes_total', { ...OK, reporter }), filtered);
  });
}
test('no reporter is filtered', (t) => {
  t.like(resolve('istio_requests_total', OK), { role: 'filtered', reason: 'unknown_reporter' });
});

const peerCase = test.macro({
  exec(t, labels: Record<string, string>, expected: Partial<Peer>) {
    t.like(requests(labels)?.peer, expected);
  },
  title: (title) => `the peer is ${title}`,
});

test('the workload and the service asked for', peerCase, OUT, {
  workload: workload('shop', 'api'),
  pod: '',
  service: 'api-svc',
  serviceNamespace: '',
  serviceAccount: 'api-sa',
});
test(
  'a workload behind a service of another namespace',
  peerCase,
  { ...OUT, destination_service: 'api-svc.front.svc.cluster.local', destination_service_namespace: 'front' },
  { workload: workload('shop', 'api'), service: 'api-svc', serviceNamespace: 'front' },
);
test(
  'the Service when the workload is unknown',
  peerCase,
  { ...OUT, ...UNKNOWN_SERVER },
  {
    workload: workload('shop', 'api-svc', 'Service'),
    service: 'api-svc',
    serviceNamespace: '',
    serviceAccount: '',
  },
);
test(
  'the Service when only its full name is there',
  peerCase,
  {
    ...without(OUT, 'destination_workload', 'destination_service_name', 'destination_service_namespace'),
    destination_service: 'api-svc.shop.svc.cluster.local:8080',
  },
  { workload: workload('shop', 'api-svc', 'Service'), service: 'api-svc' },
);
test(
  'a host outside of the cluster, without its port',
  peerCase,
  {
    ...OUT,
    ...UNKNOWN_SERVER,
    destination_service: 'api.example.com:443',
    destination_service_name: 'api.example.com:443',
    destination_service_namespace: 'unknown',
  },
  { workload: workload('', 'api.example.com', 'Service'), service: 'api.example.com' },
);
test(
  'an address with its port',
  peerCase,
  { ...OUT, ...UNKNOWN_SERVER, destination_service: '10.0.0.9:80', destination_service_name: 'unknown' },
  { workload: workload('shop', '10.0.0.9:80', 'Service') },
);
for (const cluster of ['PassthroughCluster', 'BlackHoleCluster']) {
  test(
    `${cluster}, whatever host was asked for`,
    peerCase,
    { ...OUT, ...UNKNOWN_SERVER, destination_service: 'a.shop.svc.cluster.local', destination_service_name: cluster },
    { workload: workload('', cluster, 'Service'), service: cluster, serviceNamespace: '' },
  );
}
test(
  'the workload that passthrough reached, by no service',
  peerCase,
  { ...OUT, destination_service: '10.0.0.9:80', destination_service_name: 'PassthroughCluster' },
  { workload: workload('shop', 'api'), service: '', serviceNamespace: '' },
);
test(
  'nobody when nothing is known',
  peerCase,
  {
    ...OUT,
    ...UNKNOWN_SERVER,
    destination_service: 'unknown',
    destination_service_name: 'unknown',
    destination_service_namespace: 'unknown',
  },
  { workload: null, service: '', serviceAccount: '' },
);
test('the namespace of the account when its own is cut', peerCase, without(OUT, 'destination_workload_namespace'), {
  workload: workload('shop', 'api'),
});
test(
  'in the cluster that its labels name when that is another',
  peerCase,
  { ...OUT, destination_cluster: 'west' },
  {
    workload: workload('shop', 'api', '', 'west'),
  },
);
test(
  'in the own cluster when one of the two is unknown',
  peerCase,
  { ...OUT, source_cluster: 'unknown' },
  {
    workload: workload('shop', 'api'),
  },
);
test(
  'in the own cluster before there were such labels',
  peerCase,
  without(OUT, 'source_cluster', 'destination_cluster'),
  {
    workload: workload('shop', 'api'),
  },
);
test('the client, which asked for no service', peerCase, IN, {
  workload: workload('shop', 'web'),
  service: '',
  serviceAccount: 'web-sa',
});
test(
  'the account of a client without a name',
  peerCase,
  { ...IN, source_workload: 'unknown' },
  {
    workload: workload('shop', 'web-sa', 'ServiceAccount'),
    serviceAccount: 'web-sa',
  },
);
test('nobody outside of the mesh', peerCase, { ...IN, ...UNKNOWN_CLIENT }, { workload: null, serviceAccount: '' });
test(
  'nobody when only the namespace is known',
  peerCase,
  { ...IN, ...UNKNOWN_CLIENT, source_workload_namespace: 'shop' },
  {
    workload: null,
  },
);
test(
  'named as it is when the name is special to objects',
  peerCase,
  { ...OUT, destination_workload: '__proto__' },
  {
    workload: workload('shop', '__proto__'),
  },
);
test(
  'without an account when the principal is of another form',
  peerCase,
  { ...OUT, destination_principal: 'spiffe://td/vm/box' },
  { serviceAccount: '' },
);

test('the peer is in the cluster that the target is labelled with', (t) => {
  const east: Identity = { ...WEB, workload: { ...WEB.workload, cluster: 'east' } };
  t.is(requests(OUT, east)?.peer.workload?.cluster, 'east');
  t.is(requests({ ...OUT, destination_cluster: 'west' }, east)?.peer.workload?.cluster, 'west');
});

const ownCase = test.macro({
  exec(t, labels: Record<string, string>, target: Identity, expected: Partial<Identity> | null) {
    const own = requests(labels, target)?.own;
    if (expected === null) t.is(own, null);
    else t.like(own, expected);
  },
  title: (title) => `whose it is: ${title}`,
});
test("labels name the target's workload", ownCase, OUT, WEB, null);
test('labels win where the series names another one', ownCase, { ...OUT, source_workload: 'web-v1' }, WEB, null);
test('the source, where only the address is known', ownCase, OUT, NOBODY, {
  workload: workload('shop', 'web'),
  pod: '',
  node: 'n1',
  serviceAccount: 'web-sa',
});
test('the destination, where only the address is known', ownCase, IN, NOBODY, {
  workload: workload('shop', 'api'),
  serviceAccount: 'api-sa',
});
test(
  'the address, where the series does not tell either',
  ownCase,
  { ...OUT, source_workload: 'unknown' },
  NOBODY,
  null,
);
test('the pod behind a ztunnel, on its node', ownCase, IN, ZTUNNEL, {
  workload: workload('shop', 'api'),
  pod: '',
  node: 'n1',
});
test('the server behind a waypoint, on a node of its own', ownCase, VIA, WAYPOINT, {
  workload: workload('shop', 'api'),
  pod: '',
  node: '',
  serviceAccount: 'api-sa',
});

test('another proxy of whole nodes is told by its workload', (t) => {
  const named = createIstioRules({ ...OPTIONS, nodeProxies: new Set(['web']) });
  t.like(resolve('istio_requests_total', IN, WEB, named), { own: { workload: workload('shop', 'api') } });
  t.like(resolve('istio_requests_total', IN, ZTUNNEL, named), { own: null });
});

test('a waypoint counts requests on the server side; what found no server is on the client side', (t) => {
  t.like(requests(VIA, WAYPOINT), { side: 'server', counts: 'requests', peer: { workload: workload('shop', 'web') } });
  t.like(requests({ ...VIA, ...UNKNOWN_SERVER, response_code: '503', response_flags: 'UH' }, WAYPOINT), {
    side: 'client',
    measure: 'unreached',
    own: { workload: workload('shop', 'web') },
    peer: { workload: workload('shop', 'api-svc', 'Service') },
  });
});

test('failures that no server saw are told apart on the client side only', (t) => {
  const noHost = { response_code: '503', response_flags: 'UH' };
  t.is(requests({ ...OUT, ...noHost })?.measure, 'unreached');
  t.is(requests({ ...IN, ...noHost }, API)?.measure, 'failure');
  t.is(requests({ ...OUT, response_code: '503', response_flags: 'UC' })?.measure, 'failure');
  t.is(requests({ ...OUT, ...UNKNOWN_SERVER })?.measure, 'success');
});

for (const [sample, client, server] of [
  ['istio_tcp_sent_bytes_total', 'tcp_read_bytes', 'tcp_written_bytes'],
  ['istio_tcp_received_bytes_total', 'tcp_written_bytes', 'tcp_read_bytes'],
  ['istio_tcp_connections_opened_total', 'tcp_opened', 'tcp_opened'],
  ['istio_tcp_connections_closed_total', 'tcp_closed', 'tcp_closed'],
] as const) {
  test(`${sample} is ${client} of the client and ${server} of the server`, (t) => {
    const tcp = { ...ENDS, request_protocol: 'tcp', response_flags: '-' };
    t.like(resolve(sample, { ...tcp, reporter: 'source' }), { measure: client, side: 'client', protocol: 'tcp' });
    t.like(resolve(sample, { ...tcp, reporter: 'destination' }), { measure: server, side: 'server', protocol: 'tcp' });
    t.like(resolve(sample, { ...tcp, reporter: 'waypoint' }), { measure: server, side: 'server', protocol: 'tcp' });
  });
}

const BUCKET = 'istio_request_duration_milliseconds_bucket';

test('latency is of the requests that count: same ends, same protocol, filtered alike', (t) => {
  const call = { ...OUT, request_protocol: 'grpc', grpc_response_status: '14' };
  const counts = requests(call);
  t.like(resolve(BUCKET, { ...call, le: '2500' }), {
    measure: 'latency_bucket',
    boundMs: 2500,
    protocol: 'grpc',
    side: 'client',
    peer: counts?.peer ?? {},
  });
  t.like(resolve(BUCKET, { ...OUT, response_code: '0', response_flags: 'DC', le: '5' }), { reason: 'client_gone' });
});

test('buckets of one label set are one counter whatever the place of le; another code is another one', (t) => {
  const group = (labels: Record<string, string>) => {
    const meaning = resolve(BUCKET, labels);
    return meaning.role === 'traffic' ? meaning.group : '';
  };
  const first = group({ ...OUT, le: '+Inf' });
  t.not(first, '');
  t.is(group({ le: '0.5', ...OUT }), first);
  t.not(group({ ...OUT, response_code: '503', le: '0.5' }), first);
});

for (const le of ['', 'many', '-1', 'NaN', ' 5']) {
  test(`the bound "${le}" is filtered`, (t) => {
    t.deepEqual(resolve(BUCKET, { ...OUT, le }), { role: 'filtered', reason: 'bad_bucket' });
  });
}
