/**
 * @module What the names of clusters say in the meshes there are: a table, the configuration's own rows first.
 *
 * Sources of the forms: istio/istio `pkg/model/cluster.go`; hashicorp/consul `command/connect/envoy/bootstrap_config.go`;
 * kumahq/kuma `pkg/xds/envoy/names`; openservicemesh/osm `pkg/service`; AWS App Mesh's and Envoy Gateway's own names.
 * Those of Contour and Emissary are known from their pages only.
 */
import {
  applyPattern,
  type ClusterPattern,
  constantPattern,
  type Destination,
  type Direction,
} from './cluster-pattern.ts';

/** Clusters of the proxy itself: configuration, telemetry, admin. Scrapes and spans count there, no traffic of anybody. */
const CONTROL_CLUSTERS: ReadonlySet<string> = new Set([
  ...['xds-grpc', 'sds-grpc', 'agent', 'prometheus_stats', 'zipkin', 'prometheus_backend', 'consul-dataplane'],
  ...['local_agent', 'self_admin', 'ads_cluster', 'access_log_sink', 'kuma_envoy_admin', 'envoy-metrics-cluster'],
  ...['envoy-tracing-cluster', 'xds_cluster', 'wasm_cluster'],
]);

const NAME = '[a-z0-9][-a-z0-9]*';
const HASH = '[0-9a-f]{16}';

const BUILT_IN: readonly ClusterPattern[] = [
  // Istio. The stat name ends with `;` in its bootstrap, or `.` and `|` are written as `_` and `_.`.
  row(/^outbound[|_]\.?\d+[|_][^|]*?[|_]\.?([^.|]+)\.([^.|]+)\.svc(?:\.[^|;]*)?;?$/, '$1', '$2', 'outbound'),
  row(/^outbound[|_]\.?\d+[|_][^|]*?[|_]\.?([^|_;]+);?$/, '$1', '', 'outbound'),
  row(/^inbound-vip\|\d+\|[^|]*\|([^.|]+)\.([^.|]+)\.svc(?:\.[^|;]*)?;?$/, '$1', '$2', 'inbound'),
  row(/^inbound(?:-vip|-pod)?[|_].*$/s, '', '', 'inbound'),
  row(/^(?:connect_originate|encap|main_internal|InboundPassthroughCluster.*)$/s, '', '', 'inbound'),
  row(/^(?:PassthroughCluster|BlackHoleCluster)$/, '$0', '', 'outbound'),
  // Consul: [subset.]service.namespace.[partition.]datacenter.(internal|external).<trust domain>.consul
  row(
    new RegExp(
      `^(?:passthrough~)?(?:${HASH}[0-9a-f]*~)?(?:[^.]+\\.)?([^.]+)\\.([^.]+)\\.[^.]+\\.internal(?:-v1)?\\.[^.]+\\.consul$`,
    ),
    '$1',
    '$2',
    'outbound',
  ),
  row(/^([^.]+)\.([^.]+)\.[^.]+\.external\.[^.]+\.consul$/, '$1', '$2', 'outbound'),
  row(/^local_app$/, '', '', 'inbound'),
  row(/^(?:original-destination|mesh-gateway.*)$/s, '$0', '', 'outbound'),
  // Kuma
  row(new RegExp(`^(${NAME})_(${NAME})_svc(?:_\\d+)?(?:-${HASH})?$`), '$1', '$2', 'outbound'),
  row(/^(?:localhost_\d+|inbound_passthrough_ipv[46])$/, '', '', 'inbound'),
  row(/^outbound_passthrough_ipv[46]$/, '$0', '', 'outbound'),
  // Open Service Mesh
  row(/^([^/|]+)\/([^/|]+)\|\d+\|local$/, '$2', '$1', 'inbound'),
  row(/^([^/|]+)\/([^/|]+)\|\d+$/, '$2', '$1', 'outbound'),
  // The DNS name of a Service of Kubernetes
  row(/^([^.]+)\.([^.]+)\.svc(?:\..+)?$/s, '$1', '$2', 'outbound'),
  // App Mesh: cds_egress_<mesh>_<virtual node>_<protocol>_<port>
  row(/^cds_egress_([^_]+)_(.+)_[^_]+_\d+$/s, '$2', '', 'outbound'),
  row(/^cds_ingress_.+$/s, '', '', 'inbound'),
  // Envoy Gateway names the route, not the service.
  row(/^(?:http|grpc|tls|tcp|udp)route\/([^/]+)\/([^/]+)\/rule\/.+$/s, '$2', '$1', 'outbound'),
  // Contour, Emissary
  row(/^([^/]+)\/([^/]+)\/\d+\/[0-9a-f]+$/, '$2', '$1', 'outbound'),
  row(new RegExp(`^(${NAME})_(${NAME})_\\d+$`), '$2', '$1', 'outbound'),
  row(new RegExp(`^cluster_(${NAME})_(${NAME})(?:_.*)?$`, 's'), '$1', '$2', 'outbound'),
];

function row(regex: RegExp, service: string, namespace: string, direction: Direction): ClusterPattern {
  return { regex: constantPattern(regex), service, namespace, workload: '', direction };
}

export interface ClusterNamesOptions {
  /** Rows of the configuration, before all that is built in. */
  readonly patterns: readonly ClusterPattern[];
  /** Further clusters of the proxy itself, by whole name. */
  readonly controlClusters: ReadonlySet<string>;
  /** Namespace of destinations whose name does not tell one. */
  readonly namespace: string;
}

/** Where the cluster called `name` leads. Any name has an answer. O(patterns). */
export function createClusterNames(options: ClusterNamesOptions): (name: string) => Destination {
  let lastName: string | null = null;
  let last: Destination | null = null;
  return (name) => {
    // Buckets of one cluster stand together: most questions are the one just asked.
    if (last === null || name !== lastName) last = look(name, options);
    lastName = name;
    return last;
  };
}

function look(name: string, options: ClusterNamesOptions): Destination {
  const found =
    first(options.patterns, name) ??
    (CONTROL_CLUSTERS.has(name) || options.controlClusters.has(name) ? CONTROL : null) ??
    first(BUILT_IN, name) ??
    UNKNOWN;
  return complete(found, name, options.namespace);
}

const CONTROL: Destination = { direction: 'control', service: '', namespace: '', workload: '' };
const UNKNOWN: Destination = { direction: 'outbound', service: '', namespace: '', workload: '' };

function first(patterns: readonly ClusterPattern[], name: string): Destination | null {
  for (const pattern of patterns) {
    const found = applyPattern(pattern, name);
    if (found !== null) return found;
  }
  return null;
}

/** A destination has a name, and a namespace: those of the cluster and of the configuration where nothing tells them. */
function complete(
  { direction, service, namespace, workload }: Destination,
  name: string,
  fallback: string,
): Destination {
  return {
    direction,
    service: service === '' && workload === '' ? name : service,
    namespace: namespace === '' ? fallback : namespace,
    workload,
  };
}
