/** @module Whose proxy a Collector's resource is: what Kubernetes discovery tells, and what it leaves to the name of the pod. */
import test from 'ava';
import { resourceIdentity, whoseProxy } from '../../../receivers/otlp/samples-identity.ts';

const owner = (attributes: Readonly<Record<string, string>>) => {
  const { own, source } = whoseProxy(
    'otlp',
    'linkerd',
    resourceIdentity(new Map(Object.entries(attributes))),
    new Map(),
  );
  return [own.workload.namespace, own.workload.kind, own.workload.name, own.pod, source].join(' ');
};
const SHOP = { 'k8s.namespace.name': 'shop' };

for (const [title, attributes, expected] of [
  [
    'the pod of a Deployment of which the ReplicaSet is told is the Deployment’s',
    { 'k8s.pod.name': 'web-7f4f6d79b5-8mmkd', 'k8s.replicaset.name': 'web-7f4f6d79b5' },
    'shop Deployment web web-7f4f6d79b5-8mmkd pod_name',
  ],
  [
    'a Deployment that is told goes before what the names suggest',
    { 'k8s.pod.name': 'web-7f4f6d79b5-8mmkd', 'k8s.replicaset.name': 'web-7f4f6d79b5', 'k8s.deployment.name': 'front' },
    'shop Deployment front web-7f4f6d79b5-8mmkd labels',
  ],
  [
    'a ReplicaSet of its own stays one',
    { 'k8s.pod.name': 'bare-8mmkd', 'k8s.replicaset.name': 'bare' },
    'shop ReplicaSet bare bare-8mmkd labels',
  ],
  [
    'a ReplicaSet whose pod has another name stays one',
    { 'k8s.pod.name': 'web-7f4f6d79b5-8mmkd', 'k8s.replicaset.name': 'other' },
    'shop ReplicaSet other web-7f4f6d79b5-8mmkd labels',
  ],
  [
    'a StatefulSet is told by its own label',
    { 'k8s.pod.name': 'db-0', 'k8s.statefulset.name': 'db' },
    'shop StatefulSet db db-0 labels',
  ],
] as const) {
  test(title, (t) => {
    t.is(owner({ ...SHOP, ...attributes }), expected);
  });
}
