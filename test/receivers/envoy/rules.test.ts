/** @module Envoy's table: what one series means, case by case. */
import test from 'ava';
import type { Identity } from '../../../pipeline/model/resource.ts';
import type { SeriesMeaning } from '../../../pipeline/model/rules.ts';
import { envoyConfig } from '../../../receivers/envoy/config.ts';
import { rulesOptions } from '../../../receivers/envoy/envoy.ts';
import { createEnvoyRules } from '../../../receivers/envoy/rules.ts';

const OWN: Identity = {
  workload: { cluster: '', namespace: 'shop', name: 'web', kind: 'Deployment' },
  pod: 'web-1',
  podUid: '',
  node: '',
  serviceAccount: '',
};
const ADDRESS_ONLY: Identity = {
  workload: { cluster: '', namespace: '', name: '10.0.0.7:9901', kind: '' },
  pod: '',
  podUid: '',
  node: 'n1',
  serviceAccount: '',
};
const API = { envoy_cluster_name: 'api' };
const IN = { envoy_http_conn_manager_prefix: 'ingress_http' };

function rulesOf(config: Record<string, unknown> = {}) {
  return createEnvoyRules(rulesOptions(envoyConfig.parse(config)));
}

function resolve(
  sample: string,
  labels: Record<string, string>,
  config: Record<string, unknown> = {},
  own = OWN,
): SeriesMeaning {
  const rules = rulesOf(config);
  if (!rules.families.some((family) => family.sample === sample)) throw new Error(`nobody reads ${sample}`);
  return rules.resolve(sample, new Map(Object.entries(labels)), own);
}

function means(title: string, sample: string, labels: Record<string, string>, expected: object, config = {}) {
  test(title, (t) => {
    const meaning = resolve(sample, labels, config);
    t.is(meaning.role, 'traffic');
    t.like(meaning, expected);
  });
}

function isFiltered(
  title: string,
  sample: string,
  labels: Record<string, string>,
  reason: string,
  config = {},
  more = {},
) {
  test(`${title} is filtered as ${reason}`, (t) => {
    t.deepEqual(resolve(sample, labels, config), { role: 'filtered', reason, ...more });
  });
}

const RQ_XX = 'envoy_cluster_upstream_rq_xx';
const RQ = 'envoy_cluster_upstream_rq';
const DOWN_XX = 'envoy_http_downstream_rq_xx';
const CLIENT = { side: 'client', protocol: 'http', counts: null, own: null, group: '' };
const SERVER = { side: 'server', protocol: 'http', counts: null, own: null, group: '' };

for (const [group, measure] of [
  ['2', 'success'],
  ['3', 'success'],
  ['4', 'success'],
  ['5', 'failure'],
] as const) {
  means(`class ${group} of a cluster`, RQ_XX, { ...API, envoy_response_code_class: group }, { ...CLIENT, measure });
  means(
    `class ${group}xx of a cluster in Istio's spelling`,
    RQ,
    { cluster_name: 'api', response_code_class: `${group}xx` },
    { ...CLIENT, measure },
  );
  means(`class ${group} of a listener`, DOWN_XX, { ...IN, envoy_response_code_class: group }, { ...SERVER, measure });
  means(
    `class ${group}xx of a listener in Istio's spelling`,
    'envoy_http_downstream_rq',
    { http_conn_manager_prefix: 'inbound_0.0.0.0_8080', response_code_class: `${group}xx` },
    { ...SERVER, measure },
  );
}
means('an upgrade by its exact code', RQ, { ...API, envoy_response_code: '101' }, { ...CLIENT, measure: 'success' });
means(
  'a class under both spellings at once, as an Envoy with tags of its own beside the usual ones writes it',
  RQ,
  { envoy_response_code_class: '5', response_code_class: '5xx', envoy_cluster_name: 'api', cluster_name: 'api' },
  { ...CLIENT, measure: 'failure' },
);
isFiltered('class 1', RQ_XX, { ...API, envoy_response_code_class: '1' }, 'informational');
isFiltered('class 1 of a listener', DOWN_XX, { ...IN, envoy_response_code_class: '1' }, 'informational');
isFiltered('an exact code', RQ, { ...API, envoy_response_code: '200' }, 'exact_code');
isFiltered('a class of no number', RQ_XX, { ...API, envoy_response_code_class: 'unknown' }, 'unknown_class');
isFiltered('class 6', RQ_XX, { ...API, envoy_response_code_class: '6' }, 'unknown_class');
isFiltered('no class at all', RQ_XX, API, 'exact_code');
isFiltered('an upgrade of a listener', 'envoy_http_downstream_rq', { ...IN, response_code: '101' }, 'exact_code');
isFiltered('no cluster at all', RQ_XX, { envoy_response_code_class: '2' }, 'unknown_cluster');

for (const name of [
  ...['xds-grpc', 'sds-grpc', 'agent', 'prometheus_stats', 'zipkin', 'prometheus_backend', 'consul-dataplane'],
  ...['local_agent', 'self_admin', 'ads_cluster', 'access_log_sink', 'kuma_envoy_admin', 'envoy-metrics-cluster'],
  ...['envoy-tracing-cluster', 'xds_cluster', 'wasm_cluster'],
]) {
  isFiltered(`the cluster ${name}`, RQ_XX, { envoy_cluster_name: name, envoy_response_code_class: '2' }, 'control');
}
isFiltered('a control cluster of the configuration', RQ_XX, { ...API, envoy_response_code_class: '2' }, 'control', {
  control_clusters: ['api'],
});
for (const name of [
  'local_app',
  'localhost_3000',
  'inbound|9080||',
  'shop/web|8080|local',
  'cds_ingress_m_n_http_80',
]) {
  isFiltered(
    `the cluster ${name}`,
    RQ_XX,
    { envoy_cluster_name: name, envoy_response_code_class: '2' },
    'inbound_cluster',
  );
}
for (const prefix of [
  ...['admin', 'stats', 'agent', 'envoy_prometheus_metrics', 'envoy_metrics', 'envoy_ready', 'system_envoy_admin'],
  ...['async-client', 'prometheus_inbound', 'kuma_metrics', 'kuma_metrics_scrape', 'kuma_envoy_admin'],
  'kuma_envoy_admin_2',
]) {
  const labels = { envoy_http_conn_manager_prefix: prefix, envoy_response_code_class: '2' };
  isFiltered(`the listener ${prefix}`, DOWN_XX, labels, 'control');
}
for (const prefix of ['egress', 'egress_http', 'upstream', 'upstream.api', 'outbound', 'outbound_0.0.0.0_80']) {
  const labels = { envoy_http_conn_manager_prefix: prefix, envoy_response_code_class: '2' };
  isFiltered(`the listener ${prefix}`, DOWN_XX, labels, 'outbound_listener');
}
for (const prefix of [
  ...['public_listener', 'localhost_8080', 'localhost_1', 'inbound', 'inbound_10.0.0.1_80', 'ingress'],
  'ingress.http.8080',
]) {
  const labels = { envoy_http_conn_manager_prefix: prefix, envoy_response_code_class: '2' };
  means(`the listener ${prefix} faces the clients`, DOWN_XX, labels, { ...SERVER, measure: 'success' });
}
for (const prefix of [
  ...[
    'in',
    'localhost_x',
    'localhost_123456',
    'my_localhost_80',
    '',
    'admin2',
    'stats_x',
    'agent2',
    'public_listener2',
  ],
  ...['my_ingress', 'an_egress', 'prometheus_inbound2', 'async-client2'],
]) {
  const labels = { envoy_http_conn_manager_prefix: prefix, envoy_response_code_class: '2' };
  isFiltered(`the listener "${prefix}"`, DOWN_XX, labels, 'unknown_direction');
}
const IN_2 = { envoy_http_conn_manager_prefix: 'in', envoy_response_code_class: '2' };
means('a prefix of the configuration', DOWN_XX, IN_2, SERVER, { inbound_prefixes: ['in'] });
means('the beginning of a prefix', DOWN_XX, IN_2, SERVER, { inbound_prefixes: ['i*'] });
isFiltered(
  'a prefix that only begins like one',
  DOWN_XX,
  { ...IN_2, envoy_http_conn_manager_prefix: 'inner' },
  'unknown_direction',
  {
    inbound_prefixes: ['in'],
  },
);
isFiltered('a built-in prefix made control', DOWN_XX, { ...IN, envoy_response_code_class: '2' }, 'control', {
  control_prefixes: ['ingress_http'],
});
isFiltered('a prefix made outbound', DOWN_XX, IN_2, 'outbound_listener', { outbound_prefixes: ['in'] });

const BUCKET = 'envoy_cluster_upstream_rq_time_bucket';
means(
  'a bucket',
  BUCKET,
  { ...API, le: '25' },
  { ...CLIENT, measure: 'latency_bucket', boundMs: 25, group: `${BUCKET} 18:envoy_cluster_name3:api` },
);
means(
  'the open bucket of a listener',
  'envoy_http_downstream_rq_time_bucket',
  { ...IN, le: '+Inf' },
  { side: 'server', boundMs: Infinity },
);
for (const le of ['', 'many', '-1', 'NaN']) isFiltered(`a bucket up to "${le}"`, BUCKET, { ...API, le }, 'bad_bucket');

for (const [sample, measure] of [
  ['envoy_cluster_upstream_cx_total', 'tcp_opened'],
  ['envoy_cluster_upstream_cx_destroy', 'tcp_closed'],
  ['envoy_cluster_upstream_cx_rx_bytes_total', 'tcp_read_bytes'],
  ['envoy_cluster_upstream_cx_tx_bytes_total', 'tcp_written_bytes'],
] as const) {
  means(`${sample} is ${measure} of the client`, sample, API, { ...CLIENT, protocol: 'tcp', measure });
  isFiltered(`${sample} of the application beside`, sample, { envoy_cluster_name: 'local_app' }, 'inbound_cluster');
}
for (const [sample, label, measure] of [
  ['envoy_http_downstream_cx_total', 'envoy_http_conn_manager_prefix', 'tcp_opened'],
  ['envoy_http_downstream_cx_destroy', 'envoy_http_conn_manager_prefix', 'tcp_closed'],
  ['envoy_http_downstream_cx_rx_bytes_total', 'http_conn_manager_prefix', 'tcp_read_bytes'],
  ['envoy_tcp_downstream_cx_total', 'envoy_tcp_prefix', 'tcp_opened'],
  ['envoy_tcp_downstream_cx_rx_bytes_total', 'tcp_prefix', 'tcp_read_bytes'],
  ['envoy_tcp_downstream_cx_tx_bytes_total', 'envoy_tcp_prefix', 'tcp_written_bytes'],
] as const) {
  means(
    `${sample} is ${measure} of the server`,
    sample,
    { [label]: 'public_listener' },
    { ...SERVER, protocol: 'tcp', measure },
  );
  isFiltered(`${sample} outbound`, sample, { [label]: 'egress_x' }, 'outbound_listener');
}

const FROM_CLUSTERS = { inbound_from: 'clusters' };
const LOCAL_2 = { envoy_cluster_name: 'local_app', envoy_response_code_class: '2' };
means('the application beside, asked for', RQ_XX, LOCAL_2, { ...SERVER, measure: 'success' }, FROM_CLUSTERS);
isFiltered(
  'a listener beside it',
  DOWN_XX,
  { ...IN, envoy_response_code_class: '2' },
  'told_by_cluster',
  FROM_CLUSTERS,
);
isFiltered(
  'a connection to the application',
  'envoy_cluster_upstream_cx_total',
  { envoy_cluster_name: 'local_app' },
  'inbound_cluster',
  FROM_CLUSTERS,
);
means('connections to the listener', 'envoy_http_downstream_cx_total', IN, { measure: 'tcp_opened' }, FROM_CLUSTERS);

const PER_ENDPOINT = { endpoint_statistics: true };
const AT = { ...API, envoy_endpoint_address: '10.0.0.9:8080' };
const ATTEMPT = { side: 'client', protocol: 'http', counts: 'attempts' };
means(
  'an answer of an endpoint',
  'envoy_cluster_endpoint_rq_success',
  AT,
  { ...ATTEMPT, measure: 'success' },
  PER_ENDPOINT,
);
means(
  'an error of an endpoint',
  'envoy_cluster_endpoint_rq_error',
  AT,
  { ...ATTEMPT, measure: 'failure' },
  PER_ENDPOINT,
);
for (const cause of ['cx_none_healthy', 'cx_pool_overflow', 'rq_pending_overflow', 'rq_maintenance_mode']) {
  means(
    `upstream_${cause}`,
    `envoy_cluster_upstream_${cause}`,
    API,
    { ...ATTEMPT, measure: 'unreached', needs: 'api.' },
    PER_ENDPOINT,
  );
}
test('what reached no endpoint needs the classes of the same cluster, its whole name being the same', (t) => {
  const config = { ...PER_ENDPOINT, dotted_clusters: ['api.x', 'api.y'] };
  const needs = (family: string, name: string) => {
    const meaning = resolve(`envoy_cluster_${family}upstream_cx_none_healthy`, { envoy_cluster_name: name }, config);
    return meaning.role === 'traffic' ? meaning.needs : null;
  };
  const proves = (family: string, name: string) => {
    const labels = { envoy_cluster_name: name, envoy_response_code_class: '5' };
    const meaning = resolve(`envoy_cluster_${family}upstream_rq_xx`, labels, config);
    return meaning.role === 'filtered' ? meaning.proves : null;
  };
  const clusters = [
    ['', 'api'],
    ['', 'api2'],
    ['x_', 'api'],
    ['y_', 'api'],
  ] as const;
  for (const [family, name] of clusters) {
    t.is(needs(family, name), proves(family, name));
    t.truthy(needs(family, name));
  }
  t.is(new Set(clusters.map(([family, name]) => needs(family, name))).size, clusters.length);
});
for (const sample of ['envoy_cluster_endpoint_rq_success', 'envoy_cluster_endpoint_rq_error']) {
  test(`${sample} needs no proof: only requests end in it`, (t) => {
    t.false('needs' in resolve(sample, AT, PER_ENDPOINT));
  });
}
means(
  'a bucket beside endpoints',
  BUCKET,
  { ...API, le: '1' },
  { ...ATTEMPT, measure: 'latency_bucket' },
  PER_ENDPOINT,
);
means(
  'bytes beside endpoints',
  'envoy_cluster_upstream_cx_rx_bytes_total',
  API,
  { protocol: 'tcp', counts: null },
  PER_ENDPOINT,
);
isFiltered(
  'a class beside endpoints',
  RQ_XX,
  { ...API, envoy_response_code_class: '5' },
  'told_by_endpoint',
  PER_ENDPOINT,
  { proves: 'api.' },
);
isFiltered(
  'an upgrade beside endpoints',
  RQ,
  { ...API, envoy_response_code: '101' },
  'told_by_endpoint',
  PER_ENDPOINT,
  { proves: 'api.' },
);
isFiltered(
  "a class beside endpoints in Istio's spelling",
  RQ,
  { cluster_name: 'api', response_code_class: '2xx' },
  'told_by_endpoint',
  PER_ENDPOINT,
  { proves: 'api.' },
);
isFiltered(
  'an endpoint of the application beside',
  'envoy_cluster_endpoint_rq_success',
  { ...AT, envoy_cluster_name: 'local_app' },
  'inbound_cluster',
  PER_ENDPOINT,
);
isFiltered(
  'an endpoint of telemetry',
  'envoy_cluster_endpoint_rq_success',
  { ...AT, envoy_cluster_name: 'zipkin' },
  'control',
  PER_ENDPOINT,
);

test('the peer of an endpoint is a pod of what the cluster leads to', (t) => {
  const meaning = resolve('envoy_cluster_endpoint_rq_success', AT, { ...PER_ENDPOINT, cluster_namespace: 'shop' });
  t.deepEqual(meaning.role === 'traffic' ? meaning.peer : null, {
    workload: { cluster: '', namespace: 'shop', name: 'api', kind: 'Service' },
    pod: '10.0.0.9:8080',
    service: 'api',
    serviceNamespace: '',
    serviceAccount: '',
  });
});

test('nobody asks for endpoints unasked', (t) => {
  const samples = rulesOf().families.map(({ sample }) => sample);
  t.false(samples.some((sample) => /endpoint|none_healthy|overflow|maintenance/.test(sample)));
  t.is(new Set(samples).size, samples.length);
});

test('the family that carries a value decides what must be wanted for it', (t) => {
  const demands = new Map(rulesOf(PER_ENDPOINT).families.map(({ sample, demand }) => [sample, demand]));
  t.is(demands.get('envoy_server_live'), null);
  t.is(demands.get('envoy_server_uptime'), null);
  t.is(demands.get('envoy_server_hot_restart_epoch'), null);
  t.is(demands.get(RQ_XX), 'requests');
  t.is(demands.get('envoy_cluster_upstream_cx_none_healthy'), 'requests');
  t.is(demands.get(BUCKET), 'latency');
  t.is(demands.get('envoy_cluster_upstream_cx_rx_bytes_total'), 'tcp');
});

test('life and sentinel', (t) => {
  t.deepEqual(resolve('envoy_server_live', {}), { role: 'sentinel' });
  t.deepEqual(resolve('envoy_server_uptime', {}), { role: 'uptime' });
  t.deepEqual(resolve('envoy_server_hot_restart_epoch', {}), { role: 'restart_epoch' });
  t.like(rulesOf({ stats_flush_interval: '250ms', sentinel: false }), { sentinel: null, uptimeLagSeconds: 0.25 });
  t.like(rulesOf(), { mesh: 'envoy', sentinel: 'envoy_server_live', vanished: 'evicted', uptimeLagSeconds: 5 });
  t.deepEqual(rulesOf().counts, { client: 'requests', server: 'attempts' });
});

const DOTTED = { dotted_clusters: ['reviews.default.svc', 'ratings.default.svc', 'a:b.c-d.e'], cluster_namespace: 'x' };
function dottedService(sample: string, name: string) {
  const labels = { envoy_cluster_name: name, envoy_response_code_class: '2', le: '5' };
  const meaning = resolve(sample, labels, DOTTED);
  return meaning.role === 'traffic' ? `${meaning.peer.service} in ${meaning.peer.workload?.namespace}` : meaning;
}
test('a cluster whose name ran into that of the family is found again when it is named', (t) => {
  t.is(dottedService('envoy_cluster_default_svc_upstream_rq_xx', 'reviews'), 'reviews in default');
  t.is(dottedService('envoy_cluster_default_svc_upstream_rq_xx', 'ratings'), 'ratings in default');
  t.is(dottedService('envoy_cluster_default_svc_upstream_rq_time_bucket', 'reviews'), 'reviews in default');
  t.is(dottedService('envoy_cluster_c_d_e_upstream_rq_xx', 'a_b'), 'a:b.c-d.e in x');
  t.is(dottedService('envoy_cluster_upstream_rq_xx', 'reviews'), 'reviews in x');
});
test('an upgrade counts in such a cluster, too, and its other codes do not', (t) => {
  const codeOf = (code: string) => {
    const labels = { envoy_cluster_name: 'reviews', envoy_response_code: code };
    return resolve('envoy_cluster_default_svc_upstream_rq', labels, DOTTED);
  };
  t.like(codeOf('101'), { role: 'traffic', measure: 'success' });
  t.deepEqual(codeOf('200'), { role: 'filtered', reason: 'exact_code' });
});
test('another cluster with the same end is counted as unknown', (t) => {
  t.deepEqual(dottedService('envoy_cluster_default_svc_upstream_rq_xx', 'details'), {
    role: 'filtered',
    reason: 'unknown_cluster',
  });
});
test('histograms of a cluster and of one that begins like it are two counters', (t) => {
  const labels = { envoy_cluster_name: 'reviews', le: '5' };
  const groups = ['envoy_cluster_upstream_rq_time_bucket', 'envoy_cluster_default_svc_upstream_rq_time_bucket'].map(
    (sample) => resolve(sample, labels, DOTTED),
  );
  t.not((groups[0] as { group: string }).group, (groups[1] as { group: string }).group);
});

for (const [name, isStray] of [
  ['envoy_cluster_default_svc_upstream_rq_xx', true],
  ['envoy_cluster_c_upstream_rq_xx', true],
  ['envoy_cluster_upstream_rq_xx', false],
  ['envoy_cluster_external_upstream_rq_xx', false],
  ['envoy_cluster_retry_upstream_rq_xx', false],
  ['envoy_cluster_default_svc_internal_upstream_rq_xx', false],
  ['envoy_cluster_zone_a_b__upstream_rq_xx', false],
  ['envoy_vhost_vcluster_upstream_rq_xx', false],
  ['envoy_cluster_default_svc_upstream_rq_xx_more', false],
] as const) {
  test(`${name} is ${isStray ? '' : 'no '}name that a cluster's ran into`, (t) => {
    t.is(rulesOf().strays?.names.test(name), isStray);
  });
}

test('where endpoints tell the classes, what reached none shows a name that was run into', (t) => {
  const { strays } = rulesOf(PER_ENDPOINT);
  t.true(strays?.names.test('envoy_cluster_default_svc_upstream_cx_none_healthy'));
  t.false(strays?.names.test('envoy_cluster_upstream_cx_none_healthy'));
  t.false(strays?.names.test('envoy_cluster_default_svc_upstream_rq_xx'));
});

test("Consul's labels say more than a name that was cut", (t) => {
  const labels = {
    envoy_cluster_name: 'v2',
    consul_destination_service: 'api',
    consul_destination_namespace: 'shop',
    envoy_response_code_class: '2',
  };
  t.like(resolve(RQ_XX, labels), {
    peer: { service: 'api', workload: { cluster: '', namespace: 'shop', name: 'api', kind: 'Service' } },
  });
});

test('labels of the page name the workload of a target that nothing else names', (t) => {
  const config = { own_labels: { namespace: 'consul_source_namespace', deployment: 'local_cluster' } };
  const labels = { ...API, envoy_response_code_class: '2', local_cluster: 'web', consul_source_namespace: 'shop' };
  t.like(resolve(RQ_XX, labels, config, ADDRESS_ONLY), {
    own: {
      workload: { cluster: '', namespace: 'shop', name: 'web', kind: 'Deployment' },
      pod: '',
      podUid: '',
      node: 'n1',
      serviceAccount: '',
    },
  });
  t.like(resolve(RQ_XX, labels, config), { own: null }, 'a target that is known stays who it is');
  t.like(resolve(RQ_XX, { ...API, envoy_response_code_class: '2' }, config, ADDRESS_ONLY), { own: null });
});

test('names that are special to objects are only names', (t) => {
  const labels = { envoy_cluster_name: '__proto__', envoy_response_code_class: '2' };
  t.like(resolve(RQ_XX, labels), { peer: { service: '__proto__' } });
  t.like(resolve(RQ_XX, { ...labels, envoy_cluster_name: 'constructor' }), { peer: { service: 'constructor' } });
});
