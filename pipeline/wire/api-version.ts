/**
 * @module API versions of the Kubernetes kinds that are ends of traffic.
 *
 * Source: Kubernetes API groups `v1`, `apps/v1`, `batch/v1`; linkerd/linkerd2 `charts/linkerd-crds` (ExternalWorkload).
 */

const API_VERSIONS: ReadonlyMap<string, string> = new Map([
  ['Deployment', 'apps/v1'],
  ['StatefulSet', 'apps/v1'],
  ['DaemonSet', 'apps/v1'],
  ['ReplicaSet', 'apps/v1'],
  ['Job', 'batch/v1'],
  ['CronJob', 'batch/v1'],
  ['ExternalWorkload', 'workload.linkerd.io/v1beta1'],
  ['Namespace', 'v1'],
  ['Node', 'v1'],
  ['Pod', 'v1'],
  ['ReplicationController', 'v1'],
  ['Service', 'v1'],
  ['ServiceAccount', 'v1'],
]);

/** API version of a kind as Kubernetes spells it; '' for kinds Kubernetes does not have. */
export function apiVersionOf(kind: string): string {
  return API_VERSIONS.get(kind) ?? '';
}
