/** @module What either end of a link adds to the counters of a Linkerd proxy. */
import type { Ending } from '../ending.ts';
import type { EndCounters, Shown } from '../mesh.ts';
import type { Place } from '../place.ts';
import type { EdgeSpec } from '../topology.ts';
import type { LinkerdCounters } from './counters.ts';
import {
  APPLICATION_LABELS,
  acceptedLabels,
  allowedLabels,
  connectedLabels,
  inboundLabels,
  inboundParentLabels,
  interceptedLabels,
  outboundLabels,
  outboundParentLabels,
  serverLabels,
} from './labels.ts';
import { addBalancer } from './next-families.ts';

/** TCP label sets of an end: towards the peer, and towards the own application. */
interface Transports {
  readonly peer: string;
  readonly application: string;
}

/** Bytes as this end saw them at the peer; at the own application they went the other way. */
function moveBytes(
  proxy: LinkerdCounters,
  labels: Transports,
  way: 'read' | 'written',
  bytes: number,
  nowMs: number,
): void {
  const peer = proxy.transport(labels.peer, nowMs);
  const application = proxy.transport(labels.application, nowMs);
  if (way === 'read') {
    peer.readBytes += bytes;
    application.writtenBytes += bytes;
  } else {
    peer.writtenBytes += bytes;
    application.readBytes += bytes;
  }
}

function openBoth(proxy: LinkerdCounters, { peer, application }: Transports, nowMs: number): void {
  proxy.openTransport(peer, nowMs);
  proxy.openTransport(application, nowMs);
}

function closeBoth(proxy: LinkerdCounters, { peer, application }: Transports, nowMs: number): void {
  proxy.closeTransport(peer, nowMs);
  proxy.closeTransport(application, nowMs);
}

/** Each attempt counts; one without a status has no latency. */
function shown(ending: Ending): Shown {
  return { success: !ending.failed, timed: ending.status !== '' };
}

/** The client's end of calls to `server` through the Service at `clusterIp`. */
export function createClientEnd(proxy: LinkerdCounters, edge: EdgeSpec, server: Place, clusterIp: string): EndCounters {
  const { workload } = server;
  const { next } = proxy;
  const http = outboundLabels(server);
  const tcp = { peer: connectedLabels(server), application: interceptedLabels(clusterIp, workload.port) };
  const { parent, route, backend } = outboundParentLabels(workload);
  return {
    showsTcp: true,
    shown,
    opened(nowMs) {
      openBoth(proxy, tcp, nowMs);
      next.count('outbound_tcp_protocol_connections', `protocol="detect",${parent}`);
      addBalancer(next, 'outbound_http_balancer', `${parent},${parent.replaceAll('parent_', 'backend_')}`, 1);
    },
    closed: (nowMs) => closeBoth(proxy, tcp, nowMs),
    began(nowMs) {
      proxy.endpoint(http, nowMs).requests += 1;
      moveBytes(proxy, tcp, 'written', edge.requestBytes, nowMs);
      next.count('outbound_http_route_backend_requests', backend);
      next.histogram('outbound_http_route_request_frame_size_bytes', route).record(edge.requestBytes);
    },
    retried: null,
    ended(ending, latencyMs, nowMs) {
      proxy.respond(http, ending, latencyMs, nowMs);
      const status = `http_status="${ending.status}",error="${ending.status === '' ? 'UNKNOWN' : ''}"`;
      next.count('outbound_http_route_backend_response_statuses', `${backend},${status}`);
      next.count('outbound_http_route_request_statuses', `${route},${status}`);
      next.histogram('outbound_http_route_request_duration_seconds', route).record((latencyMs + 0.3) / 1000);
      next.histogram('outbound_http_route_backend_response_duration_seconds', backend).record((latencyMs + 0.1) / 1000);
      if (ending.fate === 'broken') return;
      moveBytes(proxy, tcp, 'read', edge.responseBytes, nowMs);
      next.histogram('outbound_http_route_backend_response_frame_size_bytes', backend).record(edge.responseBytes);
    },
  };
}

/** The server's end of calls from `client`. */
export function createServerEnd(proxy: LinkerdCounters, edge: EdgeSpec, client: Place): EndCounters {
  const { ip, workload } = proxy.place;
  const { next } = proxy;
  const http = inboundLabels(ip, workload.port, client.workload);
  const tcp = { peer: acceptedLabels(ip, workload.port, client.workload), application: APPLICATION_LABELS };
  const allowed = allowedLabels(ip, workload.port, client.workload);
  const parent = inboundParentLabels(workload.port);
  const policy = serverLabels(workload.port);
  return {
    showsTcp: true,
    shown,
    opened(nowMs) {
      openBoth(proxy, tcp, nowMs);
      next.histogram('inbound_tcp_detect_http_duration_seconds', policy).record(0.00001);
      const result = edge.protocol === 'grpc' ? 'http/2' : 'http/1';
      next.count('inbound_tcp_detect_http_results', `result="${result}",${policy}`);
    },
    closed: (nowMs) => closeBoth(proxy, tcp, nowMs),
    began(nowMs) {
      proxy.endpoint(http, nowMs).requests += 1;
      proxy.legacy.count('inbound_http_authz_allow_total', allowed);
      moveBytes(proxy, tcp, 'read', edge.requestBytes, nowMs);
      next.count('inbound_http_requests', parent);
      next.histogram('inbound_http_request_frame_size_bytes', parent).record(edge.requestBytes);
    },
    retried: null,
    ended(ending, latencyMs, nowMs) {
      proxy.respond(http, ending, latencyMs, nowMs);
      moveBytes(proxy, tcp, 'written', edge.responseBytes, nowMs);
      next.count('inbound_http_statuses', `${parent},status="${ending.status}"`);
      next.histogram('inbound_http_request_duration_seconds', parent).record((latencyMs + 0.2) / 1000);
      next.histogram('inbound_http_response_duration_seconds', parent).record((latencyMs + 0.1) / 1000);
      next.histogram('inbound_http_response_frame_size_bytes', parent).record(edge.responseBytes);
    },
  };
}
