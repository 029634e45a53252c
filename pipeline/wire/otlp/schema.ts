/**
 * @module The messages of OTLP trace and metrics requests as tables: numbers, types and JSON names of their fields.
 *
 * Source: opentelemetry-proto 1.10.0, opentelemetry/proto/{trace,metrics,resource,common}/v1 and collector/*; the rules of
 * names, ids, numbers and enumerations in JSON are those of the OTLP specification, "JSON Protobuf Encoding".
 */
import { embedded, type Message, message, scalar, type Traits } from './message-table.ts';

export { type Field, MESSAGES, type Message } from './message-table.ts';

const REPEATED: Traits = { repeated: true };
const OPTIONAL: Traits = { presence: true };
const ONEOF: Traits = { oneof: true };
const TRACE_ID: Traits = { idBytes: 16 };
const SPAN_ID: Traits = { idBytes: 8 };
const SPAN_KINDS = new Map(
  ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((kind, i) => [`SPAN_KIND_${kind}`, i]),
);
const STATUS_CODES = new Map(['UNSET', 'OK', 'ERROR'].map((code, i) => [`STATUS_CODE_${code}`, i]));
const TEMPORALITIES = new Map(
  ['UNSPECIFIED', 'DELTA', 'CUMULATIVE'].map((name, i) => [`AGGREGATION_TEMPORALITY_${name}`, i]),
);

// --- common and resource ---------------------------------------------------------------------------------------------
const AnyValue = message('AnyValue');
export const KeyValue = message(
  'KeyValue',
  scalar(1, 'key', 'string'),
  embedded(2, 'value', AnyValue),
  scalar(3, 'keyStrindex', 'int32'),
);
const ArrayValue = message('ArrayValue', embedded(1, 'values', AnyValue, REPEATED));
const KeyValueList = message('KeyValueList', embedded(1, 'values', KeyValue, REPEATED));
AnyValue.fields.push(
  scalar(1, 'stringValue', 'string', ONEOF),
  scalar(2, 'boolValue', 'bool', ONEOF),
  scalar(3, 'intValue', 'int64', ONEOF),
  scalar(4, 'doubleValue', 'double', ONEOF),
  embedded(5, 'arrayValue', ArrayValue, ONEOF),
  embedded(6, 'kvlistValue', KeyValueList, ONEOF),
  scalar(7, 'bytesValue', 'bytes', ONEOF),
  scalar(8, 'stringValueStrindex', 'int32', ONEOF),
);
const EntityRef = message(
  'EntityRef',
  scalar(1, 'schemaUrl', 'string'),
  scalar(2, 'type', 'string'),
  scalar(3, 'idKeys', 'string', REPEATED),
  scalar(4, 'descriptionKeys', 'string', REPEATED),
);
const Resource = message(
  'Resource',
  embedded(1, 'attributes', KeyValue, REPEATED),
  scalar(2, 'droppedAttributesCount', 'uint32'),
  embedded(3, 'entityRefs', EntityRef, REPEATED),
);
const InstrumentationScope = message(
  'InstrumentationScope',
  scalar(1, 'name', 'string'),
  scalar(2, 'version', 'string'),
  embedded(3, 'attributes', KeyValue, REPEATED),
  scalar(4, 'droppedAttributesCount', 'uint32'),
);

// --- traces ----------------------------------------------------------------------------------------------------------
const Event = message(
  'Event',
  scalar(1, 'timeUnixNano', 'fixed64'),
  scalar(2, 'name', 'string'),
  embedded(3, 'attributes', KeyValue, REPEATED),
  scalar(4, 'droppedAttributesCount', 'uint32'),
);
const Link = message(
  'Link',
  scalar(1, 'traceId', 'id', TRACE_ID),
  scalar(2, 'spanId', 'id', SPAN_ID),
  scalar(3, 'traceState', 'string'),
  embedded(4, 'attributes', KeyValue, REPEATED),
  scalar(5, 'droppedAttributesCount', 'uint32'),
  scalar(6, 'flags', 'fixed32'),
);
const Status = message('Status', scalar(2, 'message', 'string'), scalar(3, 'code', 'enum', { values: STATUS_CODES }));
export const Span = message(
  'Span',
  scalar(1, 'traceId', 'id', TRACE_ID),
  scalar(2, 'spanId', 'id', SPAN_ID),
  scalar(3, 'traceState', 'string'),
  scalar(4, 'parentSpanId', 'id', SPAN_ID),
  scalar(5, 'name', 'string'),
  scalar(6, 'kind', 'enum', { values: SPAN_KINDS }),
  scalar(7, 'startTimeUnixNano', 'fixed64'),
  scalar(8, 'endTimeUnixNano', 'fixed64'),
  embedded(9, 'attributes', KeyValue, REPEATED),
  scalar(10, 'droppedAttributesCount', 'uint32'),
  embedded(11, 'events', Event, REPEATED),
  scalar(12, 'droppedEventsCount', 'uint32'),
  embedded(13, 'links', Link, REPEATED),
  scalar(14, 'droppedLinksCount', 'uint32'),
  embedded(15, 'status', Status),
  scalar(16, 'flags', 'fixed32'),
);
export const ScopeSpans = message(
  'ScopeSpans',
  embedded(1, 'scope', InstrumentationScope),
  embedded(2, 'spans', Span, REPEATED),
  scalar(3, 'schemaUrl', 'string'),
);
export const ResourceSpans = message(
  'ResourceSpans',
  embedded(1, 'resource', Resource),
  embedded(2, 'scopeSpans', ScopeSpans, REPEATED),
  scalar(3, 'schemaUrl', 'string'),
);
export const TraceRequest = message('ExportTraceServiceRequest', embedded(1, 'resourceSpans', ResourceSpans, REPEATED));

// --- metrics ---------------------------------------------------------------------------------------------------------
const Exemplar = message(
  'Exemplar',
  scalar(2, 'timeUnixNano', 'fixed64'),
  scalar(3, 'asDouble', 'double', ONEOF),
  scalar(4, 'spanId', 'id', SPAN_ID),
  scalar(5, 'traceId', 'id', TRACE_ID),
  scalar(6, 'asInt', 'sfixed64', ONEOF),
  embedded(7, 'filteredAttributes', KeyValue, REPEATED),
);
const NumberDataPoint = message(
  'NumberDataPoint',
  scalar(2, 'startTimeUnixNano', 'fixed64'),
  scalar(3, 'timeUnixNano', 'fixed64'),
  scalar(4, 'asDouble', 'double', ONEOF),
  embedded(5, 'exemplars', Exemplar, REPEATED),
  scalar(6, 'asInt', 'sfixed64', ONEOF),
  embedded(7, 'attributes', KeyValue, REPEATED),
  scalar(8, 'flags', 'uint32'),
);
const HistogramDataPoint = message(
  'HistogramDataPoint',
  scalar(2, 'startTimeUnixNano', 'fixed64'),
  scalar(3, 'timeUnixNano', 'fixed64'),
  scalar(4, 'count', 'fixed64'),
  scalar(5, 'sum', 'double', OPTIONAL),
  scalar(6, 'bucketCounts', 'fixed64', REPEATED),
  scalar(7, 'explicitBounds', 'double', REPEATED),
  embedded(8, 'exemplars', Exemplar, REPEATED),
  embedded(9, 'attributes', KeyValue, REPEATED),
  scalar(10, 'flags', 'uint32'),
  scalar(11, 'min', 'double', OPTIONAL),
  scalar(12, 'max', 'double', OPTIONAL),
);
const Buckets = message('Buckets', scalar(1, 'offset', 'sint32'), scalar(2, 'bucketCounts', 'uint64', REPEATED));
const ExponentialHistogramDataPoint = message(
  'ExponentialHistogramDataPoint',
  embedded(1, 'attributes', KeyValue, REPEATED),
  scalar(2, 'startTimeUnixNano', 'fixed64'),
  scalar(3, 'timeUnixNano', 'fixed64'),
  scalar(4, 'count', 'fixed64'),
  scalar(5, 'sum', 'double', OPTIONAL),
  scalar(6, 'scale', 'sint32'),
  scalar(7, 'zeroCount', 'fixed64'),
  embedded(8, 'positive', Buckets),
  embedded(9, 'negative', Buckets),
  scalar(10, 'flags', 'uint32'),
  embedded(11, 'exemplars', Exemplar, REPEATED),
  scalar(12, 'min', 'double', OPTIONAL),
  scalar(13, 'max', 'double', OPTIONAL),
  scalar(14, 'zeroThreshold', 'double'),
);
const ValueAtQuantile = message('ValueAtQuantile', scalar(1, 'quantile', 'double'), scalar(2, 'value', 'double'));
const SummaryDataPoint = message(
  'SummaryDataPoint',
  scalar(2, 'startTimeUnixNano', 'fixed64'),
  scalar(3, 'timeUnixNano', 'fixed64'),
  scalar(4, 'count', 'fixed64'),
  scalar(5, 'sum', 'double'),
  embedded(6, 'quantileValues', ValueAtQuantile, REPEATED),
  embedded(7, 'attributes', KeyValue, REPEATED),
  scalar(8, 'flags', 'uint32'),
);
const temporality = scalar(2, 'aggregationTemporality', 'enum', { values: TEMPORALITIES });
const Gauge = message('Gauge', embedded(1, 'dataPoints', NumberDataPoint, REPEATED));
const Sum = message(
  'Sum',
  embedded(1, 'dataPoints', NumberDataPoint, REPEATED),
  temporality,
  scalar(3, 'isMonotonic', 'bool'),
);
const Histogram = message('Histogram', embedded(1, 'dataPoints', HistogramDataPoint, REPEATED), temporality);
const ExponentialHistogram = message(
  'ExponentialHistogram',
  embedded(1, 'dataPoints', ExponentialHistogramDataPoint, REPEATED),
  temporality,
);
const Summary = message('Summary', embedded(1, 'dataPoints', SummaryDataPoint, REPEATED));
export const Metric = message(
  'Metric',
  scalar(1, 'name', 'string'),
  scalar(2, 'description', 'string'),
  scalar(3, 'unit', 'string'),
  embedded(5, 'gauge', Gauge, ONEOF),
  embedded(7, 'sum', Sum, ONEOF),
  embedded(9, 'histogram', Histogram, ONEOF),
  embedded(10, 'exponentialHistogram', ExponentialHistogram, ONEOF),
  embedded(11, 'summary', Summary, ONEOF),
  embedded(12, 'metadata', KeyValue, REPEATED),
);
const ScopeMetrics = message(
  'ScopeMetrics',
  embedded(1, 'scope', InstrumentationScope),
  embedded(2, 'metrics', Metric, REPEATED),
  scalar(3, 'schemaUrl', 'string'),
);
const ResourceMetrics = message(
  'ResourceMetrics',
  embedded(1, 'resource', Resource),
  embedded(2, 'scopeMetrics', ScopeMetrics, REPEATED),
  scalar(3, 'schemaUrl', 'string'),
);
export const MetricsRequest = message(
  'ExportMetricsServiceRequest',
  embedded(1, 'resourceMetrics', ResourceMetrics, REPEATED),
);

/** Messages that count as items of a request: spans and data points of every kind. */
export const ITEMS: ReadonlySet<Message> = new Set([
  Span,
  NumberDataPoint,
  HistogramDataPoint,
  ExponentialHistogramDataPoint,
  SummaryDataPoint,
]);
