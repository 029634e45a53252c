/** @module Who sends and who receives: workloads, pods, and the kinds Kubernetes gives them. */

/** Labels as the scraper or a proxy gives them; always a Map, so that no name from outside meets a prototype. */
export type Labels = ReadonlyMap<string, string>;

/** Kubernetes spelling of every kind that a workload may have. */
export const RESOURCE_KINDS = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'Job',
  'CronJob',
  'Pod',
  'Service',
  'ServiceAccount',
  'ExternalWorkload',
] as const;

/** A workload's kind; '' when nobody has told it yet. */
export type ResourceKind = '' | (typeof RESOURCE_KINDS)[number];

/**
 * A workload. Identity is cluster, namespace and name; `kind` is an attribute (design §6), except that a
 * `ServiceAccount` or a `Service` (a peer known by its account or its service alone) never equals a workload of the same
 * name: a reading says which workload it stands for.
 */
export interface Workload {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly kind: ResourceKind;
}

/** One scraped proxy's own place in the mesh. Absent facts are ''. */
export interface Identity {
  readonly workload: Workload;
  readonly pod: string;
  readonly podUid: string;
  readonly node: string;
  readonly serviceAccount: string;
}

/** The other end of a record. `workload` is null when the page does not tell who it was ("unknown source"). */
export interface Peer {
  readonly workload: Workload | null;
  /** Pod of the peer, only with `peer_detail: pod`, else ''. */
  readonly pod: string;
  /** Service the client asked for, '' when unknown. In the peer's namespace unless `serviceNamespace` says otherwise. */
  readonly service: string;
  readonly serviceNamespace: string;
  /** Service account of the peer (namespace is the workload's), '' when unknown. */
  readonly serviceAccount: string;
}

/** Lower-case identity labels of a target (design §5) and the kind each names, strongest owner first. */
export const OWNER_LABELS: readonly (readonly [string, ResourceKind])[] = [
  ['deployment', 'Deployment'],
  ['statefulset', 'StatefulSet'],
  ['daemonset', 'DaemonSet'],
  ['cronjob', 'CronJob'],
  ['job', 'Job'],
  ['replicaset', 'ReplicaSet'],
  ['replicationcontroller', 'ReplicationController'],
];

/** Unambiguous key of a workload: JSON text, so that no name can forge another one's key. O(length), allocates. */
export function workloadKey(workload: Workload): string {
  const { kind } = workload;
  const sort = kind === 'ServiceAccount' ? 'a' : kind === 'Service' ? 's' : 'w';
  return JSON.stringify([sort, workload.cluster, workload.namespace, workload.name]);
}
