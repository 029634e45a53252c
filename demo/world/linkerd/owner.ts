/** @module The label by which Linkerd's injector tells a pod's owner. */
import type { WorkloadSpec } from '../topology.ts';

/** `linkerd.io/proxy-deployment` and its like. */
export function ownerLabel({ kind }: WorkloadSpec): string {
  return `linkerd.io/proxy-${kind}`;
}
