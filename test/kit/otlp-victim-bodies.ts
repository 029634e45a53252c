/**
 * @module Bodies that are as long as may be and made of as many of the smallest things as fit: for each level of both
 * signals one, as protobuf and as JSON.
 */
import type { Signal } from './otlp-victim-calls.ts';

/** What is repeated, and the fields it lies in, outermost first. */
interface Level {
  readonly path: readonly number[];
  /** The smallest thing, as bytes; two as a rule. */
  readonly bytes: readonly number[];
}

const embedded = (field: number): number[] => [field * 8 + 2, 0];
const UNKNOWN = [0x78, 0];

/**
 * Field numbers: opentelemetry-proto, trace/v1/trace.proto, metrics/v1/metrics.proto, common/v1/common.proto. `value` has
 * field 15, which is none of a request's, a resource's or a data point's.
 */
export const LEVELS: Readonly<Record<Signal, Readonly<Record<string, Level>>>> = {
  traces: {
    resources: { path: [], bytes: embedded(1) },
    scopes: { path: [1], bytes: embedded(2) },
    spans: { path: [1, 2], bytes: embedded(2) },
    attributes: { path: [1, 2, 2], bytes: embedded(9) },
    'values of an attribute': { path: [1, 2, 2, 9, 2, 5], bytes: embedded(1) },
    events: { path: [1, 2, 2], bytes: embedded(11) },
    links: { path: [1, 2, 2], bytes: embedded(13) },
    'attributes of a resource': { path: [1, 1], bytes: embedded(1) },
    'unknown fields of the request': { path: [], bytes: UNKNOWN },
    'unknown fields of a resource': { path: [1, 1], bytes: UNKNOWN },
    'one text': { path: [1, 2, 2, 5], bytes: [0x61] },
  },
  metrics: {
    resources: { path: [], bytes: embedded(1) },
    scopes: { path: [1], bytes: embedded(2) },
    metrics: { path: [1, 2], bytes: embedded(2) },
    'data of a metric': { path: [1, 2, 2], bytes: embedded(7) },
    points: { path: [1, 2, 2, 7], bytes: embedded(1) },
    'attributes of a point': { path: [1, 2, 2, 7, 1], bytes: embedded(7) },
    exemplars: { path: [1, 2, 2, 7, 1], bytes: embedded(5) },
    buckets: { path: [1, 2, 2, 9, 1, 6], bytes: [0, 0, 0, 0, 0, 0, 0, 0] },
    'attributes of a resource': { path: [1, 1], bytes: embedded(1) },
    'unknown fields of the request': { path: [], bytes: UNKNOWN },
    'unknown fields of a metric': { path: [1, 2, 2], bytes: UNKNOWN },
    'unknown fields of a point': { path: [1, 2, 2, 7, 1], bytes: UNKNOWN },
    'one text': { path: [1, 2, 2, 1], bytes: [0x61] },
  },
};

/** What is before the items and behind them, and an item; `,` stands between. */
type JsonLevel = readonly [before: string, item: string, after: string];

const SPANS = '{"resourceSpans":[{"scopeSpans":[{"spans":[';
const METRICS = '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[';
const UP = ']}]}]}';

/** The same levels in JSON, as far as it has them. */
export const JSON_LEVELS: Readonly<Record<Signal, Readonly<Record<string, JsonLevel>>>> = {
  traces: {
    resources: ['{"resourceSpans":[', '{}', ']}'],
    scopes: ['{"resourceSpans":[{"scopeSpans":[', '{}', ']}]}'],
    spans: [SPANS, '{}', UP],
    attributes: [`${SPANS}{"attributes":[`, '{}', `]}${UP}`],
    'values of an attribute': [`${SPANS}{"attributes":[{"value":{"arrayValue":{"values":[`, '{}', `]}}}]}${UP}`],
    events: [`${SPANS}{"events":[`, '{}', `]}${UP}`],
    links: [`${SPANS}{"links":[`, '{}', `]}${UP}`],
    'unknown items': ['{"x":[', '{}', ']}'],
    'unknown numbers': ['{"x":[', '0', ']}'],
    'unknown keys': ['{"x":{', '"":0', '}}'],
  },
  metrics: {
    resources: ['{"resourceMetrics":[', '{}', ']}'],
    scopes: ['{"resourceMetrics":[{"scopeMetrics":[', '{}', ']}]}'],
    metrics: [METRICS, '{}', UP],
    points: [`${METRICS}{"sum":{"dataPoints":[`, '{}', `]}}${UP}`],
    'attributes of a point': [`${METRICS}{"sum":{"dataPoints":[{"attributes":[`, '{}', `]}]}}${UP}`],
    exemplars: [`${METRICS}{"sum":{"dataPoints":[{"exemplars":[`, '{}', `]}]}}${UP}`],
    buckets: [`${METRICS}{"histogram":{"dataPoints":[{"bucketCounts":[`, '0', `]}]}}${UP}`],
    'unknown items': ['{"x":[', '{}', ']}'],
    'unknown numbers': ['{"x":[', '0', ']}'],
    'unknown keys': ['{"x":{', '"":0', '}}'],
  },
};

/** Before and behind a text of one letter, in JSON. */
const JSON_TEXT: Readonly<Record<Signal, readonly [string, string]>> = {
  traces: [`${SPANS}{"name":"`, `"}${UP}`],
  metrics: [`${METRICS}{"name":"`, `"}${UP}`],
};

/** A body of at most `maxBytes`, and hardly less, made of the smallest things of a level. */
export function minimalBody(signal: Signal, level: string, maxBytes: number): Buffer {
  const { path, bytes } = LEVELS[signal][level]!;
  // Each level around it takes a tag and a length of at most five bytes.
  const room = maxBytes - path.length * 6;
  const items = Buffer.alloc(room - (room % bytes.length), Buffer.from(bytes));
  return path.reduceRight<Buffer>(field, items);
}

/** The same in JSON. */
export function minimalJson(signal: Signal, level: string, maxBytes: number): Buffer {
  const [before, item, after] = JSON_LEVELS[signal][level]!;
  const room = maxBytes - before.length - after.length - item.length;
  const items = Buffer.alloc(room - (room % (item.length + 1)), `${item},`);
  return Buffer.concat([Buffer.from(before), items, Buffer.from(`${item}${after}`)]);
}

export function longJsonText(signal: Signal, maxBytes: number): Buffer {
  const [before, after] = JSON_TEXT[signal];
  return Buffer.concat([
    Buffer.from(before),
    Buffer.alloc(maxBytes - before.length - after.length, 'a'),
    Buffer.from(after),
  ]);
}

/** A field of wire type 2 around `content`. */
export function field(content: Uint8Array, number: number): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}
