/** @module Names of clusters → where they lead: the forms of every mesh, the configuration's rows, and hostile names. */
import test from 'ava';
import fc from 'fast-check';
import { createClusterNames } from '../../../receivers/envoy/cluster-names.ts';
import { checkEnvoyConfig, envoyConfig } from '../../../receivers/envoy/config.ts';

const builtIn = createClusterNames({ patterns: [], controlClusters: new Set(), namespace: 'unknown' });

const NAMES: readonly (readonly [name: string, direction: string, service: string, namespace: string])[] = [
  ['outbound|9080||reviews.default.svc.cluster.local', 'outbound', 'reviews', 'default'],
  ['outbound|9080|v1|reviews.default.svc.cluster.local;', 'outbound', 'reviews', 'default'],
  ['outbound_.9080_.v1_.reviews.default.svc.cluster.local', 'outbound', 'reviews', 'default'],
  ['outbound_.9080_._.reviews.default.svc.cluster.local', 'outbound', 'reviews', 'default'],
  ['outbound|443||api.example.com', 'outbound', 'api.example.com', 'unknown'],
  ['inbound|9080||', 'inbound', 'inbound|9080||', 'unknown'],
  ['inbound-vip|80|http|web.shop.svc.cluster.local', 'inbound', 'web', 'shop'],
  ['inbound-pod|80||10.0.0.1', 'inbound', 'inbound-pod|80||10.0.0.1', 'unknown'],
  ['connect_originate', 'inbound', 'connect_originate', 'unknown'],
  ['InboundPassthroughClusterIpv4', 'inbound', 'InboundPassthroughClusterIpv4', 'unknown'],
  ['PassthroughCluster', 'outbound', 'PassthroughCluster', 'unknown'],
  ['BlackHoleCluster', 'outbound', 'BlackHoleCluster', 'unknown'],
  ['api.shop.dc1.internal.0a1b-2c.consul', 'outbound', 'api', 'shop'],
  ['v2.api.shop.dc1.internal.0a1b-2c.consul', 'outbound', 'api', 'shop'],
  ['api.shop.peer1.external.0a1b-2c.consul', 'outbound', 'api', 'shop'],
  ['local_app', 'inbound', 'local_app', 'unknown'],
  ['original-destination', 'outbound', 'original-destination', 'unknown'],
  ['echo-server_kuma-test_svc_8080', 'outbound', 'echo-server', 'kuma-test'],
  ['echo-server_kuma-test_svc_8080-0382aaf295add2eb', 'outbound', 'echo-server', 'kuma-test'],
  ['localhost_3000', 'inbound', 'localhost_3000', 'unknown'],
  ['inbound_passthrough_ipv6', 'inbound', 'inbound_passthrough_ipv6', 'unknown'],
  ['outbound_passthrough_ipv4', 'outbound', 'outbound_passthrough_ipv4', 'unknown'],
  ['bookstore/bookwarehouse|14001', 'outbound', 'bookwarehouse', 'bookstore'],
  ['bookstore/bookbuyer|14001|local', 'inbound', 'bookbuyer', 'bookstore'],
  ['cds_egress_mesh_node-a_http_8080', 'outbound', 'node-a', 'unknown'],
  ['cds_ingress_mesh_node-a_http_8080', 'inbound', 'cds_ingress_mesh_node-a_http_8080', 'unknown'],
  ['httproute/shop/checkout/rule/0', 'outbound', 'checkout', 'shop'],
  ['shop/api/80/da39a3ee5e', 'outbound', 'api', 'shop'],
  ['shop_api_80', 'outbound', 'api', 'shop'],
  ['cluster_api_shop', 'outbound', 'api', 'shop'],
  ['api', 'outbound', 'api', 'unknown'],
  ['reviews.default.svc', 'outbound', 'reviews', 'default'],
  ['reviews.default.svc.cluster.local', 'outbound', 'reviews', 'default'],
  ['some.dotted.name', 'outbound', 'some.dotted.name', 'unknown'],
];
for (const [name, direction, service, namespace] of NAMES) {
  test(`${name} leads ${direction} to ${namespace}/${service}`, (t) => {
    t.deepEqual(builtIn(name), { direction, service, namespace, workload: '' } as never);
  });
}

function configured(...rows: Record<string, unknown>[]) {
  const { cluster_patterns: patterns } = envoyConfig.parse({ cluster_patterns: rows });
  return createClusterNames({ patterns, controlClusters: new Set(['quiet']), namespace: 'here' });
}

test('the first row of the configuration that fits decides, before everything built in', (t) => {
  const names = configured(
    { regex: '(?<service>[a-z]+)-(?<namespace>[a-z]+)' },
    { regex: 'be_(\\d+)', service: 'backend', namespace: 'prod', workload: 'backend-$1' },
    { regex: 'local_app', service: 'self', direction: 'outbound' },
    { regex: 'zipkin', service: 'tracer' },
    { regex: '[a-z]+-x', service: 'never' },
    { regex: 'mine.*', direction: 'control' },
  );
  t.like(names('api-shop'), { service: 'api', namespace: 'shop', direction: 'outbound' });
  t.like(names('web-x'), { service: 'web', namespace: 'x' });
  t.like(names('be_7'), { service: 'backend', namespace: 'prod', workload: 'backend-7' });
  t.like(names('local_app'), { service: 'self', namespace: 'here', direction: 'outbound' });
  t.like(names('zipkin'), { service: 'tracer', direction: 'outbound' });
  t.like(names('mine-alone'), { service: 'mine', namespace: 'alone' }, 'the first row took it');
  t.like(names('mine_alone'), { direction: 'control' });
  t.like(names('quiet'), { direction: 'control' });
  t.like(names('xbe_7x'), { service: 'xbe_7x', namespace: 'here' }, 'only whole names fit');
});

test('a group that is not there is nothing, and special names are no groups', (t) => {
  const names = configured({ regex: '(a)|(b)', service: '$2.$9.$constructor.$__proto__' });
  t.like(names('a'), { service: '....'.slice(1) });
  t.like(names('b'), { service: 'b...' });
});

for (const [regex, why] of [
  ['(a', 'missing closing'],
  ['(?=a)b', 'unsupported Perl syntax'],
  ['(a)\\1', 'invalid escape sequence'],
  ['a{1001}', 'invalid repeat count'],
  [`${'a'.repeat(1025)}`, 'more than 1024 characters'],
] as const) {
  test(`the expression ${regex.slice(0, 30)} is refused`, (t) => {
    const { error } = envoyConfig.safeParse({ cluster_patterns: [{ regex }] });
    t.true(error?.issues[0]?.message.includes(why), error?.message);
  });
}

test('a name beyond 253 characters is held against nothing', (t) => {
  const names = configured({ regex: 'a+', service: 'as' });
  t.is(names('a'.repeat(253)).service, 'as');
  t.is(names('a'.repeat(254)).service, 'a'.repeat(254));
});

test('property: every name has a destination with a name and a namespace', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (name) => {
      const { service, workload, namespace } = builtIn(name);
      return service !== '' && namespace !== '' && workload === '';
    }),
  );
  t.pass();
});

test('an expression that takes the engine of the language years ends at once', (t) => {
  const names = configured({ regex: '(a+)+b', service: 'x' }, { regex: '(.*a.*)*c', service: 'y' });
  // Else this never comes back, and the run ends as one that hangs.
  t.is(names('a'.repeat(253)).service, 'a'.repeat(253));
});

const TARGET = { static_configs: [{ targets: ['127.0.0.1:9901'] }] };
test('two dotted clusters that Envoy shows as one are an error', (t) => {
  const issues = checkEnvoyConfig(envoyConfig.parse({ ...TARGET, dotted_clusters: ['a.b-c', 'x.y', 'a.b_c'] }));
  t.deepEqual(
    issues.map(({ path, severity }) => [path, severity]),
    [[['dotted_clusters', 2], undefined]],
  );
});
test('scraping faster than Envoy writes its histograms is warned of', (t) => {
  const slow = envoyConfig.parse({ ...TARGET, scrape_interval: '2s' });
  t.deepEqual(
    checkEnvoyConfig(slow).map(({ path, severity }) => [path, severity]),
    [[['scrape_interval'], 'warning']],
  );
  t.deepEqual(
    checkEnvoyConfig(envoyConfig.parse({ ...TARGET, scrape_interval: '2s', stats_flush_interval: '1s' })),
    [],
  );
  t.deepEqual(checkEnvoyConfig(envoyConfig.parse(TARGET)), []);
});

test('a text that stands for a group which is not there is an error', (t) => {
  const problems = (rows: Record<string, unknown>[]) =>
    checkEnvoyConfig(envoyConfig.parse({ ...TARGET, cluster_patterns: rows })).map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    );
  t.deepEqual(problems([{ regex: '(a)_(b)', service: '$3' }, { regex: 'x_(?<service>.+)' }, { regex: 'plain' }]), [
    'cluster_patterns.0.service: service stands for $3, which regex has no group for',
    'cluster_patterns.2.service: service stands for $service, which regex has no group for',
  ]);
  t.deepEqual(
    problems([
      { regex: 'mine.*', direction: 'control' },
      { regex: 'plain', service: 'fixed' },
    ]),
    [],
  );
  t.deepEqual(problems([{ regex: '(?<service>.+)', workload: '$name' }]), [
    'cluster_patterns.0.workload: workload stands for $name, which regex has no group for',
  ]);
});
