/** @module From a series' meaning to the key of the record it counts for. */
import type { Target } from '../../pipeline/batch.ts';
import type { Peer } from '../../pipeline/model/resource.ts';
import { workloadKey } from '../../pipeline/model/resource.ts';
import type { TrafficSeries } from '../../pipeline/model/rules.ts';
import type { TrafficKey } from '../../pipeline/model/traffic.ts';

/** Key of the record that `series` of `target` adds to. O(length of the names); called once per series. */
export function trafficKey(target: Target, series: TrafficSeries, peerPod: boolean): TrafficKey {
  const peer: Peer = peerPod ? series.peer : { ...series.peer, pod: '' };
  const { own, rules } = target;
  const counts = rules.counts[series.side];
  const id = JSON.stringify([
    rules.mesh,
    series.side,
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
    series.protocol,
    counts,
  ]);
  return { id, mesh: rules.mesh, side: series.side, own, peer, protocol: series.protocol, counts };
}

/** True when the series is traffic of this Weir's own exporters through the proxy. */
export function isOwnExport(series: TrafficSeries, ownExports: ReadonlySet<string>): boolean {
  if (series.side !== 'client' || ownExports.size === 0) return false;
  const { peer } = series;
  const namespace = peer.serviceNamespace || peer.workload?.namespace || '';
  return peer.service !== '' && ownExports.has(`${namespace}/${peer.service}`);
}
