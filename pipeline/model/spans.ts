/**
 * @module Spans of one request: the bytes as they came, and where in them each span stands.
 */

/** Immutable; whoever changes a span makes other bytes of it. */
export interface Spans {
  /** An ExportTraceServiceRequest in protobuf, read and found sound as a whole. Never written. */
  readonly bytes: Uint8Array;
  /** Spans in it. */
  readonly count: number;
}
