/** @module Requests nested to the limit and one deeper, of both signals, in both encodings. */
import test from 'ava';
import {
  MalformedJson,
  MalformedProtobuf,
  metricsRequestFromJson,
  readSpans,
  traceRequestFromJson,
} from '../../../pipeline/wire/otlp-spans.ts';
import { decodeTraffic } from '../../../pipeline/wire/otlp-traffic.ts';
import { REQUEST_TYPE, TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';

/** An AnyValue of so many messages within each other, itself included. */
function anyValue(messages: number): object {
  if (messages === 1) return { intValue: '1' };
  if (messages === 2) return { arrayValue: {} };
  if (messages % 2 === 0) return { kvlistValue: { values: [{ key: 'k', value: anyValue(messages - 3) }] } };
  return { arrayValue: { values: [anyValue(messages - 2)] } };
}

const attributes = (messages: number) => [{ key: 'k', value: anyValue(messages) }];
const spans = (part: object) => ({ resourceSpans: [part] });
const span = (part: object) => spans({ scopeSpans: [{ spans: [part] }] });
const metrics = (part: object) => ({ resourceMetrics: [part] });
const metric = (part: object) => metrics({ scopeMetrics: [{ metrics: [{ name: 'm', ...part }] }] });

/** A place of attributes: which message of its request their value is, and a request with such attributes there. */
type Place = readonly [string, number, (list: object[]) => object];

const IN_SPANS: readonly Place[] = [
  ['a resource', 5, (list) => spans({ resource: { attributes: list } })],
  ['a scope', 6, (list) => spans({ scopeSpans: [{ scope: { attributes: list } }] })],
  ['a span', 6, (list) => span({ attributes: list })],
  ['an event', 7, (list) => span({ events: [{ attributes: list }] })],
  ['a link', 7, (list) => span({ links: [{ attributes: list }] })],
];

const IN_METRICS: readonly Place[] = [
  ['a resource', 5, (list) => metrics({ resource: { attributes: list } })],
  ['a scope', 6, (list) => metrics({ scopeMetrics: [{ scope: { attributes: list } }] })],
  ['a metric', 6, (list) => metric({ metadata: list })],
  ['a point of a gauge', 8, (list) => metric({ gauge: { dataPoints: [{ attributes: list }] } })],
  ['a point of a sum', 8, (list) => metric({ sum: { dataPoints: [{ attributes: list }] } })],
  ['a histogram', 8, (list) => metric({ histogram: { dataPoints: [{ attributes: list }] } })],
  ['an exponential histogram', 8, (list) => metric({ exponentialHistogram: { dataPoints: [{ attributes: list }] } })],
  ['a summary', 8, (list) => metric({ summary: { dataPoints: [{ attributes: list }] } })],
  ['an exemplar', 9, (list) => metric({ sum: { dataPoints: [{ exemplars: [{ filteredAttributes: list }] }] } })],
];

const SIGNALS = [
  ['spans', IN_SPANS, TRACE_REQUEST_TYPE, traceRequestFromJson, readSpans],
  [
    'metrics',
    IN_METRICS,
    REQUEST_TYPE,
    metricsRequestFromJson,
    (bytes: Uint8Array, { maxDepth }: { maxDepth: number }) => decodeTraffic(bytes, { maxDepth }),
  ],
] as const;

for (const [signal, places, type, fromJson, read] of SIGNALS) {
  for (const [where, number, request] of places) {
    test(`${signal}: attributes of ${where} are as deep as the limit says, whatever their form`, (t) => {
      for (const maxDepth of [9, 10, 32, 100]) {
        const limits = { maxItems: 10, maxDepth };
        const edge = request(attributes(maxDepth - number + 1));
        const beyond = request(attributes(maxDepth - number + 2));
        const bytesOf = (tree: object) => type.encode(type.fromObject(tree)).finish();
        const jsonOf = (tree: object) => Buffer.from(JSON.stringify(tree));
        t.notThrows(() => read(bytesOf(edge), limits), `${maxDepth}, protobuf`);
        t.notThrows(() => read(fromJson(jsonOf(edge), limits), limits), `${maxDepth}, JSON`);
        const message = new RegExp(`messages nested deeper than ${maxDepth}\\b`);
        t.throws(() => read(bytesOf(beyond), limits), { instanceOf: MalformedProtobuf, message });
        t.throws(() => fromJson(jsonOf(beyond), limits), { instanceOf: MalformedJson, message });
      }
    });
  }
}

for (const [signal, , , , read] of SIGNALS) {
  test(`${signal}: groups count as messages do`, (t) => {
    const groups = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x7b), Buffer.alloc(depth, 0x7c)]);
    t.notThrows(() => read(groups(11), { maxItems: 10, maxDepth: 12 }));
    t.throws(() => read(groups(12), { maxItems: 10, maxDepth: 12 }), { message: /nested deeper than 12/ });
  });
}

test('unknown values in JSON may be of twice as many objects and lists', (t) => {
  const unknown = (depth: number) => Buffer.from(`{"x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
  const limits = { maxItems: 10, maxDepth: 12 };
  t.is(traceRequestFromJson(unknown(24), limits).length, 0);
  t.throws(() => traceRequestFromJson(unknown(25), limits), { message: /objects and lists nested deeper than 24/ });
});
