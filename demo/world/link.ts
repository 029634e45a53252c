/** @module A link: one proxy life calling another through one Service, its connection, and what both ends count. */
import type { Ending, Place } from './labels.ts';
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
import type { Pod } from './pod.ts';
import type { MeshProxy } from './proxy.ts';
import type { EdgeSpec } from './topology.ts';
import type { TrueCounts } from './truth.ts';

/** Calls a connection carries before it is replaced. */
const CALLS_PER_CONNECTION = 400;

/** How one call goes, drawn before it starts. `clientMs` is never below `serverMs`. */
export interface Course {
  readonly ending: Ending;
  readonly serverMs: number;
  readonly clientMs: number;
}

/** What one end of a link counts; both ends work alike. */
interface End {
  readonly proxy: MeshProxy;
  readonly counts: TrueCounts;
  /** HTTP label set, TCP label set towards the peer, TCP label set towards the own application. */
  readonly http: string;
  readonly peerTcp: string;
  readonly applicationTcp: string;
}

export interface Link {
  readonly edge: EdgeSpec;
  readonly client: Pod;
  readonly server: Pod;
  readonly clientEnd: ClientEnd | null;
  readonly serverEnd: ServerEnd | null;
  connected: boolean;
  callsOnConnection: number;
}

interface ClientEnd extends End {
  readonly route: { readonly parent: string; readonly route: string; readonly backend: string };
}
interface ServerEnd extends End {
  readonly allowed: string;
  readonly parent: string;
  readonly policy: string;
}

/** A link between the present lives of two pods. `clusterIp` is the Service's address. */
export function createLink(edge: EdgeSpec, client: Pod, server: Pod, clusterIp: string): Link {
  return {
    edge,
    client,
    server,
    clientEnd: client.proxy === null ? null : createClientEnd(client.proxy, server, clusterIp),
    serverEnd: server.proxy === null ? null : createServerEnd(server.proxy, client),
    connected: false,
    callsOnConnection: 0,
  };
}

function createClientEnd(proxy: MeshProxy, server: Place, clusterIp: string): ClientEnd {
  const { workload } = server;
  return {
    proxy,
    counts: proxy.truth('client', { workload, pod: server.pod }, workload.service),
    http: outboundLabels(server),
    peerTcp: connectedLabels(server),
    applicationTcp: interceptedLabels(clusterIp, workload.port),
    route: outboundParentLabels(workload),
  };
}

function createServerEnd(proxy: MeshProxy, client: Place): ServerEnd {
  const { ip, workload } = proxy.place;
  return {
    proxy,
    counts: proxy.truth('server', { workload: client.workload, pod: client.pod }, workload.service),
    http: inboundLabels(ip, workload.port, client.workload),
    peerTcp: acceptedLabels(ip, workload.port, client.workload),
    applicationTcp: APPLICATION_LABELS,
    allowed: allowedLabels(ip, workload.port, client.workload),
    parent: inboundParentLabels(workload.port),
    policy: serverLabels(workload.port),
  };
}

function liveEnds(link: Link): End[] {
  const ends: End[] = [];
  if (link.clientEnd !== null && !link.clientEnd.proxy.ended) ends.push(link.clientEnd);
  if (link.serverEnd !== null && !link.serverEnd.proxy.ended) ends.push(link.serverEnd);
  return ends;
}

/** Makes sure there is a connection; an old one is replaced now and then. */
export function connect(link: Link, nowMs: number): void {
  if (link.connected && link.callsOnConnection < CALLS_PER_CONNECTION) return;
  disconnect(link, nowMs);
  link.connected = true;
  link.callsOnConnection = 0;
  for (const { proxy, counts, peerTcp, applicationTcp } of liveEnds(link)) {
    proxy.openTransport(peerTcp, nowMs);
    proxy.openTransport(applicationTcp, nowMs);
    counts.tcp.opened += 1;
  }
  showConnection(link);
}

/** Closes the connection at the ends that still live. */
export function disconnect(link: Link, nowMs: number): void {
  if (!link.connected) return;
  link.connected = false;
  for (const { proxy, counts, peerTcp, applicationTcp } of liveEnds(link)) {
    proxy.closeTransport(peerTcp, nowMs);
    proxy.closeTransport(applicationTcp, nowMs);
    counts.tcp.closed += 1;
  }
}

function showConnection({ edge, clientEnd, serverEnd }: Link): void {
  const result = edge.protocol === 'grpc' ? 'http/2' : 'http/1';
  if (serverEnd !== null) {
    const { next } = serverEnd.proxy;
    next.histogram('inbound_tcp_detect_http_duration_seconds', serverEnd.policy).record(0.00001);
    next.count('inbound_tcp_detect_http_results', `result="${result}",${serverEnd.policy}`);
  }
  if (clientEnd !== null) {
    const { parent } = clientEnd.route;
    const { next } = clientEnd.proxy;
    next.count('outbound_tcp_protocol_connections', `protocol="detect",${parent}`);
    const backend = parent.replaceAll('parent_', 'backend_');
    addBalancer(next, 'outbound_http_balancer', `${parent},${backend}`, 1);
  }
}

/** A call begins: both ends count the request and its bytes. */
export function beginCall(link: Link, nowMs: number): void {
  connect(link, nowMs);
  link.callsOnConnection += 1;
  const { clientEnd, serverEnd, edge } = link;
  if (clientEnd !== null) {
    clientEnd.proxy.endpoint(clientEnd.http, nowMs).requests += 1;
    moveBytes(clientEnd, 'written', edge.requestBytes, nowMs);
    clientEnd.proxy.next.count('outbound_http_route_backend_requests', clientEnd.route.backend);
    clientEnd.proxy.next
      .histogram('outbound_http_route_request_frame_size_bytes', clientEnd.route.route)
      .record(edge.requestBytes);
  }
  if (serverEnd !== null) {
    serverEnd.proxy.endpoint(serverEnd.http, nowMs).requests += 1;
    serverEnd.proxy.legacy.count('inbound_http_authz_allow_total', serverEnd.allowed);
    moveBytes(serverEnd, 'read', edge.requestBytes, nowMs);
    serverEnd.proxy.next.count('inbound_http_requests', serverEnd.parent);
    serverEnd.proxy.next.histogram('inbound_http_request_frame_size_bytes', serverEnd.parent).record(edge.requestBytes);
  }
}

/** Bytes as this end saw them at the peer; at the own application they went the other way. */
function moveBytes(end: End, way: 'read' | 'written', bytes: number, nowMs: number): void {
  const peer = end.proxy.transport(end.peerTcp, nowMs);
  const application = end.proxy.transport(end.applicationTcp, nowMs);
  if (way === 'read') {
    peer.readBytes += bytes;
    application.writtenBytes += bytes;
    end.counts.tcp.readBytes += bytes;
  } else {
    peer.writtenBytes += bytes;
    application.readBytes += bytes;
    end.counts.tcp.writtenBytes += bytes;
  }
}

/** The server's proxy is done with a call. */
export function endAtServer(link: Link, { ending, serverMs }: Course, nowMs: number): void {
  const { serverEnd, edge } = link;
  if (serverEnd === null || serverEnd.proxy.ended) return;
  const { proxy, parent, counts } = serverEnd;
  proxy.respond(serverEnd.http, ending, serverMs, nowMs);
  proxy.settle(counts, ending, serverMs);
  moveBytes(serverEnd, 'written', edge.responseBytes, nowMs);
  proxy.next.count('inbound_http_statuses', `${parent},status="${ending.status}"`);
  proxy.next.histogram('inbound_http_request_duration_seconds', parent).record((serverMs + 0.2) / 1000);
  proxy.next.histogram('inbound_http_response_duration_seconds', parent).record((serverMs + 0.1) / 1000);
  proxy.next.histogram('inbound_http_response_frame_size_bytes', parent).record(edge.responseBytes);
}

/** The client's proxy is done with a call; without a status no response bytes came. */
export function endAtClient(link: Link, { ending, clientMs }: Course, nowMs: number): void {
  const { clientEnd, edge } = link;
  if (clientEnd === null || clientEnd.proxy.ended) return;
  const { proxy, counts } = clientEnd;
  const { route, backend } = clientEnd.route;
  proxy.respond(clientEnd.http, ending, clientMs, nowMs);
  proxy.settle(counts, ending, clientMs);
  const status = `http_status="${ending.status}",error="${ending.status === '' ? 'UNKNOWN' : ''}"`;
  proxy.next.count('outbound_http_route_backend_response_statuses', `${backend},${status}`);
  proxy.next.count('outbound_http_route_request_statuses', `${route},${status}`);
  const { next } = proxy;
  next.histogram('outbound_http_route_request_duration_seconds', route).record((clientMs + 0.3) / 1000);
  next.histogram('outbound_http_route_backend_response_duration_seconds', backend).record((clientMs + 0.1) / 1000);
  if (ending.status === '') return;
  moveBytes(clientEnd, 'read', edge.responseBytes, nowMs);
  next.histogram('outbound_http_route_backend_response_frame_size_bytes', backend).record(edge.responseBytes);
}
