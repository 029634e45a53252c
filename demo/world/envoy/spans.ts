/** @module Spans of a plain Envoy proxy with the OpenTelemetry tracer, by envoyproxy/envoy. */
import { authorityOf, pathOf, type ToldSpan, type WorldSpan } from '../span.ts';
import { clusterOf } from './counters.ts';
import { envoyTags } from './span-tags.ts';

/** The tracer's configured `service_name`. */
export function envoyServiceName({ name }: { readonly name: string }): string {
  return name;
}

export function tellEnvoySpan(span: WorldSpan): ToldSpan {
  const { side, place, called } = span;
  const { workload, pod } = place;
  const cluster = side === 'client' ? clusterOf(called) : `localhost_${called.port}`;
  const { tags, isError } = envoyTags(span, { url: `http://${authorityOf(span)}${pathOf(span)}`, cluster });
  return {
    name: side === 'client' ? `egress ${called.service}.${called.namespace}` : 'ingress',
    resource: [
      ['service.name', envoyServiceName(workload)],
      ['telemetry.sdk.language', 'cpp'],
      ['telemetry.sdk.name', 'envoy'],
      ['k8s.pod.name', pod],
      ['k8s.namespace.name', workload.namespace],
    ],
    attributes: [['node_id', pod], ['zone', ''], ...tags],
    isError,
  };
}
