/**
 * @module The one encoding of traffic (design §6): OTLP metrics, lossless both ways, as protobuf and as JSON.
 *
 * Names and attributes: docs/reference/traffic-metrics.md.
 */

export type { DecodedResource, DecodedTraffic, ForeignMetrics } from './otlp/decoded-traffic.ts';
export type { TrafficEnvelope, UnreadAttribute } from './otlp/envelope.ts';
export { MalformedJson } from './otlp/json-fields.ts';
export { TooManyItems } from './otlp/limits.ts';
export { countDataPoints, countDataPointsInSteps } from './otlp/metrics-count.ts';
export { FIELD_WORK, type InSteps, ITEM_WORK, inOneGo, Pace } from './otlp/pace.ts';
export { SpareMemory } from './otlp/spare-memory.ts';
export type { CumulativeTotal } from './otlp/told-traffic.ts';
export {
  type DecodeOptions,
  decodeTraffic,
  decodeTrafficInSteps,
  type PointFilter,
} from './otlp/traffic-decoder.ts';
export {
  type EncoderFigures,
  type EncoderLimits,
  OtlpTrafficEncoder,
} from './otlp/traffic-encoder.ts';
export { encodeCumulativeJson, encodeTrafficJson } from './otlp/traffic-json.ts';
export { decodeTrafficJson } from './otlp/traffic-json-decoder.ts';
export { TrafficMemory } from './otlp/traffic-memory.ts';
export { MalformedProtobuf } from './protobuf/reader.ts';
