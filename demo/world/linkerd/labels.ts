/**
 * @module Label sets as a Linkerd 2.20 proxy prints them, in its order.
 *
 * Source: linkerd/linkerd2-proxy at 29637b64f, recorded pages in `test/data/linkerd`.
 */
import type { Ending } from '../ending.ts';
import type { Place } from '../place.ts';
import type { WorkloadSpec } from '../topology.ts';

/** Port of the proxies' own admin server; its series are the scrapes themselves. */
export const ADMIN_PORT = 4191;

const TRUST_DOMAIN = 'cluster.local';
const DEFAULT_AUTHORIZATION = 'authz_group="",authz_kind="default",authz_name="all-unauthenticated"';
const DEFAULT_ROUTE = 'route_group="",route_kind="default",route_name="default"';
const FROM_UNMESHED = 'tls="no_identity",no_tls_reason="no_tls_from_remote"';
const LOOPBACK = 'tls="no_identity",no_tls_reason="loopback"';

/** mTLS identity of a workload's service account. */
export function identityOf(workload: WorkloadSpec): string {
  return `${workload.serviceAccount}.${workload.namespace}.serviceaccount.identity.linkerd.${TRUST_DOMAIN}`;
}

function target(ip: string, port: number): string {
  return `target_addr="${ip}:${port}",target_ip="${ip}",target_port="${port}"`;
}

function server(port: number): string {
  return `srv_group="",srv_kind="default",srv_name="all-unauthenticated",srv_port="${port}"`;
}

function callerTls(client: WorkloadSpec | null): string {
  return client?.mesh === 'linkerd' ? `tls="true",client_id="${identityOf(client)}"` : FROM_UNMESHED;
}

function calleeTls(callee: WorkloadSpec): string {
  return callee.mesh === 'linkerd'
    ? `tls="true",server_id="${identityOf(callee)}"`
    : 'tls="no_identity",no_tls_reason="not_provided_by_service_discovery"';
}

/** Labels of an inbound HTTP endpoint; `client` null is a caller outside the mesh. */
export function inboundLabels(ip: string, port: number, client: WorkloadSpec | null): string {
  return `direction="inbound",${target(ip, port)},${callerTls(client)},${server(port)},${DEFAULT_ROUTE},${DEFAULT_AUTHORIZATION}`;
}

/** The same facts in the order of `inbound_http_authz_allow_total`, where TLS comes last. */
export function allowedLabels(ip: string, port: number, client: WorkloadSpec | null): string {
  return `${target(ip, port)},${server(port)},${DEFAULT_ROUTE},${DEFAULT_AUTHORIZATION},${callerTls(client)}`;
}

/** Labels of an outbound HTTP endpoint: one pod of one Service. */
export function outboundLabels(to: Place): string {
  const { workload } = to;
  return `direction="outbound",${endpointLabels(to, workload)}`;
}

function endpointLabels(to: Place, workload: WorkloadSpec): string {
  const authority = `authority="${serviceHost(workload)}:${workload.port}"`;
  return `${authority},${target(to.ip, workload.port)},${calleeTls(workload)},${destinationLabels(to)}`;
}

/** Full name of the Service in front of `workload`. */
export function serviceHost(workload: WorkloadSpec): string {
  return `${workload.service}.${workload.namespace}.svc.${TRUST_DOMAIN}`;
}

/** `dst_*`, in the alphabetical order the proxy prints; presence of the control plane's namespace means meshed. */
function destinationLabels({ workload, pod, templateHash }: Place): string {
  const labels: [string, string][] = [
    [`dst_${workload.kind === 'job' ? 'k8s_job' : workload.kind}`, workload.name],
    ['dst_namespace', workload.namespace],
    ['dst_pod', pod],
    ['dst_service', workload.service],
    ['dst_serviceaccount', workload.serviceAccount],
    ['dst_zone', ''],
    ['dst_zone_locality', 'unknown'],
  ];
  if (workload.mesh === 'linkerd') labels.push(['dst_control_plane_ns', 'linkerd']);
  if (templateHash !== '') labels.push(['dst_pod_template_hash', templateHash]);
  return labels
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');
}

/** TCP accepted from a client. */
export function acceptedLabels(ip: string, port: number, client: WorkloadSpec | null): string {
  return `direction="inbound",peer="src",${target(ip, port)},${callerTls(client)},${server(port)}`;
}

/** TCP to the own application, all its ports together. */
export const APPLICATION_LABELS = `direction="inbound",peer="dst",${LOOPBACK}`;

/** TCP accepted from the own application for a Service's cluster address. */
export function interceptedLabels(clusterIp: string, port: number): string {
  return `direction="outbound",peer="src",${target(clusterIp, port)},${LOOPBACK}`;
}

/** TCP to an endpoint. */
export function connectedLabels(to: Place): string {
  return `direction="outbound",peer="dst",${endpointLabels(to, to.workload)}`;
}

const ENDINGS = new Map<Ending, string>();

/** Labels `response_total` adds for how a response ended; without a status that label is missing, not empty. */
export function endingLabels(ending: Ending): string {
  let labels = ENDINGS.get(ending);
  if (labels === undefined) {
    const { status, failed, grpc, fate } = ending;
    const code = status === '' ? '' : `status_code="${status}",`;
    const error = fate === 'broken' ? 'unclassified' : '';
    labels = `${code}classification="${failed ? 'failure' : 'success'}",grpc_status="${grpc}",error="${error}"`;
    ENDINGS.set(ending, labels);
  }
  return labels;
}

/** Labels of the inbound families of the newer generation. */
export function inboundParentLabels(port: number): string {
  return `parent_group="",parent_kind="default",parent_name="all-unauthenticated",parent_port="${port}",${DEFAULT_ROUTE}`;
}

/** Labels naming the inbound policy of a port, as protocol detection shows it. */
export function serverLabels(port: number): string {
  return server(port);
}

function serviceLabels(prefix: string, to: WorkloadSpec): string {
  return (
    `${prefix}_group="core",${prefix}_kind="Service",${prefix}_namespace="${to.namespace}",` +
    `${prefix}_name="${to.service}",${prefix}_port="${to.port}",${prefix}_section_name=""`
  );
}

/** Labels of the outbound families of the newer generation: the Service, the default route, the backend. */
export function outboundParentLabels(to: WorkloadSpec): { parent: string; route: string; backend: string } {
  const parent = serviceLabels('parent', to);
  const route = `${parent},route_group="",route_kind="default",route_namespace="",route_name="http"`;
  return { parent, route: `${route},hostname=""`, backend: `${route},${serviceLabels('backend', to)}` };
}
