/**
 * @module The calls of the world: when each starts, whom it reaches, how it goes, and when both ends have seen it end.
 *
 * Each source of calls draws from a stream of its own, so that pods that come or go leave all others as they were.
 */
import type { Events } from './events.ts';
import type { Ending } from './labels.ts';
import { createEnding } from './labels.ts';
import type { Course, Link } from './link.ts';
import { beginCall, createLink, disconnect, endAtClient, endAtServer } from './link.ts';
import type { Pod } from './pod.ts';
import type { Random } from './random.ts';
import { createRandom } from './random.ts';
import type { EdgeSpec } from './topology.ts';
import { edgeId } from './topology.ts';

const OK = createEnding('200', true);
const NOT_FOUND = createEnding('404', true);
const SERVER_ERROR = createEnding('500', false);
const GRPC_OK = createEnding('200', true, '0');
const GRPC_INTERNAL = createEnding('200', false, '13');
/** The server went away in mid-call: no status, no latency (as on a real page after a route timeout). */
const BROKEN = createEnding('', false, '', 'unclassified');
/** Standard normal deviate of the 99th percentile. */
const NORMAL_P99 = 2.3263;
/** A client sees its call last up to this much longer than the server does, milliseconds. */
const MAX_CLIENT_EXTRA_MS = 2;
const MAX_LATENCY_MS = 49_000;

interface Call {
  readonly link: Link;
  readonly course: Course;
  readonly startedMs: number;
  atServer: boolean;
  broken: boolean;
}

export interface TrafficOptions {
  readonly seed: number;
  /** `constant`: calls of a source are evenly spaced; `jittered`: half to one and a half of that, equal on average. */
  readonly arrivals: 'constant' | 'jittered';
  /** All rates are multiplied by this. */
  readonly rateFactor: number;
  /** Pods of a workload that take and make calls, in a stable order. */
  running(workloadId: string): readonly Pod[];
  /** Address of the Service in front of a workload. */
  clusterIp(workloadId: string): string;
}

export interface Traffic {
  /** Starts the sources that belong to a new pod. */
  addPod(pod: Pod, edges: readonly EdgeSpec[], nowMs: number): void;
  /** The pod's proxy life ends now: its connections close, calls it had not answered break. */
  breakCalls(pod: Pod, nowMs: number): void;
  /** Stops or continues an edge's calls; those under way go on. A stop closes its connections. */
  setPaused(edge: string, paused: boolean, nowMs: number): void;
}

export function createTraffic(events: Events, options: TrafficOptions): Traffic {
  const links = new Map<Pod, Map<string, Link>>();
  const underWay = new Map<Pod, Set<Call>>();
  const paused = new Set<string>();

  function linkOf(edge: EdgeSpec, client: Pod, server: Pod): Link {
    const id = `${edgeId(edge)} ${server.pod}`;
    const ofClient = links.get(client) ?? new Map<string, Link>();
    links.set(client, ofClient);
    let link = ofClient.get(id);
    if (link === undefined) {
      link = createLink(edge, client, server, options.clusterIp(edge.to));
      ofClient.set(id, link);
    }
    return link;
  }

  function callsAt(server: Pod): Set<Call> {
    const calls = underWay.get(server) ?? new Set<Call>();
    underWay.set(server, calls);
    return calls;
  }

  function start(link: Link, course: Course, nowMs: number): void {
    const call: Call = { link, course, startedMs: nowMs, atServer: true, broken: false };
    callsAt(link.server).add(call);
    beginCall(link, nowMs);
    events.at(nowMs + course.serverMs, (atMs) => leaveServer(call, atMs));
    events.at(nowMs + course.clientMs, (atMs) => {
      if (!call.broken) endAtClient(link, course, atMs);
    });
  }

  function leaveServer(call: Call, atMs: number): void {
    if (call.broken) return;
    call.atServer = false;
    underWay.get(call.link.server)?.delete(call);
    endAtServer(call.link, call.course, atMs);
  }

  function breakCall(call: Call, nowMs: number): void {
    call.broken = true;
    const lastedMs = Math.trunc(nowMs - call.startedMs);
    endAtClient(call.link, { ending: BROKEN, serverMs: lastedMs, clientMs: lastedMs }, nowMs);
  }

  function addSource(edge: EdgeSpec, pod: Pod, nowMs: number): void {
    const random = createRandom(options.seed, `${edgeId(edge)} ${pod.pod}`);
    const others = edge.ratePer === 'client pod' ? edge.to : edge.from;
    const meanMs = 1000 / (edge.ratePerSecond * options.rateFactor);
    let turn = random.below(1000);
    const call = (atMs: number) => {
      if (pod.phase !== 'running') return;
      const drawn = drawCourse(edge, random);
      const spread = options.arrivals === 'constant' ? 1 : 0.5 + random.next();
      events.at(atMs + meanMs * spread, call);
      if (paused.has(edgeId(edge))) return;
      const candidates = options.running(others);
      const other = candidates[turn++ % Math.max(1, candidates.length)];
      if (other === undefined) failFast(pod, edge);
      else if (edge.ratePer === 'client pod') start(linkOf(edge, pod, other), drawn, atMs);
      else start(linkOf(edge, other, pod), drawn, atMs);
    };
    events.at(nowMs + random.next() * meanMs, call);
  }

  return {
    addPod(pod, edges, nowMs) {
      const id = `${pod.workload.namespace}/${pod.workload.name}`;
      for (const edge of edges)
        if ((edge.ratePer === 'client pod' ? edge.from : edge.to) === id) addSource(edge, pod, nowMs);
    },
    breakCalls(pod, nowMs) {
      for (const call of underWay.get(pod) ?? []) breakCall(call, nowMs);
      underWay.delete(pod);
      for (const ofClient of links.values()) {
        for (const [id, link] of ofClient) {
          if (link.client !== pod && link.server !== pod) continue;
          disconnect(link, nowMs);
          ofClient.delete(id);
        }
      }
      if (pod.phase === 'gone') links.delete(pod);
    },
    setPaused(edge, isPaused, nowMs) {
      if (!isPaused) {
        paused.delete(edge);
        return;
      }
      paused.add(edge);
      for (const ofClient of links.values()) {
        for (const link of ofClient.values()) if (edgeId(link.edge) === edge) disconnect(link, nowMs);
      }
    },
  };
}

/** No endpoint to call: only an error family tells, as on a real page. */
function failFast(pod: Pod, edge: EdgeSpec): void {
  if (edge.ratePer === 'client pod') pod.proxy?.legacy.count('outbound_http_errors_total', 'error="failfast"');
}

function drawCourse(edge: EdgeSpec, random: Random): Course {
  const ending = drawEnding(edge, random.next());
  const sigma = Math.log(edge.p99Ms / edge.medianMs) / NORMAL_P99;
  const drawnMs = edge.medianMs * Math.exp(sigma * random.normal());
  const serverMs = Math.min(MAX_LATENCY_MS, Math.trunc(drawnMs));
  return { ending, serverMs, clientMs: serverMs + random.below(MAX_CLIENT_EXTRA_MS + 1) };
}

function drawEnding({ protocol, failureShare, notFoundShare }: EdgeSpec, draw: number): Ending {
  const failed = draw < failureShare;
  if (protocol === 'grpc') return failed ? GRPC_INTERNAL : GRPC_OK;
  if (failed) return SERVER_ERROR;
  return draw < failureShare + notFoundShare ? NOT_FOUND : OK;
}
