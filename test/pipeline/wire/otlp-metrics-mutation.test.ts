/** @module Metrics requests of any sender, also altered ones: refused, or read exactly as protobufjs reads them. */
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { MalformedProtobuf } from '../../../pipeline/wire/otlp-metrics.ts';
import { countDataPoints, decodeTraffic } from '../../../pipeline/wire/otlp-traffic.ts';
import { budget } from '../../kit/budget.ts';
import { pointsIn, schemaWalk, walked } from '../../kit/metrics-walk.ts';
import {
  anyEdited,
  anyToldAgain,
  cutOff,
  withAnyByteChanged,
  withAnyByteLeftOutOrDoubled,
} from '../../kit/mutations.ts';
import { anyMessage } from '../../kit/otlp-arbitrary.ts';
import { dice, rewritten } from '../../kit/otlp-rewriting.ts';
import { REQUEST_TYPE, schemaDecode } from '../../kit/otlp-schema.ts';
import { progress } from '../../kit/progress.ts';

const MAX_ITEMS = 1000;

/** True when it was read as an `otlp` receiver reads it, and then as protobufjs reads it. */
function isRead(t: ExecutionContext, bytes: Uint8Array): boolean {
  const outcome = outcomeOf(bytes);
  if (outcome instanceof Error) {
    if (!(outcome instanceof MalformedProtobuf)) t.fail(`${outcome.stack} for ${Buffer.from(bytes).toString('hex')}`);
    return false;
  }
  const expected = schemaWalk(schemaDecode(bytes));
  const points = pointsIn(expected);
  const right = {
    told: expected,
    points,
    foreign: points + unknownKindsIn(protobuf.Reader.create(bytes), bytes.length),
  };
  if (!isDeepStrictEqual(outcome, right)) t.deepEqual(outcome, right, Buffer.from(bytes).toString('hex'));
  return true;
}

/** Numbers of the fields that lead to metrics, and of those of a metric that are data or hold no data. */
const WAY = [1, 2, 2] as const;
const DATA = new Set([5, 7, 9, 10, 11]);
const NO_DATA = new Set([1, 2, 3, 12]);

/** Metrics with a field of unknown content and no data, found by the reader of protobufjs, which knows no fields. */
function unknownKindsIn(reader: protobuf.Reader, end: number, depth = 0): number {
  const fields: number[] = [];
  let found = 0;
  while (reader.pos < end) {
    const tag = reader.uint32();
    const [number, type] = [tag >>> 3, tag & 7];
    if (type === 2) fields.push(number);
    if (type !== 2 || number !== WAY[depth]) reader.skipType(type);
    else {
      const length = reader.uint32();
      found += unknownKindsIn(reader, reader.pos + length, depth + 1);
    }
  }
  if (depth < WAY.length || fields.some((number) => DATA.has(number))) return found;
  return fields.some((number) => !NO_DATA.has(number)) ? 1 : 0;
}

/** Reads the request in the three ways in which the receiver does, the strict one among them. */
function outcomeOf(bytes: Uint8Array) {
  try {
    const points = countDataPoints(bytes, MAX_ITEMS);
    const { foreign } = decodeTraffic(bytes);
    return { told: walked(bytes), points, foreign: foreign.points };
  } catch (error) {
    return error as Error;
  }
}

/** A small request with every kind of field that is read, and some that are not. */
const attribute = (key: string, value: object) => ({ key, value });
const number = {
  attributes: [attribute('a', { stringValue: 'ü' }), attribute('i', { intValue: '-3' })],
  startTimeUnixNano: '1790000000000000001',
  timeUnixNano: '1790000000000000003',
  asDouble: 0.5,
  exemplars: [{ asInt: '7', filteredAttributes: [attribute('x', { boolValue: true })] }],
};
const histogram = {
  attributes: [attribute('b', { boolValue: true }), attribute('d', { doubleValue: 2.5 })],
  timeUnixNano: '5',
  count: '3',
  sum: 1,
  bucketCounts: ['1', '2'],
  explicitBounds: [0.25],
  flags: 1,
};
const SMALL = REQUEST_TYPE.encode(
  REQUEST_TYPE.fromObject({
    resourceMetrics: [
      {
        resource: { attributes: [attribute('service.name', { stringValue: 's' })] },
        scopeMetrics: [
          {
            scope: { name: 'p' },
            metrics: [
              { name: 'g', gauge: { dataPoints: [{ asInt: '-1', flags: 1 }] } },
              { name: 's', unit: '1', sum: { dataPoints: [number], aggregationTemporality: 2, isMonotonic: true } },
              { name: 'h', histogram: { dataPoints: [histogram], aggregationTemporality: 1 } },
              { name: 'e', exponentialHistogram: { dataPoints: [{ positive: { bucketCounts: ['1', '300'] } }] } },
              { name: 'q', summary: { dataPoints: [{ quantileValues: [{ quantile: 0.5, value: 1 }] }] } },
            ],
          },
        ],
      },
    ],
  }),
).finish();

test('any request is read as protobufjs reads it, in whatever form it is written', (t) => {
  t.timeout(120_000);
  let points = 0;
  fc.assert(
    fc.property(anyMessage(REQUEST_TYPE), fc.nat(), (value, seed) => {
      const bytes = REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(value)).finish();
      t.true(isRead(t, bytes));
      points += countDataPoints(bytes, MAX_ITEMS);
      const other = rewritten(REQUEST_TYPE, bytes, dice(seed));
      t.deepEqual(schemaDecode(other), schemaDecode(bytes));
      t.true(isRead(t, other), `${Buffer.from(other).toString('hex')}`);
      t.deepEqual(walked(other), walked(bytes));
    }),
    { numRuns: 300 },
  );
  t.true(points > 100, `${points} points`);
});

test('a small request in 300 forms', (t) => {
  const forms = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const bytes = rewritten(REQUEST_TYPE, SMALL, dice(seed * 7919));
    t.true(isRead(t, bytes));
    forms.add(Buffer.from(bytes).toString('hex'));
  }
  t.true(forms.size > 250);
});

test('a small request with any byte changed to any other', (t) => {
  t.timeout(600_000);
  let read = 0;
  for (const bytes of withAnyByteChanged(SMALL)) if (isRead(t, bytes)) read += 1;
  // Times, values, texts and numbers may have any or many values.
  t.true(read > SMALL.length * 20, `${read} were read`);
});

test('a small request cut off or with any byte left out or doubled', (t) => {
  for (const bytes of cutOff(SMALL)) t.false(isRead(t, bytes) && bytes.length > 0);
  for (const bytes of withAnyByteLeftOutOrDoubled(SMALL)) isRead(t, bytes);
  t.true(isRead(t, SMALL));
});

test('any request with any bytes replaced, removed or added', (t) => {
  const mutations = budget('mutations', 1000);
  t.timeout(120_000 + mutations * 50);
  const done = progress('mutations of metrics in protobuf', mutations);
  let read = 0;
  fc.assert(
    fc.property(anyEdited(REQUEST_TYPE), (bytes) => {
      if (isRead(t, bytes)) read += 1;
      done();
    }),
    { numRuns: mutations },
  );
  t.true(read > mutations / 10 && read < mutations, `${read} of ${mutations} were read`);
});

test('any two requests one behind the other, and any content of one told again within it', (t) => {
  t.timeout(120_000);
  fc.assert(
    fc.property(anyToldAgain(REQUEST_TYPE), ({ twice, again }) => {
      t.true(isRead(t, twice));
      isRead(t, again);
    }),
    { numRuns: 200 },
  );
});

/** Messages that may stand once, told in two parts; protobuf would merge them. */
const PARTS: readonly (readonly [what: string, parts: readonly object[], message: RegExp])[] = [
  [
    'the resource',
    [{ resource: { attributes: [attribute('a', { stringValue: 'b' })] } }, { resource: {} }],
    /a second resource/,
  ],
  [
    'the data of a metric',
    [
      { scopeMetrics: [{ metrics: [{ name: 'm', sum: { aggregationTemporality: 1 } }] }] },
      { scopeMetrics: [{ metrics: [{ sum: { dataPoints: [{ asInt: '1' }] } }] }] },
    ],
    /a second kind of data/,
  ],
];

for (const [what, parts, message] of PARTS) {
  test(`${what} in two parts is refused, as nobody writes it`, (t) => {
    const type = REQUEST_TYPE.lookupType('opentelemetry.proto.metrics.v1.ResourceMetrics');
    const bytes = parts.map((part) => Buffer.from(type.encode(type.fromObject(part)).finish()));
    const joined = what === 'the resource' ? Buffer.concat(bytes) : joinedMetrics(bytes);
    const request = Buffer.concat([Buffer.from([0x0a, joined.length]), joined]);
    t.throws(() => decodeTraffic(request), { instanceOf: MalformedProtobuf, message });
  });
}

/** The metrics of two messages as one: each is within two messages of two bytes before their content. */
function joinedMetrics(bytes: readonly Buffer[]): Buffer {
  const metric = Buffer.concat(bytes.map((message) => message.subarray(4)));
  return Buffer.concat([Buffer.from([0x12, metric.length + 2, 0x12, metric.length]), metric]);
}

test('bytes that say nothing', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      isRead(t, bytes);
    }),
    { numRuns: 5000 },
  );
  t.true(isRead(t, new Uint8Array()));
});
