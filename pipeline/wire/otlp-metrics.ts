/** @module Metrics of any sender in OTLP, read point by point. */
export { type MetricPoint, NumberRow } from './otlp/metrics-point.ts';
export {
  type MetricHead,
  type MetricKind,
  type MetricsVisitor,
  type ResourceView,
  readMetrics,
  readMetricsInSteps,
} from './otlp/metrics-reader.ts';
export { MalformedProtobuf } from './protobuf/reader.ts';
