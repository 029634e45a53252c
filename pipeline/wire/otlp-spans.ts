/** @module Spans in OTLP: requests read and checked, looked into, cut into slices, told in JSON. */
import type { Spans } from '../model/spans.ts';
import { OtlpJsonReader } from './otlp/json-reader.ts';
import type { RequestLimits } from './otlp/limits.ts';
import { messageJson, messageJsonSteps } from './otlp/message-json.ts';
import { inOneGo } from './otlp/pace.ts';
import { type Message, MetricsRequest, TraceRequest } from './otlp/schema.ts';

export { MalformedJson } from './otlp/json-fields.ts';
export { OtlpJsonReader } from './otlp/json-reader.ts';
export { type RequestLimits, TooManyItems } from './otlp/limits.ts';
export { MetricsRequest, TraceRequest } from './otlp/schema.ts';
export { readSpans, SpanReader } from './otlp/span-reader.ts';
export { sliceSpanBytes, sliceSpans } from './otlp/span-slice.ts';
export { resourceOf, resourceText, type SpanView, spanAt, spanText } from './otlp/span-view.ts';
export { WrongIdInJson, WrongIdInProtobuf } from './otlp/wrong-id.ts';
export { MalformedProtobuf } from './protobuf/reader.ts';

/**
 * The request in OTLP/JSON, UTF-8; the caller owns it. Unknown fields have no name there and are left out. Some 5 µs a
 * span. Two to three times as long as the request; up to 12 times, when that is made of nothing but empty fields.
 */
export function spansToJson({ bytes }: Pick<Spans, 'bytes'>): Uint8Array {
  return messageJson(bytes, 0, bytes.length, TraceRequest);
}

/** As `spansToJson`, in steps of about 1 ms, of 5 where much is copied; a request whose fields are told in parts is one step. */
export function spansToJsonSteps({ bytes }: Pick<Spans, 'bytes'>): Iterator<void, Uint8Array, void> {
  return messageJsonSteps(bytes, TraceRequest);
}

/**
 * The protobuf of a trace request in OTLP/JSON, which is yet to be read by `readSpans`; the caller owns it. The rules are
 * in json-reader.ts. Throws MalformedJson with the place, and TooManyItems for more spans than allowed.
 */
export function traceRequestFromJson(bytes: Uint8Array, limits: RequestLimits): Uint8Array {
  return requestFromJson(bytes, TraceRequest, limits);
}

/** As `traceRequestFromJson`, of a metrics request; its data points are the items. */
export function metricsRequestFromJson(bytes: Uint8Array, limits: RequestLimits): Uint8Array {
  return requestFromJson(bytes, MetricsRequest, limits);
}

function requestFromJson(bytes: Uint8Array, request: Message, limits: RequestLimits): Uint8Array {
  const reader = new OtlpJsonReader(bytes, request, limits);
  while (!reader.step(Number.POSITIVE_INFINITY));
  return inOneGo(reader.protobuf());
}
