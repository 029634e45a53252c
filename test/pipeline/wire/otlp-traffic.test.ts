/** @module Traffic as OTLP and back: nothing is lost, and the public schema reads the same numbers. */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../../pipeline/model/traffic-key.ts';
import {
  type DecodedTraffic,
  decodeTraffic,
  decodeTrafficJson,
  encodeCumulativeJson,
  encodeTrafficJson,
  OtlpTrafficEncoder,
  type TrafficEnvelope,
} from '../../../pipeline/wire/otlp-traffic.ts';
import { coverageAttributes, trafficAttributes } from '../../../pipeline/wire/traffic-attributes.ts';
import { type SchemaMetric, type SchemaPoint, schemaDecode } from '../../kit/otlp-schema.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { anyEnvelope, anyKey, anyRecordOf, anySum, ordered } from '../../kit/traffic-arbitrary.ts';

const ENVELOPE: TrafficEnvelope = {
  source: 'weir-1',
  epoch: 'e1',
  seq: 7,
  resource: new Map([['service.name', 'weir']]),
};
const NONE_FOREIGN = { metrics: 0, points: 0, names: new Map<string, number>() };

/** The envelope as it comes back: names that Weir uses itself are not told from the resource. */
function told({ resource, ...others }: TrafficEnvelope): TrafficEnvelope {
  return { ...others, resource: new Map([...resource].filter(([name]) => !/^weir\.(?:source|epoch|seq)$/.test(name))) };
}

/** The one sum of a request of one sender. */
function onlySum({ resources }: DecodedTraffic): TrafficSum {
  if (resources.length !== 1 || resources[0]!.sums.length !== 1) throw new Error('not one sum');
  return ordered(resources[0]!.sums[0]!);
}

test('any sum comes back from protobuf as it was', (t) => {
  fc.assert(
    fc.property(anySum, anyEnvelope, (sum, envelope) => {
      const decoded = decodeTraffic(new OtlpTrafficEncoder().encode(sum, envelope));
      t.deepEqual(onlySum(decoded), ordered(sum));
      t.deepEqual(decoded.resources[0]!.envelope, told(envelope));
      t.deepEqual(decoded.foreign, NONE_FOREIGN);
    }),
    { numRuns: 300 },
  );
});

test('any sum comes back from JSON as it was', (t) => {
  fc.assert(
    fc.property(anySum, anyEnvelope, (sum, envelope) => {
      const decoded = decodeTrafficJson(encodeTrafficJson(sum, envelope));
      t.deepEqual(onlySum(decoded), ordered(sum));
      t.deepEqual(decoded.resources[0]!.envelope, told(envelope));
      t.deepEqual(decoded.foreign, NONE_FOREIGN);
    }),
    { numRuns: 300 },
  );
});

test('the public schema reads from the bytes what the JSON form says', (t) => {
  fc.assert(
    fc.property(anySum, anyEnvelope, (sum, envelope) => {
      const bytes = new OtlpTrafficEncoder().encode(sum, envelope);
      t.deepEqual(withoutDefaults(schemaDecode(bytes)), withoutDefaults(JSON.parse(encodeTrafficJson(sum, envelope))));
    }),
    { numRuns: 300 },
  );
});

/** Without what protobuf does not tell from its absence: empty lists and the defaults of fields that have no presence. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name, field]) =>
      !(Array.isArray(field) && field.length === 0) &&
      !(name === 'key' && field === '') &&
      !(/^(?:count|startTimeUnixNano|timeUnixNano)$/.test(name) && field === '0'),
  );
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutDefaults(field)]));
}

function metricsOf(bytes: Uint8Array): Map<string, SchemaMetric> {
  const metrics = schemaDecode(bytes).resourceMetrics?.[0]?.scopeMetrics?.[0]?.metrics ?? [];
  return new Map(metrics.map((metric) => [metric.name ?? '', metric]));
}

function attributesOf({ attributes = [] }: SchemaPoint): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value?.stringValue ?? value?.boolValue]));
}

const WEB = own('shop/web', { kind: 'Deployment', node: 'n1', account: 'web-sa', podUid: 'u-1' });
const TO_API = peer('shop/api', { kind: 'StatefulSet', service: 'api', serviceNamespace: 'front', account: 'api-sa' });
const HISTOGRAM = buckets([
  [5, 3],
  [100, 2],
  [Number.POSITIVE_INFINITY, 1],
]);
const TCP = { opened: 4, closed: 3, readBytes: 2 ** 40, writtenBytes: 12 };
const SAMPLE = sumOf(
  [
    record('client', WEB, TO_API, 5, 2, { unreached: 1, latency: [HISTOGRAM], tcp: TCP, protocol: 'grpc' }),
    record('server', WEB, peer(null), 0, 0),
  ],
  [
    covered(WEB, {
      target: 'linkerd|10.0.0.1:4191',
      scrapesMissed: 1,
      resets: 2,
      firstSight: true,
      coveredSeconds: 20.5,
    }),
  ],
  { startMs: 1_764_000_000_000, lengthMs: 30_000 },
);

test('a record is told by the names of the documented table', (t) => {
  const metrics = metricsOf(new OtlpTrafficEncoder().encode(SAMPLE, ENVELOPE));
  const [success, failure] = metrics.get('weir.requests')!.sum!.dataPoints!;
  const attributes = {
    mesh: 'linkerd',
    side: 'client',
    protocol: 'grpc',
    counts: 'attempts',
    'source.namespace': 'shop',
    'source.workload': 'web',
    'source.kind': 'Deployment',
    'source.pod': 'web-1',
    'source.pod_uid': 'u-1',
    'source.node': 'n1',
    'source.service_account': 'web-sa',
    'destination.namespace': 'shop',
    'destination.workload': 'api',
    'destination.kind': 'StatefulSet',
    'destination.service_account': 'api-sa',
    'destination.service': 'api',
    'destination.service_namespace': 'front',
  };
  t.deepEqual(attributesOf(success!), { classification: 'success', ...attributes });
  t.deepEqual(attributesOf(failure!), { classification: 'failure', ...attributes });
  t.is(success!.asInt, '5');
  t.is(failure!.asInt, '2');
  t.is(success!.startTimeUnixNano, '1764000000000000000');
  t.is(success!.timeUnixNano, '1764000030000000000');
  t.is(metrics.get('weir.requests')!.sum!.aggregationTemporality, 1);
  t.is(metrics.get('weir.requests')!.sum!.isMonotonic, true);
  t.deepEqual(
    metrics.get('weir.requests_unreached')!.sum!.dataPoints!.map((point) => [point.asInt, attributesOf(point)]),
    [['1', attributes]],
  );
});

test('response times are told in milliseconds, bytes exactly, and a record seen from the server the other way round', (t) => {
  const metrics = metricsOf(new OtlpTrafficEncoder().encode(SAMPLE, ENVELOPE));
  const duration = metrics.get('weir.request.duration')!;
  const [point] = duration.histogram!.dataPoints!;
  t.is(duration.unit, 'ms');
  t.deepEqual(point!.explicitBounds, [...HISTOGRAM.boundsMs]);
  t.is(point!.count, '6');
  t.deepEqual(point!.bucketCounts!.map(Number), [...HISTOGRAM.counts]);
  t.false('bounds' in attributesOf(point!));
  t.is(metrics.get('weir.tcp.read')!.sum!.dataPoints![0]!.asInt, String(2 ** 40));
  t.deepEqual(attributesOf(metrics.get('weir.requests')!.sum!.dataPoints![2]!), {
    classification: 'success',
    mesh: 'linkerd',
    side: 'server',
    protocol: 'http',
    counts: 'requests',
    'destination.namespace': 'shop',
    'destination.workload': 'web',
    'destination.kind': 'Deployment',
    'destination.pod': 'web-1',
    'destination.pod_uid': 'u-1',
    'destination.node': 'n1',
    'destination.service_account': 'web-sa',
  });
});

test('coverage is told as points of its own', (t) => {
  const metrics = metricsOf(new OtlpTrafficEncoder().encode(SAMPLE, ENVELOPE));
  const values = [...metrics].flatMap(([name, { sum }]) =>
    name.startsWith('weir.coverage.')
      ? [[name.slice(14), Number(sum!.dataPoints![0]!.asInt ?? sum!.dataPoints![0]!.asDouble)]]
      : [],
  );
  t.deepEqual(Object.fromEntries(values), {
    scrapes_due: 3,
    scrapes_missed: 1,
    covered: 20.5,
    expected: 30,
    resets: 2,
    first_sights: 1,
  });
  const [point] = metrics.get('weir.coverage.covered')!.sum!.dataPoints!;
  t.deepEqual(attributesOf(point!), {
    target: 'linkerd|10.0.0.1:4191',
    mesh: 'linkerd',
    namespace: 'shop',
    workload: 'web',
    kind: 'Deployment',
    pod: 'web-1',
    pod_uid: 'u-1',
    node: 'n1',
    service_account: 'web-sa',
  });
});

test('an id that came back is the id of a key made from the same fields', (t) => {
  fc.assert(
    fc.property(anySum, (sum) => {
      for (const { key } of onlySum(decodeTraffic(new OtlpTrafficEncoder().encode(sum, ENVELOPE))).records) {
        t.is(key.id, createTrafficKey(key).id);
      }
    }),
    { numRuns: 50 },
  );
});

test('no two records have the same attributes', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(anyKey, { selector: ({ id }) => id, maxLength: 20 }), (keys) => {
      t.is(new Set(keys.map((key) => JSON.stringify(trafficAttributes(key)))).size, keys.length);
    }),
  );
  const nobody = record('client', WEB, peer(null), 1).key;
  const nameless = {
    ...nobody,
    peer: { ...nobody.peer, workload: { cluster: '', namespace: '', name: '', kind: '' } },
  } as const;
  t.notDeepEqual(trafficAttributes(nobody), trafficAttributes(nameless));
});

test('totals are told with cumulative temporality from their own starts, the same in JSON', (t) => {
  const [first, second] = SAMPLE.records as [TrafficRecord, TrafficRecord];
  const totals = [
    { record: first, startMs: 1_764_000_000_000 },
    { record: second, startMs: 1_764_000_010_000.5 },
  ];
  const bytes = new OtlpTrafficEncoder().encodeCumulative(totals, 1_764_000_060_000, ENVELOPE);
  const points = metricsOf(bytes).get('weir.requests')!.sum!.dataPoints!;
  t.deepEqual(
    points.map(({ startTimeUnixNano, timeUnixNano, asInt }) => [startTimeUnixNano, timeUnixNano, asInt]),
    [
      ['1764000000000000000', '1764000060000000000', '5'],
      ['1764000000000000000', '1764000060000000000', '2'],
      ['1764000010000500000', '1764000060000000000', '0'],
      ['1764000010000500000', '1764000060000000000', '0'],
    ],
  );
  for (const { sum, histogram } of metricsOf(bytes).values()) t.is((sum ?? histogram)!.aggregationTemporality, 2);
  t.deepEqual(schemaDecode(bytes), JSON.parse(encodeCumulativeJson(totals, 1_764_000_060_000, ENVELOPE)));
});

test('cumulative totals are no deltas: a decoder leaves them out by name', (t) => {
  const totals = [{ record: SAMPLE.records[0]!, startMs: 0 }];
  const { resources, foreign } = decodeTraffic(new OtlpTrafficEncoder().encodeCumulative(totals, 10, ENVELOPE));
  t.deepEqual(resources, []);
  t.deepEqual([...foreign.names].slice(0, 3), [
    ['weir.requests', 2],
    ['weir.requests_unreached', 1],
    ['weir.request.duration', 1],
  ]);
  t.is(foreign.points, 8);
  t.is(foreign.metrics, 7);
});

test('halves of surrogate pairs are told as U+FFFD, in both forms', (t) => {
  const torn = record('client', own('a\ud800b/we\udc00b'), peer('x/y'), 3);
  const sum = sumOf([torn], [covered(own('shop/\ud83e'), { target: '\udfff' })], { startMs: 0, lengthMs: 10 });
  const envelope = { ...ENVELOPE, source: 'w\ud800' };
  const fromBytes = decodeTraffic(new OtlpTrafficEncoder().encode(sum, envelope));
  const fromText = decodeTrafficJson(encodeTrafficJson(sum, envelope));
  t.deepEqual(fromBytes, fromText);
  t.is(onlySum(fromBytes).records[0]!.key.own.workload.namespace, 'a\ufffdb');
  t.is(onlySum(fromBytes).records[0]!.key.own.workload.name, 'we\ufffdb');
  t.is(onlySum(fromBytes).records[0]!.successes, 3);
  t.is(onlySum(fromBytes).coverage[0]!.target, '\ufffd');
  t.is(fromBytes.resources[0]!.envelope!.source, 'w\ufffd');
});

test('names that differ in such halves only become one record, and their counts add up', (t) => {
  const records = ['\ud800', '\ud801'].map((name) => record('client', own(`a/${name}`), peer('x/y'), 3));
  const sum = sumOf(records, [], { startMs: 0, lengthMs: 10 });
  const decoded = onlySum(decodeTraffic(new OtlpTrafficEncoder().encode(sum, ENVELOPE)));
  t.deepEqual(
    decoded.records.map(({ successes }) => successes),
    [6],
  );
});

test('several sets of bounds are told apart by an attribute, one set twice is one point', (t) => {
  const narrow = { boundsMs: [1, 2], counts: Float64Array.of(1, 2, 3) };
  const wide = { boundsMs: [10], counts: Float64Array.of(4, 5) };
  const again = { boundsMs: [1, 2], counts: Float64Array.of(10, 20, 30) };
  const sum = sumOf([record('client', WEB, TO_API, 1, 0, { latency: [narrow, wide, again] })], [], {
    startMs: 0,
    lengthMs: 10,
  });
  const bytes = new OtlpTrafficEncoder().encode(sum, ENVELOPE);
  const points = metricsOf(bytes).get('weir.request.duration')!.histogram!.dataPoints!;
  t.deepEqual(
    points.map((point) => [attributesOf(point).bounds, point.bucketCounts!.map(Number)]),
    [
      ['1 2', [11, 22, 33]],
      ['10', [4, 5]],
    ],
  );
  t.deepEqual(onlySum(decodeTraffic(bytes)).records[0]!.latency, [
    { boundsMs: [1, 2], counts: Float64Array.of(11, 22, 33) },
    wide,
  ]);
});

test('fractions in buckets are rounded for others and exact for Weir', (t) => {
  const halves = { boundsMs: [1], counts: Float64Array.of(0.5, 2.25) };
  const sum = sumOf([record('client', WEB, TO_API, 1, 0, { latency: [halves] })], [], { startMs: 0, lengthMs: 10 });
  const bytes = new OtlpTrafficEncoder().encode(sum, ENVELOPE);
  const [point] = metricsOf(bytes).get('weir.request.duration')!.histogram!.dataPoints!;
  t.deepEqual(point!.bucketCounts!.map(Number), [1, 2]);
  t.is(point!.count, '3');
  t.deepEqual(onlySum(decodeTraffic(bytes)).records[0]!.latency, [halves]);
});

test('plain TCP has no request points, and is known by its bytes', (t) => {
  const sum = sumOf([record('client', WEB, TO_API, 0, 0, { protocol: 'tcp', tcp: TCP })], [], {
    startMs: 0,
    lengthMs: 10,
  });
  const bytes = new OtlpTrafficEncoder().encode(sum, ENVELOPE);
  t.false(metricsOf(bytes).has('weir.requests'));
  t.deepEqual(onlySum(decodeTraffic(bytes)).records[0]!.tcp, TCP);
});

test('a sum in two parts tells the length of its interval once, its marks and counts in both', (t) => {
  const sum = { ...SAMPLE, partial: true };
  const [first, second] = SAMPLE.records as [TrafficRecord, TrafficRecord];
  const encoder = new OtlpTrafficEncoder();
  const parts = [
    encoder.encode({ ...sum, records: [first] }, ENVELOPE),
    encoder.encode({ ...sum, records: [second], coverage: [] }, { ...ENVELOPE, seq: 8 }, true),
  ];
  const points = parts.map((bytes) => metricsOf(bytes).get('weir.interval')!.sum!.dataPoints![0]!);
  t.deepEqual(
    points.map(({ asInt }) => asInt),
    ['30', '0'],
  );
  const [a, b] = parts.map((bytes) => onlySum(decodeTraffic(bytes))) as [TrafficSum, TrafficSum];
  t.deepEqual(ordered({ ...a, records: [...a.records, ...b.records] }).records.length, 2);
  t.true(a.partial && b.partial);
  t.deepEqual(b.interval, SAMPLE.interval);
  t.deepEqual(
    decodeTrafficJson(encodeTrafficJson({ ...sum, records: [second], coverage: [] }, { ...ENVELOPE, seq: 8 }, true)),
    decodeTraffic(parts[1]!),
  );
});

test('a sum without anything is told by its interval', (t) => {
  const sum = { ...sumOf([], [], { startMs: 1000, lengthMs: 500 }), partial: true };
  const bytes = new OtlpTrafficEncoder().encode(sum, ENVELOPE);
  const [point] = metricsOf(bytes).get('weir.interval')!.sum!.dataPoints!;
  t.is(point!.asDouble, 0.5);
  t.deepEqual(attributesOf(point!), { partial: true });
  t.deepEqual(onlySum(decodeTraffic(bytes)), sum);
});

for (const [what, interval] of [
  ['before 1970', { startMs: -1, endMs: 0 }],
  ['after 2554', { startMs: 0, endMs: 18_446_744_073_710 }],
  ['that never end', { startMs: 0, endMs: Number.POSITIVE_INFINITY }],
  ['that are none', { startMs: Number.NaN, endMs: 0 }],
] as const) {
  test(`times ${what} are refused, and the encoder goes on`, (t) => {
    const encoder = new OtlpTrafficEncoder();
    t.throws(() => void encoder.encode({ ...SAMPLE, interval }, ENVELOPE), {
      instanceOf: RangeError,
      message: /epoch/,
    });
    t.throws(() => void encodeTrafficJson({ ...SAMPLE, interval }, ENVELOPE), {
      instanceOf: RangeError,
      message: /epoch/,
    });
    t.deepEqual(encoder.encode(SAMPLE, ENVELOPE), new OtlpTrafficEncoder().encode(SAMPLE, ENVELOPE));
  });
}

test('the bytes given away are not written again', (t) => {
  const encoder = new OtlpTrafficEncoder();
  const first = encoder.encode(SAMPLE, ENVELOPE);
  const copy = first.slice();
  encoder.encode({ ...SAMPLE, interval: { startMs: 1, endMs: 2 } }, ENVELOPE);
  t.deepEqual(first, copy);
});

test('attributes of arbitrary keys and targets tell every field', (t) => {
  fc.assert(
    fc.property(anyKey.chain(anyRecordOf), ({ key }) => {
      const shown = new Map(trafficAttributes(key));
      t.is(shown.get(`${key.side === 'client' ? 'source' : 'destination'}.workload`), key.own.workload.name);
    }),
  );
  t.is(new Map(coverageAttributes(covered(WEB))).get('workload'), 'web');
});
