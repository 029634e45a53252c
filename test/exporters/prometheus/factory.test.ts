/** @module The `prometheus` exporter's factory: what it takes, demands, defaults to and refuses. */
import test from 'ava';
import { factory } from '../../../exporters/prometheus/factory.ts';
import { DETAIL_LABELS, OWN_LABELS } from '../../../exporters/prometheus/labels.ts';
import { coverageAttributes, labelName, trafficAttributes } from '../../../pipeline/wire/traffic-attributes.ts';
import { covered, own, peer, record } from '../../kit/traffic.ts';

function parse(written: object) {
  const result = factory.config.safeParse(written);
  return result.success ? result.data : result.error.issues.map((issue) => JSON.stringify(issue));
}

test('it takes traffic, and demands TCP unless told not to', (t) => {
  t.deepEqual(factory.takes, ['traffic']);
  t.deepEqual(factory.demand(factory.config.parse({})), ['requests', 'latency', 'tcp']);
  t.deepEqual(factory.demand(factory.config.parse({ tcp: false })), ['requests', 'latency']);
});

test('defaults', (t) => {
  t.like(parse({}), {
    endpoint: { host: '127.0.0.1', port: 9464 },
    insecure_allow: false,
    namespace: undefined,
    const_labels: {},
    exclude_labels: [],
    metric_expiration: 300_000,
    enable_open_metrics: true,
    created_samples: true,
    tcp: true,
    max_series: 2_000_000,
    max_concurrent_scrapes: 16,
  });
});

for (const [written, problem] of [
  [{ endpoint: '0.0.0.0:9464' }, /other machines reach/],
  [{ endpoint: '9464' }, /is no address/],
  [{ namespace: '9lives' }, /"namespace"/],
  [{ namespace: 'a-b' }, /"namespace"/],
  [{ const_labels: { 'a-b': 'x' } }, /is no name of a label/],
  [{ const_labels: { 'x="y",z': 'x' } }, /is no name of a label/],
  [{ const_labels: { __name__: 'x' } }, /kept for Prometheus itself/],
  [{ const_labels: { side: 'x' } }, /written by the exporter itself/],
  [{ const_labels: { le: '1' } }, /written by the exporter itself/],
  [{ const_labels: { a: 1 } }, /expected string/],
  [{ exclude_labels: ['side'] }, /"exclude_labels"/],
  [{ metric_expiration: '1ms' }, /out of range/],
  [{ metric_expiration: 300 }, /needs a unit/],
  [{ max_series: 0 }, /"max_series"/],
  [{ max_concurrent_scrapes: 0 }, /"max_concurrent_scrapes"/],
  [{ port: 1 }, /Unrecognized key/],
] as const) {
  test(`refused: ${JSON.stringify(written)}`, (t) => {
    const problems = parse(written);
    t.true(Array.isArray(problems) && problems.length === 1);
    t.regex(String((problems as string[])[0]), problem);
  });
}

test('the exporter knows all labels that it can write', (t) => {
  const me = { ...own('n/w', { kind: 'Job', podUid: 'u', node: 'k', account: 'a' }) };
  const full = { ...me, workload: { ...me.workload, cluster: 'c' } };
  const other = peer('n/p', { kind: 'Job', pod: 'p', service: 's', serviceNamespace: 'm', account: 'a' });
  const far = { ...other, workload: full.workload };
  const keys = (['client', 'server'] as const).map((side) => record(side, full, far, 1).key);
  const names = [...keys.flatMap(trafficAttributes), ...coverageAttributes(covered(full))].map(([name]) =>
    labelName(name),
  );
  for (const name of names) t.true(OWN_LABELS.has(name), name);
  for (const name of DETAIL_LABELS) t.true(names.includes(name), name);
});
