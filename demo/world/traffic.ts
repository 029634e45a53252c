/**
 * @module The calls of the world: when each starts, whom it reaches, how it goes, and when both ends have seen it end.
 *
 * Each source of calls draws from a stream of its own, so that pods that come or go leave all others as they were.
 */
import { BROKEN, type Ending, exhausted, GRPC_INTERNAL, GRPC_OK, NOT_FOUND, OK, SERVER_ERROR } from './ending.ts';
import type { Events } from './events.ts';
import type { Course, Link } from './link.ts';
import { beginCall, createLink, disconnect, endAtClient, endAtServer } from './link.ts';
import type { Pod } from './pod.ts';
import type { Random } from './random.ts';
import { createRandom } from './random.ts';
import type { EdgeSpec, WorkloadSpec } from './topology.ts';
import { edgeId } from './topology.ts';
import type { CallTrace, Tracer } from './tracing.ts';

/** Standard normal deviate of the 99th percentile. */
const NORMAL_P99 = 2.3263;
/** A client sees its call last up to this much longer than the server does, milliseconds. */
const MAX_CLIENT_EXTRA_MS = 2;
const MAX_LATENCY_MS = 49_000;

/** Time a client's proxy waits before it tries again, milliseconds. */
const BACK_OFF_MS = 10;

/** One try of a call; without retries, the call. */
interface Attempt {
  readonly link: Link;
  readonly course: Course;
  readonly startedMs: number;
  /** Milliseconds the call had lasted when this attempt began. */
  readonly spentMs: number;
  readonly retriesLeft: number;
  /** Next pod to be tried, and how that goes. */
  readonly next: () => { readonly server: Pod; readonly course: Course } | null;
  /** Null: not traced. */
  readonly trace: CallTrace | null;
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
  specOf(workloadId: string): WorkloadSpec;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
}

export interface Traffic {
  /** Starts the sources that belong to a new pod. */
  addPod(pod: Pod, edges: readonly EdgeSpec[], nowMs: number): void;
  /** The pod's proxy life ends now: its connections close, calls it had not answered break. */
  breakCalls(pod: Pod, nowMs: number): void;
  /** The pod's proxy life ends now and another process takes over: connections close, calls under way go on uncounted. */
  handOver(pod: Pod, nowMs: number): void;
  /** While starved, calls of an edge find no endpoint. */
  setStarved(edge: string, starved: boolean): void;
  /** Stops or continues an edge's calls; those under way go on. A stop closes its connections. */
  setPaused(edge: string, paused: boolean, nowMs: number): void;
}

export function createTraffic(events: Events, options: TrafficOptions): Traffic {
  const links = new Map<Pod, Map<string, Link>>();
  const underWay = new Map<Pod, Set<Attempt>>();
  const paused = new Set<string>();
  const starved = new Set<string>();

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

  function attemptsAt(server: Pod): Set<Attempt> {
    const attempts = underWay.get(server) ?? new Set<Attempt>();
    underWay.set(server, attempts);
    return attempts;
  }

  function start(attempt: Attempt): void {
    const { link, course, startedMs } = attempt;
    attemptsAt(link.server).add(attempt);
    beginCall(link, startedMs);
    attempt.trace?.began(link, course, startedMs);
    events.at(startedMs + course.serverMs, (atMs) => leaveServer(attempt, atMs));
    events.at(startedMs + course.clientMs, (atMs) => {
      if (!attempt.broken) leaveClient(attempt, atMs);
    });
  }

  function leaveServer(attempt: Attempt, atMs: number): void {
    if (attempt.broken) return;
    underWay.get(attempt.link.server)?.delete(attempt);
    endAtServer(attempt.link, attempt.course, atMs);
    attempt.trace?.answered(attempt.link, attempt.course.ending);
  }

  function leaveClient(attempt: Attempt, atMs: number): void {
    const { link, course, spentMs, retriesLeft } = attempt;
    const mayRetry = course.ending.failed && link.edge.retries > 0 && link.clientEnd?.retries === true;
    const next = mayRetry && retriesLeft > 0 ? attempt.next() : null;
    if (next !== null) retry(attempt, next.server, next.course, atMs);
    else finish(attempt, mayRetry ? exhausted(course.ending) : course.ending, spentMs + course.clientMs, atMs);
  }

  function finish({ link, trace }: Attempt, ending: Ending, tookMs: number, atMs: number): void {
    endAtClient(link, ending, tookMs, atMs);
    trace?.ended(link, ending, atMs);
  }

  function retry(failed: Attempt, server: Pod, course: Course, nowMs: number): void {
    const { link, spentMs } = failed;
    link.clientEnd?.retried(failed.course.ending, nowMs);
    events.at(nowMs + BACK_OFF_MS, (startedMs) =>
      start({
        ...failed,
        link: linkOf(link.edge, link.client, server),
        course,
        startedMs,
        spentMs: spentMs + failed.course.clientMs + BACK_OFF_MS,
        retriesLeft: failed.retriesLeft - 1,
      }),
    );
  }

  function breakAttempt(attempt: Attempt, nowMs: number): void {
    attempt.broken = true;
    const lastedMs = Math.trunc(nowMs - attempt.startedMs);
    finish(attempt, BROKEN, attempt.spentMs + lastedMs, nowMs);
  }

  function dropLinks(pod: Pod, nowMs: number): void {
    for (const ofClient of links.values()) {
      for (const [id, link] of ofClient) {
        if (link.client !== pod && link.server !== pod) continue;
        disconnect(link, nowMs);
        ofClient.delete(id);
      }
    }
  }

  function isUnreached(edge: EdgeSpec, random: Random): boolean {
    return starved.has(edgeId(edge)) || (edge.unreachedShare > 0 && random.next() < edge.unreachedShare);
  }

  function findNobody(edge: EdgeSpec, client: Pod, nowMs: number): void {
    const called = options.specOf(edge.to);
    client.proxy?.unreached(edge, called, nowMs);
    options.tracer?.unreached(edge, client, called, nowMs);
  }

  function addSource(edge: EdgeSpec, pod: Pod, nowMs: number): void {
    const random = createRandom(options.seed, `${edgeId(edge)} ${pod.pod}`);
    const byClient = edge.ratePer === 'client pod';
    const meanMs = 1000 / (edge.ratePerSecond * options.rateFactor);
    let turn = random.below(1000);
    const choose = (): Pod | null => {
      const candidates = options.running(byClient ? edge.to : edge.from);
      return candidates[turn++ % Math.max(1, candidates.length)] ?? null;
    };
    const next = () => {
      const server = byClient ? choose() : null;
      return server === null ? null : { server, course: drawCourse(edge, random) };
    };
    const call = (atMs: number) => {
      if (pod.phase !== 'running') return;
      const course = drawCourse(edge, random);
      const spread = options.arrivals === 'constant' ? 1 : 0.5 + random.next();
      events.at(atMs + meanMs * spread, call);
      if (paused.has(edgeId(edge))) return;
      const other = isUnreached(edge, random) ? null : choose();
      if (other === null) {
        if (byClient) findNobody(edge, pod, atMs);
        return;
      }
      const link = byClient ? linkOf(edge, pod, other) : linkOf(edge, other, pod);
      const trace = options.tracer?.call(link, course, atMs) ?? null;
      start({ link, course, startedMs: atMs, spentMs: 0, retriesLeft: edge.retries, next, trace, broken: false });
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
      for (const attempt of underWay.get(pod) ?? []) breakAttempt(attempt, nowMs);
      underWay.delete(pod);
      dropLinks(pod, nowMs);
      if (pod.phase === 'gone') links.delete(pod);
    },
    handOver: dropLinks,
    setStarved(edge, isStarved) {
      if (isStarved) starved.add(edge);
      else starved.delete(edge);
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
