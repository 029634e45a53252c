/** @module Bootstraps of the two Envoys of a test: one beside a client, one beside a server. JSON as Envoy reads it. */
import { loopback } from './envoy.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters';
type Json = Readonly<Record<string, unknown>>;

export interface Cluster {
  readonly name: string;
  /** Ports of its endpoints on loopback; none: no healthy upstream. */
  readonly ports: readonly number[];
  readonly extra?: Json;
}

/** A static cluster; `perEndpoint` adds `envoy_cluster_endpoint_*`. */
export function cluster({ name, ports, extra = {} }: Cluster, perEndpoint = false): Json {
  const endpoints = ports.map((port) => ({ endpoint: { address: loopback(port) } }));
  return {
    name,
    connect_timeout: '1s',
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...(perEndpoint ? { track_cluster_stats: { per_endpoint_stats: true } } : {}),
    ...extra,
  };
}

export interface Route {
  readonly prefix: string;
  readonly cluster?: string;
  /** Further keys of the route action, e.g. `timeout`, `retry_policy`. */
  readonly action?: Json;
  readonly direct?: number;
}

/** A listener with an HTTP connection manager. */
export function httpListener(port: number, statPrefix: string, routes: readonly Route[]): Json {
  const table = routes.map(({ prefix, cluster: name, action = {}, direct }) => ({
    match: { prefix },
    ...(direct === undefined ? { route: { cluster: name, ...action } } : { direct_response: { status: direct } }),
  }));
  return listener(port, 'http_connection_manager', {
    '@type': `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: statPrefix,
    route_config: { validate_clusters: false, virtual_hosts: [{ name: 'all', domains: ['*'], routes: table }] },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}.http.router.v3.Router` } }],
  });
}

export function tcpListener(port: number, statPrefix: string, clusterName: string): Json {
  return listener(port, 'tcp_proxy', {
    '@type': `${TYPE}.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: statPrefix,
    cluster: clusterName,
  });
}

function listener(port: number, filter: string, config: Json): Json {
  return {
    address: loopback(port),
    filter_chains: [{ filters: [{ name: `envoy.filters.network.${filter}`, typed_config: config }] }],
  };
}

/** A whole bootstrap. `flush`: how often Envoy merges its histograms. */
export function bootstrap(listeners: readonly Json[], clusters: readonly Json[], flush: Json): Json {
  return { static_resources: { listeners, clusters }, ...flush };
}
