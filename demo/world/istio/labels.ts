/**
 * @module Label sets of Istio's standard metrics as sidecars print them.
 *
 * Current order by istio/proxy (`istio_stats.cc`); the older one, without clusters and with `response_code` first, as on the
 * recorded page of a sidecar of 1.5.
 */
import type { Ending } from '../ending.ts';
import type { EdgeSpec, WorkloadSpec } from '../topology.ts';

type Pairs = readonly (readonly [string, string])[];

/** What happened, in the words of the labels. */
export interface Told {
  readonly reporter: 'source' | 'destination';
  /** Null: a party of which the proxy knows nothing. */
  readonly source: WorkloadSpec | null;
  readonly destination: WorkloadSpec | null;
  /** Whether the connection is between two of Istio's proxies. */
  readonly mutual: boolean;
  /** The workload behind the Service that was asked for. */
  readonly service: WorkloadSpec;
  readonly protocol: EdgeSpec['protocol'];
  /** '' for TCP. */
  readonly code: string;
  readonly grpc: string;
  readonly flags: string;
}

/** What the filter makes of an ending; a local reply to a gRPC call is 200 with status UNAVAILABLE. */
export function outcomeOf({ fate, status, grpc, retriesExhausted }: Ending, protocol: EdgeSpec['protocol']) {
  if (fate === 'broken') return localReply(protocol, 'UC');
  return { code: status, grpc, flags: retriesExhausted ? 'URX' : '-' };
}

/** An answer made up by the proxy itself, e.g. for want of an endpoint. */
export function localReply(protocol: EdgeSpec['protocol'], flags: string) {
  return protocol === 'grpc' ? { code: '200', grpc: '14', flags } : { code: '503', grpc: '', flags };
}

/** `legacy`: as proxies of 1.5 print them. */
export function istioLabels(told: Told, legacy: boolean): string {
  return (legacy ? legacyPairs(told) : currentPairs(told)).map(([name, value]) => `${name}="${value}"`).join(',');
}

function currentPairs(told: Told): Pairs {
  const { source, destination, mutual } = told;
  return [
    ['reporter', told.reporter],
    ...partyPairs('source', source, mutual),
    ...canonicalPairs('source', source),
    ['source_cluster', clusterOf(source)],
    ...partyPairs('destination', destination, mutual),
    ...canonicalPairs('destination', destination),
    ['destination_cluster', clusterOf(destination)],
    ...servicePairs(told.service),
    ['request_protocol', told.protocol],
    ...codePairs(told),
    ['response_flags', told.flags],
    ['connection_security_policy', policyOf(told)],
  ];
}

function legacyPairs(told: Told): Pairs {
  const { source, destination, mutual } = told;
  const [code = [], ...grpc] = codePairs(told);
  return [
    ...(code.length === 0 ? [] : [code as readonly [string, string]]),
    ['reporter', told.reporter],
    ...partyPairs('source', source, mutual),
    ...partyPairs('destination', destination, mutual),
    ...servicePairs(told.service),
    ['request_protocol', told.protocol],
    ['response_flags', told.flags],
    ...grpc,
    ['connection_security_policy', policyOf(told)],
    ...canonicalPairs('source', source).slice(0, 1),
    ...canonicalPairs('destination', destination).slice(0, 1),
    ...canonicalPairs('source', source).slice(1),
    ...canonicalPairs('destination', destination).slice(1),
  ];
}

function partyPairs(role: string, party: WorkloadSpec | null, mutual: boolean): Pairs {
  return [
    [`${role}_workload`, party?.name ?? 'unknown'],
    [`${role}_workload_namespace`, party?.namespace ?? 'unknown'],
    [`${role}_principal`, party !== null && mutual ? principalOf(party) : 'unknown'],
    [`${role}_app`, party?.name ?? 'unknown'],
    [`${role}_version`, party === null ? 'unknown' : 'v1'],
  ];
}

function canonicalPairs(role: string, party: WorkloadSpec | null): Pairs {
  return [
    [`${role}_canonical_service`, party?.name ?? 'unknown'],
    [`${role}_canonical_revision`, party === null ? 'latest' : 'v1'],
  ];
}

function servicePairs({ service, namespace }: WorkloadSpec): Pairs {
  return [
    ['destination_service', `${service}.${namespace}.svc.cluster.local`],
    ['destination_service_name', service],
    ['destination_service_namespace', namespace],
  ];
}

function codePairs({ protocol, code, grpc }: Told): Pairs {
  if (protocol === 'tcp') return [];
  return [
    ['response_code', code],
    ['grpc_response_status', grpc],
  ];
}

function principalOf({ namespace, serviceAccount }: WorkloadSpec): string {
  return `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`;
}

function clusterOf(party: WorkloadSpec | null): string {
  return party === null ? 'unknown' : 'Kubernetes';
}

function policyOf({ reporter, mutual }: Told): string {
  if (reporter === 'source') return 'unknown';
  return mutual ? 'mutual_tls' : 'none';
}
