/** @module Whose proxy it is by labels of the page, for targets whose own labels name no workload. */
import type { Identity, Labels } from '../../pipeline/model/resource.ts';
import { identityOf } from '../scrape/identity.ts';
import { isTargetAddress } from '../scrape/targets.ts';

/**
 * Identity that the labels of a series tell, by `mapping` from identity label to label of the page; null when the target
 * itself is known, or when they tell no workload either.
 */
export function createOwnLabels(
  mapping: ReadonlyMap<string, string>,
): (labels: Labels, own: Identity) => Identity | null {
  if (mapping.size === 0) return () => null;
  return (labels, own) => {
    if (!isAddressOnly(own)) return null;
    const found = new Map(knownOf(own));
    for (const [identityLabel, label] of mapping) {
      const value = labels.get(label) ?? '';
      if (value !== '') found.set(identityLabel, value);
    }
    const { own: identity, source } = identityOf(found, own.workload.name);
    return source === 'address' ? null : identity;
  };
}

/** Nothing named the workload, so that the address stands for it. */
function isAddressOnly({ workload, pod }: Identity): boolean {
  return workload.kind === '' && pod === '' && isTargetAddress(workload.name);
}

function knownOf({ workload, podUid, node, serviceAccount }: Identity): [string, string][] {
  const { cluster, namespace } = workload;
  const labels: [string, string][] = [
    ['cluster', cluster],
    ['namespace', namespace],
    ['pod_uid', podUid],
    ['node', node],
    ['service_account', serviceAccount],
  ];
  return labels.filter(([, value]) => value !== '');
}
