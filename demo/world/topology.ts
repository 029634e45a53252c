/** @module The demo's mesh as data: who exists, who calls whom, how often, how well and how fast. */

export type OwnerKind = 'deployment' | 'statefulset' | 'job';

export type MeshName = 'linkerd' | 'istio' | 'envoy';

export interface WorkloadSpec {
  readonly namespace: string;
  readonly name: string;
  readonly kind: OwnerKind;
  /** Pods at the start; 0 for a workload whose pods come and go by `startPod`. */
  readonly replicas: number;
  readonly serviceAccount: string;
  /** Whose proxy its pods have; null: none, so no page and no identity. */
  readonly mesh: MeshName | null;
  /** Whether its proxies print labels as an older release did; only Istio's do. */
  readonly proxyGeneration: 'current' | 'old';
  /** Port the application listens on, also its Service's port. */
  readonly port: number;
  /** Service in front of it, in its own namespace; '' when nobody can call it. */
  readonly service: string;
}

export interface EdgeSpec {
  /** Workloads as `namespace/name`. */
  readonly from: string;
  readonly to: string;
  /** `tcp`: bytes on connections; no proxy sees requests. Not for Linkerd's proxies. */
  readonly protocol: 'http' | 'grpc' | 'tcp';
  /** Calls per second of each pod on the `ratePer` end. */
  readonly ratePerSecond: number;
  readonly ratePer: 'client pod' | 'server pod';
  /** Share of calls that end as a failure (HTTP 500, gRPC status 13), in [0, 1]. */
  readonly failureShare: number;
  /** Share of HTTP calls that end as 404, which Linkerd counts as success, in [0, 1]. */
  readonly notFoundShare: number;
  /** Server-side response time: log-normal with this median and 99th percentile, milliseconds. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** How often an Istio or Envoy proxy at the client tries again after a failure. */
  readonly retries: number;
  /** Share of calls that find no endpoint, as when all are ejected, in [0, 1]. */
  readonly unreachedShare: number;
}

export interface Topology {
  readonly workloads: readonly WorkloadSpec[];
  readonly edges: readonly EdgeSpec[];
}

/** `namespace/name` of a workload. */
export function workloadId(workload: { readonly namespace: string; readonly name: string }): string {
  return `${workload.namespace}/${workload.name}`;
}

/** `from -> to`, the name of an edge in every method that takes one. */
export function edgeId(edge: { readonly from: string; readonly to: string }): string {
  return `${edge.from} -> ${edge.to}`;
}

/** A workload with one replica of a Deployment behind Linkerd, but for `more`. */
export function workload(namespace: string, name: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return {
    namespace,
    name,
    kind: 'deployment',
    replicas: 1,
    serviceAccount: name,
    mesh: 'linkerd',
    proxyGeneration: 'current',
    port: 8080,
    service: `${name}-svc`,
    ...more,
  };
}

/** Five HTTP calls a second from each client pod, none of which fails, but for `more`. */
export function edge(from: string, to: string, more: Partial<EdgeSpec> = {}): EdgeSpec {
  return {
    from,
    to,
    protocol: 'http',
    ratePerSecond: 5,
    ratePer: 'client pod',
    failureShare: 0,
    notFoundShare: 0,
    medianMs: 8,
    p99Ms: 45,
    requestBytes: 420,
    responseBytes: 1800,
    retries: 0,
    unreachedShare: 0,
    ...more,
  };
}

/** The edge of the demo whose calls fail about one time in five. */
export const FAILING_EDGE = 'payments/checkout -> payments/fraud';
/** The edge of the demo whose 99th percentile is near one second. */
export const SLOW_EDGE = 'shop/web -> shop/recommend';

/**
 * Twelve meshed workloads in two namespaces, an unmeshed caller (`ingress`), an unmeshed server (`fx-feed`) and a job
 * without pods (`report`). `search` and `recommend` share a service account; `archive` is idle; `web` has two replicas.
 */
export const LINKERD_TOPOLOGY: Topology = {
  workloads: [
    workload('shop', 'ingress', { mesh: null, service: '', serviceAccount: 'default' }),
    workload('shop', 'web', { replicas: 2 }),
    workload('shop', 'cart'),
    workload('shop', 'catalog', { port: 9090 }),
    workload('shop', 'search', { serviceAccount: 'discovery' }),
    workload('shop', 'recommend', { serviceAccount: 'discovery' }),
    workload('shop', 'reviews'),
    workload('shop', 'archive'),
    workload('payments', 'checkout'),
    workload('payments', 'ledger', { kind: 'statefulset', port: 9090 }),
    workload('payments', 'fraud'),
    workload('payments', 'wallet'),
    workload('payments', 'rates'),
    workload('payments', 'fx-feed', { mesh: null, serviceAccount: 'default', port: 8081 }),
    workload('payments', 'report', { kind: 'job', replicas: 0, service: '' }),
  ],
  edges: [
    edge('shop/ingress', 'shop/web', {
      ratePer: 'server pod',
      ratePerSecond: 20,
      notFoundShare: 0.03,
      medianMs: 30,
      p99Ms: 180,
    }),
    edge('shop/web', 'shop/cart', { ratePerSecond: 6 }),
    edge('shop/web', 'shop/catalog', { protocol: 'grpc', ratePerSecond: 10, medianMs: 4, p99Ms: 28 }),
    edge('shop/web', 'shop/search', { ratePerSecond: 5, medianMs: 18, p99Ms: 120 }),
    edge('shop/web', 'shop/reviews', { ratePerSecond: 4, failureShare: 0.01, medianMs: 12, p99Ms: 80 }),
    edge('shop/web', 'shop/recommend', { ratePerSecond: 4, medianMs: 140, p99Ms: 950 }),
    edge('shop/search', 'shop/catalog', { protocol: 'grpc', ratePerSecond: 8, medianMs: 3, p99Ms: 22 }),
    edge('shop/recommend', 'shop/catalog', { protocol: 'grpc', ratePerSecond: 5, medianMs: 3, p99Ms: 22 }),
    edge('shop/recommend', 'shop/reviews', { ratePerSecond: 3 }),
    edge('shop/catalog', 'shop/reviews', { ratePerSecond: 2 }),
    edge('shop/cart', 'payments/checkout', { ratePerSecond: 7, medianMs: 35, p99Ms: 240 }),
    edge('payments/checkout', 'payments/fraud', { ratePerSecond: 6, failureShare: 0.2, medianMs: 15, p99Ms: 90 }),
    edge('payments/checkout', 'payments/wallet', { ratePerSecond: 5 }),
    edge('payments/checkout', 'payments/rates', { ratePerSecond: 4, medianMs: 5, p99Ms: 30 }),
    edge('payments/checkout', 'payments/ledger', {
      protocol: 'grpc',
      ratePerSecond: 6,
      failureShare: 0.02,
      medianMs: 6,
    }),
    edge('payments/wallet', 'payments/ledger', { protocol: 'grpc', ratePerSecond: 4, medianMs: 5, p99Ms: 35 }),
    edge('payments/fraud', 'payments/wallet', { ratePerSecond: 2 }),
    edge('payments/rates', 'payments/fx-feed', { ratePerSecond: 2, medianMs: 60, p99Ms: 380 }),
    edge('payments/report', 'payments/ledger', { protocol: 'grpc', ratePerSecond: 9, medianMs: 9, p99Ms: 70 }),
  ],
};
