/**
 * @module The one encoding of traffic (design §6): OTLP metrics, lossless both ways, as protobuf and as JSON.
 *
 * Names and attributes: docs/reference/traffic-metrics.md.
 */
export type { TrafficEnvelope } from './otlp/envelope.ts';
export {
  type CumulativeTotal,
  type EncoderFigures,
  type EncoderLimits,
  OtlpTrafficEncoder,
} from './otlp/traffic-encoder.ts';
export { encodeCumulativeJson, encodeTrafficJson } from './otlp/traffic-json.ts';
