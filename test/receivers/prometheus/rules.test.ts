/** @module A mapping as a mesh's table: what one series means, case by case. */
import test from 'ava';
import { compilePattern, type Pattern } from '../../../pipeline/config/pattern.ts';
import type { Workload } from '../../../pipeline/model/resource.ts';
import type { SeriesMeaning } from '../../../pipeline/model/rules.ts';
import { mappingSchema } from '../../../receivers/prometheus/mapping-config.ts';
import type { RelabelRule } from '../../../receivers/prometheus/relabel.ts';
import { boundOf, joinLabels, MappedRules } from '../../../receivers/prometheus/rules.ts';
import { ownOf } from '../linkerd/rows.ts';

type Labels = Record<string, string>;

interface Setting {
  readonly mapping?: object;
  readonly target?: Labels;
  readonly relabel?: readonly RelabelRule[];
  readonly honorLabels?: boolean;
}

const BASE = {
  mesh: 'traefik',
  counts: 'requests',
  side: 'server',
  source: { workload: 'client', namespace: 'client_ns' },
  requests: [{ sample: 'hits_total', failure: { code: '5..' } }],
  latency: [{ family: 'hit_seconds' }],
  tcp: [{ sample: 'open_total', measure: 'opened' }],
};

function rulesOf({ mapping = {}, target = {}, relabel = [], honorLabels = false }: Setting) {
  const options = { mapping: mappingSchema.parse({ ...BASE, ...mapping }), metricRelabel: relabel, honorLabels };
  return new MappedRules(options).forTarget(new Map(Object.entries(target)));
}

function resolve(sample: string, labels: Labels, setting: Setting = {}): SeriesMeaning {
  return rulesOf(setting).resolve(sample, new Map(Object.entries(labels)), ownOf());
}

function measureOf(labels: Labels, requests: object): string {
  const meaning = resolve('hits_total', labels, { mapping: { requests: [{ sample: 'hits_total', ...requests }] } });
  return meaning.role === 'traffic'
    ? meaning.measure
    : meaning.role === 'filtered'
      ? `filtered ${meaning.reason}`
      : meaning.role;
}

const classCase = test.macro((t, requests: object, labels: Labels, expected: string) => {
  t.is(measureOf(labels, requests), expected);
});
test('what is no failure succeeded', classCase, { failure: { code: '5..' } }, { code: '404' }, 'success');
test('a failure by its label', classCase, { failure: { code: '5..' } }, { code: '503' }, 'failure');
test('an expression matches the whole value', classCase, { failure: { code: '5' } }, { code: '503' }, 'success');
test('what is no success failed', classCase, { success: { code: '[1-4]..' } }, { code: '0' }, 'failure');
test('a label that is absent is empty', classCase, { success: { error: '' } }, {}, 'success');
test(
  'all labels of a condition must match',
  classCase,
  { failure: { code: '5..', kind: 'a' } },
  { code: '500', kind: 'b' },
  'success',
);
test(
  'what neither condition says is filtered',
  classCase,
  { success: { code: '2..' }, failure: { code: '5..' } },
  { code: '302' },
  'filtered unclassified',
);
test(
  'failure is asked first',
  classCase,
  { success: { code: '.*' }, failure: { code: '5..' } },
  { code: '500' },
  'failure',
);
test(
  'a failure that no server saw, counted by the client',
  classCase,
  { side: 'client', failure: { code: '5..' }, unreached: { flags: 'UH|UF' } },
  { code: '503', flags: 'UH' },
  'unreached',
);
test(
  'a server has seen all its failures',
  classCase,
  { side: 'server', failure: { code: '5..' }, unreached: { flags: 'UH|UF' } },
  { code: '503', flags: 'UH' },
  'failure',
);
test(
  'a success is never unreached',
  classCase,
  { side: 'client', failure: { code: '5..' }, unreached: { flags: 'UH' } },
  { code: '200', flags: 'UH' },
  'success',
);
test(
  'ignored series are filtered',
  classCase,
  { failure: { code: '5..' }, ignore: { path: '/health.*' } },
  { path: '/healthz' },
  'filtered ignored',
);

const SIDE = { label: 'reporter', client: 'source', server: 'destination' };
test('the side may come from a label', (t) => {
  const mapping = { side: SIDE };
  const side = (reporter: string) => {
    const meaning = resolve('hits_total', { reporter }, { mapping });
    return meaning.role === 'traffic' ? meaning.side : meaning;
  };
  t.is(side('source'), 'client');
  t.is(side('destination'), 'server');
  t.deepEqual(side('waypoint'), { role: 'filtered', reason: 'unknown_side' });
});

function workload(name: string, namespace = '', kind: Workload['kind'] = ''): Workload {
  return { cluster: '', namespace, name, kind };
}

const peerCase = test.macro(
  (
    t,
    source: object,
    labels: Labels,
    expected: { workload: Workload | null; service?: string; account?: string; pod?: string },
  ) => {
    const meaning = resolve('hits_total', labels, { mapping: { source } });
    if (meaning.role !== 'traffic') return t.fail(`is ${meaning.role}`);
    const { peer } = meaning;
    t.deepEqual(
      { workload: peer.workload, service: peer.service, account: peer.serviceAccount, pod: peer.pod },
      { service: '', account: '', pod: '', ...expected },
    );
  },
);
test(
  'a workload by two labels',
  peerCase,
  { workload: 'w', namespace: 'n' },
  { w: 'web', n: 'shop' },
  { workload: workload('web', 'shop') },
);
test(
  'its kind by a word of any case',
  peerCase,
  { workload: 'w', kind: 'k' },
  { w: 'web', k: 'DEPLOYMENT' },
  { workload: workload('web', '', 'Deployment') },
);
test(
  'a kind that is none is unknown',
  peerCase,
  { workload: 'w', kind: 'k' },
  { w: 'web', k: 'Gadget' },
  { workload: workload('web') },
);
test(
  'a fixed text',
  peerCase,
  { workload: 'w', namespace: { value: 'prod' } },
  { w: 'web' },
  { workload: workload('web', 'prod') },
);
test('nobody told', peerCase, { workload: 'w' }, {}, { workload: null });
test('unknown is nobody', peerCase, { workload: 'w' }, { w: 'unknown' }, { workload: null });
test(
  'a service stands for the workload',
  peerCase,
  { workload: 'w', service: 's', namespace: 'n' },
  { s: 'web', n: 'shop' },
  { workload: workload('web', 'shop', 'Service'), service: 'web' },
);
test(
  'an account stands where nothing else is told',
  peerCase,
  { service_account: 'a', namespace: 'n' },
  { a: 'bot', n: 'shop' },
  { workload: workload('bot', 'shop', 'ServiceAccount'), account: 'bot' },
);
test(
  'a pod',
  peerCase,
  { workload: 'w', pod: 'p' },
  { w: 'web', p: 'web-1' },
  { workload: workload('web'), pod: 'web-1' },
);

test('the near end comes from the series when it names its workload, else it is the target', (t) => {
  const mapping = { destination: { workload: 'me', namespace: 'my_ns', pod: 'my_pod' } };
  const told = resolve('hits_total', { me: 'api', my_ns: 'shop', my_pod: 'api-7' }, { mapping });
  t.deepEqual(told.role === 'traffic' && told.own, {
    workload: workload('api', 'shop'),
    pod: 'api-7',
    podUid: '',
    node: '',
    serviceAccount: '',
  });
  const untold = resolve('hits_total', { my_ns: 'shop' }, { mapping });
  t.is(untold.role === 'traffic' ? untold.own : undefined, null);
});

test('buckets carry their bound in milliseconds, and one group per histogram', (t) => {
  const bucket = (labels: Labels) => {
    const meaning = resolve('hit_seconds_bucket', labels);
    return meaning.role === 'traffic' ? meaning : t.fail('is no traffic');
  };
  const first = bucket({ client: 'a', le: '0.07' });
  const second = bucket({ le: '+Inf', client: 'a' });
  const other = bucket({ client: 'b', le: '0.07' });
  t.like(first, { measure: 'latency_bucket', boundMs: 70 });
  t.like(second, { boundMs: Number.POSITIVE_INFINITY });
  t.true(first && second && other && first.group === second.group && first.group !== other.group);
  t.deepEqual(resolve('hit_seconds_bucket', { le: 'x' }), { role: 'filtered', reason: 'bad_bucket' });
  t.deepEqual(resolve('hit_seconds_bucket', {}), { role: 'filtered', reason: 'bad_bucket' });
});

test('bounds are shifted as text', (t) => {
  const table: [string, number, number | null][] = [
    ['0.005', 3, 5],
    ['0.07', 3, 70],
    ['1.1', 3, 1100],
    ['2.5e-1', 3, 250],
    ['5', 0, 5],
    ['250', -3, 0.25],
    ['+Inf', 3, Number.POSITIVE_INFINITY],
    ['Inf', 3, Number.POSITIVE_INFINITY],
    ['1.', 3, 1000],
    ['.5', 3, 500],
    ['-1', 3, null],
    ['NaN', 3, null],
    ['', 3, null],
    ['0x10', 3, null],
    ['1e400', 3, null],
  ];
  for (const [text, exponent, expected] of table) t.is(boundOf(text, exponent), expected, text);
});

test('tcp families count connections and bytes', (t) => {
  t.like(resolve('open_total', { client: 'web' }), { measure: 'tcp_opened', protocol: 'tcp', side: 'server' });
});

test('labels of the target are read with those of the series', (t) => {
  const target = { zone: 'eu', client: 'of-target' };
  const mapping = { source: { workload: 'client', namespace: 'zone' } };
  const told = (honorLabels: boolean) => {
    const meaning = resolve('hits_total', { client: 'of-page' }, { mapping, target, honorLabels });
    return meaning.role === 'traffic' ? meaning.peer.workload : null;
  };
  t.deepEqual(told(false), workload('of-target', 'eu'));
  t.deepEqual(told(true), workload('of-page', 'eu'));
});

test('a clash is kept under another name, as in Prometheus', (t) => {
  const page = new Map([
    ['job', 'a'],
    ['exported_job', 'b'],
  ]);
  t.deepEqual(Object.fromEntries(joinLabels(page, new Map([['job', 'c']]), false)), {
    job: 'c',
    exported_job: 'b',
    exported_exported_job: 'a',
  });
});

function rule(more: Partial<RelabelRule>, regex = '(.*)'): RelabelRule {
  return {
    action: 'replace',
    sourceLabels: [],
    separator: ';',
    targetLabel: '',
    replacement: '$1',
    modulus: 0,
    ...more,
    regex: compilePattern(regex) as Pattern,
  };
}

test('rules for series come first: they drop them or make the labels a mapping reads', (t) => {
  const relabel = [
    rule({ action: 'drop', sourceLabels: ['__name__', 'path'] }, 'hits_total;/metrics'),
    rule({ sourceLabels: ['backend'], targetLabel: 'client_ns' }, '(.+)-.+'),
    rule({ sourceLabels: ['backend'], targetLabel: 'client' }, '.+-(.+)'),
  ];
  t.deepEqual(resolve('hits_total', { path: '/metrics' }, { relabel }), { role: 'filtered', reason: 'metric_relabel' });
  const kept = resolve('hits_total', { path: '/', backend: 'shop-web' }, { relabel });
  t.deepEqual(kept.role === 'traffic' && kept.peer.workload, workload('web', 'shop'));
});

test('start and sentinel have their roles; a sentinel may be a family that is read', (t) => {
  const rules = rulesOf({ mapping: { start_time: 'process_start_time_seconds', sentinel: 'build_info' } });
  t.is(rules.sentinel, 'build_info');
  t.deepEqual(rules.resolve('process_start_time_seconds', new Map(), ownOf()), { role: 'start' });
  t.deepEqual(rules.resolve('build_info', new Map(), ownOf()), { role: 'sentinel' });
  t.deepEqual(
    rules.families.filter(({ demand }) => demand === null).map(({ sample }) => sample),
    ['process_start_time_seconds', 'build_info'],
  );
  const both = rulesOf({ mapping: { sentinel: 'hits_total' } });
  t.is(both.resolve('hits_total', new Map([['code', '200']]), ownOf()).role, 'traffic');
  t.is(both.families.find(({ sample }) => sample === 'hits_total')?.demand, null);
});

test('counts may differ by side', (t) => {
  t.deepEqual(rulesOf({ mapping: { counts: { client: 'requests', server: 'attempts' } } }).counts, {
    client: 'requests',
    server: 'attempts',
  });
  t.deepEqual(rulesOf({}).counts, { client: 'requests', server: 'requests' });
});

test('histograms that rules make equal stay counters of their own, each with its own restarts', (t) => {
  const relabel = [rule({ action: 'labeldrop' }, 'route')];
  const groupOf = (route: string, le: string) => {
    const meaning = resolve('hit_seconds_bucket', { route, client: 'a', le }, { relabel });
    return meaning.role === 'traffic' ? meaning.group : '';
  };
  t.is(groupOf('/a', '1'), groupOf('/a', '2'));
  t.not(groupOf('/a', '1'), groupOf('/b', '1'));
});
