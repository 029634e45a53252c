/** @module Traffic read from OTLP/JSON, with the same meaning as from protobuf. All or nothing. */
import { DecodedDraft, type DecodedTraffic, type SenderDraft } from './decoded-traffic.ts';
import { POINTS, REPLACES, SEQ } from './envelope.ts';
import { exactNumber } from './exact-counts.ts';
import { DELTA, NO_RECORDED_VALUE } from './fields.ts';
import { type JsonMessage, MalformedJson, parseJsonMessage } from './json-fields.ts';
import { trafficPointsOf } from './number-additions.ts';
import { type PointAttributes, PointSubject } from './point-attributes.ts';
import type { TrafficAssembly } from './traffic-assembly.ts';
import { unixNanoMs } from './unix-nano.ts';

const KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;

/** What `text` holds. Throws `MalformedJson` when it is no metrics request; unknown fields are ignored. O(length). */
export function decodeTrafficJson(text: string): DecodedTraffic {
  const draft = new DecodedDraft();
  for (const resourceMetrics of parseJsonMessage(text).messages('resourceMetrics')) {
    const sender = senderFor(resourceMetrics.message('resource'), draft);
    for (const scope of resourceMetrics.messages('scopeMetrics')) {
      for (const metric of scope.messages('metrics')) readMetric(metric, sender, draft);
    }
  }
  return draft.finish();
}

function senderFor(resource: JsonMessage | null, draft: DecodedDraft): SenderDraft {
  const { texts, numbers } = attributesOf(resource?.messages('attributes') ?? []);
  return draft.senderFor(texts, {
    seq: numbers.get(SEQ),
    points: numbers.get(POINTS),
    replaces: numbers.get(REPLACES),
  });
}

function readMetric(metric: JsonMessage, sender: SenderDraft, draft: DecodedDraft): void {
  const { assembly } = sender;
  const name = metric.text('name');
  const kinds = KINDS.filter((kind) => metric.has(kind));
  if (kinds.length > 1) throw new MalformedJson(`the metric ${JSON.stringify(name)} has two kinds of data`);
  const [kind] = kinds;
  const data = kind === undefined ? null : metric.message(kind);
  const points = data?.messages('dataPoints') ?? [];
  const expected = data?.integer('aggregationTemporality') === BigInt(DELTA) ? trafficPointsOf(name) : null;
  sender.points += points.length;
  const { badValues } = assembly;
  let added = 0;
  if (kind === 'sum' && expected === 'number') {
    added = points.filter((point) => addNumber(point, name, assembly)).length;
  } else if (kind === 'histogram' && expected === 'histogram' && metric.text('unit') === 'ms') {
    added = points.filter((point) => addHistogram(point, assembly)).length;
  }
  draft.leaveOut(name, {
    points: points.length - added,
    badValues: assembly.badValues - badValues,
    isKnown: expected !== null,
  });
}

function addNumber(point: JsonMessage, name: string, assembly: TrafficAssembly): boolean {
  const isInteger = point.has('asInt');
  const isDouble = point.has('asDouble');
  if (isInteger && isDouble) throw new MalformedJson(`a point of ${JSON.stringify(name)} has two values`);
  const value = isInteger ? exactNumber(point.integer('asInt')) : point.double('asDouble');
  const attributes = pointAttributes(point);
  if (saysNothing(point) || !(isInteger || isDouble)) return false;
  return assembly.number(name, timeMs(point, 'startTimeUnixNano'), timeMs(point, 'timeUnixNano'), attributes, value);
}

function addHistogram(point: JsonMessage, assembly: TrafficAssembly): boolean {
  const bounds = point.doubles('explicitBounds');
  const counts = point.integers('bucketCounts').map(exactNumber);
  if (bounds.length === 0 && counts.length === 0) counts.push(exactNumber(point.integer('count')));
  const startMs = timeMs(point, 'startTimeUnixNano');
  const endMs = timeMs(point, 'timeUnixNano');
  const attributes = pointAttributes(point);
  if (saysNothing(point)) return false;
  return assembly.histogram(startMs, endMs, attributes, bounds, Float64Array.from(counts));
}

function saysNothing(point: JsonMessage): boolean {
  return (point.integer('flags') & BigInt(NO_RECORDED_VALUE)) !== 0n;
}

function timeMs(point: JsonMessage, name: string): number {
  const nanos = BigInt.asUintN(64, point.integer(name));
  return unixNanoMs(Number(nanos & 0xffff_ffffn), Number(nanos >> 32n));
}

function pointAttributes(point: JsonMessage): PointAttributes {
  const { texts, marks } = attributesOf(point.messages('attributes'));
  return { subject: new PointSubject(texts, marks), own: texts };
}

interface JsonAttributes {
  readonly texts: Map<string, string>;
  readonly marks: Set<string>;
  readonly numbers: Map<string, bigint>;
}

/** A later attribute of the same name replaces an earlier one. */
function attributesOf(pairs: readonly JsonMessage[]): JsonAttributes {
  const read: JsonAttributes = { texts: new Map(), marks: new Set(), numbers: new Map() };
  for (const pair of pairs) {
    const name = pair.text('key');
    const value = pair.message('value');
    read.texts.delete(name);
    read.marks.delete(name);
    read.numbers.delete(name);
    if (value?.has('stringValue')) read.texts.set(name, value.text('stringValue'));
    else if (value?.has('intValue')) read.numbers.set(name, value.integer('intValue'));
    else if (value?.has('boolValue') && value.flag('boolValue')) read.marks.add(name);
  }
  return read;
}
