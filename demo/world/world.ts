/**
 * @module The demo world: meshes that run by an explicit clock, whose proxies serve the pages of Linkerd 2.20, of Istio's
 * sidecars or of Envoy, and which know the truth at every instant. Deterministic: the same seed, the same steps, the same
 * bytes.
 *
 * ```ts
 * const world = createWorld({ seed: 7, startMs: 1_700_000_000_000 });
 * world.advance(startMs + 2000);                 // every call up to and including that instant happens
 * const before = world.snapshot(pod);            // truth of the pod's present proxy life, cheap
 * const page = world.scrape(pod);                // the page at this instant; a scrape counts itself, as on a real proxy
 * world.advance(startMs + 4000);
 * observable(before, world.snapshot(pod));       // what an observer of both pages must count, per side and peer pod
 * trueQuantile(delta.latenciesMs, 0.99);         // nearest rank of the true samples
 * ```
 *
 * The truth is what an observer of the pages can know at best: the client of a retried call counts it once and its server each
 * attempt; gRPC failures are none on an Envoy page; what a page shows only after a flush is in the truth from then on.
 *
 * Pods are named by `pods()`; edges by `from -> to` with workloads as `namespace/name`. A response counts at its end:
 * server and client agree but for the calls under way. Faults change what a page shows, never what the truth says:
 *
 * | Fault | Method | The truth |
 * |---|---|---|
 * | restart | `restart` | a new `life`; calls it had not answered end at the client as failures |
 * | hot restart (Istio, Envoy) | `hotRestart` | a new `life` whose page goes on with the uptime; calls under way are lost |
 * | counter reset | `resetCounters` | same life, next `epoch`; `observable` counts from the reset; Envoy's histograms go on |
 * | no endpoint | `starve`, `feed`; a workload without running pods | `unreached` failures, towards no pod, at Istio's and Envoy's clients |
 * | idle eviction, rebirth | `pause`, `resume`, with `retainIdleMs` | unchanged: an evicted series had been shown whole |
 * | lines reordered | `reorder` | unchanged |
 * | missed, hanging, partial scrape | `failScrapes` | unchanged; nobody saw that page |
 * | rolling deployment | `rollOut` | old pods keep their last counts, new ones start their own |
 * | short-lived pod | `startPod` with `forMs` | as any pod |
 * | shared service account | topology: `search`, `recommend` | server-side entries tell them apart, the page does not |
 */
import { createEvents } from './events.ts';
import type { Pod } from './pod.ts';
import { beginLife } from './pod.ts';
import { createPopulation, livesOf } from './population.ts';
import type { WorldSpan } from './span.ts';
import type { Topology, WorkloadSpec } from './topology.ts';
import { edgeId, LINKERD_TOPOLOGY, workloadId } from './topology.ts';
import { createTracer } from './tracing.ts';
import { createTraffic } from './traffic.ts';
import type { Side, TruthSnapshot } from './truth.ts';

export interface WorldOptions {
  readonly seed: number;
  /** Milliseconds since the epoch at which all pods start. */
  readonly startMs: number;
  readonly topology?: Topology;
  /** `constant` spaces the calls of each source evenly; default `jittered`. */
  readonly arrivals?: 'constant' | 'jittered';
  /** Multiplies all call rates; default 1. */
  readonly rateFactor?: number;
  /** Idle time after which a proxy drops an HTTP or TCP label set, as `LINKERD2_PROXY_METRICS_RETAIN_IDLE`; default 10 min. */
  readonly retainIdleMs?: number;
  /** Time a leaving pod still answers scrapes and finishes its calls; default 3 s. */
  readonly graceMs?: number;
  /** Keep every latency for `observable`; default true. False keeps memory flat in worlds that run for hours. */
  readonly keepSamples?: boolean;
  /** Time between two flushes of Istio's and Envoy's proxies; default 5 s as theirs. 0: their pages show all at once. */
  readonly flushMs?: number;
  /** Spans that all proxies together tell each second at most; default 0: nothing is traced. */
  readonly spansPerSecond?: number;
}

/** How a scrape can go wrong on the way. */
export type ScrapeFault =
  /** The connection is closed without an answer. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' }
  /** Status and headers come, then nothing until `release()` of the server. */
  | { readonly kind: 'hang' }
  /** 200, but the page ends in the middle of a line; `clean` ends the body properly, else the connection breaks. */
  | { readonly kind: 'cut'; readonly clean: boolean }
  /** 200 and a whole page but for these families. */
  | { readonly kind: 'partial'; readonly without: readonly string[] };

/** A pod as tests and discovery see it. */
export interface PodView {
  readonly name: string;
  readonly workload: WorkloadSpec;
  readonly ip: string;
  readonly node: string;
  readonly meshed: boolean;
  readonly phase: Pod['phase'];
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
}

export interface World {
  readonly topology: Topology;
  readonly nowMs: number;
  /** Lets everything up to `toMs` happen; an instant before now changes nothing. */
  advance(toMs: number): void;
  /** All pods that are not gone, in order of their start. */
  pods(): PodView[];
  /** The first running pod of a workload `namespace/name`; throws when there is none. */
  podOf(workload: string): string;
  /** The page of a pod at this instant. Counts the scrape as a real proxy does. Throws for a pod without a proxy. */
  scrape(pod: string): string;
  /** Truth of the pod's present proxy life (the last one of a pod that is gone). O(peers). */
  snapshot(pod: string): TruthSnapshot;
  /** Truth of every proxy life there was, in order of pods and lives. */
  truth(): TruthSnapshot[];
  /** Responses of a workload over all its pods and lives since the world began. */
  totals(workload: string, side: Side): { readonly successes: number; readonly failures: number };
  /** Spans told since the last call, in the order in which they ended; none without `spansPerSecond`. */
  takeSpans(): WorldSpan[];
  /** The truth of spans: those told since the world began, by the `service.name` they carry. */
  spansTold(): ReadonlyMap<string, number>;
  /** Spans among those told that went because nobody took them in time. */
  spansLost(): number;
  /** Calls `changed` after pods have come, started to leave, or gone. Returns a function that ends that. */
  onPods(changed: () => void): () => void;

  /** The pod's proxy process restarts now: all counters 0, a new start time, same pod and address. */
  restart(pod: string): void;
  /**
   * A new process of an Istio or Envoy proxy takes over: uptime goes on, the epoch rises, counters start anew. What the
   * old one had counted since its last page is lost to every observer, and so are calls under way.
   */
  hotRestart(pod: string): void;
  /** From now on calls of an edge find no endpoint: failures that only clients see. Until `feed`. */
  starve(edge: string): void;
  feed(edge: string): void;
  /**
   * Counters fall to 0 without a new start time. `next page` (the default) does it just before the next page is
   * rendered, so that no counter can outgrow its old value unseen; what was counted since the page before is lost to
   * every observer.
   */
  resetCounters(pod: string, when?: 'now' | 'next page'): void;
  /** The next page has the same series in another order. */
  reorder(pod: string): void;
  /** Stops calls of an edge; its label sets turn idle. */
  pause(edge: string): void;
  /**
   * Lets an edge call again. After an eviction, leave one scrape between the page that still shows the idle series and
   * this: a series that is never missed on a page looks as if it had gone on.
   */
  resume(edge: string): void;
  /** The next `scrapes` scrapes of the pod (default 1) go wrong. Taken by whoever serves the pages. */
  failScrapes(pod: string, fault: ScrapeFault, scrapes?: number): void;
  /** The fault of a scrape that has just come in, null for none. */
  takeFault(pod: string): ScrapeFault | null;
  /** One more pod of a workload; with `forMs` it leaves again by itself. Returns its name. */
  startPod(workload: string, options?: { readonly forMs?: number }): string;
  /** The pod leaves: no more calls, out of discovery, gone after the grace time. */
  stopPod(pod: string): void;
  /**
   * Replaces every running pod of a workload by one of a new template, one every `everyMs`, the first now. The old pod
   * leaves in the instant its successor starts.
   */
  rollOut(workload: string, everyMs: number): void;
}

export function createWorld(options: WorldOptions): World {
  const { seed, startMs, topology = LINKERD_TOPOLOGY, keepSamples = true } = options;
  const { arrivals = 'jittered', rateFactor = 1, retainIdleMs = 600_000, graceMs = 3000, flushMs = 5000 } = options;
  const { spansPerSecond = 0 } = options;
  const tracer = spansPerSecond > 0 ? createTracer(seed, spansPerSecond, startMs) : null;
  const life = { seed, keepSamples, flushMs };
  const events = createEvents();
  const clusterIps = new Map(topology.workloads.map((spec, i) => [workloadId(spec), `10.96.0.${10 + i}`]));
  const edges = new Set(topology.edges.map(edgeId));
  const faults = new Map<string, ScrapeFault[]>();
  let nowMs = startMs;

  const traffic = createTraffic(events, {
    seed,
    arrivals,
    rateFactor,
    running: (id) => people.running(id),
    clusterIp: (id) => clusterIps.get(id) ?? '',
    specOf: (id) => people.specOf(id),
    tracer,
  });
  const people = createPopulation(events, {
    ...life,
    topology,
    graceMs,
    arrived: (pod, atMs) => traffic.addPod(pod, topology.edges, atMs),
    departed: (pod, atMs) => traffic.breakCalls(pod, atMs),
  });
  for (const spec of topology.workloads) for (let i = 0; i < spec.replicas; i++) people.add(spec, startMs);

  function knownEdge(edge: string): string {
    if (!edges.has(edge)) throw new Error(`no edge "${edge}"; there are ${[...edges].join(', ')}`);
    return edge;
  }

  return {
    topology,
    get nowMs() {
      return nowMs;
    },
    advance(toMs) {
      events.runUntil(toMs);
      nowMs = Math.max(nowMs, toMs);
    },
    pods: () =>
      people
        .all()
        .filter((pod) => pod.phase !== 'gone')
        .map(viewOf),
    podOf(workload) {
      const pod = people.running(workloadId(people.specOf(workload)))[0];
      if (pod === undefined) throw new Error(`no running pod of ${workload}`);
      return pod.pod;
    },
    scrape: (name) => people.proxyOf(name).scrape(nowMs, retainIdleMs),
    snapshot: (name) => people.proxyOf(name).snapshot(nowMs),
    truth: () =>
      people
        .all()
        .flatMap(livesOf)
        .map((proxy) => proxy.snapshot(proxy.endedMs ?? nowMs)),
    totals(workload, side) {
      const spec = people.specOf(workload);
      const lives = people
        .all()
        .filter((pod) => pod.workload === spec)
        .flatMap(livesOf);
      return addUp(
        lives.map((proxy) => proxy.snapshot(nowMs)),
        side,
      );
    },
    takeSpans: () => tracer?.take() ?? [],
    spansTold: () => tracer?.told ?? new Map(),
    spansLost: () => tracer?.lost ?? 0,
    onPods: (changed) => people.onChange(changed),
    restart(name) {
      const pod = people.named(name);
      people.proxyOf(name);
      if (pod.phase === 'gone') throw new Error(`pod ${name} is gone and cannot restart`);
      traffic.breakCalls(pod, nowMs);
      beginLife(pod, nowMs, life);
    },
    hotRestart(name) {
      const pod = people.named(name);
      people.proxyOf(name);
      if (pod.workload.mesh === 'linkerd') throw new Error(`pod ${name}: Linkerd's proxy has no hot restart`);
      if (pod.phase === 'gone') throw new Error(`pod ${name} is gone and cannot restart`);
      traffic.handOver(pod, nowMs);
      beginLife(pod, nowMs, life, true);
    },
    starve: (edge) => traffic.setStarved(knownEdge(edge), true),
    feed: (edge) => traffic.setStarved(knownEdge(edge), false),
    resetCounters: (name, when = 'next page') => people.proxyOf(name).reset(when),
    reorder: (name) => people.proxyOf(name).settings.counters.reorder(),
    pause: (edge) => traffic.setPaused(knownEdge(edge), true, nowMs),
    resume: (edge) => traffic.setPaused(knownEdge(edge), false, nowMs),
    failScrapes(name, fault, scrapes = 1) {
      const waiting = faults.get(people.named(name).pod) ?? [];
      for (let i = 0; i < scrapes; i++) waiting.push(fault);
      faults.set(name, waiting);
    },
    takeFault: (name) => faults.get(name)?.shift() ?? null,
    startPod(workload, { forMs } = {}) {
      const pod = people.add(people.specOf(workload), nowMs);
      if (forMs !== undefined) events.at(nowMs + forMs, (atMs) => people.leave(pod, atMs));
      return pod.pod;
    },
    stopPod: (name) => people.leave(people.named(name), nowMs),
    rollOut(workload, everyMs) {
      const spec = people.specOf(workload);
      people.newTemplate(workload);
      people.running(workload).forEach((old, i) => {
        events.at(nowMs + i * everyMs, (atMs) => {
          people.add(spec, atMs);
          people.leave(old, atMs);
        });
      });
      events.runUntil(nowMs);
    },
  };
}

function viewOf(pod: Pod): PodView {
  const { workload, ip, node, phase, startedMs } = pod;
  return { name: pod.pod, workload, ip, node, phase, startedMs, meshed: pod.proxy !== null };
}

function addUp(snapshots: readonly TruthSnapshot[], side: Side): { successes: number; failures: number } {
  const total = { successes: 0, failures: 0 };
  for (const entry of snapshots.flatMap(({ entries }) => entries)) {
    if (entry.counts.side !== side) continue;
    total.successes += entry.successes;
    total.failures += entry.failures;
  }
  return total;
}
