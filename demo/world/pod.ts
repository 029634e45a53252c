/** @module Pods of the world: their names, addresses, and the proxy life each has at the moment. */
import type { Place } from './labels.ts';
import type { Page } from './page.ts';
import { createPage } from './page.ts';
import { MeshProxy } from './proxy.ts';
import type { Random } from './random.ts';
import type { WorkloadSpec } from './topology.ts';

/** `running` pods take and make calls; `leaving` ones only answer scrapes; `gone` ones answer nobody. */
export type PodPhase = 'running' | 'leaving' | 'gone';

export interface Pod extends Place {
  readonly node: string;
  readonly startedMs: number;
  phase: PodPhase;
  /** The present life of its proxy and that life's pages; null for a pod outside the mesh. */
  proxy: MeshProxy | null;
  page: Page | null;
  /** Lives before the present one, oldest first. */
  readonly formerLives: MeshProxy[];
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
}

/** Starts the pod's next proxy life at `nowMs` and puts the present one, if any, away. */
export function beginLife(pod: Pod, nowMs: number, options: LifeOptions): void {
  if (pod.proxy !== null) {
    endLife(pod.proxy, nowMs);
    pod.formerLives.push(pod.proxy);
  }
  pod.proxy = new MeshProxy(pod, pod.formerLives.length + 1, nowMs, options.keepSamples);
  pod.page = createPage(pod.proxy, options.seed);
}

export function endLife(proxy: MeshProxy, nowMs: number): void {
  if (proxy.ended) return;
  proxy.ended = true;
  proxy.endedMs = nowMs;
}
