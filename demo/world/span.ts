/** @module A span as the world knows it: one side of one sampled call, in no mesh's terms. */
import type { Ending } from './ending.ts';
import type { Place } from './place.ts';
import type { EdgeSpec, WorkloadSpec } from './topology.ts';
import type { Side } from './truth.ts';

export interface WorldSpan {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** '' for the first span of a trace. */
  readonly parentSpanId: string;
  readonly side: Side;
  readonly edge: EdgeSpec;
  /** Whose proxy tells it. */
  readonly place: Place;
  /** Start of that proxy's process, milliseconds since the epoch. */
  readonly processStartedMs: number;
  /** The workload that was called. */
  readonly called: WorkloadSpec;
  /** The pod at the other end; null when the call found no endpoint. */
  readonly peer: Place | null;
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number;
  /** Never before `startMs`. */
  readonly endMs: number;
  /** Null when the call found no endpoint. */
  readonly ending: Ending | null;
  /** Tries after the first one that this span covers; 0 at servers. */
  readonly retries: number;
}

/** A value of an attribute as proxies send it. */
export type SpanAttributes = readonly (readonly [key: string, value: string])[];

/** A span in the words of its mesh. */
export interface ToldSpan {
  readonly name: string;
  readonly resource: SpanAttributes;
  readonly attributes: SpanAttributes;
  /** Whether its status is an error; else it is left unset, as proxies do. */
  readonly isError: boolean;
}

/** What the callers of the world ask for: nobody's path tells apart what a proxy does not. */
export function pathOf({ edge, called }: WorldSpan): string {
  return edge.protocol === 'grpc' ? `/${called.namespace}.${called.name}/Call` : `/${called.name}`;
}

/** `service:port` as callers in other namespaces write it. */
export function authorityOf({ called }: WorldSpan): string {
  return `${called.service}.${called.namespace}:${called.port}`;
}

/** The id that Envoy's proxies give a request: the trace's, its 14th digit saying that it is sampled. */
export function requestIdOf({ traceId }: WorldSpan): string {
  const digits = `${traceId.slice(0, 12)}9${traceId.slice(13)}`;
  return [0, 8, 12, 16, 20].map((from, i) => digits.slice(from, [8, 12, 16, 20, 32][i])).join('-');
}
