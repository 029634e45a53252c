/**
 * @module Whose proxy the points of a resource are of: the resource's attributes tell it, or labels of the points where the
 * Collector's configuration put them there.
 *
 * Attributes: OpenTelemetry semantic conventions for Kubernetes; the Collector's Prometheus receiver sets `service.name` to
 * the job, `service.instance.id` to the instance, and those of `k8s.*` that discovery told.
 */
import { type Identity, type Labels, OWNER_LABELS } from '../../pipeline/model/resource.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { identityOf, type OwnerSource, ownerOfPod } from '../scrape/identity.ts';

/** Attributes of a resource, and labels as relabelling rules often call them, by the identity label they stand for. */
const RESOURCE_NAMES: ReadonlyMap<string, string> = new Map([
  ['k8s.cluster.name', 'cluster'],
  ['k8s.namespace.name', 'namespace'],
  ['k8s.pod.name', 'pod'],
  ['k8s.pod.uid', 'pod_uid'],
  ['k8s.node.name', 'node'],
  ['k8s.deployment.name', 'deployment'],
  ['k8s.statefulset.name', 'statefulset'],
  ['k8s.daemonset.name', 'daemonset'],
  ['k8s.cronjob.name', 'cronjob'],
  ['k8s.job.name', 'job'],
  ['k8s.replicaset.name', 'replicaset'],
  ['k8s.replicationcontroller.name', 'replicationcontroller'],
]);
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['kubernetes_namespace', 'namespace'],
  ['kubernetes_pod_name', 'pod'],
  ['pod_name', 'pod'],
  ['k8s_job', 'job'],
]);
const IDENTITY: ReadonlySet<string> = new Set([
  ...OWNER_LABELS.map(([label]) => label),
  ...['cluster', 'namespace', 'pod', 'pod_uid', 'node', 'service_account'],
]);
/** The identity label that a name stands for. */
function identityLabel(name: string): string | undefined {
  return IDENTITY.has(name) ? name : (OTHER_NAMES.get(name) ?? RESOURCE_NAMES.get(name));
}

/** Longest address shown. */
const MAX_ADDRESS = 300;

/** What a resource tells of the proxy. */
export interface ResourceIdentity {
  readonly job: string;
  readonly instance: string;
  /** The instance for people: `host:port` as the Collector scraped it, or what else the sender calls the instance. */
  readonly address: string;
  readonly labels: Labels;
  /** Whether it names the pod or its workload, so that labels of points are not asked. */
  readonly isWhole: boolean;
}

export function resourceIdentity(attributes: Labels): ResourceIdentity {
  const labels = new Map<string, string>();
  for (const [name, value] of attributes) {
    const label = identityLabel(name);
    // Conventional names come first, whatever the order.
    if (label !== undefined && (RESOURCE_NAMES.has(name) || !labels.has(label))) labels.set(label, value);
  }
  if (isOfDeployment(labels)) labels.delete('replicaset');
  const job = attributes.get('service.name') ?? '';
  const instance = attributes.get('service.instance.id') ?? '';
  const address = printableShort(instance !== '' ? instance : job !== '' ? job : 'unknown', MAX_ADDRESS);
  return { job, instance, address, labels, isWhole: namesWorkload(labels) };
}

/** Discovery by Kubernetes tells of a Deployment's pod its ReplicaSet, which is another one with each rollout; the pod's name tells more. */
function isOfDeployment(labels: Labels): boolean {
  const [pod, set] = [labels.get('pod') ?? '', labels.get('replicaset') ?? ''];
  return set !== '' && pod.startsWith(`${set}-`) && ownerOfPod(pod)?.kind === 'Deployment';
}

/** The labels of a point, divided into those that say whose it is and all others. */
export function dividedLabels(labels: Labels, { isWhole }: ResourceIdentity): { whose: Labels; others: Labels } {
  const whose = new Map<string, string>();
  if (isWhole) return { whose, others: labels };
  const others = new Map<string, string>();
  for (const [name, value] of labels) {
    const label = identityLabel(name);
    if (label === undefined) others.set(name, value);
    else whose.set(label, value);
  }
  return { whose, others };
}

export interface WhoseProxy {
  readonly own: Identity;
  readonly source: OwnerSource;
  /** JSON text that only the same proxy, as the same mesh, has. */
  readonly key: string;
}

/** The proxy that points with such labels are of. */
export function whoseProxy(receiver: string, mesh: string, resource: ResourceIdentity, whose: Labels): WhoseProxy {
  const { job, instance, address } = resource;
  const { own, source } = identityOf(new Map([...resource.labels, ...whose]), address);
  const { workload, pod, podUid, node, serviceAccount } = own;
  const { cluster, namespace, kind, name } = workload;
  const who = [cluster, namespace, kind, name, pod, podUid, node, serviceAccount];
  return { own, source, key: JSON.stringify([receiver, mesh, job, instance, ...who]) };
}

function namesWorkload(labels: Labels): boolean {
  return labels.has('pod') || OWNER_LABELS.some(([label]) => labels.has(label));
}
