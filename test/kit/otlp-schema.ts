/** @module Requests of metrics and traces by the public schema and `protobufjs`: the independent judge of Weir's own protobuf. */
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const FOLDER = fileURLToPath(new URL('../data/otlp-proto/', import.meta.url));
const FILES = ['metrics/v1/metrics_service.proto', 'trace/v1/trace_service.proto'].map(
  (name) => `opentelemetry/proto/collector/${name}`,
);

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => `${FOLDER}${target}`;
root.loadSync(FILES);

/** The message type of metrics requests. */
export const REQUEST_TYPE = root.lookupType('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest');

/** The message type of trace requests. */
export const TRACE_REQUEST_TYPE = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest');

/** A request as protobufjs reads it; 64-bit integers as decimal text, `oneof` members only where present. */
export interface SchemaRequest {
  readonly resourceMetrics?: readonly {
    readonly resource?: { readonly attributes?: readonly SchemaAttribute[] };
    readonly scopeMetrics?: readonly {
      readonly scope?: { readonly name?: string };
      readonly metrics?: readonly SchemaMetric[];
    }[];
  }[];
}

export interface SchemaMetric {
  readonly name?: string;
  readonly description?: string;
  readonly unit?: string;
  readonly gauge?: { readonly dataPoints?: readonly SchemaPoint[] };
  readonly sum?: SchemaData & { readonly isMonotonic?: boolean };
  readonly histogram?: SchemaData;
  readonly exponentialHistogram?: { readonly dataPoints?: readonly unknown[] };
  readonly summary?: { readonly dataPoints?: readonly unknown[] };
}

interface SchemaData {
  readonly dataPoints?: readonly SchemaPoint[];
  readonly aggregationTemporality?: number;
}

export interface SchemaPoint {
  readonly attributes?: readonly SchemaAttribute[];
  readonly startTimeUnixNano?: string;
  readonly timeUnixNano?: string;
  readonly asInt?: string;
  readonly asDouble?: number;
  readonly count?: string;
  readonly bucketCounts?: readonly string[];
  readonly explicitBounds?: readonly number[];
  readonly flags?: number;
}

export interface SchemaAttribute {
  readonly key?: string;
  readonly value?: {
    readonly stringValue?: string;
    readonly boolValue?: boolean;
    readonly intValue?: string;
    readonly doubleValue?: number | string;
  };
}

/** As OTLP/JSON has it, but for ids. Throws what protobufjs throws when `bytes` are no request. */
export function schemaDecode(bytes: Uint8Array): SchemaRequest {
  return REQUEST_TYPE.toObject(REQUEST_TYPE.decode(bytes), { longs: String, bytes: String, json: true });
}
