/** @module API versions of kinds. */
import test from 'ava';
import { apiVersionOf } from '../../../pipeline/wire/api-version.ts';

for (const [kind, version] of [
  ['Deployment', 'apps/v1'],
  ['StatefulSet', 'apps/v1'],
  ['DaemonSet', 'apps/v1'],
  ['ReplicaSet', 'apps/v1'],
  ['Job', 'batch/v1'],
  ['CronJob', 'batch/v1'],
  ['ReplicationController', 'v1'],
  ['Pod', 'v1'],
  ['Service', 'v1'],
  ['ServiceAccount', 'v1'],
  ['Namespace', 'v1'],
  ['Node', 'v1'],
  ['ExternalWorkload', 'workload.linkerd.io/v1beta1'],
  ['Unknown', ''],
  ['__proto__', ''],
] as const) {
  test(`${kind} is of ${version || 'no version'}`, (t) => {
    t.is(apiVersionOf(kind), version);
  });
}
