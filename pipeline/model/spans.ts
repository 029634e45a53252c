/**
 * @module Spans of one request: the bytes as they came, and where in them each span, scope and resource stands.
 */

/**
 * Places of the spans of one request, in its bytes: columns over spans, scopes (messages ScopeSpans) and resources
 * (messages ResourceSpans), all in the order of the bytes. A place `…Start` is that of the field's tag, `…From` and `…To`
 * enclose the message itself. What of a scope or resource no span or scope occupies holds everything else of it.
 */
export interface SpanLayout {
  readonly spanStart: Uint32Array;
  readonly spanFrom: Uint32Array;
  readonly spanTo: Uint32Array;
  /** Scope of each span. */
  readonly spanScope: Uint32Array;
  readonly scopeStart: Uint32Array;
  readonly scopeFrom: Uint32Array;
  readonly scopeTo: Uint32Array;
  /** Resource of each scope. */
  readonly scopeResource: Uint32Array;
  /** First span of each scope, and behind the last scope the number of spans. */
  readonly scopeSpan: Uint32Array;
  readonly resourceStart: Uint32Array;
  readonly resourceFrom: Uint32Array;
  readonly resourceTo: Uint32Array;
  /** First scope of each resource, and behind the last resource the number of scopes. */
  readonly resourceScope: Uint32Array;
}

/** Immutable; whoever changes a span makes other bytes of it. */
export interface Spans {
  /** An ExportTraceServiceRequest in protobuf, read and found sound as a whole. Never written. */
  readonly bytes: Uint8Array;
  /** Spans in it. */
  readonly count: number;
  /**
   * Spans whose trace id or span id is absent or all zero, which the specification calls invalid. They are passed on as
   * they are, as a Collector does; an id of any other length is refused with its request, as a Collector does too.
   */
  readonly invalidIds: number;
  /** Spans that end before they begin, by what their times say; passed on as they are. A time that is absent is 0. */
  readonly backwards: number;
  readonly layout: SpanLayout;
}
