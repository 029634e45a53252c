/**
 * @module Requests in OTLP/JSON that were altered: refused, or read exactly as protobufjs reads them. The judge has the rules
 * of OTLP/JSON; what it refuses Weir refuses, and all that is stricter than protobufjs is listed here.
 */
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type protobuf from 'protobufjs';
import {
  MalformedJson,
  metricsRequestFromJson,
  type RequestLimits,
  readSpans,
  spansToJson,
  traceRequestFromJson,
} from '../../../pipeline/wire/otlp-spans.ts';
import { countDataPoints } from '../../../pipeline/wire/otlp-traffic.ts';
import { budget } from '../../kit/budget.ts';
import { mutatedJson, withAnyByteMeaningful } from '../../kit/json-mutations.ts';
import { pointsIn, schemaWalk, walked } from '../../kit/metrics-walk.ts';
import { anyMessage, schemaJson } from '../../kit/otlp-arbitrary.ts';
import { judgedJson, type Refusal, type Strict } from '../../kit/otlp-json-judge.ts';
import { dice } from '../../kit/otlp-rewriting.ts';
import { REQUEST_TYPE, schemaDecode, TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { progress } from '../../kit/progress.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };
/** Each request is altered so many times. */
const MUTATIONS_PER_REQUEST = 10;

interface Signal {
  readonly name: string;
  readonly type: protobuf.Type;
  readonly read: (json: Uint8Array, limits: RequestLimits) => Uint8Array;
  /** What the readers behind it make of that protobuf, and what they must make of it. */
  readonly told: (bytes: Uint8Array) => unknown;
  readonly expected: (bytes: Uint8Array) => unknown;
  readonly small: object;
}

const attribute = (key: string, value: object) => ({ key, value });
const SPANS: Signal = {
  name: 'trace',
  type: TRACE_REQUEST_TYPE,
  read: traceRequestFromJson,
  told: (bytes) => JSON.parse(Buffer.from(spansToJson(readSpans(bytes, LIMITS))).toString()),
  expected: (bytes) => schemaJson(TRACE_REQUEST_TYPE, bytes),
  small: {
    resourceSpans: [
      {
        resource: { attributes: [attribute('ü', { stringValue: 'a' })] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: '0102030405060708090a0b0c0d0e0f10',
                spanId: 'ABCDEF0123456789',
                kind: 2,
                startTimeUnixNano: '1790000000000000001',
                attributes: [
                  attribute('i', { intValue: -3 }),
                  attribute('l', { arrayValue: { values: [{ boolValue: true }, { doubleValue: 0.5 }] } }),
                  attribute('b', { bytesValue: 'AQI=' }),
                ],
                droppedLinksCount: 7,
                links: [{ flags: 1 }],
                status: { code: 'STATUS_CODE_ERROR' },
              },
            ],
          },
        ],
      },
    ],
  },
};

const METRICS: Signal = {
  name: 'metrics',
  type: REQUEST_TYPE,
  read: metricsRequestFromJson,
  told: (bytes) => ({ walked: walked(bytes), points: countDataPoints(bytes, LIMITS.maxItems) }),
  expected(bytes) {
    const all = schemaWalk(schemaDecode(bytes));
    return { walked: all, points: pointsIn(all) };
  },
  small: {
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              {
                name: 's',
                sum: { dataPoints: [{ asInt: '-1', flags: 1 }], aggregationTemporality: 2, isMonotonic: true },
              },
              {
                unit: 'ms',
                histogram: {
                  aggregationTemporality: 'AGGREGATION_TEMPORALITY_DELTA',
                  dataPoints: [
                    { timeUnixNano: 5, count: '3', sum: 1.5, bucketCounts: [1, '2'], explicitBounds: [0.25] },
                  ],
                },
              },
              { exponentialHistogram: { dataPoints: [{ scale: -1, positive: { offset: 1, bucketCounts: ['300'] } }] } },
              { summary: { dataPoints: [{ quantileValues: [{ quantile: 'NaN', value: 1 }] }] } },
            ],
          },
        ],
      },
    ],
  },
};

/** All fields, also those of their defaults, exact; −0 and NaN are told apart. */
function decoded(type: protobuf.Type, bytes: Uint8Array): unknown {
  return type.toObject(type.decode(bytes), { longs: String, bytes: String, defaults: true });
}

/** '' when it was read, and then as the judge reads it; else why the judge refuses it, and then it was refused. */
function judge(t: ExecutionContext, { type, read, told, expected }: Signal, json: Uint8Array): Refusal | '' {
  const judgement = judgedJson(type, json, LIMITS.maxDepth);
  const outcome = outcomeOf(read, json);
  const shown = () => Buffer.from(json).toString();
  if ('refusal' in judgement) {
    if (!(outcome instanceof Error)) t.fail(`taken in spite of "${judgement.refusal}": ${shown()}`);
    return judgement.refusal;
  }
  if (outcome instanceof Error) {
    t.fail(`${outcome.stack} for ${shown()}`);
    return '';
  }
  same(t, decoded(type, outcome), decoded(type, judgement.bytes), shown);
  same(t, told(outcome), expected(outcome), shown);
  return '';
}

function same(t: ExecutionContext, found: unknown, expected: unknown, shown: () => string): void {
  if (!isDeepStrictEqual(found, expected)) t.deepEqual(found, expected, shown());
}

/** Any other error is a defect. */
function outcomeOf(read: Signal['read'], json: Uint8Array): Uint8Array | MalformedJson {
  try {
    return read(json, LIMITS);
  } catch (error) {
    if (error instanceof MalformedJson) return error;
    throw error;
  }
}

for (const signal of [SPANS, METRICS]) {
  const small = JSON.stringify(signal.small);

  test(`a small ${signal.name} request in JSON with any byte changed`, (t) => {
    t.timeout(240_000);
    let read = 0;
    let all = 0;
    for (const json of withAnyByteMeaningful(Buffer.from(small))) {
      all += 1;
      if (judge(t, signal, json) === '') read += 1;
    }
    t.true(read > all / 5 && read < all / 2, `${read} of ${all} were read`);
  });

  test(`a small ${signal.name} request in JSON cut off anywhere`, (t) => {
    for (let at = 0; at < small.length; at++)
      t.is(judge(t, signal, Buffer.from(small).subarray(0, at)), 'no JSON', `${at}`);
    t.is(judge(t, signal, Buffer.from(small)), '');
  });

  test(`a small ${signal.name} request in JSON with its tokens and bytes altered`, (t) => {
    t.timeout(240_000);
    const met = new Set<Refusal | ''>();
    for (let seed = 0; seed < 5000; seed++) met.add(judge(t, signal, mutatedJson(small, dice(seed * 104_729))));
    // Each reason has a test of its own below; here most of them come up by themselves.
    t.true(met.size > (signal === SPANS ? 9 : 7), [...met].join(', '));
  });

  test(`any ${signal.name} request in JSON with its tokens and bytes altered`, (t) => {
    const mutations = budget('mutations', 2000);
    t.timeout(120_000 + mutations * 50);
    const done = progress(`mutations of ${signal.name} in JSON`, mutations);
    let read = 0;
    fc.assert(
      fc.property(anyMessage(signal.type), fc.nat(), (message, seed) => {
        const bytes = signal.type.encode(signal.type.fromObject(message)).finish();
        const json = JSON.stringify(schemaJson(signal.type, bytes));
        const roll = dice(seed);
        for (let i = 0; i < MUTATIONS_PER_REQUEST; i++) {
          if (judge(t, signal, mutatedJson(json, roll)) === '') read += 1;
          done();
        }
      }),
      { numRuns: Math.ceil(mutations / MUTATIONS_PER_REQUEST) },
    );
    t.true(read > mutations / 10 && read < mutations, `${read} of ${mutations} were read`);
  });
}

const span = (members: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${members}}]}]}]}`;
const value = (members: string) => span(`"attributes":[{"key":"k","value":{${members}}}]`);

/** What protobufjs takes and Weir refuses; the table in json-reader.ts and json-values.ts says the same. */
const STRICTER: Readonly<Record<Exclude<Strict, 'null in a list'>, string>> = {
  'a known name told twice': span('"name":"a","name":"b"'),
  'two members of a oneof': value('"stringValue":"a","intValue":1'),
  'a value of another kind': span('"name":5'),
  'no integer': value('"intValue":1.5'),
  'an integer out of range': span('"droppedLinksCount":4294967296'),
  'no decimal number': value('"doubleValue":"0x10"'),
  'an unknown name of an enumeration': span('"kind":"SERVER"'),
  'an id of another length': span('"spanId":"abcd"'),
  'no base64': value('"bytesValue":"AAA=A==="'),
  'nested too deep': value(`${'"arrayValue":{"values":[{'.repeat(30)}${'}]}'.repeat(30)}`),
};

for (const [why, json] of Object.entries(STRICTER)) {
  test(`JSON that protobufjs takes and Weir refuses: ${why}`, (t) => {
    t.is(judge(t, SPANS, Buffer.from(json)), why as Strict);
    t.notThrows(() => TRACE_REQUEST_TYPE.fromObject(JSON.parse(json)));
  });
}

test('null in a list is refused, also in one of numbers, where protobufjs would read 0', (t) => {
  const point = (counts: string) =>
    `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":${counts}}]}}]}]}]}`;
  t.is(judge(t, METRICS, Buffer.from(point('[1,null]'))), 'null in a list');
  t.is(judge(t, METRICS, Buffer.from(point('[1,0]'))), '');
});
