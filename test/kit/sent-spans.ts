/** @module Spans with numbers for ids, so that a test sees where each of them went; read without Weir's own code. */
import type { SpansBatch } from '../../pipeline/batch.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import type { Spans } from '../../pipeline/model/spans.ts';
import { readSpans } from '../../pipeline/wire/otlp-spans.ts';
import { TRACE_REQUEST_TYPE } from './otlp-schema.ts';

const LIMITS = { maxItems: 1_000_000, maxDepth: 32 };

/** Spans of one scope with these ids, from 1; `name` is that of all. */
export function spansNumbered(ids: readonly number[], name = 'GET /'): Spans {
  const spans = ids.map((id) => ({ traceId: bytesOf(id, 16), spanId: bytesOf(id, 8), name }));
  const request = { resourceSpans: [{ scopeSpans: [{ scope: { name: 'test' }, spans }] }] };
  return readSpans(TRACE_REQUEST_TYPE.encode(TRACE_REQUEST_TYPE.fromObject(request)).finish(), LIMITS);
}

/** A batch of them with a delivery of its own. */
export function spansBatch(ids: readonly number[], name?: string): SpansBatch {
  const spans = spansNumbered(ids, name);
  return { body: 'spans', spans, items: spans.count, delivery: new Delivery() };
}

/** `count` numbers from `first` on. */
export function idsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

interface TraceRequest {
  readonly resourceSpans?: readonly {
    readonly scopeSpans?: readonly { readonly spans?: readonly { readonly spanId?: string }[] }[];
  }[];
}

/** Ids of the spans of a request in protobuf or OTLP/JSON, in their order. */
export function spanIdsIn(body: Uint8Array, contentType = 'application/x-protobuf'): number[] {
  const isJson = contentType === 'application/json';
  const request: TraceRequest = isJson
    ? JSON.parse(Buffer.from(body).toString('utf8'))
    : TRACE_REQUEST_TYPE.toObject(TRACE_REQUEST_TYPE.decode(body), { bytes: String });
  const spans = (request.resourceSpans ?? []).flatMap(({ scopeSpans = [] }) =>
    scopeSpans.flatMap((one) => one.spans ?? []),
  );
  return spans.map(({ spanId = '' }) => Number(Buffer.from(spanId, isJson ? 'hex' : 'base64').readBigUInt64BE()));
}

function bytesOf(id: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  bytes.writeBigUInt64BE(BigInt(id), length - 8);
  return bytes;
}
