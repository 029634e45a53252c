/** @module The meshes there are, by name. */
import { EnvoyCounters } from './envoy/counters.ts';
import { envoyServiceName, tellEnvoySpan } from './envoy/spans.ts';
import { IstioCounters } from './istio/counters.ts';
import { istioServiceName, tellIstioSpan } from './istio/spans.ts';
import { LinkerdCounters } from './linkerd/counters.ts';
import { linkerdServiceName, tellLinkerdSpan } from './linkerd/spans.ts';
import type { MeshCounters, ProcessOptions } from './mesh.ts';
import type { ToldSpan, WorldSpan } from './span.ts';
import type { MeshName, WorkloadSpec } from './topology.ts';

/** Counters of a new process of that mesh's proxy. */
export function createCounters(mesh: MeshName, options: ProcessOptions): MeshCounters {
  switch (mesh) {
    case 'linkerd':
      return new LinkerdCounters(options);
    case 'istio':
      return new IstioCounters(options);
    case 'envoy':
      return new EnvoyCounters(options);
  }
}

/** The `service.name` that the proxies of a workload send; '' for one outside every mesh. */
export function serviceNameOf(workload: WorkloadSpec): string {
  switch (workload.mesh) {
    case 'linkerd':
      return linkerdServiceName(workload);
    case 'istio':
      return istioServiceName(workload);
    case 'envoy':
      return envoyServiceName(workload);
    case null:
      return '';
  }
}

/** The span in the words of the proxy that tells it. Throws for a pod outside every mesh. */
export function tellSpan(span: WorldSpan): ToldSpan {
  switch (span.place.workload.mesh) {
    case 'linkerd':
      return tellLinkerdSpan(span);
    case 'istio':
      return tellIstioSpan(span);
    case 'envoy':
      return tellEnvoySpan(span);
    case null:
      throw new Error(`pod ${span.place.pod} has no proxy that could tell a span`);
  }
}
