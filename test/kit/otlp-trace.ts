/** @module Trace requests by the public schema and `protobufjs`: made for tests, and read as an independent judge reads them. */
import type { Spans } from '../../pipeline/model/spans.ts';
import { readSpans } from '../../pipeline/wire/otlp-spans.ts';
import { TRACE_REQUEST_TYPE } from './otlp-schema.ts';

/** A request as protobufjs reads it: 64-bit integers as decimal text, bytes as hexadecimal digits, enums as numbers. */
export interface TraceRequest {
  readonly resourceSpans?: readonly TraceResource[];
}

export interface TraceResource {
  readonly resource?: { readonly attributes?: readonly TraceAttribute[]; readonly droppedAttributesCount?: number };
  readonly scopeSpans?: readonly {
    readonly scope?: {
      readonly name?: string;
      readonly version?: string;
      readonly attributes?: readonly TraceAttribute[];
    };
    readonly spans?: readonly TraceSpan[];
    readonly schemaUrl?: string;
  }[];
  readonly schemaUrl?: string;
}

export interface TraceAttribute {
  readonly key?: string;
  readonly value?: TraceValue;
}

export interface TraceValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly bytesValue?: string;
  readonly arrayValue?: { readonly values?: readonly TraceValue[] };
  readonly kvlistValue?: { readonly values?: readonly TraceAttribute[] };
}

export interface TraceSpan {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly traceState?: string;
  readonly parentSpanId?: string;
  readonly flags?: number;
  readonly name?: string;
  readonly kind?: number;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly attributes?: readonly TraceAttribute[];
  readonly droppedAttributesCount?: number;
  readonly events?: readonly {
    readonly timeUnixNano?: string;
    readonly name?: string;
    readonly attributes?: readonly TraceAttribute[];
    readonly droppedAttributesCount?: number;
  }[];
  readonly droppedEventsCount?: number;
  readonly links?: readonly {
    readonly traceId?: string;
    readonly spanId?: string;
    readonly traceState?: string;
    readonly attributes?: readonly TraceAttribute[];
    readonly droppedAttributesCount?: number;
    readonly flags?: number;
  }[];
  readonly droppedLinksCount?: number;
  readonly status?: { readonly message?: string; readonly code?: number };
}

/** Members of the schema that are bytes. */
const IDS = new Set(['traceId', 'spanId', 'parentSpanId']);

/** Bytes of a request written with ids as hexadecimal digits and bytes values in base64, as in OTLP's JSON. */
export function encodeTraces(request: TraceRequest): Uint8Array {
  const withBytes = mapMembers(request, (key, value) => {
    if (typeof value !== 'string') return value;
    if (IDS.has(key)) return Buffer.from(value, 'hex');
    return key === 'bytesValue' ? Buffer.from(value, 'base64') : value;
  });
  return TRACE_REQUEST_TYPE.encode(TRACE_REQUEST_TYPE.fromObject(withBytes as object)).finish();
}

/** Members that are absent stay absent. Throws what protobufjs throws when `bytes` are no request. */
export function decodeTraces(bytes: Uint8Array): TraceRequest {
  const read = TRACE_REQUEST_TYPE.toObject(TRACE_REQUEST_TYPE.decode(bytes), {
    longs: String,
    bytes: String,
    enums: Number,
  });
  return mapMembers(read, (key, value) =>
    IDS.has(key) && typeof value === 'string' ? Buffer.from(value, 'base64').toString('hex') : value,
  ) as TraceRequest;
}

/** The same request with every absent member that has a default: absent and default are one in protobuf. */
export function withDefaults(request: TraceRequest): TraceRequest {
  const message = TRACE_REQUEST_TYPE.decode(encodeTraces(request));
  const options = { longs: String, bytes: String, enums: Number, defaults: true };
  return TRACE_REQUEST_TYPE.toObject(message, options) as TraceRequest;
}

/** The same of a request in OTLP's JSON, by way of the schema, so that both encodings compare. */
export function decodeTracesJson(text: string): TraceRequest {
  return decodeTraces(encodeTraces(JSON.parse(text)));
}

/** All spans of requests, in their order. */
export function spansOf(requests: readonly TraceRequest[]): TraceSpan[] {
  return requests.flatMap(({ resourceSpans = [] }) =>
    resourceSpans.flatMap(({ scopeSpans = [] }) => scopeSpans.flatMap(({ spans = [] }) => spans)),
  );
}

/** A request as pipelines carry it. */
export function readTraces(request: TraceRequest): Spans {
  return readSpans(encodeTraces(request), { maxItems: 100_000, maxDepth: 100 });
}

function mapMembers(value: unknown, map: (key: string, member: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapMembers(item, map));
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, map(key, mapMembers(member, map))]));
}
