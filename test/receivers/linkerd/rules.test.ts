/** @module Linkerd's table: what one series means, case by case. */
import test from 'ava';
import type { Peer, Workload } from '../../../pipeline/model/resource.ts';
import type { SeriesMeaning } from '../../../pipeline/model/rules.ts';
import { createLinkerdRules } from '../../../receivers/linkerd/rules.ts';
import { ownOf } from './rows.ts';

const rules = createLinkerdRules({ adminPort: 4191, sentinel: true });
const OUT = { direction: 'outbound', target_addr: '10.0.0.9:8080', target_ip: '10.0.0.9', target_port: '8080' };
const IN = { direction: 'inbound', target_addr: '10.0.0.1:8080', target_ip: '10.0.0.1', target_port: '8080' };
const OK = { classification: 'success' };

function resolve(sample: string, labels: Record<string, string>): SeriesMeaning {
  return rules.resolve(sample, new Map(Object.entries(labels)), ownOf());
}

function peerOf(labels: Record<string, string>): Peer | null {
  const meaning = resolve('response_total', { ...OK, ...labels });
  return meaning.role === 'traffic' ? meaning.peer : null;
}

function workload(kind: Workload['kind'], namespace: string, name: string, cluster = ''): Workload {
  return { cluster, namespace, name, kind };
}

const filteredCase = test.macro({
  exec(t, sample: string, labels: Record<string, string>, reason: string) {
    t.deepEqual(resolve(sample, labels), { role: 'filtered', reason });
  },
  title: (providedTitle) => `is filtered: ${providedTitle}`,
});

test('a scrape', filteredCase, 'response_total', { ...IN, ...OK, target_port: '4191' }, 'own_scrape');
test(
  'a scrape of an old proxy without target_port',
  filteredCase,
  'response_total',
  { direction: 'inbound', target_addr: '0.0.0.0:4191', ...OK },
  'own_scrape',
);
test('a probe', filteredCase, 'response_total', { ...IN, ...OK, route_kind: 'default', route_name: 'probe' }, 'probe');
test(
  'a connection to the application',
  filteredCase,
  'tcp_open_total',
  { direction: 'inbound', peer: 'dst' },
  'application_side',
);
test('a connection from the application', filteredCase, 'tcp_open_total', { ...OUT, peer: 'src' }, 'application_side');
test('no direction', filteredCase, 'response_total', { ...OK }, 'unknown_direction');
test('no classification', filteredCase, 'response_total', { ...IN }, 'unknown_classification');
test('an unreadable bound', filteredCase, 'response_latency_ms_bucket', { ...IN, le: 'many' }, 'bad_bucket');
test('no bound', filteredCase, 'response_latency_ms_bucket', { ...IN }, 'bad_bucket');

test('a route that somebody called probe is traffic', (t) => {
  t.is(resolve('response_total', { ...IN, ...OK, route_kind: 'HTTPRoute', route_name: 'probe' }).role, 'traffic');
});

test('another admin port is filtered when it is configured', (t) => {
  const other = createLinkerdRules({ adminPort: 9999, sentinel: true });
  const labels = new Map(Object.entries({ ...IN, ...OK, target_port: '9999' }));
  t.deepEqual(other.resolve('response_total', labels, ownOf()), { role: 'filtered', reason: 'own_scrape' });
});

const peerCase = test.macro({
  exec(t, labels: Record<string, string>, expected: Partial<Peer>) {
    t.like(peerOf(labels), expected);
  },
  title: (providedTitle) => `the peer is ${providedTitle}`,
});

const DST = { ...OUT, dst_namespace: 'shop', dst_service: 'api-svc', dst_serviceaccount: 'api', dst_pod: 'api-1' };
for (const [label, kind] of [
  ['deployment', 'Deployment'],
  ['statefulset', 'StatefulSet'],
  ['daemonset', 'DaemonSet'],
  ['replicaset', 'ReplicaSet'],
  ['replicationcontroller', 'ReplicationController'],
  ['k8s_job', 'Job'],
  ['cronjob', 'CronJob'],
] as const) {
  test(
    `a ${kind} by dst_${label}`,
    peerCase,
    { ...DST, [`dst_${label}`]: 'api' },
    {
      workload: workload(kind, 'shop', 'api'),
      service: 'api-svc',
      serviceNamespace: '',
      serviceAccount: 'api',
      pod: '',
    },
  );
}
test('the pod when nobody owns it, asked for by its Service', peerCase, DST, {
  workload: workload('Pod', 'shop', 'api-1'),
  service: 'api-svc',
  serviceNamespace: '',
});
test(
  'the pod when there is no Service either',
  peerCase,
  { ...OUT, dst_namespace: 'shop', dst_pod: 'lone' },
  {
    workload: workload('Pod', 'shop', 'lone'),
  },
);
test(
  'the Service of the authority',
  peerCase,
  { ...OUT, authority: 'api.shop.svc.cluster.local:8080' },
  {
    workload: workload('Service', 'shop', 'api'),
    service: 'api',
  },
);
test(
  'the host of an authority outside',
  peerCase,
  { ...OUT, authority: 'api.example.com' },
  {
    workload: workload('Service', '', 'api.example.com'),
    service: '',
  },
);
test('the address at last', peerCase, OUT, { workload: workload('Service', '', '10.0.0.9:8080') });
test(
  'the address when the authority is one',
  peerCase,
  { ...OUT, authority: '10.9.9.9:80' },
  {
    workload: workload('Service', '', '10.0.0.9:8080'),
  },
);
test(
  'an ExternalWorkload',
  peerCase,
  { ...OUT, dst_namespace: 'vm', dst_external_workload: 'box' },
  {
    workload: workload('ExternalWorkload', 'vm', 'box'),
  },
);
test(
  "another cluster's Service behind its gateway, not the gateway's account",
  peerCase,
  {
    ...OUT,
    server_id: 'linkerd-gateway.linkerd-multicluster.serviceaccount.identity.linkerd.cluster.local',
    dst_namespace: 'shop',
    dst_service: 'api-west',
    dst_target_cluster: 'west',
    dst_target_service: 'api',
    dst_target_service_namespace: 'prod',
  },
  {
    workload: workload('Service', 'prod', 'api', 'west'),
    service: 'api-west',
    serviceNamespace: 'shop',
    serviceAccount: '',
  },
);
test(
  "another cluster's workload in a flat network",
  peerCase,
  { ...DST, dst_deployment: 'api', dst_target_cluster: 'west' },
  {
    workload: workload('Deployment', 'shop', 'api', 'west'),
  },
);
test(
  'the account of a meshed client',
  peerCase,
  { ...IN, client_id: 'web.front.serviceaccount.identity.linkerd.cluster.local' },
  {
    workload: workload('ServiceAccount', 'front', 'web'),
    serviceAccount: 'web',
  },
);
test(
  'an external client by its SPIFFE id',
  peerCase,
  { ...IN, client_id: 'spiffe://td/box' },
  {
    workload: workload('ExternalWorkload', '', 'spiffe://td/box'),
  },
);

test('an unmeshed client is unknown', (t) => {
  t.is(peerOf({ ...IN, tls: 'no_identity' })?.workload, null);
});

test('buckets of one label set are one counter whatever the place of le; +Inf is a bound', (t) => {
  const first = resolve('response_latency_ms_bucket', { ...IN, status_code: '200', le: '+Inf' });
  const second = resolve('response_latency_ms_bucket', { le: '5', status_code: '200', ...IN });
  const other = resolve('response_latency_ms_bucket', { le: '5', status_code: '503', ...IN });
  t.like(first, { role: 'traffic', measure: 'latency_bucket', boundMs: Number.POSITIVE_INFINITY, side: 'server' });
  t.like(second, { boundMs: 5 });
  const groups = [first, second, other].map((meaning) => (meaning.role === 'traffic' ? meaning.group : ''));
  t.not(groups[0], '');
  t.is(groups[0], groups[1]);
  t.not(groups[0], groups[2]);
});

test('a failure counts as a failure, with or without a status code', (t) => {
  t.like(resolve('response_total', { ...OUT, classification: 'failure', error: 'unclassified' }), {
    measure: 'failure',
    side: 'client',
    protocol: 'http',
  });
});

test('bytes to and from the mesh are read from the connection that faces it', (t) => {
  t.like(resolve('tcp_read_bytes_total', { ...OUT, peer: 'dst' }), { measure: 'tcp_read_bytes', side: 'client' });
  t.like(resolve('tcp_write_bytes_total', { ...IN, peer: 'src' }), { measure: 'tcp_written_bytes', side: 'server' });
  t.like(resolve('tcp_close_total', { ...IN, peer: 'src', errno: '' }), { measure: 'tcp_closed', protocol: 'tcp' });
});

test('names that are special to objects are only names', (t) => {
  t.like(peerOf({ ...OUT, dst_namespace: 'constructor', dst_deployment: '__proto__' }), {
    workload: workload('Deployment', 'constructor', '__proto__'),
  });
});

for (const le of ['0x10', ' ', ' 5', '5 ', '0b1', '-1', '-Inf', 'NaN', '1_0', 'Infinityx', '']) {
  test(`the bound "${le}"`, filteredCase, 'response_latency_ms_bucket', { ...IN, le }, 'bad_bucket');
}
for (const [le, boundMs] of [
  ['Inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['5.0', 5],
  ['1e3', 1000],
  ['+2', 2],
] as const) {
  test(`a bound written ${le} is ${boundMs} ms`, (t) => {
    t.like(resolve('response_latency_ms_bucket', { ...IN, le }), { role: 'traffic', boundMs });
  });
}
