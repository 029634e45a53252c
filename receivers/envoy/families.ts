/**
 * @module The families of Envoy's page that carry traffic, and the clusters whose names run into the name of the family.
 *
 * Source: envoyproxy/envoy `docs/root/configuration/upstream/cluster_manager/cluster_stats.rst`,
 * `.../http/http_conn_man/stats.rst`, `source/common/config/well_known_names.cc`; pages of Envoy 1.40.
 */
import type { FamilyRule, Measure } from '../../pipeline/model/rules.ts';

/** What a series of a family is counted for. */
export type Scope = 'cluster' | 'endpoint' | 'http' | 'tcp';
/** `class`: requests by class of status (or, under Istio's names, by code); `bucket`: response times. */
export type Content = 'class' | 'bucket' | Exclude<Measure, 'latency_bucket' | 'latency_sum_ms'>;

export interface EnvoyFamily {
  readonly scope: Scope;
  readonly content: Content;
  readonly rule: FamilyRule;
  /** What follows the first dot of a cluster's name, as far as it stands in the name of the family; '' usually. */
  readonly rest: string;
}

export const LIVE = 'envoy_server_live';
export const UPTIME = 'envoy_server_uptime';
export const EPOCH = 'envoy_server_hot_restart_epoch';
const SERVER: readonly FamilyRule[] = [LIVE, UPTIME, EPOCH].map((sample) => ({
  sample,
  family: sample,
  type: 'gauge',
  demand: null,
}));

/** Statistics behind `envoy_cluster_`, `envoy_http_`, `envoy_tcp_`. */
type Row = readonly [scope: Scope, name: string, content: Content];
const ALWAYS: readonly Row[] = [
  ['cluster', 'upstream_rq_xx', 'class'],
  ['cluster', 'upstream_rq', 'class'],
  ['cluster', 'upstream_rq_time', 'bucket'],
  ['cluster', 'upstream_cx_total', 'tcp_opened'],
  ['cluster', 'upstream_cx_destroy', 'tcp_closed'],
  ['cluster', 'upstream_cx_rx_bytes_total', 'tcp_read_bytes'],
  ['cluster', 'upstream_cx_tx_bytes_total', 'tcp_written_bytes'],
  ['http', 'downstream_rq_xx', 'class'],
  ['http', 'downstream_rq', 'class'],
  ['http', 'downstream_rq_time', 'bucket'],
  ['http', 'downstream_cx_total', 'tcp_opened'],
  ['http', 'downstream_cx_destroy', 'tcp_closed'],
  ['http', 'downstream_cx_rx_bytes_total', 'tcp_read_bytes'],
  ['http', 'downstream_cx_tx_bytes_total', 'tcp_written_bytes'],
  ['tcp', 'downstream_cx_total', 'tcp_opened'],
  ['tcp', 'downstream_cx_rx_bytes_total', 'tcp_read_bytes'],
  ['tcp', 'downstream_cx_tx_bytes_total', 'tcp_written_bytes'],
];
/**
 * The last four are requests for which no endpoint was chosen; measured to be exactly what `endpoint_*` lacks. The first and
 * the third of them count connections of plain TCP as well: the table lets them count for clusters with requests only.
 */
const PER_ENDPOINT: readonly Row[] = [
  ['endpoint', 'endpoint_rq_success', 'success'],
  ['endpoint', 'endpoint_rq_error', 'failure'],
  ['cluster', 'upstream_cx_none_healthy', 'unreached'],
  ['cluster', 'upstream_cx_pool_overflow', 'unreached'],
  ['cluster', 'upstream_rq_pending_overflow', 'unreached'],
  ['cluster', 'upstream_rq_maintenance_mode', 'unreached'],
];

const HEADS: Readonly<Record<Scope, string>> = { cluster: 'cluster', endpoint: 'cluster', http: 'http', tcp: 'tcp' };
const TCP = /^tcp_/;

/** A cluster whose name has a dot: Envoy labels its series with the part before it and puts the rest in the family's name. */
export interface DottedName {
  readonly full: string;
  readonly label: string;
  readonly rest: string;
}

/** Parts of the name of a cluster that holds a dot. Envoy writes `:` in such names as `_`. */
export function dottedName(full: string): DottedName {
  const dot = full.indexOf('.');
  const label = full.slice(0, dot).replaceAll(':', '_');
  return { full, label, rest: full.slice(dot + 1).replace(/[^a-zA-Z0-9_]/g, '_') };
}

export interface FamilyOptions {
  readonly endpointStatistics: boolean;
  readonly dotted: readonly DottedName[];
}

/** Families that carry traffic, by sample name. */
export function trafficFamilies({ endpointStatistics, dotted }: FamilyOptions): ReadonlyMap<string, EnvoyFamily> {
  const rows = endpointStatistics ? [...ALWAYS, ...PER_ENDPOINT] : ALWAYS;
  const families = rows.map((row) => familyOf(row, ''));
  for (const rest of new Set(dotted.map((name) => name.rest))) {
    // Statistics of endpoints are labelled with the whole name.
    for (const row of rows) if (row[0] === 'cluster') families.push(familyOf(row, rest));
  }
  return new Map(families.map((family) => [family.rule.sample, family]));
}

/** Everything that is read of a page. */
export function familyRules(traffic: ReadonlyMap<string, EnvoyFamily>): FamilyRule[] {
  return [...SERVER, ...[...traffic.values()].map(({ rule }) => rule)];
}

function familyOf([scope, name, content]: Row, rest: string): EnvoyFamily {
  const family = `envoy_${HEADS[scope]}_${rest === '' ? '' : `${rest}_`}${name}`;
  const rule: FamilyRule =
    content === 'bucket'
      ? { sample: `${family}_bucket`, family, type: 'histogram', demand: 'latency' }
      : { sample: family, family, type: 'counter', demand: TCP.test(content) ? 'tcp' : 'requests' };
  return { scope, content, rule, rest };
}
