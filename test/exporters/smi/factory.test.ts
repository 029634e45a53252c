/** @module The `smi` exporter's factory: what it takes, demands and refuses, and when sums are made. */
import test from 'ava';
import { factory } from '../../../exporters/smi/factory.ts';
import { Delivery } from '../../../pipeline/delivery.ts';
import { spansNumbered } from '../../kit/sent-spans.ts';
import { emptySpans } from '../../kit/spans.ts';
import { fixture, startServer } from './server.ts';

function parse(written: object) {
  const result = factory.config.safeParse(written);
  return result.success ? result.data : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('it takes traffic, and demands TCP only when asked', (t) => {
  t.deepEqual(factory.takes, ['traffic']);
  t.deepEqual(factory.demand(factory.config.parse({})), ['requests', 'latency']);
  t.deepEqual(factory.demand(factory.config.parse({ tcp: true })), ['requests', 'latency', 'tcp']);
});

test('defaults', (t) => {
  t.like(parse({}), {
    endpoint: { host: '127.0.0.1', port: 8080 },
    insecure_allow: false,
    default_kind: 'Deployment',
    retention: 300_000,
    max_connections: 512,
    max_connections_per_address: 64,
    header_timeout: 10_000,
    request_timeout: 30_000,
    idle_timeout: 60_000,
  });
});

for (const [written, problem] of [
  [
    { endpoint: '0.0.0.0:8080' },
    'endpoint: other machines reach "0.0.0.0", and this listener has no TLS and no credential',
  ],
  [{ retention: '2h' }, 'retention: "2h" is out of range'],
  [{ default_kind: 'deployment' }, /^default_kind: /],
  [{ tls: { cert_file: 'x' } }, /^tls\.key_file: /],
  [{ port: 1 }, /Unrecognized key/],
] as const) {
  test(`refused: ${JSON.stringify(written)}`, (t) => {
    const problems = parse(written);
    t.true(Array.isArray(problems) && problems.length === 1);
    const [text] = problems as string[];
    if (typeof problem === 'string') t.is(text, problem);
    else t.regex(text!, problem);
  });
}

test('what is no traffic is rejected and counted', async (t) => {
  const { exporter, balance } = await startServer(t);
  const delivery = new Delivery();
  exporter.consume({ body: 'spans', spans: emptySpans(3), items: 3, delivery });
  t.deepEqual(delivery.outcome, { kind: 'rejected', reason: 'not_traffic' });
  t.is(balance.dropped.get('not_traffic'), 3);
  const spans = spansNumbered([5, 6]);
  exporter.consume({ body: 'spans', spans, items: 2, delivery: new Delivery() });
  t.is(balance.told[1]?.[2]?.spanId, '5'.padStart(16, '0'));
  t.is(balance.unaccounted, 0);
});

test('sums are made ahead of questions only while questions come', async (t) => {
  const { ask, clock, feed } = await startServer(t);
  const before = clock.timers;
  feed(fixture());
  t.is(clock.timers, before);
  t.is((await ask('/apis/metrics.smi-spec.io/v1alpha1/deployments/')).status, 200);
  t.is((await ask('/v1/edges/')).status, 200);
  feed(fixture());
  t.is(clock.timers, before + 1);
  clock.advance(0);
  t.is(clock.timers, before);
});

test('stopping twice, or without a start, is nothing to worry about', async (t) => {
  const { exporter, ask } = await startServer(t);
  await exporter.stop(AbortSignal.abort());
  await exporter.stop(AbortSignal.abort());
  t.is(exporter.port, null);
  await t.throwsAsync(ask('/livez'), { code: 'ECONNREFUSED' });
});
