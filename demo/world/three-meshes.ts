/**
 * @module Three meshes that call each other, as data: the Linkerd workloads of `topology.ts` as they are, Istio's in
 * `delivery`, plain Envoys in `media`, and workloads without a proxy among them.
 */
import { edge, LINKERD_TOPOLOGY, type Topology, type WorkloadSpec, workload } from './topology.ts';

/** An edge whose client tries again after a failure: about one call in eight fails once, hardly any to the end. */
export const RETRIED_EDGE = 'delivery/dispatch -> delivery/courier';

function istio(name: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return workload('delivery', name, { mesh: 'istio', service: name, ...more });
}

function envoy(name: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return workload('media', name, { mesh: 'envoy', service: name, ...more });
}

/**
 * Beside the Linkerd topology: `dispatch` has two replicas; `courier`'s proxies are old ones; `stock` and `depot` speak TCP;
 * `kiosk`, `depot` and `cdn` have no proxy; `parcel` is a job without pods. Calls between meshes: each of the three calls
 * both others.
 */
export const THREE_MESHES: Topology = {
  workloads: [
    ...LINKERD_TOPOLOGY.workloads,
    workload('delivery', 'kiosk', { mesh: null, service: '', serviceAccount: 'default' }),
    istio('dispatch', { replicas: 2 }),
    istio('courier', { proxyGeneration: 'old' }),
    istio('tracking'),
    istio('geo', { port: 9090 }),
    istio('stock', { kind: 'statefulset', port: 6379 }),
    istio('depot', { mesh: null, serviceAccount: 'default', port: 5432 }),
    istio('parcel', { kind: 'job', replicas: 0, service: '' }),
    envoy('images', { replicas: 2 }),
    envoy('thumbs'),
    envoy('store'),
    envoy('cdn', { mesh: null, serviceAccount: 'default' }),
  ],
  edges: [
    ...LINKERD_TOPOLOGY.edges,
    edge('delivery/kiosk', 'delivery/dispatch', { ratePer: 'server pod', ratePerSecond: 6, medianMs: 20, p99Ms: 140 }),
    edge('payments/checkout', 'delivery/dispatch', { ratePerSecond: 3, medianMs: 25, p99Ms: 160 }),
    edge('delivery/dispatch', 'delivery/courier', { ratePerSecond: 6, failureShare: 0.12, retries: 2 }),
    edge('delivery/dispatch', 'delivery/tracking', { ratePerSecond: 4, notFoundShare: 0.05, unreachedShare: 0.02 }),
    edge('delivery/dispatch', 'delivery/stock', { protocol: 'tcp', ratePerSecond: 3, medianMs: 2, p99Ms: 9 }),
    edge('delivery/dispatch', 'payments/wallet', { ratePerSecond: 2, unreachedShare: 0.03 }),
    edge('delivery/tracking', 'delivery/geo', { protocol: 'grpc', ratePerSecond: 5, failureShare: 0.03, medianMs: 3 }),
    edge('delivery/tracking', 'delivery/depot', { protocol: 'tcp', ratePerSecond: 2, medianMs: 2, p99Ms: 12 }),
    edge('delivery/courier', 'delivery/geo', { protocol: 'grpc', ratePerSecond: 4, medianMs: 4, p99Ms: 25 }),
    edge('delivery/courier', 'media/images', { ratePerSecond: 2, medianMs: 15, p99Ms: 110 }),
    edge('delivery/parcel', 'delivery/tracking', { ratePerSecond: 7 }),
    edge('shop/ingress', 'media/images', { ratePer: 'server pod', ratePerSecond: 7, notFoundShare: 0.04 }),
    edge('shop/web', 'media/images', { ratePerSecond: 3, medianMs: 12, p99Ms: 90 }),
    edge('media/images', 'media/thumbs', { ratePerSecond: 5, failureShare: 0.1, retries: 1, medianMs: 30, p99Ms: 200 }),
    edge('media/images', 'media/store', { ratePerSecond: 4, failureShare: 0.02, unreachedShare: 0.01 }),
    edge('media/thumbs', 'media/store', { ratePerSecond: 3, medianMs: 5, p99Ms: 40 }),
    edge('media/thumbs', 'payments/wallet', { ratePerSecond: 2 }),
    edge('media/store', 'delivery/tracking', { ratePerSecond: 2 }),
    edge('media/store', 'media/cdn', { ratePerSecond: 2, medianMs: 45, p99Ms: 320 }),
  ],
};
