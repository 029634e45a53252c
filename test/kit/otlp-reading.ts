/** @module The points of a metrics request as plain rows, read without Weir's own code, from protobuf or JSON. */
import protobuf from 'protobufjs';
import { type SchemaAttribute, type SchemaPoint, type SchemaRequest, schemaDecode } from './otlp-schema.ts';

/** The published file that is kept here is older than this message's fields. */
const RESPONSE = protobuf
  .parse(
    `syntax = "proto3";
     message Response { Partial partial_success = 1; }
     message Partial { int64 rejected_data_points = 1; string error_message = 2; }`,
  )
  .root.lookupType('Response');

/** As above: the kept file of traces. */
const TRACES_RESPONSE = protobuf
  .parse(
    `syntax = "proto3";
     message Response { Partial partial_success = 1; }
     message Partial { int64 rejected_spans = 1; string error_message = 2; }`,
  )
  .root.lookupType('Response');

export interface ReadPoint {
  readonly metric: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly startMs: number;
  readonly endMs: number;
  /** Number of a sum, count of a histogram. */
  readonly value: number;
  /** Sum of the buckets of a histogram, 0 for others. */
  readonly buckets: number;
  /** 1 delta, 2 cumulative. */
  readonly temporality: number;
}

export interface OtlpReading {
  readonly resource: ReadonlyMap<string, string>;
  readonly points: readonly ReadPoint[];
}

/** The one resource of a request and all its points. */
export function readOtlp(body: Uint8Array, contentType = 'application/x-protobuf'): OtlpReading {
  const isJson = contentType === 'application/json';
  const request: SchemaRequest = isJson ? JSON.parse(Buffer.from(body).toString('utf8')) : schemaDecode(body);
  const points: ReadPoint[] = [];
  let resource: ReadonlyMap<string, string> = new Map();
  for (const each of request.resourceMetrics ?? []) {
    resource = textsOf(each.resource?.attributes);
    for (const { name = '', sum, histogram } of each.scopeMetrics?.flatMap(({ metrics = [] }) => metrics) ?? []) {
      const { dataPoints = [], aggregationTemporality = 0 } = sum ?? histogram ?? {};
      for (const point of dataPoints) points.push(pointOf(name, aggregationTemporality, point));
    }
  }
  return { resource, points };
}

function pointOf(metric: string, temporality: number, point: SchemaPoint): ReadPoint {
  return {
    metric,
    attributes: textsOf(point.attributes),
    startMs: Number(BigInt(point.startTimeUnixNano ?? 0) / 1_000_000n),
    endMs: Number(BigInt(point.timeUnixNano ?? 0) / 1_000_000n),
    value: Number(point.asInt ?? point.asDouble ?? point.count ?? 0),
    buckets: (point.bucketCounts ?? []).reduce((total, count) => total + Number(count), 0),
    temporality,
  };
}

function textsOf(list: readonly SchemaAttribute[] = []): Map<string, string> {
  return new Map(
    list.map(({ key = '', value }) => [key, String(value?.stringValue ?? value?.intValue ?? value?.boolValue)]),
  );
}

/** An answer of a backend that rejects points, or has only something to say. */
export function exportResponse(rejectedDataPoints: number, errorMessage: string): Uint8Array {
  return RESPONSE.encode(RESPONSE.fromObject({ partialSuccess: { rejectedDataPoints, errorMessage } })).finish();
}

/** As `exportResponse`, for spans. */
export function tracesResponse(rejectedSpans: number, errorMessage: string): Uint8Array {
  return TRACES_RESPONSE.encode(
    TRACES_RESPONSE.fromObject({ partialSuccess: { rejectedSpans, errorMessage } }),
  ).finish();
}
