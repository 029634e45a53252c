/** @module The pure parts of scraping: grid, targets, identity, files of targets, series, configuration. */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficSeries } from '../../../pipeline/model/rules.ts';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { checkLinkerdConfig, linkerdConfig } from '../../../receivers/linkerd/config.ts';
import { createLinkerdRules } from '../../../receivers/linkerd/rules.ts';
import { readGroups } from '../../../receivers/scrape/file-sd.ts';
import { identityOf } from '../../../receivers/scrape/identity.ts';
import { nextOnGrid, offsetOf } from '../../../receivers/scrape/schedule.ts';
import { REFUSED, SeriesBudget, SeriesIndex } from '../../../receivers/scrape/series-index.ts';
import { diffTargets, isTargetAddress, targetsOf } from '../../../receivers/scrape/targets.ts';
import { ownOf } from '../linkerd/rows.ts';

test('the grid: strictly later, at most one interval later, always at the offset', (t) => {
  const times = fc.double({ min: 1.6e12, max: 1.9e12, noNaN: true });
  fc.assert(
    fc.property(times, fc.integer({ min: 100, max: 3_600_000 }), fc.string(), (afterMs, intervalMs, key) => {
      const offsetMs = offsetOf(key, intervalMs);
      const due = nextOnGrid(afterMs, intervalMs, offsetMs);
      t.true(due > afterMs && due <= afterMs + intervalMs);
      t.is((due - offsetMs) % intervalMs, 0);
      t.true(offsetMs >= Math.floor(0.05 * intervalMs) && offsetMs <= 0.6 * intervalMs);
    }),
  );
});

test('offsets are stable, and spread evenly for addresses that differ in a digit', (t) => {
  t.is(offsetOf('a', 10_000), offsetOf('a', 10_000));
  const fifths = [0, 0, 0, 0, 0];
  for (let i = 0; i < 500; i++) {
    const share = (offsetOf(`10.0.${i >> 8}.${i & 255}:4191`, 10_000) / 10_000 - 0.05) / 0.55;
    fifths[Math.min(4, Math.floor(share * 5))]! += 1;
  }
  for (const count of fifths) t.true(count > 60 && count < 140, `${fifths}`);
});

for (const [text, good] of [
  ['127.0.0.1:4191', true],
  ['web.shop.svc:4191', true],
  ['[fd00::7]:4191', true],
  ['localhost:1', true],
  ['localhost', false],
  ['localhost:0', false],
  ['localhost:65536', false],
  ['http://localhost:80', false],
  ['a/b:80', false],
  ['user@host:80', false],
  ['a b:80', false],
  ['[fe80::1%eth0]:80', false],
  ['[1234]:80', false],
  ['fd00::7:4191', false],
  ['', false],
  ['999.999.999.999:4191', false],
  ['256.1.1.1:80', false],
  ['1.2.3.4.5:80', false],
  ['1.2.3:80', false],
  ['1.2.3.4.:80', false],
  ['08.1.1.1:80', false],
  ['4294967296:80', false],
  ['2130706433:80', false],
  ['0x7f000001:80', false],
  ['web.0x1:80', false],
  ['[::::]:80', false],
  ['[1:2]:80', false],
  ['[::ffff:999.1.1.1]:80', false],
  ['[127.0.0.1]:80', false],
  ['0.0.0.0:80', true],
  ['255.255.255.255:80', true],
  ['[::]:80', true],
  ['[::ffff:10.0.0.1]:80', true],
  ['[FD00::0007]:80', true],
  ['1a.2b:80', true],
  ['Web_1.Shop.svc.:80', true],
] as const) {
  test(`"${text}" is ${good ? 'an' : 'no'} address of a target`, (t) => t.is(isTargetAddress(text), good));
}

const own = test.macro({
  exec(t, labels: Record<string, string>, expected: { name: string; kind: string; source: string }) {
    const { own: identity, source } = identityOf(new Map(Object.entries(labels)), '10.0.0.1:4191');
    t.deepEqual({ name: identity.workload.name, kind: identity.workload.kind, source }, expected as never);
  },
  title: (_title, labels: Record<string, string>) => `owner of ${JSON.stringify(labels)}`,
});
test(own, { deployment: 'web', pod: 'x' }, { name: 'web', kind: 'Deployment', source: 'labels' });
test(own, { replicaset: 'web-5f', deployment: 'web' }, { name: 'web', kind: 'Deployment', source: 'labels' });
test(own, { cronjob: 'nightly', job: 'nightly-1' }, { name: 'nightly', kind: 'CronJob', source: 'labels' });
test(own, { replicationcontroller: 'old' }, { name: 'old', kind: 'ReplicationController', source: 'labels' });
test(own, { pod: 'web-5f6d7c8b9-x2v4q' }, { name: 'web', kind: 'Deployment', source: 'pod_name' });
test(own, { pod: 'my-web-app-6f8b9d7c5b-x2v4q' }, { name: 'my-web-app', kind: 'Deployment', source: 'pod_name' });
test(own, { pod: 'db-0' }, { name: 'db', kind: 'StatefulSet', source: 'pod_name' });
test(own, { pod: 'nightly-28391040-x2v4q' }, { name: 'nightly', kind: 'CronJob', source: 'pod_name' });
test(own, { pod: 'agent-x2v4q' }, { name: 'agent', kind: '', source: 'pod_name' });
test(own, { pod: 'emoji-cache' }, { name: 'emoji-cache', kind: 'Pod', source: 'pod_name' });
test(own, {}, { name: '10.0.0.1:4191', kind: '', source: 'address' });

test('identity labels say where a proxy belongs', (t) => {
  const labels = {
    namespace: 'shop',
    pod: 'p',
    uid: 'u',
    node: 'n',
    service_account: 's',
    cluster: 'c',
    statefulset: 'db',
  };
  t.deepEqual(identityOf(new Map(Object.entries(labels)), 'a:1').own, {
    workload: { cluster: 'c', namespace: 'shop', name: 'db', kind: 'StatefulSet' },
    pod: 'p',
    podUid: 'u',
    node: 'n',
    serviceAccount: 's',
  });
});

test('targets: equal ones are one, those beyond the limit are counted once each, a change is told as a difference', (t) => {
  const labels = new Map([['deployment', 'web']]);
  const groups = [
    { targets: ['a:1', 'b:1', 'a:1'], labels },
    { targets: ['a:1', 'c:1', 'd:1', 'd:1'], labels },
    { targets: ['a:1'], labels: new Map([['deployment', 'other']]) },
  ];
  const all = targetsOf('linkerd', groups, 100);
  t.is(all.refused, 0);
  t.deepEqual(
    [...all.targets.values()].map(({ address }) => address),
    ['a:1', 'b:1', 'c:1', 'd:1', 'a:1'],
  );
  const limited = targetsOf('linkerd', groups, 2);
  t.is(limited.refused, 3);
  t.deepEqual(
    limited.refusedTargets.map(({ address, own: { workload } }) => [address, workload.name]),
    [
      ['c:1', 'web'],
      ['d:1', 'web'],
    ],
    'as many of those beyond as the limit allows',
  );
  const change = diffTargets(all.targets, limited.targets);
  t.is(change.gone.length, 3);
  t.is(change.added.length, 0);
  t.deepEqual(diffTargets(new Map(), limited.targets).added, [...limited.targets.values()]);
});

const file = test.macro({
  exec(t, path: string, text: string, expected: RegExp | readonly string[]) {
    const read = readGroups({ path, text, error: null });
    if (expected instanceof RegExp) t.regex(read.error ?? '', expected);
    else
      t.deepEqual(
        read.groups?.flatMap(({ targets }) => targets),
        expected as string[],
      );
  },
  title: (title) => `a file of targets: ${title}`,
});
test('JSON', file, 'a.json', '[{"targets":["a:1","b:2"],"labels":{"namespace":"x"}},{"targets":["c:3"]}]', [
  'a:1',
  'b:2',
  'c:3',
]);
test('YAML', file, 'a.yml', '- targets: ["a:1"]\n  labels: {namespace: x}\n', ['a:1']);
for (const [what, text] of [
  ['an empty', ''],
  ['a blank', ' \n\n'],
  ['a commented out', '# - targets: ["a:1"]\n'],
  ['a bare document mark in a', '---\n'],
  ['a null', 'null\n'],
] as const) {
  test(`${what} YAML file`, file, 'a.yaml', text, /^empty: write \[\] for no targets$/);
}
test('null in JSON', file, 'a.json', 'null', /^empty: write \[\]/);
test('a YAML list of nothing', file, 'a.yaml', '[]\n', []);
test('a JSON list of nothing', file, 'a.json', '[]', []);
test('entries of a file that are no addresses are left out and told, the others are used', (t) => {
  const text = '[{"targets":["a:1"]},{"targets":["999.1.1.1:1","b:2","1.2.3:1"]}]';
  const { groups, error } = readGroups({ path: 'a.json', text, error: null });
  t.deepEqual(
    groups?.map(({ targets }) => targets),
    [['a:1'], ['b:2']],
  );
  t.regex(error ?? '', /^at 1\.targets\.0: "999\.1\.1\.1:1" is no address .* left out: 2$/);
  t.is(readGroups({ path: 'a.json', text: '[{"targets":["1.2.3:1"]}]', error: null }).groups, null, 'nothing else');
});
test('half written JSON', file, 'a.json', '[{"targets":["a:1"', /not readable/);
test('half written YAML', file, 'a.yaml', '- targets: ["a:1"', /not readable/);
test('something else', file, 'a.json', '{"targets":["a:1"]}', /the top/);
test('an unknown key', file, 'a.json', '[{"targets":[],"lables":{}}]', /lables/);
test('a bad label name', file, 'a.json', '[{"targets":[],"labels":{"a-b":"x"}}]', /label name/);
test('a label that is no text', file, 'a.json', '[{"targets":[],"labels":{"a":1}}]', /0\.labels\.a/);
test('YAML nested beyond reason', file, 'a.yaml', '['.repeat(100_000), /deeper than/);
test('YAML dashes beyond reason', file, 'a.yaml', '- '.repeat(100_000), /deeper than/);

test('series: equal labels are one series in any order, and room is given back', (t) => {
  const rules = createLinkerdRules({ adminPort: 4191, sentinel: true });
  const budget = new SeriesBudget(3);
  const table = new SeriesTable();
  const index = new SeriesIndex(rules, ownOf(), table, budget);
  const base = [
    ['direction', 'outbound'],
    ['classification', 'success'],
  ] as const;
  const id = index.resolve('response_total', new Map([...base, ['a', '1']]));
  t.is(index.resolve('response_total', new Map([['a', '1'], ...base])), id);
  t.not(index.resolve('response_total', new Map([...base, ['a', '1","b"="2']])), id);
  t.is(index.resolve('process_start_time_seconds', new Map()), 2);
  t.is(index.resolve('response_total', new Map([...base, ['a', '3']])), REFUSED);
  t.is(index.resolve('response_total', new Map([...base, ['a', '1']])), id);
  t.is(budget.used, 3);
  table.store(2, 1, 7);
  t.true(index.hasSentinel(7));
  t.false(index.hasSentinel(8));
  index.release();
  t.is(budget.used, 0);
});

test('buckets of one histogram share one peer and one short group', (t) => {
  const table = new SeriesTable();
  const index = new SeriesIndex(
    createLinkerdRules({ adminPort: 4191, sentinel: true }),
    ownOf(),
    table,
    new SeriesBudget(9),
  );
  for (const le of ['1', '5', '+Inf']) {
    index.resolve(
      'response_latency_ms_bucket',
      new Map([
        ['direction', 'outbound'],
        ['dst_deployment', 'api'],
        ['le', le],
      ]),
    );
  }
  const [first, ...rest] = [0, 1, 2].map((id) => table.meaningOf(id) as TrafficSeries);
  for (const other of rest) {
    t.is(other.peer, first!.peer);
    t.is(other.group, first!.group);
  }
  t.true(first!.group.length < 4 && first!.group !== '');
});

test('defaults are those of the reference: intervals, limits, path', (t) => {
  t.like(linkerdConfig.parse({}), {
    scrape_interval: 10_000,
    scheme: 'http',
    metrics_path: '/metrics',
    body_size_limit: 50 * 2 ** 20,
    sample_limit: 500_000,
    label_limit: 64,
    label_name_length_limit: 256,
    label_value_length_limit: 2_048,
    target_limit: 1_000,
    max_series: 2_000_000,
    enable_compression: 'auto',
    admin_port: 4_191,
    sentinel: true,
  });
});

const TARGET = { static_configs: [{ targets: ['a:1'] }] };
for (const [title, config, path] of [
  ['an unknown key', { ...TARGET, scrape_intervall: '10s' }, ''],
  ['a duration without a unit', { ...TARGET, scrape_interval: 10 }, 'scrape_interval'],
  ['a target without a port', { static_configs: [{ targets: ['localhost'] }] }, 'static_configs.0.targets.0'],
  ['a bad scheme', { ...TARGET, scheme: 'ftp' }, 'scheme'],
  ['a relative path', { ...TARGET, metrics_path: 'metrics' }, 'metrics_path'],
  [
    'an unknown label form',
    { static_configs: [{ targets: ['a:1'], labels: { 'a.b': 'x' } }] },
    'static_configs.0.labels.a.b',
  ],
  ['a limit of nothing', { ...TARGET, sample_limit: 0 }, 'sample_limit'],
] as const) {
  test(`the schema refuses ${title}`, (t) => {
    const result = linkerdConfig.safeParse(config);
    t.is(result.error?.issues[0]?.path.join('.'), path);
  });
}

for (const [title, config, path, severity] of [
  [
    'a timeout above the interval',
    { ...TARGET, scrape_interval: '5s', scrape_timeout: '6s' },
    'scrape_timeout',
    undefined,
  ],
  ['nothing to scrape', {}, '', undefined],
  [
    'two kinds of credentials',
    { ...TARGET, basic_auth: { username: 'a' }, authorization: {} },
    'authorization',
    undefined,
  ],
  [
    'a password twice',
    { ...TARGET, basic_auth: { username: 'a', password: 'b', password_file: 'c' } },
    'basic_auth.password_file',
    undefined,
  ],
  [
    'a certificate without a key',
    { ...TARGET, scheme: 'https', tls_config: { cert_file: 'a' } },
    'tls_config',
    undefined,
  ],
  ['TLS keys without TLS', { ...TARGET, tls_config: { ca_file: 'a' } }, 'tls_config', 'warning'],
  [
    'unverified certificates',
    { ...TARGET, scheme: 'https', tls_config: { insecure_skip_verify: true } },
    'tls_config.insecure_skip_verify',
    'warning',
  ],
] as const) {
  test(`the check tells of ${title}`, (t) => {
    const issues = checkLinkerdConfig(linkerdConfig.parse(config));
    t.is(issues.length, 1);
    t.is(issues[0]?.path.join('.'), path);
    t.is(issues[0]?.severity, severity);
    t.truthy(issues[0]?.mend);
  });
}

test('a sound configuration has no issues', (t) => {
  t.deepEqual(checkLinkerdConfig(linkerdConfig.parse(TARGET)), []);
});
