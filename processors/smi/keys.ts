/** @module From a series' meaning to the key of the record it counts for. */
import type { Target } from '../../pipeline/batch.ts';
import type { Peer } from '../../pipeline/model/resource.ts';
import type { TrafficSeries } from '../../pipeline/model/rules.ts';
import type { TrafficKey } from '../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../pipeline/model/traffic-key.ts';

/** Key of the record that `series` of `target` adds to. O(length of the names); called once per series. */
export function trafficKey(target: Target, series: TrafficSeries, peerPod: boolean): TrafficKey {
  const { mesh, counts: usual } = target.rules;
  const { side, protocol } = series;
  const own = series.own ?? target.own;
  const peer: Peer = peerPod ? series.peer : { ...series.peer, pod: '' };
  return createTrafficKey({ mesh, side, own, peer, protocol, counts: series.counts ?? usual[side] });
}

/** True when the series is traffic of this Weir's own exporters through the proxy. */
export function isOwnExport(series: TrafficSeries, ownExports: ReadonlySet<string>): boolean {
  if (series.side !== 'client' || ownExports.size === 0) return false;
  const { peer } = series;
  const namespace = peer.serviceNamespace || peer.workload?.namespace || '';
  return peer.service !== '' && ownExports.has(`${namespace}/${peer.service}`);
}
