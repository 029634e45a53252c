/** @module What is no request of Weir's: foreign metrics, newer senders, broken and hostile bytes. */
import test from 'ava';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import {
  type DecodedTraffic,
  decodeTraffic,
  decodeTrafficJson,
  encodeTrafficJson,
  MalformedJson,
  MalformedProtobuf,
  OtlpTrafficEncoder,
} from '../../../pipeline/wire/otlp-traffic.ts';
import { REQUEST_TYPE, schemaDecode } from '../../kit/otlp-schema.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { anyEnvelope, anySum, ordered } from '../../kit/traffic-arbitrary.ts';

const WEB = own('shop/web', { kind: 'Deployment' });
const LATENCY = [buckets([[5, 3]], [5, 10])];
const SUM = sumOf([record('client', WEB, peer('shop/api'), 5, 2, { latency: LATENCY })], [covered(WEB)], {
  startMs: 1_764_000_000_000,
  lengthMs: 30_000,
});
const ENVELOPE = { source: 'w', epoch: 'e', seq: 7, resource: new Map([['a', 'b']]) };
const BYTES = new OtlpTrafficEncoder().encode(SUM, ENVELOPE);
const JSON_TEXT = encodeTrafficJson(SUM, ENVELOPE);

/** Decoded, or null when the bytes are refused; any other error fails. */
function decodedOrRefused(bytes: Uint8Array): DecodedTraffic | null {
  try {
    return decodeTraffic(bytes);
  } catch (error) {
    if (error instanceof MalformedProtobuf) return null;
    throw error;
  }
}

/** The sums in an order of their own. */
function comparable({ resources, foreign }: DecodedTraffic): unknown {
  return { resources: resources.map(({ envelope, sums }) => ({ envelope, sums: sums.map(ordered) })), foreign };
}

/** What the public schema reads, by the way of JSON. */
function bySchema(bytes: Uint8Array): DecodedTraffic {
  return decodeTrafficJson(JSON.stringify(schemaDecode(bytes)));
}

test('every truncation is refused, or is what the public schema reads', (t) => {
  let refused = 0;
  for (let length = 0; length < BYTES.length; length++) {
    const bytes = BYTES.slice(0, length);
    const decoded = decodedOrRefused(bytes);
    if (decoded === null) refused += 1;
    else t.deepEqual(comparable(decoded), comparable(bySchema(bytes)), `${length} bytes`);
  }
  t.is(refused, BYTES.length - 1);
});

const anyMutation = fc.array(
  fc.record({
    at: fc.nat(),
    how: fc.constantFrom('set', 'flip', 'delete', 'insert', 'repeat'),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 0x0a, 0x12, 0x7f, 0x80, 0xff)),
  }),
  { minLength: 1, maxLength: 3 },
);

function mutated(bytes: Uint8Array, mutations: readonly { at: number; how: string; byte: number }[]): Uint8Array {
  const list = [...bytes];
  for (const { at, how, byte } of mutations) {
    const place = at % list.length;
    if (how === 'set') list[place] = byte;
    else if (how === 'flip') list[place]! ^= 1 << (byte % 8);
    else if (how === 'delete') list.splice(place, 1);
    else if (how === 'insert') list.splice(place, 0, byte);
    else list.splice(place, 0, ...list.slice(place, place + byte));
  }
  return Uint8Array.from(list);
}

test('every mutation is refused, or is exactly what the public schema reads', (t) => {
  let read = 0;
  fc.assert(
    fc.property(anyMutation, (mutations) => {
      const bytes = mutated(BYTES, mutations);
      const decoded = decodedOrRefused(bytes);
      if (decoded === null) return;
      read += 1;
      t.deepEqual(comparable(decoded), comparable(bySchema(bytes)));
    }),
    { numRuns: 3000 },
  );
  t.true(read > 100, `${read} mutations were read`);
});

test('mutations of any sum are refused, or are exactly what the public schema reads', (t) => {
  fc.assert(
    fc.property(anySum, anyEnvelope, anyMutation, (sum, envelope, mutations) => {
      const bytes = mutated(new OtlpTrafficEncoder().encode(sum, envelope), mutations);
      const decoded = decodedOrRefused(bytes);
      if (decoded !== null) t.deepEqual(comparable(decoded), comparable(bySchema(bytes)));
    }),
    { numRuns: 300 },
  );
});

test('any bytes are refused or read, never anything else', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const decoded = decodedOrRefused(bytes);
      if (decoded !== null) t.deepEqual(comparable(decoded), comparable(bySchema(bytes)));
    }),
    { numRuns: 2000 },
  );
});

test('every mutation of the text is refused or read, never anything else', (t) => {
  fc.assert(
    fc.property(
      fc.nat(JSON_TEXT.length - 1),
      fc.constantFrom('"', '{', '[', '1', '-', 'null', '', ',', '\\', '1e999'),
      (at, put) => {
        const text = JSON_TEXT.slice(0, at) + put + JSON_TEXT.slice(at + 1);
        try {
          decodeTrafficJson(text);
        } catch (error) {
          t.true(error instanceof MalformedJson, String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('nothing at all is a request without traffic', (t) => {
  const nothing = {
    resources: [],
    foreign: { metrics: 0, points: 0, names: new Map() },
    badValues: new Map(),
    cappedCounts: 0,
  };
  t.deepEqual(decodeTraffic(new Uint8Array(0)), nothing);
  t.deepEqual(decodeTrafficJson('{}'), nothing);
});

interface Point {
  [name: string]: unknown;
}

interface NamedMetric {
  readonly name: string;
  readonly [field: string]: unknown;
}

const TIMES = { startTimeUnixNano: '1000000', timeUnixNano: '9000000' };

function attributes(pairs: Readonly<Record<string, string>>): unknown[] {
  return Object.entries(pairs).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

const RECORD = attributes({ side: 'client', counts: 'attempts', 'source.workload': 'web', classification: 'success' });

/** A request of protobufjs' making with one metric, decoded both ways. */
function decodeMetric(metric: object, resource: object = {}): DecodedTraffic {
  const request = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }] };
  const decoded = decodeTraffic(REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(request)).finish());
  const fromText = decodeTrafficJson(JSON.stringify(request));
  if (JSON.stringify(comparable(decoded)) !== JSON.stringify(comparable(fromText))) {
    throw new Error(`${JSON.stringify(comparable(decoded))} is not ${JSON.stringify(comparable(fromText))}`);
  }
  return decoded;
}

function requests(point: Point, more: object = {}): NamedMetric {
  return {
    name: 'weir.requests',
    sum: { dataPoints: [{ ...TIMES, attributes: RECORD, ...point }], aggregationTemporality: 1, isMonotonic: true },
    ...more,
  };
}

test('a point that others encoded is read, whatever stands beside it', (t) => {
  const extra = [...RECORD, ...attributes({ 'added.by.collector': 'x' }), { key: 'n', value: { intValue: '5' } }];
  const { resources, foreign } = decodeMetric(
    requests({ asDouble: 2.5, attributes: extra, exemplars: [{ asInt: '1' }] }),
  );
  t.is(resources[0]!.envelope, null);
  t.deepEqual(resources[0]!.sums[0]!.interval, { startMs: 1, endMs: 9 });
  t.is(resources[0]!.sums[0]!.records[0]!.successes, 2.5);
  t.is(foreign.points, 0);
});

const LEFT_OUT: readonly (readonly [string, NamedMetric])[] = [
  ['a metric of another name', { ...requests({ asInt: '1' }), name: 'http.server.requests' }],
  ['a gauge', { name: 'weir.requests', gauge: { dataPoints: [{ ...TIMES, asInt: '1', attributes: RECORD }] } }],
  [
    'a histogram where a sum is expected',
    { name: 'weir.requests', histogram: { dataPoints: [{ ...TIMES, count: '1' }], aggregationTemporality: 1 } },
  ],
  ['a summary', { name: 'weir.requests', summary: { dataPoints: [{ ...TIMES, count: '1' }] } }],
  [
    'an exponential histogram',
    {
      name: 'weir.request.duration',
      unit: 'ms',
      exponentialHistogram: { dataPoints: [{ ...TIMES, count: '1', scale: 3 }], aggregationTemporality: 1 },
    },
  ],
  ['no temporality', { name: 'weir.requests', sum: { dataPoints: [{ ...TIMES, asInt: '1', attributes: RECORD }] } }],
  ['a point without a value', requests({})],
  ['a point that says it has none', requests({ asInt: '1', flags: 1 })],
  ['an end before its start', requests({ asInt: '1', startTimeUnixNano: '10000000' })],
  [
    'a side that nobody has',
    requests({ asInt: '1', attributes: attributes({ side: 'both', counts: 'requests', classification: 'success' }) }),
  ],
  ['no classification', requests({ asInt: '1', attributes: RECORD.slice(0, 3) })],
  ['bounds that do not rise', duration({ bucketCounts: ['1', '2', '3'], explicitBounds: [5, 5] })],
  ['more counts than bounds and one', duration({ bucketCounts: ['1', '2', '3'], explicitBounds: [5] })],
  ['another unit', { ...duration({ bucketCounts: ['1', '2'], explicitBounds: [5] }), unit: 's' }],
  [
    'coverage of nobody',
    { name: 'weir.coverage.resets', sum: { dataPoints: [{ ...TIMES, asInt: '1' }], aggregationTemporality: 1 } },
  ],
];

for (const [why, metric] of LEFT_OUT) {
  test(`left out and counted: ${why}`, (t) => {
    const { resources, foreign, badValues } = decodeMetric(metric);
    t.deepEqual(resources, []);
    t.deepEqual(foreign, { metrics: 1, points: 1, names: new Map([[metric.name, 1]]) });
    t.is(badValues.size, 0);
  });
}

/** 2^53 and the next that a double and an integer can say. */
const MOST = '9007199254740992';
const ABOVE_MOST = '9007199254740994';
/** The integer between, which no double is equal to. */
const NEXT_TO_MOST = '9007199254740993';
const beside = (text: string) => [...RECORD, ...attributes({ bucket_counts: text })];

const BAD_VALUES: readonly (readonly [string, NamedMetric])[] = [
  ['a negative count', requests({ asInt: '-1' })],
  ['a count that is no number', requests({ asDouble: 'NaN' })],
  ['an infinite count', requests({ asDouble: 'Infinity' })],
  ['a count above 2^53', requests({ asInt: ABOVE_MOST })],
  ['a count of many digits', requests({ asDouble: 1.7e308 })],
  ['a bucket above 2^53', duration({ bucketCounts: ['1', ABOVE_MOST], explicitBounds: [5] })],
  ['a histogram without buckets of more than 2^53', duration({ count: ABOVE_MOST })],
  ['a count that a double would say as 2^53', requests({ asInt: NEXT_TO_MOST })],
  ['a bucket that a double would say as 2^53', duration({ bucketCounts: ['1', NEXT_TO_MOST], explicitBounds: [5] })],
  ['a histogram without buckets of what a double would say as 2^53', duration({ count: NEXT_TO_MOST })],
  ['coverage taken back by what a double would say as -2^53', dueScrapes({ asInt: `-${NEXT_TO_MOST}` })],
  ...['1 -2', '1 x', '1 ', '1 0x10', `1 ${NEXT_TO_MOST}`, `1 ${ABOVE_MOST}`, '1 1e999'].map(
    (text): [string, NamedMetric] => [
      `buckets told beside as ${JSON.stringify(text)}`,
      duration({ bucketCounts: ['1', '2'], explicitBounds: [5], attributes: beside(text) }),
    ],
  ),
  ['coverage above 2^53', dueScrapes({ asInt: ABOVE_MOST })],
  ['coverage taken back below -2^53', dueScrapes({ asInt: `-${ABOVE_MOST}` })],
];

for (const [why, metric] of BAD_VALUES) {
  test(`left out and counted for its value: ${why}`, (t) => {
    const { resources, foreign, badValues } = decodeMetric(metric);
    t.deepEqual(resources, []);
    t.deepEqual(foreign, { metrics: 0, points: 0, names: new Map() });
    t.deepEqual(badValues, new Map([[metric.name, 1]]));
  });
}

/** A metric of the points of several. */
function inOne(kind: 'sum' | 'histogram', ...metrics: readonly NamedMetric[]): NamedMetric {
  const dataPoints = metrics.flatMap((metric) => (metric[kind] as { dataPoints: unknown[] }).dataPoints);
  return { ...metrics[0]!, [kind]: { ...(metrics[0]![kind] as object), dataPoints } };
}

test('points that add to one count stop at 2^53, and what they lose is told', (t) => {
  const decoded = decodeMetric(inOne('sum', requests({ asInt: MOST }), requests({ asInt: '6' })));
  t.is(decoded.resources[0]?.sums[0]?.records[0]?.successes, 2 ** 53);
  t.is(decoded.cappedCounts, 6);
  const buckets = duration({ bucketCounts: ['1', MOST], explicitBounds: [5] });
  t.is(decodeMetric(inOne('histogram', buckets, buckets)).cappedCounts, 2 ** 53);
});

test('2^53 is a count, and so is what was told too early and is taken back', (t) => {
  const [record] = decodeMetric(requests({ asInt: MOST })).resources[0]!.sums[0]!.records;
  t.is(record?.successes, 2 ** 53);
  const [coverage] = decodeMetric(dueScrapes({ asInt: `-${MOST}` })).resources[0]!.sums[0]!.coverage;
  t.is(coverage?.scrapesDue, -(2 ** 53));
});

function dueScrapes(point: Point): NamedMetric {
  const dataPoints = [{ ...TIMES, attributes: attributes({ target: '10.0.0.1:4191', workload: 'web' }), ...point }];
  return { name: 'weir.coverage.scrapes_due', sum: { dataPoints, aggregationTemporality: 1 } };
}

function duration(point: Point): NamedMetric {
  const dataPoints = [{ ...TIMES, attributes: RECORD, ...point }];
  return { name: 'weir.request.duration', unit: 'ms', histogram: { dataPoints, aggregationTemporality: 1 } };
}

test('an attribute whose value stands before its name is the same attribute, and the later of two counts', (t) => {
  const pair = (name: string, value: string) => {
    const key = Buffer.concat([Buffer.of(0x0a, name.length), Buffer.from(name)]);
    const any = Buffer.concat([Buffer.of(0x12, value.length + 2, 0x0a, value.length), Buffer.from(value)]);
    return { usual: Buffer.concat([key, any]), odd: Buffer.concat([any, key]) };
  };
  const request = (pairs: readonly Buffer[]) => {
    const message = (tag: number, ...parts: readonly Uint8Array[]) => {
      const content = Buffer.concat(parts);
      return protobuf.Writer.create().uint32(tag).bytes(content).finish();
    };
    const point = message(
      0x0a,
      Buffer.from('310500000000000000', 'hex'),
      ...pairs.map((bytes) => message(0x3a, bytes)),
    );
    const sum = message(0x3a, point, Buffer.of(0x10, 1));
    return message(0x0a, message(0x12, message(0x12, message(0x0a, Buffer.from('weir.requests')), sum)));
  };
  const [side, counts] = [pair('side', 'client').usual, pair('counts', 'attempts').usual];
  const [success, failure] = [pair('classification', 'success'), pair('classification', 'failure')];
  for (const [pairs, expected] of [
    [
      [side, counts, success.odd],
      [5, 0],
    ],
    [
      [success.odd, side, failure.usual, counts],
      [0, 5],
    ],
    [
      [failure.usual, side, counts, success.odd],
      [5, 0],
    ],
    [
      [failure.usual, side, counts, success.usual],
      [5, 0],
    ],
  ] as const) {
    const bytes = request(pairs);
    const [only] = decodeTraffic(bytes).resources[0]!.sums[0]!.records;
    t.deepEqual([only!.successes, only!.failures], [...expected]);
    t.deepEqual(comparable(decodeTraffic(bytes)), comparable(bySchema(bytes)));
  }
});

test('a histogram without buckets has one', (t) => {
  const { resources } = decodeMetric(duration({ count: '12' }));
  t.deepEqual(resources[0]!.sums[0]!.records[0]!.latency, [{ boundsMs: [], counts: Float64Array.of(12) }]);
});

test('a kind and a protocol of a newer Weir read as unknown', (t) => {
  const newer = attributes({
    side: 'client',
    counts: 'attempts',
    'source.workload': 'web',
    'source.kind': 'Sandbox',
    protocol: 'quic',
    classification: 'failure',
  });
  const [only] = decodeMetric(requests({ asInt: '3', attributes: newer })).resources[0]!.sums[0]!.records;
  t.is(only!.failures, 3);
  t.is(only!.key.protocol, '');
  t.is(only!.key.own.workload.kind, '');
});

test('points of two intervals are two sums, points of one interval one', (t) => {
  const later = { startTimeUnixNano: '9000000', timeUnixNano: '19000000' };
  const points = [
    { ...TIMES, asInt: '1' },
    { ...later, asInt: '2' },
    { ...TIMES, asInt: '4' },
  ];
  const dataPoints = points.map((point) => ({ ...point, attributes: RECORD }));
  const { resources } = decodeMetric({ name: 'weir.requests', sum: { dataPoints, aggregationTemporality: 1 } });
  t.deepEqual(
    resources[0]!.sums.map(({ interval, records }) => [interval.startMs, records[0]!.successes]),
    [
      [1, 5],
      [9, 2],
    ],
  );
});

test('one sender in two parts of a request is one, two senders are two', (t) => {
  const resource = (seq: string, source = 'w') => ({
    attributes: [
      ...attributes({ 'weir.source': source, 'weir.epoch': 'e' }),
      { key: 'weir.seq', value: { intValue: seq } },
    ],
  });
  const part = (of: object) => ({ resource: of, scopeMetrics: [{ metrics: [requests({ asInt: '1' })] }] });
  const request = {
    resourceMetrics: [part(resource('1')), part(resource('2')), part(resource('1')), part(resource('1', 'v'))],
  };
  const { resources } = decodeTraffic(REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(request)).finish());
  t.deepEqual(
    resources.map(({ envelope, sums }) => [envelope?.source, envelope?.seq, sums[0]!.records[0]!.successes]),
    [
      ['w', 1, 2],
      ['w', 2, 1],
      ['v', 1, 1],
    ],
  );
});

for (const [what, seq] of [
  ['absent', null],
  ['negative', { intValue: '-1' }],
  ['above 2⁵³', { intValue: '9007199254740993' }],
  ['a text', { stringValue: '1' }],
] as const) {
  test(`a number of the request that is ${what} tells no envelope, the traffic is read all the same`, (t) => {
    const given = seq === null ? [] : [{ key: 'weir.seq', value: seq }];
    const resource = { attributes: [...attributes({ 'weir.source': 'w', 'weir.epoch': 'e' }), ...given] };
    const { resources } = decodeMetric(requests({ asInt: '1' }), resource);
    t.is(resources[0]!.envelope, null);
    t.is(resources[0]!.sums[0]!.records[0]!.successes, 1);
  });
}

test('of many foreign names 100 are told, all points are counted', (t) => {
  const metrics = Array.from({ length: 150 }, (_, i) => ({
    ...requests({ asInt: '1' }),
    name: `m${i}${'x'.repeat(300)}`,
  }));
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
  const { foreign } = decodeTraffic(REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(request)).finish());
  t.is(foreign.names.size, 100);
  t.is(foreign.points, 150);
  t.is([...foreign.names.keys()][0]!.length, 200);
});

/** Bytes by hand. */
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

for (const [what, bytes, message] of [
  ['a length beyond the end', hex('0a 05 00'), /length of 5 where 1 are left, at byte 2/],
  ['a length beyond what encloses it', hex('0a 02 0a 05 0a 00 0a 00'), /length of 5 where 0 are left/],
  ['a length of 2⁶⁴ − 1', hex('0a ff ff ff ff ff ff ff ff ff 01'), /length of/],
  ['a number of 11 bytes', hex('08 ff ff ff ff ff ff ff ff ff ff 01'), /more than 10 bytes/],
  ['a number that is cut off', hex('08 80'), /cut off/],
  ['a tag of field 0', hex('02 00'), /tag of 2/],
  ['wire type 6', hex('0e'), /wire type of 6/],
  ['wire type 7', hex('0f'), /wire type of 7/],
  ['an end of a group alone', hex('0c'), /did not begin/],
  ['a group that does not end', hex('0b 08 01'), /does not end/],
  ['groups in groups in groups', hex('0b'.repeat(200)), /nested deeper/],
  ['two resources', hex('0a 04 0a 00 0a 00'), /second resource/],
  ['a name that is not UTF-8', hex('0a 07 12 05 12 03 0a 01 ff'), /not UTF-8/],
] as const) {
  test(`refused with what and where: ${what}`, (t) => {
    t.throws(() => void decodeTraffic(bytes), { instanceOf: MalformedProtobuf, message });
  });
}

test('unknown fields of every wire type are skipped, a closed group too', (t) => {
  const unknown = hex('98 06 96 01 99 06 01 02 03 04 05 06 07 08 9a 06 02 aa bb 9d 06 01 02 03 04 9b 06 08 01 9c 06');
  const bytes = Uint8Array.from([...unknown, ...BYTES, ...unknown]);
  t.deepEqual(comparable(decodeTraffic(bytes)), comparable(decodeTraffic(BYTES)));
});

for (const [what, text, message] of [
  ['no JSON', '{', /no JSON/],
  ['a list', '[]', /the message is \[\], expected an object/],
  ['a text where a list is expected', '{"resourceMetrics":"x"}', /resourceMetrics is "x", expected a list/],
  ['a number where a message is expected', '{"resourceMetrics":[1]}', /resourceMetrics\[0\] is 1, expected an object/],
  [
    'an enum by name',
    jsonOf({ name: 'weir.requests', sum: { dataPoints: [], aggregationTemporality: 'DELTA' } }),
    /aggregationTemporality is "DELTA", expected an integer/,
  ],
  ['a count with a fraction', jsonOf(requests({ asInt: 1.5 })), /dataPoints\[0\]\.asInt is 1\.5, expected an integer/],
  ['a time of more than 64 bits', jsonOf(requests({ asInt: 1, timeUnixNano: '99999999999999999999' })), /64 bits/],
  ['a value told twice', jsonOf(requests({ asInt: 1, asDouble: 1 })), /two values/],
  ['two kinds of data', jsonOf(requests({ asInt: 1 }, { gauge: {} })), /two kinds/],
] as const) {
  test(`refused in JSON with what and where: ${what}`, (t) => {
    t.throws(() => void decodeTrafficJson(text), { instanceOf: MalformedJson, message });
  });
}

function jsonOf(metric: object): string {
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] });
}

test('names of JSON never meet a prototype', (t) => {
  const text = JSON_TEXT.replace('{', '{"__proto__":{"resourceMetrics":[1]},"constructor":1,');
  t.deepEqual(decodeTrafficJson(text), decodeTrafficJson(JSON_TEXT));
  t.deepEqual(decodeTrafficJson('{"resourceMetrics":null}').resources, []);
});

test('of a record with more than 64 sets of bounds the rest is left out and counted', (t) => {
  const latency = Array.from({ length: 70 }, (_, n) => ({ boundsMs: [n + 1], counts: Float64Array.of(1, 0) }));
  const sum = sumOf([record('client', WEB, peer('shop/api'), 70, 0, { latency })], [], { startMs: 0, lengthMs: 10 });
  const { resources, foreign } = decodeTraffic(new OtlpTrafficEncoder().encode(sum, ENVELOPE));
  t.is(resources[0]?.sums[0]?.records[0]?.latency?.length, 64);
  t.is(foreign.points, 6);
  t.deepEqual([...foreign.names], [['weir.request.duration', 6]]);
});
