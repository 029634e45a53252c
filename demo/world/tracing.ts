/**
 * @module Which calls of the world are traced, and the spans their proxies tell: never more than so many a second.
 *
 * The calls are the world's own. A call that a pod makes while it answers a traced one, and that is over before that answer
 * goes out, belongs to it: so traces are chains of calls that really happened, each nested in its parent. What is drawn
 * here comes from a stream of its own; a world that is traced is otherwise the same.
 */
import type { Ending } from './ending.ts';
import type { Course, Link } from './link.ts';
import { serviceNameOf } from './meshes.ts';
import type { Pod } from './pod.ts';
import { createRandom, type Random } from './random.ts';
import type { WorldSpan } from './span.ts';
import type { EdgeSpec, WorkloadSpec } from './topology.ts';

/** Time between two traces at least, milliseconds: what is left of the rate is for calls within them. */
const TRACE_EVERY_MS = 300;
/** A call that lasts this long surely begins a trace once one is due; a shorter one by its share of it, milliseconds. */
const SURELY_TRACED_MS = 400;
/** A call that fails is traced as if it lasted this long, milliseconds. */
const FAILED_WEIGHT_MS = 200;
/** Spans told at once at most, however long nothing was. */
const BURST = 12;
/** Spans that wait to be taken; beyond it the oldest go. */
const MAX_WAITING = 2000;

/** A traced call from its start to its end. */
export interface CallTrace {
  /** An attempt begins. */
  began(link: Link, course: Course, startedMs: number): void;
  /** The server's proxy has answered the attempt under way. */
  answered(link: Link, ending: Ending): void;
  /** The client's proxy is done with the call. */
  ended(link: Link, ending: Ending, atMs: number): void;
}

export interface Tracer {
  /** The trace of a call that begins now; null when it is not traced. */
  call(link: Link, course: Course, nowMs: number): CallTrace | null;
  /** A call that found no endpoint. */
  unreached(edge: EdgeSpec, client: Pod, called: WorkloadSpec, nowMs: number): void;
  /** Spans told since the last call, in the order in which they ended. */
  take(): WorldSpan[];
  /** Spans told since the world began, by the `service.name` they carry. */
  readonly told: ReadonlyMap<string, number>;
  /** Spans that nobody took in time. */
  readonly lost: number;
}

interface Ids {
  readonly traceId: string;
  readonly spanId: string;
}

/** A traced call that a pod is answering. */
interface Serving extends Ids {
  readonly startMs: number;
  readonly endMs: number;
  readonly parentSpanId: string;
  readonly client: Pod;
}

/** `spansPerSecond` is never exceeded by more than a small burst. */
export function createTracer(seed: number, spansPerSecond: number, startMs: number): Tracer {
  const random = createRandom(seed, 'traces');
  const serving = new Map<Pod, Set<Serving>>();
  const told = new Map<string, number>();
  let waiting: WorldSpan[] = [];
  let lost = 0;
  let room = BURST;
  let roomAtMs = startMs;
  let nextTraceMs = startMs;

  /** Takes room for the spans of one call; false when there is none. */
  function takeRoom(nowMs: number, spans: number): boolean {
    room = Math.min(BURST, room + ((nowMs - roomAtMs) * spansPerSecond) / 1000);
    roomAtMs = nowMs;
    if (room < spans) return false;
    room -= spans;
    return true;
  }

  /** The call that `pod` answers now and whose answer goes out after `endMs`; null for none. */
  function answeredBy(pod: Pod, nowMs: number, endMs: number): Ids | null {
    for (const call of serving.get(pod) ?? []) if (call.startMs <= nowMs && endMs <= call.endMs) return call;
    return null;
  }

  /** Long calls are the likelier ones: their servers have time for calls of their own. */
  function begins(nowMs: number, lastsMs: number): boolean {
    if (nowMs < nextTraceMs || random.next() * SURELY_TRACED_MS >= lastsMs) return false;
    nextTraceMs = nowMs + TRACE_EVERY_MS;
    return true;
  }

  function tell(span: WorldSpan): void {
    const service = serviceNameOf(span.place.workload);
    told.set(service, (told.get(service) ?? 0) + 1);
    waiting.push(span);
    if (waiting.length <= MAX_WAITING) return;
    waiting.shift();
    lost += 1;
  }

  function startServing(pod: Pod, call: Serving): void {
    const calls = serving.get(pod) ?? new Set();
    serving.set(pod, calls.add(call));
  }

  /** Null when the attempt was never known there, or its process is gone. */
  function endServing(pod: Pod, spanId: string): Serving | null {
    for (const call of serving.get(pod) ?? []) {
      if (call.spanId !== spanId) continue;
      serving.get(pod)?.delete(call);
      return call;
    }
    return null;
  }

  function trace(parent: Ids | null, startedMs: number): CallTrace {
    const traceId = parent?.traceId ?? drawHex(random, 4);
    const parentSpanId = parent?.spanId ?? '';
    const clientSpanId = drawHex(random, 2);
    let attempts = 0;
    let serverSpanId = '';
    return {
      began({ client, server, serverEnd }, course, attemptMs) {
        attempts += 1;
        if (serverEnd === null) return;
        serverSpanId = drawHex(random, 2);
        const startMs = attemptMs + (course.clientMs - course.serverMs) / 2;
        const parentSpan = client.proxy === null ? parentSpanId : clientSpanId;
        const ids = { traceId, spanId: serverSpanId, parentSpanId: parentSpan };
        startServing(server, { ...ids, startMs, endMs: startMs + course.serverMs, client });
      },
      answered({ edge, server, serverEnd }, ending) {
        const call = endServing(server, serverSpanId);
        if (call === null || serverEnd?.alive !== true) return;
        const { client: peer, ...rest } = call;
        const who = { place: server, processStartedMs: processStart(server), called: server.workload, peer };
        tell({ ...rest, ...who, side: 'server', edge, ending, retries: 0 });
      },
      ended({ edge, client, server, clientEnd }, ending, endMs) {
        endServing(server, serverSpanId);
        if (clientEnd?.alive !== true) return;
        // A Linkerd proxy ends a span with its answer; without one it tells none.
        if (ending.fate === 'broken' && client.workload.mesh === 'linkerd') return;
        const who = { place: client, processStartedMs: processStart(client), called: server.workload, peer: server };
        const ids = { traceId, spanId: clientSpanId, parentSpanId };
        tell({ ...ids, ...who, side: 'client', edge, startMs: startedMs, endMs, ending, retries: attempts - 1 });
      },
    };
  }

  return {
    call({ edge, client, clientEnd, serverEnd }, course, nowMs) {
      const spans = (clientEnd === null ? 0 : 1) + (serverEnd === null ? 0 : 1 + edge.retries);
      if (edge.protocol === 'tcp' || spans === 0) return null;
      const parent = answeredBy(client, nowMs, nowMs + course.clientMs);
      if (parent === null && !begins(nowMs, weightOf(course))) return null;
      return takeRoom(nowMs, spans) ? trace(parent, nowMs) : null;
    },
    unreached(edge, client, called, nowMs) {
      const { proxy, workload } = client;
      if (edge.protocol === 'tcp' || proxy === null || workload.mesh === 'linkerd') return;
      const parent = answeredBy(client, nowMs, nowMs);
      if ((parent === null && !begins(nowMs, FAILED_WEIGHT_MS)) || !takeRoom(nowMs, 1)) return;
      const ids = { traceId: parent?.traceId ?? drawHex(random, 4), spanId: drawHex(random, 2) };
      const times = { startMs: nowMs, endMs: nowMs, processStartedMs: processStart(client) };
      const rest = { side: 'client' as const, edge, place: client, called, peer: null, ending: null, retries: 0 };
      tell({ ...ids, ...times, ...rest, parentSpanId: parent?.spanId ?? '' });
    },
    take() {
      const spans = waiting;
      waiting = [];
      return spans;
    },
    told,
    get lost() {
      return lost;
    },
  };
}

function weightOf({ ending, serverMs }: Course): number {
  return ending.failed ? Math.max(FAILED_WEIGHT_MS, serverMs) : serverMs;
}

function processStart({ proxy, startedMs }: Pod): number {
  return proxy?.settings.startedMs ?? startedMs;
}

/** `words` times eight hex digits, never all zeros. */
function drawHex(random: Random, words: number): string {
  const digits = Array.from({ length: words }, () =>
    random
      .below(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
  return /^0+$/.test(digits) ? drawHex(random, words) : digits;
}
