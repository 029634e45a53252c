/** @module Targets that tell of one pod: at two addresses it is one life, and counted from both it counts twice. */
import type { Target } from '../../pipeline/batch.ts';
import type { TargetState } from './target-state.ts';

/** Text for the pod whose proxy a target is; null when the target names no pod. */
export function podKey({ own }: Target): string | null {
  if (own.pod === '') return null;
  const { cluster, namespace } = own.workload;
  return JSON.stringify(['pod', cluster, namespace, own.pod, own.podUid]);
}

export class PodTargets {
  readonly #states = new Map<string, Set<TargetState>>();

  add(state: TargetState): void {
    const key = podKey(state.target);
    if (key === null) return;
    const states = this.#states.get(key);
    if (states === undefined) this.#states.set(key, new Set([state]));
    else states.add(state);
  }

  remove(state: TargetState): void {
    const key = podKey(state.target);
    const states = key === null ? undefined : this.#states.get(key);
    if (key === null || states === undefined) return;
    states.delete(state);
    if (states.size === 0) this.#states.delete(key);
  }

  /**
   * Other targets of the same pod and mesh, those that are about to leave among them. Pages of another mesh are of another
   * process, or tell of it in another way.
   */
  othersOf(state: TargetState): TargetState[] {
    const key = podKey(state.target);
    const states = key === null ? undefined : this.#states.get(key);
    if (states === undefined || states.size === 1) return [];
    const { mesh } = state.target.rules;
    return [...states].filter((other) => other !== state && other.target.rules.mesh === mesh);
  }

  /** Pairs of targets of one pod, of any mesh, that both were there for all the time from `sinceMs` on. O(pods). */
  twins(sinceMs: number): (readonly [Target, Target])[] {
    const pairs: (readonly [Target, Target])[] = [];
    for (const states of this.#states.values()) {
      if (states.size === 1) continue;
      const [first, second] = [...states].filter(
        ({ goneMs, discoveredMs }) => goneMs === null && discoveredMs < sinceMs,
      );
      if (first !== undefined && second !== undefined) pairs.push([first.target, second.target]);
    }
    return pairs;
  }
}
