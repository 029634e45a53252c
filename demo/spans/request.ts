/** @module Spans of the world as the body of one OTLP request in JSON: a resource for each proxy, its spans in it. */
import { tellSpan } from '../world/meshes.ts';
import type { SpanAttributes, ToldSpan, WorldSpan } from '../world/span.ts';

/** Numbers of `Span.SpanKind` and `Status.StatusCode` (opentelemetry-proto, trace/v1). */
const KIND = { server: 2, client: 3 } as const;
const ERROR = 2;

/** Text of an ExportTraceServiceRequest, by the rules of OTLP's JSON encoding. O(spans). */
export function spansRequest(spans: readonly WorldSpan[]): string {
  const byProcess = Map.groupBy(spans, ({ place, processStartedMs }) => `${place.pod} ${processStartedMs}`);
  return JSON.stringify({ resourceSpans: [...byProcess.values()].map(resourceSpans) });
}

function resourceSpans(spans: readonly WorldSpan[]) {
  const told = spans.map((span) => [span, tellSpan(span)] as const);
  return {
    resource: { attributes: attributesOf(told[0]?.[1].resource ?? []) },
    scopeSpans: [{ scope: {}, spans: told.map(([span, words]) => spanOf(span, words)) }],
  };
}

function spanOf(span: WorldSpan, { name, attributes, isError }: ToldSpan) {
  const { traceId, spanId, parentSpanId, side, startMs, endMs } = span;
  return {
    ...{ traceId, spanId, parentSpanId, name, kind: KIND[side] },
    startTimeUnixNano: unixNano(startMs),
    endTimeUnixNano: unixNano(endMs),
    attributes: attributesOf(attributes),
    status: isError ? { code: ERROR } : {},
  };
}

function attributesOf(pairs: SpanAttributes) {
  return pairs.map(([key, value]) => ({ key, value: { stringValue: value } }));
}

/** Proxies tell whole microseconds. */
function unixNano(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}
