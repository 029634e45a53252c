/** @module Who is there: pods come, leave and are gone, and discovery hears of it. */
import type { Events } from './events.ts';
import type { ProxyLife } from './life.ts';
import type { LifeOptions, Pod } from './pod.ts';
import { beginLife, drawPodName, drawTemplateHash, endLife } from './pod.ts';
import { createRandom } from './random.ts';
import type { Topology, WorkloadSpec } from './topology.ts';
import { workloadId } from './topology.ts';

export interface PopulationOptions extends LifeOptions {
  readonly topology: Topology;
  /** Time a leaving pod still answers scrapes and finishes its calls, milliseconds. */
  readonly graceMs: number;
  /** A pod has started and takes its part in the traffic. */
  arrived(pod: Pod, atMs: number): void;
  /** A pod is gone; what it had under way is lost. */
  departed(pod: Pod, atMs: number): void;
}

export interface Population {
  /** Throws for a workload the topology does not have. */
  specOf(workload: string): WorkloadSpec;
  /** Throws for a pod there never was. */
  named(pod: string): Pod;
  /** The pod's present proxy; throws for a pod outside the mesh. */
  proxyOf(pod: string): ProxyLife;
  /** Every pod there ever was, in order of their start. */
  all(): Pod[];
  running(workload: string): readonly Pod[];
  add(spec: WorkloadSpec, atMs: number): Pod;
  leave(pod: Pod, atMs: number): void;
  /** Pods added from now on carry a new template hash. */
  newTemplate(workload: string): void;
  onChange(changed: () => void): () => void;
}

/** Proxy lives of a pod, oldest first. */
export function livesOf(pod: Pod): ProxyLife[] {
  return pod.proxy === null ? [] : [...pod.formerLives, pod.proxy];
}

export function createPopulation(events: Events, options: PopulationOptions): Population {
  const random = createRandom(options.seed, 'names');
  const workloads = new Map(options.topology.workloads.map((spec) => [workloadId(spec), spec]));
  const templates = new Map<string, string>();
  const pods = new Map<string, Pod>();
  const running = new Map<string, Pod[]>();
  const listeners = new Set<() => void>();

  function specOf(id: string): WorkloadSpec {
    const spec = workloads.get(id);
    if (spec === undefined) throw new Error(`no workload ${id}; there are ${[...workloads.keys()].join(', ')}`);
    return spec;
  }

  function named(name: string): Pod {
    const pod = pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}; there are ${[...pods.keys()].join(', ')}`);
    return pod;
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  function freeName(spec: WorkloadSpec, templateHash: string): string {
    let ordinal = running.get(workloadId(spec))?.length ?? 0;
    let name = drawPodName(spec, templateHash, ordinal, random);
    // A StatefulSet's successor has its predecessor's name in Kubernetes; here every pod keeps a name of its own.
    while (pods.has(name)) name = drawPodName(spec, templateHash, ++ordinal, random);
    return name;
  }

  function newTemplate(id: string): string {
    const hash = drawTemplateHash(specOf(id), random);
    templates.set(id, hash);
    return hash;
  }

  function create(spec: WorkloadSpec, atMs: number): Pod {
    const templateHash = templates.get(workloadId(spec)) ?? newTemplate(workloadId(spec));
    const number = pods.size + 1;
    return {
      workload: spec,
      pod: freeName(spec, templateHash),
      ip: `10.42.${number >> 8}.${number & 255}`,
      node: `node-${1 + (number % 3)}`,
      templateHash,
      startedMs: atMs,
      phase: 'running',
      proxy: null,
      formerLives: [],
    };
  }

  function goneAt(pod: Pod, atMs: number): void {
    pod.phase = 'gone';
    options.departed(pod, atMs);
    if (pod.proxy !== null) endLife(pod.proxy, atMs);
    changed();
  }

  return {
    specOf,
    named,
    proxyOf(name) {
      const { proxy } = named(name);
      if (proxy === null) throw new Error(`pod ${name} has no proxy: its workload is not meshed`);
      return proxy;
    },
    all: () => [...pods.values()],
    running: (id) => running.get(id) ?? [],
    add(spec, atMs) {
      const pod = create(spec, atMs);
      beginLife(pod, atMs, options);
      pods.set(pod.pod, pod);
      running.set(workloadId(spec), [...(running.get(workloadId(spec)) ?? []), pod]);
      options.arrived(pod, atMs);
      changed();
      return pod;
    },
    leave(pod, atMs) {
      if (pod.phase !== 'running') return;
      const id = workloadId(pod.workload);
      pod.phase = 'leaving';
      running.set(
        id,
        (running.get(id) ?? []).filter((other) => other !== pod),
      );
      events.at(atMs + options.graceMs, (goneMs) => goneAt(pod, goneMs));
      changed();
    },
    newTemplate,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
