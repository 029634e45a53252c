/** @module Where a proxy runs: what pages can tell of a pod. */
import type { WorkloadSpec } from './topology.ts';

/** Where an endpoint runs. */
export interface Place {
  readonly workload: WorkloadSpec;
  readonly pod: string;
  readonly ip: string;
  /** '' for pods whose owner is no ReplicaSet. */
  readonly templateHash: string;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
}
