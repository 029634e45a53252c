/** @module Readings as TrafficMetrics messages: every message keeps to the published schema. */
import test from 'ava';
import fc from 'fast-check';
import { encodeReading } from '../../../exporters/kafka/encode.ts';
import { readTraffic } from '../../../pipeline/model/reading.ts';
import type { TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { identityOf, metricOf, parseMessage } from '../../kit/schema.ts';
import { edgeCounts, record, slot, workload } from '../../kit/slots.ts';

const START_MS = Date.parse('2026-01-05T10:00:00Z');
const OPTIONS = {
  source: 'weir-1',
  epoch: '00000000000000aa',
  firstSeq: 7,
  cluster: '',
  defaultKind: 'Deployment',
  nowMs: START_MS + 31_000,
};

function encode(sum: TrafficSum, options: Partial<typeof OPTIONS> = {}) {
  const windowMs = sum.interval.endMs - sum.interval.startMs;
  return encodeReading(readTraffic(sum, { defaultKind: 'Deployment', windowMs }), { ...OPTIONS, ...options });
}

const SUM = slot(START_MS, START_MS + 30_000, [
  { source: 'web', destination: 'emoji', successes: 1200, failures: 300 },
  { source: 'web', destination: 'idle', successes: 0, failures: 0 },
]);

test('a window gives one total per workload that received and each edge once, and nothing without traffic', (t) => {
  const messages = encode(SUM).map(({ value }) => parseMessage(value));
  t.deepEqual(
    messages.map(({ resource, edge, 'x-weir': { record: what } }) => [
      what,
      edge.direction,
      resource.name,
      edge.resource.name,
    ]),
    [
      ['total', 'from', 'emoji', undefined],
      ['edge', 'to', 'web', 'emoji'],
    ],
  );
});

test('the message of an edge, word by word', (t) => {
  const edge = encode(SUM)[1];
  t.is(edge?.key, 'shop/web');
  t.is(edge?.timestampMs, START_MS + 30_000);
  t.deepEqual(edge?.headers, {
    'content-type': 'application/json',
    'weir-schema': 'tm/1',
    'weir-source': 'weir-1',
    'weir-epoch': '00000000000000aa',
    'weir-seq': '8',
    'weir-sent-at': '2026-01-05T10:00:31.000Z',
  });
  t.deepEqual(JSON.parse(edge?.value ?? ''), {
    kind: 'TrafficMetrics',
    apiVersion: 'metrics.smi-spec.io/v1alpha2',
    metadata: { name: 'web', namespace: 'shop', creationTimestamp: '2026-01-05T10:00:30Z' },
    timestamp: '2026-01-05T10:00:30Z',
    window: '30s',
    resource: { kind: 'Deployment', namespace: 'shop', name: 'web', apiVersion: 'apps/v1' },
    edge: {
      direction: 'to',
      side: 'client',
      resource: { kind: 'Deployment', namespace: 'shop', name: 'emoji', apiVersion: 'apps/v1' },
    },
    backend: null,
    metrics: [
      { name: 'p99_response_latency', unit: 'ms', value: '99100m' },
      { name: 'p90_response_latency', unit: 'ms', value: '91' },
      { name: 'p50_response_latency', unit: 'ms', value: '55' },
      { name: 'success_count', value: '1200' },
      { name: 'failure_count', value: '300' },
    ],
    'x-weir': {
      record: 'edge',
      source: 'weir-1',
      epoch: '00000000000000aa',
      seq: 8,
      revision: 1,
      cluster: '',
      mesh: 'linkerd',
      peerCluster: '',
      windowStart: '2026-01-05T10:00:00.000Z',
      windowEnd: '2026-01-05T10:00:30.000Z',
      partial: false,
      clockAhead: false,
      side: 'client',
      counts: 'attempts',
      complete: true,
      ratePerSecond: 50,
      bounds: { p50: [10, 100], p90: [10, 100], p99: [10, 100] },
      coveredSeconds: 30,
      expectedSeconds: 30,
      sources: 1,
      missed: 0,
      resets: 0,
    },
  });
});

test('a window of its own length says its own start, end and length', (t) => {
  const sum = slot(START_MS + 10_000, START_MS + 95_500, [
    { source: 'web', destination: 'emoji', successes: 1, failures: 0 },
  ]);
  const message = parseMessage(encode({ ...sum, partial: true }, { nowMs: START_MS })[0]?.value ?? '');
  t.is(message.window, '1m25.5s');
  t.is(message.timestamp, '2026-01-05T10:01:35Z');
  t.is(message['x-weir'].windowStart, '2026-01-05T10:00:10.000Z');
  t.is(message['x-weir'].windowEnd, '2026-01-05T10:01:35.500Z');
  t.is(message['x-weir'].partial, true);
});

test('times ahead of the clock are not given to the broker', (t) => {
  t.is(encode(SUM, { nowMs: START_MS + 1000 })[0]?.timestampMs, START_MS + 1000);
});

test('a cluster is part of the key and of the message', (t) => {
  const [total, edge] = encode(SUM, { cluster: 'eu' });
  t.is(total?.key, 'eu|shop/emoji');
  t.is(edge?.key, 'eu|shop/web');
  t.is(parseMessage(edge?.value ?? '')['x-weir'].peerCluster, 'eu');
});

test('a workload without a namespace has a key and an identity', (t) => {
  const base = record('client', 'web', 'emoji', 5);
  const peer = { ...base.key.peer, workload: workload('gateway', '') };
  const messages = encode({ ...SUM, records: [{ ...base, key: { ...base.key, id: 'n', peer } }] });
  t.deepEqual(
    messages.map(({ key }) => key),
    ['-/gateway', 'shop/web'],
  );
  const [cluster] = encode({ ...SUM, records: [{ ...base, key: { ...base.key, id: 'n', peer } }] }, { cluster: 'eu' });
  t.is(cluster?.key, 'eu|-/gateway');
  t.is(parseMessage(messages[0]?.value ?? '').resource.namespace, '');
});

test('totals and edges name their mesh, and all of them when there are several', (t) => {
  const one = record('server', 'web', 'emoji', 5);
  const two = { ...one, key: { ...one.key, id: 'two', mesh: 'istio' } };
  const meshes = (records: TrafficRecord[]) =>
    encode({ ...SUM, records }).map(({ value }) => parseMessage(value)['x-weir'].mesh);
  t.deepEqual(meshes([one]), ['linkerd', 'linkerd']);
  t.deepEqual(meshes([one, two]), [
    ['istio', 'linkerd'],
    ['istio', 'linkerd'],
  ]);
});

test('an external workload has the API version of its mesh', (t) => {
  const base = record('client', 'web', 'emoji', 5);
  const external = { ...workload('legacy'), kind: 'ExternalWorkload' as const };
  const peer = { ...base.key.peer, workload: external };
  const [total] = encode({ ...SUM, records: [{ ...base, key: { ...base.key, id: 'x', peer } }] });
  t.is(parseMessage(total?.value ?? '').resource.apiVersion, 'workload.linkerd.io/v1beta1');
});

test('an edge from somebody unknown is told from its destination and is no total', (t) => {
  const server = record('server', 'x', 'emoji', 5);
  const unknown = {
    ...server,
    key: { ...server.key, id: 'unknown', peer: { ...server.key.peer, workload: null, serviceAccount: '' } },
  };
  const messages = encode({ ...slot(START_MS, START_MS + 30_000, []), records: [unknown] }).map(({ value }) =>
    parseMessage(value),
  );
  t.deepEqual(
    messages.map(({ resource, edge, 'x-weir': { record: what } }) => [
      what,
      edge.direction,
      resource.name,
      edge.resource,
    ]),
    [
      ['total', 'from', 'emoji', {}],
      ['edge', 'from', 'emoji', { kind: 'Unknown' }],
    ],
  );
  t.is(new Set(messages.map(identityOf)).size, 2);
});

test('latency in the open last bucket has no upper bound, and none measured has none at all', (t) => {
  const open = record('client', 'web', 'emoji', 5);
  open.latency?.[0]?.counts.set([0, 0, 0, 0, 5]);
  const [bounds] = encode({ ...SUM, records: [open] })
    .map(({ value }) => parseMessage(value))
    .filter((message) => message['x-weir'].record === 'edge')
    .map((message) => message['x-weir'].bounds);
  t.deepEqual(bounds?.p50, [1000, null]);
  const none = parseMessage(encode({ ...SUM, records: [{ ...open, latency: null }] }).at(-1)?.value ?? '');
  t.is(none['x-weir'].bounds.p99, null);
  t.is(metricOf(none, 'p99_response_latency'), 0);
});

test('hostile names stay names', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
      fc.string({ maxLength: 10 }),
      (name, cluster) => {
        const base = record('client', 'web', 'emoji', 5);
        const peer = { ...base.key.peer, workload: workload(name, '__proto__') };
        const sum = { ...SUM, records: [{ ...base, key: { ...base.key, id: 'h', peer } }] };
        const messages = encode(sum, { source: name, cluster }).map(({ value }) => parseMessage(value));
        const edge = messages.find((message) => message['x-weir'].record === 'edge');
        t.is(edge?.edge.resource.name, name.toWellFormed());
        t.is(edge?.edge.resource.namespace, '__proto__');
      },
    ),
  );
});

test('every message of any window keeps to the schema, has an identity of its own, and counts add up', (t) => {
  fc.assert(
    fc.property(edgeCounts, fc.integer({ min: 1, max: 1e7 }), (edges, lengthMs) => {
      const encoded = encode(slot(START_MS, START_MS + lengthMs, edges));
      const messages = encoded.map(({ value }) => parseMessage(value));
      t.is(new Set(messages.map(identityOf)).size, messages.length);
      t.deepEqual(
        messages.map((message) => message['x-weir'].seq),
        messages.map((_, i) => 7 + i),
      );
      const sent = messages
        .filter((message) => message['x-weir'].record === 'edge')
        .map((message) => [
          message.resource.name,
          message.edge.resource.name,
          metricOf(message, 'success_count'),
          metricOf(message, 'failure_count'),
        ]);
      const wanted = edges
        .filter((edge) => edge.successes + edge.failures > 0)
        .map((edge) => [edge.source, edge.destination, edge.successes, edge.failures]);
      t.deepEqual(sent.toSorted(), wanted.toSorted());
      for (const { bytes, key, value } of encoded) t.true(bytes > Buffer.byteLength(key) + Buffer.byteLength(value));
    }),
  );
});

test('failures that no server saw are told in edges and totals, and left out where there are none', (t) => {
  const lost = { ...record('client', 'web', 'emoji', 97, 3), unreached: 2 };
  const received = record('server', 'web', 'emoji', 97, 1);
  const told = encode({ ...SUM, records: [lost, received] }).map(({ value }) => parseMessage(value));
  t.deepEqual(
    told.map((message) => [message['x-weir'].record, metricOf(message, 'failure_count'), message['x-weir'].unreached]),
    [
      ['total', 3, 2],
      ['edge', 3, 2],
    ],
  );
  t.deepEqual(
    told.map((message) => message['x-weir'].counts),
    ['requests', 'attempts'],
  );
  t.true(encode(SUM).every(({ value }) => !value.includes('unreached')));
});
