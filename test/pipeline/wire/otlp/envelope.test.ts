/** @module What a request says of itself, as protobuf and as JSON: its number, how many points it has, what it replaces. */
import test from 'ava';
import fc from 'fast-check';
import {
  countDataPoints,
  decodeTraffic,
  decodeTrafficJson,
  encodeTrafficJson,
  OtlpTrafficEncoder,
  TooManyItems,
} from '../../../../pipeline/wire/otlp-traffic.ts';
import { REQUEST_TYPE, schemaDecode } from '../../../kit/otlp-schema.ts';
import { sumOf } from '../../../kit/traffic.ts';
import { anyEnvelope, anySum } from '../../../kit/traffic-arbitrary.ts';

const EMPTY = sumOf([], [], { startMs: 0, lengthMs: 1000 });

/** Data points as the public schema counts them. */
function pointsBySchema(bytes: Uint8Array): number {
  const metrics = schemaDecode(bytes).resourceMetrics!.flatMap(({ scopeMetrics = [] }) =>
    scopeMetrics.flatMap(({ metrics = [] }) => metrics),
  );
  return metrics.reduce((total, { sum, histogram }) => total + (sum ?? histogram)!.dataPoints!.length, 0);
}

test('a request tells the number of its points, in both encodings, and as many are read', (t) => {
  fc.assert(
    fc.property(anySum, anyEnvelope, (sum, envelope) => {
      const bytes = new OtlpTrafficEncoder().encode(sum, envelope);
      const expected = pointsBySchema(bytes);
      t.is(countDataPoints(bytes, 1e6), expected);
      const decoded = [decodeTraffic(bytes), decodeTrafficJson(encodeTrafficJson(sum, envelope))];
      for (const { resources } of decoded) {
        t.is(resources[0]!.declaredPoints, expected);
        t.is(resources[0]!.points, expected);
      }
    }),
    { numRuns: 200 },
  );
});

test('what a request replaces comes back, in both encodings', (t) => {
  for (const replaces of [[0], [3, 8, Number.MAX_SAFE_INTEGER]]) {
    const envelope = { source: 'w', epoch: 'e', seq: 9, replaces, resource: new Map([['a', 'b']]) };
    t.deepEqual(decodeTraffic(new OtlpTrafficEncoder().encode(EMPTY, envelope)).resources[0]!.envelope, envelope);
    t.deepEqual(decodeTrafficJson(encodeTrafficJson(EMPTY, envelope)).resources[0]!.envelope, envelope);
  }
});

for (const text of [
  '',
  ' ',
  '1,2',
  '-1',
  '1 ',
  '99999999999999999',
  '1e3',
  'x',
  '0x1',
  `${'1 '.repeat(64)}1`,
  '9'.repeat(10_000),
]) {
  test(`"${text.slice(0, 20)}" is no list of numbers, so nothing is replaced`, (t) => {
    const told = encodeTrafficJson(EMPTY, { source: 'w', epoch: 'e', seq: 9, replaces: [77], resource: new Map() });
    const { envelope } = decodeTrafficJson(told.replace('"77"', JSON.stringify(text))).resources[0]!;
    t.deepEqual(envelope, { source: 'w', epoch: 'e', seq: 9, resource: new Map() });
  });
}

test('names of its own are not taken from further attributes', (t) => {
  const resource = new Map([
    ['weir.points', '5'],
    ['weir.replaces', '6'],
    ['weir.seq', '7'],
    ['a', 'b'],
  ]);
  const bytes = new OtlpTrafficEncoder().encode(EMPTY, { source: 'w', epoch: 'e', seq: 9, resource });
  const [decoded] = decodeTraffic(bytes).resources;
  t.deepEqual(decoded!.envelope, { source: 'w', epoch: 'e', seq: 9, resource: new Map([['a', 'b']]) });
  t.is(decoded!.declaredPoints, 1);
});

test('running totals do not tell the number of points, which would change their streams', (t) => {
  const bytes = new OtlpTrafficEncoder().encodeCumulative([], 10, {
    source: 'w',
    epoch: 'e',
    seq: 0,
    resource: new Map(),
  });
  const names = schemaDecode(bytes).resourceMetrics![0]!.resource!.attributes!.map(({ key }) => key);
  t.deepEqual(names, ['weir.source', 'weir.epoch', 'weir.seq']);
});

test('resources of one source, epoch and number are one, whatever else they tell', (t) => {
  const parts = ['a', 'b'].map((value) =>
    new OtlpTrafficEncoder().encode(EMPTY, { source: 'w', epoch: 'e', seq: 9, resource: new Map([['x', value]]) }),
  );
  const { resources } = decodeTraffic(Uint8Array.from(parts.flatMap((bytes) => [...bytes])));
  t.is(resources.length, 1);
  t.is(resources[0]!.points, 2);
  t.is(resources[0]!.declaredPoints, 1);
});

const many = (count: number) => Array.from({ length: count }, () => ({}));
const TOO_MANY: readonly (readonly [items: string, message: object])[] = [
  ['resources', { resourceMetrics: many(11) }],
  ['scopes', { resourceMetrics: [{ scopeMetrics: many(6) }, { scopeMetrics: many(5) }] }],
  ['metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics: many(11) }] }] }],
  ...['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'].map((kind) => {
    const metrics = [{ [kind]: { dataPoints: many(6) } }, { [kind]: { dataPoints: many(5) } }];
    return ['data points', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }] as const;
  }),
];

for (const [items, message] of TOO_MANY) {
  test(`more ${items} than a request may hold are refused before anything is built: ${JSON.stringify(message).slice(0, 90)}`, (t) => {
    const bytes = REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(message)).finish();
    const error = t.throws(() => countDataPoints(bytes, 10), { instanceOf: TooManyItems });
    t.is(error?.message, `the request has more than 10 ${items}`);
    t.notThrows(() => countDataPoints(bytes, 11));
  });
}
