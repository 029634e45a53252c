/** @module Traffic without its pods: records and coverage added up per workload, for where room is short. */

import { NameMap } from './name-map.ts';
import { ownWorkload } from './reading-entries.ts';
import type { Identity, Workload } from './resource.ts';
import { workloadKey } from './resource.ts';
import { type Overflow, sumTraffic } from './sum.ts';
import type { CoverageRecord, TrafficKey, TrafficRecord, TrafficSum } from './traffic.ts';
import { createTrafficKey } from './traffic-key.ts';

/** `own` without pod and node; a pod that is its own workload keeps its name. */
export function foldedIdentity(own: Identity): Identity {
  return { workload: ownWorkload(own), pod: '', podUid: '', node: '', serviceAccount: own.serviceAccount };
}

/** `key` of the workload instead of one pod of it. O(length of the names). */
export function foldedKey(key: TrafficKey): TrafficKey {
  const own = foldedIdentity(key.own);
  const peer = key.peer.pod === '' ? key.peer : { ...key.peer, pod: '' };
  return createTrafficKey({ ...key, own, peer });
}

/**
 * The same traffic with the pods of each workload added up: counts are conserved, pods and nodes are no longer told, and
 * the targets of a workload are one. A new object; `sum` is not written. `overflow` grows by what sums lose. O(items).
 */
export function foldPods(sum: TrafficSum, overflow?: Overflow): TrafficSum {
  const owners = podOwners(sum);
  const records = sum.records.map((record) => foldedRecord(record, owners));
  return sumTraffic([{ ...sum, records, coverage: sum.coverage.map(foldedCoverage) }], overflow) ?? sum;
}

/** Whose the pods are that are not workloads of their own: afterwards nothing tells that a peer is one of them. */
function podOwners({ coverage }: TrafficSum): NameMap<Workload> {
  const owners = new NameMap<Workload>();
  for (const { own } of coverage) {
    const workload = ownWorkload(own);
    if (own.pod !== '' && own.pod !== workload.name)
      owners.getOrMake(workload.cluster, workload.namespace, own.pod, () => workload);
  }
  return owners;
}

function foldedRecord(record: TrafficRecord, owners: NameMap<Workload>): TrafficRecord {
  const { key } = record;
  const { workload: far } = key.peer;
  const owner = far?.kind === 'Pod' ? owners.get(far.cluster, far.namespace, far.name) : undefined;
  const told = owner === undefined ? key : { ...key, peer: { ...key.peer, workload: owner } };
  return { ...record, key: foldedKey(told) };
}

function foldedCoverage(record: CoverageRecord): CoverageRecord {
  const own = foldedIdentity(record.own);
  const target = JSON.stringify(['folded', record.mesh, workloadKey(own.workload), own.serviceAccount]);
  return { ...record, target, own };
}
