/** @module Labels of a target → who the scraped proxy belongs to (design §5). */
import type { TargetStatus } from '../../pipeline/component.ts';
import { type Identity, type Labels, OWNER_LABELS, type ResourceKind } from '../../pipeline/model/resource.ts';

interface Owner {
  readonly name: string;
  readonly kind: ResourceKind;
}

/**
 * Names the controllers of Kubernetes give their pods; the alphabet is that of kubernetes/apimachinery
 * `pkg/util/rand`. The most particular form comes first.
 */
const POD_NAMES: readonly (readonly [RegExp, ResourceKind])[] = [
  [/^(.+)-\d{8}-[a-z0-9]{5}$/, 'CronJob'],
  [/^(.+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[a-z0-9]{5}$/, 'Deployment'],
  [/^(.+)-\d{1,4}$/, 'StatefulSet'],
  // A DaemonSet's or a Job's: the name does not tell which.
  [/^(.+)-[bcdfghjklmnpqrstvwxz2456789]{5}$/, ''],
];

/** How an identity's workload was found; `address` means that nothing named it. */
export type OwnerSource = Exclude<TargetStatus['identity'], 'series'>;

/** Identity of the target at `address` with `labels`, and where its workload's name came from. */
export function identityOf(labels: Labels, address: string): { own: Identity; source: OwnerSource } {
  const pod = labels.get('pod') ?? '';
  const labelled = ownerOfLabels(labels);
  const owner = labelled ?? ownerOfPod(pod);
  const { name, kind } = owner ?? { name: address, kind: '' as const };
  return {
    own: {
      workload: { cluster: labels.get('cluster') ?? '', namespace: labels.get('namespace') ?? '', name, kind },
      pod,
      podUid: labels.get('pod_uid') ?? labels.get('uid') ?? '',
      node: labels.get('node') ?? '',
      serviceAccount: labels.get('service_account') ?? '',
    },
    source: labelled !== null ? 'labels' : owner !== null ? 'pod_name' : 'address',
  };
}

function ownerOfLabels(labels: Labels): Owner | null {
  for (const [label, kind] of OWNER_LABELS) {
    const name = labels.get(label) ?? '';
    if (name !== '') return { name, kind };
  }
  return null;
}

/** Owner a pod's name suggests; a name of no known form is a bare pod's. Null for ''. */
export function ownerOfPod(pod: string): Owner | null {
  if (pod === '') return null;
  for (const [pattern, kind] of POD_NAMES) {
    const match = pattern.exec(pod);
    if (match !== null) return { name: match[1]!, kind };
  }
  return { name: pod, kind: 'Pod' };
}
