/** @module Points of metrics requests as protobufjs reads them by the public schema, and forms that only other encoders write. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { MalformedProtobuf, type MetricHead, readMetrics } from '../../../../pipeline/wire/otlp-metrics.ts';
import { MessageBuilder } from '../../../../pipeline/wire/protobuf/message-builder.ts';
import { REQUEST_TYPE, type SchemaPoint, schemaDecode } from '../../../kit/otlp-schema.ts';

interface Read {
  readonly name: string;
  readonly kind: string;
  readonly timeMs: number;
  readonly startMs: number;
  readonly isRecorded: boolean;
  readonly labels: Record<string, string>;
  readonly value: number | null;
  readonly counts: readonly number[];
  readonly bounds: readonly number[];
}

function pointsOf(bytes: Uint8Array): Read[] {
  const points: Read[] = [];
  let head: MetricHead | null = null;
  readMetrics(bytes, {
    resource() {},
    metric(found) {
      head = found;
      return true;
    },
    unread() {},
    tooLong() {},
    point(point) {
      const isHistogram = head!.kind === 'histogram';
      points.push({
        ...{ name: head!.name, kind: head!.kind, timeMs: point.timeMs, startMs: point.startMs },
        isRecorded: point.isRecorded,
        labels: Object.fromEntries(point.labels()),
        value: isHistogram ? null : point.value,
        counts: isHistogram ? [...point.counts.values.subarray(0, point.counts.length)] : [],
        bounds: isHistogram ? [...point.bounds.values.subarray(0, point.bounds.length)] : [],
      });
    },
  });
  return points;
}

/** The same by protobufjs. */
function judged(bytes: Uint8Array): Read[] {
  const read = (name: string, kind: string, point: SchemaPoint): Read => ({
    ...{ name, kind, timeMs: ms(point.timeUnixNano), startMs: ms(point.startTimeUnixNano) },
    isRecorded: ((point.flags ?? 0) & 1) === 0,
    labels: Object.fromEntries((point.attributes ?? []).map(({ key, value }) => [key ?? '', value?.stringValue ?? ''])),
    value: kind === 'histogram' ? null : Number(point.asInt ?? point.asDouble ?? Number.NaN),
    counts: (point.bucketCounts ?? []).map(Number),
    bounds: point.explicitBounds ?? [],
  });
  return (schemaDecode(bytes).resourceMetrics ?? []).flatMap(({ scopeMetrics = [] }) =>
    scopeMetrics.flatMap(({ metrics = [] }) =>
      metrics.flatMap(({ name = '', gauge, sum, histogram }) => [
        ...(gauge?.dataPoints ?? []).map((point) => read(name, 'gauge', point)),
        ...(sum?.dataPoints ?? []).map((point) => read(name, 'sum', point)),
        ...(histogram?.dataPoints ?? []).map((point) => read(name, 'histogram', point)),
      ]),
    ),
  );
}

function ms(nanos: string | undefined): number {
  const all = BigInt(nanos ?? '0');
  return Number(all / 1_000_000n) + Number(all % 1_000_000n) / 1e6;
}

for (const mesh of ['linkerd', 'istio']) {
  test(`every point that a Collector sent of ${mesh} is read as protobufjs reads it`, (t) => {
    const file = new URL(`../../../data/otlp/collector-${mesh}.jsonl`, import.meta.url);
    for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
      const bytes = REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(JSON.parse(line))).finish();
      const points = pointsOf(bytes);
      t.true(points.length > 30);
      t.deepEqual(points, judged(bytes));
    }
  });
}

const text = (field: number, value: string) => new MessageBuilder().text(field, value).take();
const label = (name: string, value: string) =>
  Buffer.concat([text(1, name), new MessageBuilder().message(2, text(1, value)).take()]);
const fixed = (field: number, value: bigint) => {
  const bytes = Buffer.alloc(9);
  bytes[0] = field * 8 + 1;
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
};
const double = (field: number, value: number) => {
  const bytes = Buffer.alloc(9);
  bytes[0] = field * 8 + 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
};
const inside = (...fields: readonly [number, Uint8Array][]) =>
  Buffer.concat(fields.map(([field, bytes]) => new MessageBuilder().message(field, bytes).take()));

test('numbers one by one, attributes apart, fields in any order and unknown ones are read all the same', (t) => {
  const point = Buffer.concat([
    inside([9, label('le', 'x')]),
    fixed(6, 2n),
    double(7, 0.5),
    fixed(3, 1_700_000_000_000_000_001n),
    inside([9, label('b', 'y')], [999, text(1, 'new')]),
    fixed(6, 3n),
    fixed(4, 5n),
    Buffer.from([10 * 8, 1]),
  ]);
  const metric = Buffer.concat([
    inside([9, Buffer.concat([Buffer.from([2 * 8, 2]), inside([1, point])])]),
    text(1, 'h'),
  ]);
  const bytes = inside([1, inside([2, inside([2, metric])])]);
  t.deepEqual(pointsOf(bytes), judged(bytes));
  t.like(pointsOf(bytes)[0], { counts: [2, 3], bounds: [0.5], labels: { le: 'x', b: 'y' }, isRecorded: false });
});

test('a resource is told before its metrics although it stands behind them', (t) => {
  const metric = Buffer.concat([text(1, 'g'), inside([5, inside([1, fixed(3, 1n)])])]);
  const bytes = inside([
    1,
    Buffer.concat([inside([2, inside([2, metric])]), inside([1, inside([1, label('k', 'v')])])]),
  ]);
  const order: string[] = [];
  readMetrics(bytes, {
    resource: (view) => void order.push(JSON.stringify([...view.labels()])),
    metric: ({ name }) => order.push(name) > 0,
    unread: () => void order.push('unread'),
    tooLong() {},
    point: () => void order.push('point'),
  });
  t.deepEqual(order, ['[["k","v"]]', 'g', 'point']);
});

test('points that nobody wants, and those of kinds that are not read, are counted only', (t) => {
  const point = inside([1, fixed(3, 1n)]);
  const metric = (name: string, kind: number, points: number) =>
    inside([
      2,
      Buffer.concat([text(1, name), inside([kind, Buffer.concat(Array.from({ length: points }, () => point))])]),
    ]);
  const metrics = [metric('wanted', 5, 2), metric('unwanted', 5, 3), metric('summary', 11, 4), metric('none', 5, 0)];
  const told: [string, number][] = [];
  let last = '';
  readMetrics(inside([1, inside([2, Buffer.concat(metrics)])]), {
    resource() {},
    metric({ name, kind }) {
      last = name;
      return name === 'wanted' || kind === 'other';
    },
    unread: (points) => void told.push([last, points]),
    tooLong() {},
    point: () => void told.push([last, 1]),
  });
  t.deepEqual(told, [
    ['wanted', 1],
    ['wanted', 1],
    ['unwanted', 3],
    ['summary', 4],
    ['none', 0],
  ]);
});

test('what is cut off is malformed', (t) => {
  const metric = Buffer.concat([text(1, 'g'), inside([5, inside([1, fixed(3, 1n)])])]);
  const bytes = inside([1, inside([2, inside([2, metric])])]);
  for (let length = 1; length < bytes.length; length++)
    t.throws(() => pointsOf(bytes.subarray(0, length)), { instanceOf: MalformedProtobuf });
});
