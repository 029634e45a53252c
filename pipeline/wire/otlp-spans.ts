/** @module Spans in OTLP: requests read and checked, single spans looked at. */
export { type RequestLimits, TooManyItems } from './otlp/limits.ts';
export { readSpans, SpanReader } from './otlp/span-reader.ts';
export { resourceOf, resourceText, type SpanView, spanAt, spanText } from './otlp/span-view.ts';
export { MalformedProtobuf } from './protobuf/reader.ts';
