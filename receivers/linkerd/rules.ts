/**
 * @module Linkerd's table: the classic families of proxies 2.11 to 2.20 and what each of their series means.
 *
 * Sources: linkerd/linkerd2-proxy 29637b64 (`linkerd/app/core/src/metrics.rs`, `linkerd/http/metrics`,
 * `linkerd/transport-metrics`); pages recorded from it. The newer `outbound_*_route_*` and `inbound_http_*` families
 * count the same requests again and name no workload, so they are never added to these.
 */
import type { Identity, Labels } from '../../pipeline/model/resource.ts';
import type {
  FamilyRule,
  FilteredSeries,
  Measure,
  MeshRules,
  SeriesMeaning,
  Side,
  TrafficSeries,
} from '../../pipeline/model/rules.ts';
import { parseNumber } from '../../pipeline/wire/exposition/number.ts';
import { labelKey } from '../scrape/label-key.ts';
import { clientOf, serverOf } from './peer.ts';

const START = 'process_start_time_seconds';

const FAMILIES: readonly FamilyRule[] = [
  { sample: START, family: START, type: 'gauge', demand: null },
  counter('response_total', 'requests'),
  {
    sample: 'response_latency_ms_bucket',
    family: 'response_latency_ms',
    type: 'histogram',
    demand: 'latency',
  },
  counter('tcp_open_total', 'tcp'),
  counter('tcp_close_total', 'tcp'),
  counter('tcp_read_bytes_total', 'tcp'),
  counter('tcp_write_bytes_total', 'tcp'),
];

const TCP_MEASURES = new Map<string, Measure>([
  ['tcp_open_total', 'tcp_opened'],
  ['tcp_close_total', 'tcp_closed'],
  ['tcp_read_bytes_total', 'tcp_read_bytes'],
  ['tcp_write_bytes_total', 'tcp_written_bytes'],
]);

/** Of the two connections a proxy holds per flow, the one that faces the mesh; the other faces the application. */
const MESH_PEER: Readonly<Record<Side, string>> = { client: 'dst', server: 'src' };

const OWN_SCRAPE = filtered('own_scrape');
const PROBE = filtered('probe');
const APPLICATION_SIDE = filtered('application_side');
const UNKNOWN_DIRECTION = filtered('unknown_direction');
const UNKNOWN_CLASSIFICATION = filtered('unknown_classification');
const BAD_BUCKET = filtered('bad_bucket');

export interface LinkerdRulesOptions {
  /** Port of the proxies' admin server; traffic to it is scrapes and probes. */
  readonly adminPort: number;
  /** False only for excerpts of pages, which lack the family every whole page has. */
  readonly sentinel: boolean;
}

/** The table for one receiver. Linkerd's outbound series count attempts, as its inbound ones do. */
export function createLinkerdRules(options: LinkerdRulesOptions): MeshRules {
  const adminPort = String(options.adminPort);
  return {
    mesh: 'linkerd',
    families: FAMILIES,
    sentinel: options.sentinel ? START : null,
    vanished: 'evicted',
    counts: { client: 'attempts', server: 'attempts' },
    resolve: (sample, labels, own) =>
      sample === START ? { role: 'start' } : resolveTraffic(sample, labels, own, adminPort),
  };
}

function resolveTraffic(sample: string, labels: Labels, own: Identity, adminPort: string): SeriesMeaning {
  if (targetPort(labels) === adminPort) return OWN_SCRAPE;
  if (isProbe(labels)) return PROBE;
  const side = sideOf(labels);
  if (side === null) return UNKNOWN_DIRECTION;
  const tcp = TCP_MEASURES.get(sample);
  if (tcp !== undefined) {
    return labels.get('peer') === MESH_PEER[side] ? traffic(tcp, side, 'tcp', labels, own) : APPLICATION_SIDE;
  }
  return sample === 'response_total' ? requests(side, labels, own) : bucket(side, labels, own);
}

function requests(side: Side, labels: Labels, own: Identity): SeriesMeaning {
  const classification = labels.get('classification');
  if (classification !== 'success' && classification !== 'failure') return UNKNOWN_CLASSIFICATION;
  return traffic(classification, side, 'http', labels, own);
}

function bucket(side: Side, labels: Labels, own: Identity): SeriesMeaning {
  const boundMs = parseBound(labels.get('le'));
  if (boundMs === null) return BAD_BUCKET;
  return { ...traffic('latency_bucket', side, 'http', labels, own), boundMs, group: labelKey(labels, 'le') };
}

/**
 * gRPC is not told apart from HTTP: the latency histogram does not carry `grpc_status`, and counts and latency of one
 * record must cover the same requests.
 */
function traffic(measure: Measure, side: Side, protocol: 'http' | 'tcp', labels: Labels, own: Identity): TrafficSeries {
  const peer = side === 'client' ? serverOf(labels, own) : clientOf(labels, own);
  return { role: 'traffic', measure, side, own: null, peer, protocol, counts: null, boundMs: 0, group: '' };
}

function sideOf(labels: Labels): Side | null {
  const direction = labels.get('direction');
  if (direction === 'outbound') return 'client';
  return direction === 'inbound' ? 'server' : null;
}

/** Proxies before 2.11 have no `target_port`, only the address. */
function targetPort(labels: Labels): string {
  const port = labels.get('target_port');
  if (port !== undefined) return port;
  const address = labels.get('target_addr') ?? '';
  return address.slice(address.lastIndexOf(':') + 1);
}

/** Kubelet probes go by a built-in route of this name; a route resource that somebody called `probe` is traffic. */
function isProbe(labels: Labels): boolean {
  return labels.get('route_name') === 'probe' && (labels.get('route_kind') ?? 'default') === 'default';
}

function parseBound(le: string | undefined): number | null {
  const bound = parseNumber(le ?? '');
  return bound !== null && bound >= 0 ? bound : null;
}

function counter(sample: string, demand: 'requests' | 'tcp'): FamilyRule {
  return { sample, family: sample, type: 'counter', demand };
}

function filtered(reason: string): FilteredSeries {
  return { role: 'filtered', reason };
}
