/** @module The canonical key of a record: equal fields give the equal text in every Weir. */
import { workloadKey } from './resource.ts';
import type { TrafficKey } from './traffic.ts';

/** Key with its `id`, the text under which records add. The kinds of workloads are no part of it. O(length of the names). */
export function createTrafficKey(fields: Omit<TrafficKey, 'id'>): TrafficKey {
  const { mesh, side, own, peer, protocol, counts } = fields;
  const id = JSON.stringify([
    mesh,
    side,
    workloadKey(own.workload),
    own.pod,
    own.podUid,
    own.node,
    own.serviceAccount,
    peer.workload === null ? null : workloadKey(peer.workload),
    peer.pod,
    peer.service,
    peer.serviceNamespace,
    peer.serviceAccount,
    protocol,
    counts,
  ]);
  return { id, mesh, side, own, peer, protocol, counts };
}
