/** @module Trace requests read from their bytes, against protobufjs. */
import test from 'ava';
import { MalformedProtobuf, readSpans, spanAt, TooManyItems } from '../../../pipeline/wire/otlp-spans.ts';
import { spansRequest } from '../../bench/span-payload.ts';
import { TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { emptySpans } from '../../kit/spans.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };

interface SchemaTraces {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly SchemaSpan[] }[] }[];
}

interface SchemaSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

test('each span shows as protobufjs decodes it', (t) => {
  const bytes = spansRequest(20);
  const spans = readSpans(bytes, LIMITS);
  const decoded = TRACE_REQUEST_TYPE.toObject(TRACE_REQUEST_TYPE.decode(bytes), { longs: String, bytes: Buffer });
  const expected = (decoded as SchemaTraces).resourceSpans[0]!.scopeSpans[0]!.spans;
  t.is(spans.count, 20);
  expected.forEach((span, i) => {
    const view = spanAt(spans, i);
    t.is(view.traceId, Buffer.from(span.traceId).toString('hex'));
    t.is(view.spanId, Buffer.from(span.spanId).toString('hex'));
    t.is(view.parentSpanId, Buffer.from(span.parentSpanId).toString('hex'));
    t.is(view.name, span.name);
    t.is(`${view.startUnixNano}`, span.startTimeUnixNano);
    t.is(`${view.endUnixNano}`, span.endTimeUnixNano);
    t.is(view.kind, 2);
    t.is(view.serviceName, 'checkout');
  });
});

test('a request of more spans than allowed is refused', (t) => {
  const bytes = emptySpans(1001).bytes;
  t.throws(() => readSpans(bytes, LIMITS), { instanceOf: TooManyItems, message: /more than 1000 spans/ });
  t.is(readSpans(bytes, { ...LIMITS, maxItems: 1001 }).invalidIds, 1001);
});

test('a request that is cut off is refused wherever it is', (t) => {
  const bytes = spansRequest(1);
  for (let length = 1; length < bytes.length; length++)
    t.throws(() => readSpans(bytes.subarray(0, length), LIMITS), { instanceOf: MalformedProtobuf });
});
