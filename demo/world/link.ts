/** @module A link: one proxy life calling another through one Service, its connection, and both its ends. */
import type { Ending } from './ending.ts';
import type { End } from './life.ts';
import type { Pod } from './pod.ts';
import type { EdgeSpec } from './topology.ts';

/** Requests a connection carries before it is replaced; without requests, exchanges of bytes. */
const CALLS_PER_CONNECTION = { http: 400, grpc: 400, tcp: 30 };

/** How one attempt goes, drawn before it starts. `clientMs` is never below `serverMs`. */
export interface Course {
  readonly ending: Ending;
  readonly serverMs: number;
  readonly clientMs: number;
}

export interface Link {
  readonly edge: EdgeSpec;
  readonly client: Pod;
  readonly server: Pod;
  readonly clientEnd: End | null;
  readonly serverEnd: End | null;
  connected: boolean;
  callsOnConnection: number;
}

/** A link between the present lives of two pods. `clusterIp` is the Service's address. */
export function createLink(edge: EdgeSpec, client: Pod, server: Pod, clusterIp: string): Link {
  return {
    edge,
    client,
    server,
    clientEnd: client.proxy?.clientEnd(edge, server, clusterIp) ?? null,
    serverEnd: server.proxy?.serverEnd(edge, client) ?? null,
    connected: false,
    callsOnConnection: 0,
  };
}

function liveEnds({ clientEnd, serverEnd }: Link): End[] {
  return [clientEnd, serverEnd].filter((end) => end?.alive === true) as End[];
}

/** Makes sure there is a connection; an old one is replaced now and then. */
function connect(link: Link, nowMs: number): void {
  if (link.connected && link.callsOnConnection < CALLS_PER_CONNECTION[link.edge.protocol]) return;
  disconnect(link, nowMs);
  link.connected = true;
  link.callsOnConnection = 0;
  for (const end of liveEnds(link)) end.opened(nowMs);
}

/** Closes the connection at the ends that still live. */
export function disconnect(link: Link, nowMs: number): void {
  if (!link.connected) return;
  link.connected = false;
  for (const end of liveEnds(link)) end.closed(nowMs);
}

/** An attempt begins: both ends count it and its bytes. */
export function beginCall(link: Link, nowMs: number): void {
  connect(link, nowMs);
  link.callsOnConnection += 1;
  for (const end of liveEnds(link)) end.began(nowMs);
}

/** The server's proxy is done with an attempt. */
export function endAtServer({ serverEnd }: Link, { ending, serverMs }: Course, nowMs: number): void {
  if (serverEnd?.alive === true) serverEnd.ended(ending, serverMs, nowMs);
}

/** The client's proxy is done with a call; `tookMs` with all its attempts. */
export function endAtClient({ clientEnd }: Link, ending: Ending, tookMs: number, nowMs: number): void {
  if (clientEnd?.alive === true) clientEnd.ended(ending, tookMs, nowMs);
}
