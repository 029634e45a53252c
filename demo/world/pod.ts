/** @module Pods of the world: their names, addresses, and the proxy life each has at the moment. */
import { ProxyLife } from './life.ts';
import { createCounters } from './meshes.ts';
import type { Place } from './place.ts';
import type { Random } from './random.ts';
import type { WorkloadSpec } from './topology.ts';

/** `running` pods take and make calls; `leaving` ones only answer scrapes; `gone` ones answer nobody. */
export type PodPhase = 'running' | 'leaving' | 'gone';

export interface Pod extends Place {
  readonly node: string;
  readonly startedMs: number;
  phase: PodPhase;
  /** The present life of its proxy; null for a pod outside the mesh. */
  proxy: ProxyLife | null;
  /** Lives before the present one, oldest first. */
  readonly formerLives: ProxyLife[];
}

/** Letters Kubernetes draws names from: no vowels, nothing that looks like another letter. */
const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

function letters(random: Random, count: number): string {
  return Array.from({ length: count }, () => NAME_LETTERS[random.below(NAME_LETTERS.length)]).join('');
}

/** A ReplicaSet's template hash; '' for owners that have none. */
export function drawTemplateHash(workload: WorkloadSpec, random: Random): string {
  return workload.kind === 'deployment' ? letters(random, 9) : '';
}

/** Name of pod `ordinal` of a workload. */
export function drawPodName(workload: WorkloadSpec, templateHash: string, ordinal: number, random: Random): string {
  if (workload.kind === 'statefulset') return `${workload.name}-${ordinal}`;
  const suffix = letters(random, 5);
  return templateHash === '' ? `${workload.name}-${suffix}` : `${workload.name}-${templateHash}-${suffix}`;
}

/** What lives of proxies need beside their place. */
export interface LifeOptions {
  readonly seed: number;
  readonly keepSamples: boolean;
  /** Time between two flushes of a proxy that has any, milliseconds; 0: at once. */
  readonly flushMs: number;
}

/**
 * Starts the pod's next proxy life at `nowMs` and puts the present one, if any, away. `hot`: the new process takes over
 * from the old one, so that the time they have run goes on. Does nothing for a workload outside every mesh.
 */
export function beginLife(pod: Pod, nowMs: number, options: LifeOptions, hot = false): void {
  const { mesh } = pod.workload;
  if (mesh === null) return;
  const parent = hot ? pod.proxy : null;
  if (pod.proxy !== null) {
    endLife(pod.proxy, nowMs);
    pod.formerLives.push(pod.proxy);
  }
  const process = {
    place: pod,
    startedMs: nowMs,
    bornMs: parent?.settings.bornMs ?? nowMs,
    restartEpoch: parent === null ? 0 : parent.settings.restartEpoch + 1,
  };
  const counters = createCounters(mesh, { ...process, seed: options.seed });
  const { keepSamples, flushMs } = options;
  pod.proxy = new ProxyLife({ ...process, number: pod.formerLives.length + 1, counters, keepSamples, flushMs });
}

export function endLife(proxy: ProxyLife, nowMs: number): void {
  if (proxy.ended) return;
  proxy.ended = true;
  proxy.endedMs = nowMs;
}
