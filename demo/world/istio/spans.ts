/**
 * @module Spans of an Istio sidecar: Envoy's tags, and those that name the proxy's owner.
 *
 * By the recorded trace of Istio's bookinfo (`SOURCES.md` of the test data, kiali/kiali) and istio/istio.
 */
import { envoyTags, type HopOfEnvoy } from '../envoy/span-tags.ts';
import { authorityOf, pathOf, type ToldSpan, type WorldSpan } from '../span.ts';
import type { WorkloadSpec } from '../topology.ts';

/** `tracingServiceName: APP_LABEL_AND_NAMESPACE`, the default. */
export function istioServiceName({ name, namespace }: { readonly name: string; readonly namespace: string }): string {
  return `${name}.${namespace}`;
}

export function tellIstioSpan(span: WorldSpan): ToldSpan {
  const { place, called } = span;
  const { workload, pod, ip } = place;
  const domain = `${workload.namespace}.svc.cluster.local`;
  const { tags, isError } = envoyTags(span, hopOf(span));
  return {
    name: `${hostOf(called)}:${called.port}/*`,
    resource: [['service.name', istioServiceName(workload)]],
    attributes: [
      ['node_id', `sidecar~${ip}~${pod}.${workload.namespace}~${domain}`],
      ...tags,
      ['istio.canonical_revision', 'v1'],
      ['istio.canonical_service', workload.name],
      ['istio.mesh_id', 'cluster.local'],
      ['istio.namespace', workload.namespace],
      ['istio.cluster_id', 'Kubernetes'],
    ],
    isError,
  };
}

function hopOf(span: WorldSpan): HopOfEnvoy {
  const { side, called } = span;
  const cluster = side === 'client' ? `outbound|${called.port}||${hostOf(called)}` : `inbound|${called.port}||`;
  return { url: `http://${authorityOf(span)}${pathOf(span)}`, cluster };
}

function hostOf({ service, namespace }: WorkloadSpec): string {
  return `${service}.${namespace}.svc.cluster.local`;
}
