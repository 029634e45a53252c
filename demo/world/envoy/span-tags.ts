/**
 * @module Tags that every Envoy proxy sets on its spans.
 *
 * By envoyproxy/envoy (`source/common/tracing`): all values are text; `error` is there only when it is true.
 */
import type { Ending } from '../ending.ts';
import { localReply, outcomeOf } from '../istio/labels.ts';
import { requestIdOf, type SpanAttributes, type WorldSpan } from '../span.ts';

/** What of a hop each mesh names in its own way. */
export interface HopOfEnvoy {
  readonly url: string;
  readonly cluster: string;
}

/** Statuses of gRPC that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const FAULTS = new Set(['2', '4', '12', '13', '14', '15']);

export function envoyTags(
  span: WorldSpan,
  hop: HopOfEnvoy,
): { readonly tags: SpanAttributes; readonly isError: boolean } {
  const { edge, side, place, peer, called } = span;
  const { code, grpc, flags } = toldEnding(span.ending, edge.protocol);
  const isError = code.startsWith('5') || FAULTS.has(grpc);
  const isGrpc = edge.protocol === 'grpc';
  const isAnswered = span.ending?.fate === 'answered';
  const tags: [string, string][] = [
    ['component', 'proxy'],
    ['guid:x-request-id', requestIdOf(span)],
    ['http.url', hop.url],
    ['http.method', isGrpc ? 'POST' : 'GET'],
    ['downstream_cluster', '-'],
    ['user_agent', isGrpc ? 'grpc-go/1.71' : 'weir-demo'],
    ['http.protocol', isGrpc ? 'HTTP/2' : 'HTTP/1.1'],
    ['peer.address', side === 'client' ? place.ip : (peer?.ip ?? '')],
    ['request_size', String(edge.requestBytes)],
    ['response_size', String(isAnswered ? edge.responseBytes : 0)],
    ['response_flags', side === 'server' ? '-' : flags],
    ['upstream_cluster', hop.cluster],
    ['upstream_cluster.name', hop.cluster],
    ['http.status_code', code],
  ];
  if (peer !== null) tags.push(['upstream_address', `${side === 'client' ? peer.ip : '127.0.0.1'}:${called.port}`]);
  if (isGrpc) tags.push(['grpc.status_code', grpc], ['grpc.path', new URL(hop.url).pathname]);
  if (span.retries > 0) tags.push(['retry.count', String(span.retries)]);
  if (isError) tags.push(['error', 'true']);
  return { tags, isError };
}

function toldEnding(ending: Ending | null, protocol: WorldSpan['edge']['protocol']) {
  return ending === null ? localReply(protocol, 'UH') : outcomeOf(ending, protocol);
}
