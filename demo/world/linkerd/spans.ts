/**
 * @module Spans of a Linkerd proxy.
 *
 * Vocabulary of linkerd/linkerd2-proxy since 2.19: all values are text, the name is the path, the status stays unset also
 * for failures.
 */
import { authorityOf, pathOf, type ToldSpan, type WorldSpan } from '../span.ts';
import { ownerLabel } from './owner.ts';

/** As the annotation `resource.opentelemetry.io/service.name` sets it. */
export function linkerdServiceName({ name }: { readonly name: string }): string {
  return name;
}

export function tellLinkerdSpan(span: WorldSpan): ToldSpan {
  const { side, edge, called, ending } = span;
  const path = pathOf(span);
  return {
    name: path,
    resource: resourceOf(span),
    attributes: [
      ['direction', side === 'client' ? 'outbound' : 'inbound'],
      ['http.request.method', edge.protocol === 'grpc' ? 'POST' : 'GET'],
      ['url.scheme', 'http'],
      ['url.path', path],
      ['url.full', `http://${authorityOf(span)}${path}`],
      ['network.transport', 'tcp'],
      ['server.address', `${called.service}.${called.namespace}`],
      ['server.port', String(called.port)],
      ['user_agent.original', 'weir-demo'],
      ['http.request.header.content-length', String(edge.requestBytes)],
      ['http.response.status_code', ending?.status ?? ''],
    ],
    isError: false,
  };
}

function resourceOf({ place, processStartedMs }: WorldSpan): ToldSpan['resource'] {
  const { workload, pod, ip } = place;
  return [
    ['service.name', linkerdServiceName(workload)],
    ['process.pid', '1'],
    ['process.start_timestamp', String(Math.trunc(processStartedMs / 1000))],
    ['host.name', pod],
    [ownerLabel(workload), workload.name],
    ['linkerd.io/workload-ns', workload.namespace],
    ['k8s.pod.ip', ip],
    ['k8s.container.name', 'linkerd-proxy'],
  ];
}
