/**
 * @module Who the other end of a Linkerd series is: `dst_*` labels on the client's side, `client_id` on the server's.
 *
 * Labels by linkerd/linkerd2 b24cd405 (`controller/k8s/labels.go`, `controller/api/destination`): the owner label is
 * the lower-case kind, except that a Job is `dst_k8s_job`.
 */
import type { Identity, Labels, Peer, ResourceKind, Workload } from '../../pipeline/model/resource.ts';

const OWNERS: readonly (readonly [string, ResourceKind])[] = [
  ['dst_deployment', 'Deployment'],
  ['dst_statefulset', 'StatefulSet'],
  ['dst_daemonset', 'DaemonSet'],
  ['dst_cronjob', 'CronJob'],
  ['dst_k8s_job', 'Job'],
  ['dst_job', 'Job'],
  ['dst_replicaset', 'ReplicaSet'],
  ['dst_replicationcontroller', 'ReplicationController'],
  ['dst_external_workload', 'ExternalWorkload'],
];

const IDENTITY = /^([^.]+)\.([^.]+)\.serviceaccount\.identity\.[^.]+\..+$/;
const SERVICE_HOST = /^([^.]+)\.([^.]+)\.svc(?:\..+)?$/;
const IP_HOST = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[.*\])$/;

interface Service {
  readonly name: string;
  readonly namespace: string;
}

/** The server that an outbound series speaks of. */
export function serverOf(labels: Labels, own: Identity): Peer {
  const service = serviceOf(labels);
  const owner = ownerOf(labels, own);
  const workload = owner ?? mirroredOf(labels) ?? bareOf(labels, own, service) ?? addressOf(labels, own);
  return {
    workload,
    pod: '',
    service: service?.name ?? '',
    serviceNamespace: service === null || service.namespace === workload?.namespace ? '' : service.namespace,
    // Through a multicluster gateway the identity is the gateway's, not the server's.
    serviceAccount: owner === null && isMirrored(labels) ? '' : accountOf(labels, 'dst_serviceaccount', 'server_id'),
  };
}

/** The client of an inbound series; only its service account is known, and only when it is meshed. */
export function clientOf(labels: Labels, own: Identity): Peer {
  const id = labels.get('client_id') ?? '';
  const match = IDENTITY.exec(id);
  const { cluster } = own.workload;
  let workload: Workload | null = null;
  if (match !== null) workload = { cluster, namespace: match[2]!, name: match[1]!, kind: 'ServiceAccount' };
  else if (id !== '') workload = { cluster, namespace: '', name: id, kind: 'ExternalWorkload' };
  return { workload, pod: '', service: '', serviceNamespace: '', serviceAccount: match?.[1] ?? '' };
}

function ownerOf(labels: Labels, own: Identity): Workload | null {
  for (const [label, kind] of OWNERS) {
    const name = labels.get(label) ?? '';
    if (name !== '') return { cluster: clusterOf(labels, own), namespace: namespaceOf(labels), name, kind };
  }
  return null;
}

/** A Service of another cluster reached through its gateway: the far end is that Service. */
function mirroredOf(labels: Labels): Workload | null {
  const name = labels.get('dst_target_service') ?? '';
  if (!isMirrored(labels) || name === '') return null;
  return {
    cluster: labels.get('dst_target_cluster')!,
    namespace: labels.get('dst_target_service_namespace') ?? namespaceOf(labels),
    name,
    kind: 'Service',
  };
}

/** Nobody owns the endpoint: a bare pod is a workload of its own, as its own target says too; else its Service. */
function bareOf(labels: Labels, own: Identity, service: Service | null): Workload | null {
  const cluster = clusterOf(labels, own);
  const pod = labels.get('dst_pod') ?? '';
  if (pod !== '') {
    const namespace = labels.get('dst_namespace') ?? service?.namespace ?? '';
    return { cluster, namespace, name: pod, kind: 'Pod' };
  }
  return service === null ? null : { cluster, namespace: service.namespace, name: service.name, kind: 'Service' };
}

/** What lies outside of the cluster goes by the host it was asked for, else by its address. */
function addressOf(labels: Labels, own: Identity): Workload | null {
  const host = hostOf(labels.get('authority') ?? '');
  const name = host === '' || IP_HOST.test(host) ? (labels.get('target_addr') ?? host) : host;
  return name === '' ? null : { cluster: own.workload.cluster, namespace: '', name, kind: 'Service' };
}

function serviceOf(labels: Labels): Service | null {
  const name = labels.get('dst_service') ?? '';
  if (name !== '') return { name, namespace: namespaceOf(labels) };
  const match = SERVICE_HOST.exec(hostOf(labels.get('authority') ?? ''));
  return match === null ? null : { name: match[1]!, namespace: match[2]! };
}

function accountOf(labels: Labels, label: string, identityLabel: string): string {
  const account = labels.get(label) ?? '';
  return account !== '' ? account : (IDENTITY.exec(labels.get(identityLabel) ?? '')?.[1] ?? '');
}

function isMirrored(labels: Labels): boolean {
  return (labels.get('dst_target_cluster') ?? '') !== '';
}

function clusterOf(labels: Labels, own: Identity): string {
  const target = labels.get('dst_target_cluster') ?? '';
  return target !== '' ? target : own.workload.cluster;
}

function namespaceOf(labels: Labels): string {
  return labels.get('dst_namespace') ?? '';
}

/** Host of `host`, `host:port`, `[v6]:port`. */
function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(0, authority.indexOf(']') + 1);
  const colon = authority.indexOf(':');
  return colon === -1 ? authority : authority.slice(0, colon);
}
