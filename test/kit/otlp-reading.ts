/** @module OTLP metrics read without Weir's own code: protobuf by protobufjs from the published files, or JSON. */
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const PROTO = fileURLToPath(new URL('../data/otlp-proto/', import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => `${PROTO}${target}`;
root.loadSync('opentelemetry/proto/collector/metrics/v1/metrics_service.proto', { keepCase: false });
const REQUEST = root.lookupType('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest');
/** The published file that is kept here is older than this message's fields. */
const RESPONSE = protobuf
  .parse(
    `syntax = "proto3";
     message Response { Partial partial_success = 1; }
     message Partial { int64 rejected_data_points = 1; string error_message = 2; }`,
  )
  .root.lookupType('Response');

interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly boolValue?: boolean;
}
interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue;
}
interface DataPoint {
  readonly attributes?: readonly KeyValue[];
  readonly startTimeUnixNano?: string;
  readonly timeUnixNano?: string;
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
  readonly bucketCounts?: readonly (string | number)[];
}
interface Points {
  readonly dataPoints?: readonly DataPoint[];
  readonly aggregationTemporality?: number | string;
}
interface Request {
  readonly resourceMetrics?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeMetrics?: readonly {
      readonly metrics?: readonly { readonly name: string; readonly sum?: Points; readonly histogram?: Points }[];
    }[];
  }[];
}

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
  const options = { longs: String, enums: Number, defaults: false };
  const request = (
    contentType === 'application/json'
      ? JSON.parse(Buffer.from(body).toString('utf8'))
      : REQUEST.toObject(REQUEST.decode(body), options)
  ) as Request;
  const points: ReadPoint[] = [];
  let resource: ReadonlyMap<string, string> = new Map();
  for (const each of request.resourceMetrics ?? []) {
    resource = textsOf(each.resource?.attributes);
    for (const { name, sum, histogram } of each.scopeMetrics?.flatMap(({ metrics = [] }) => metrics) ?? []) {
      const told = sum ?? histogram;
      const temporality = Number(told?.aggregationTemporality ?? 0);
      for (const point of told?.dataPoints ?? []) points.push(pointOf(name, temporality, point));
    }
  }
  return { resource, points };
}

function pointOf(metric: string, temporality: number, point: DataPoint): ReadPoint {
  return {
    metric,
    attributes: textsOf(point.attributes),
    startMs: Number(BigInt(point.startTimeUnixNano ?? 0) / 1_000_000n),
    endMs: Number(BigInt(point.timeUnixNano ?? 0) / 1_000_000n),
    value: Number(point.asInt ?? point.asDouble ?? point.count ?? 0),
    buckets: (point.bucketCounts ?? []).reduce((total: number, count) => total + Number(count), 0),
    temporality,
  };
}

function textsOf(list: readonly KeyValue[] = []): Map<string, string> {
  return new Map(
    list.map(({ key, value }) => [key, String(value?.stringValue ?? value?.intValue ?? value?.boolValue)]),
  );
}

/** An answer of a backend that rejects points, or has only something to say. */
export function exportResponse(rejectedDataPoints: number, errorMessage: string): Uint8Array {
  return RESPONSE.encode(RESPONSE.fromObject({ partialSuccess: { rejectedDataPoints, errorMessage } })).finish();
}
