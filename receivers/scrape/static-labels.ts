/** @module What looks mistaken in the labels of `static_configs`: a misspelt one would silently make another workload. */
import type { ConfigIssue } from '../../pipeline/component.ts';
import { editDistance } from '../../pipeline/config/nearest.ts';
import { OWNER_LABELS } from '../../pipeline/model/resource.ts';
import type { TargetGroup } from './config.ts';

const OWNERS: ReadonlySet<string> = new Set(OWNER_LABELS.map(([label]) => label));
/** Every label that says whose a proxy is (design §5). */
const IDENTITY: ReadonlySet<string> = new Set([
  ...OWNERS,
  ...['namespace', 'pod', 'pod_uid', 'uid', 'node', 'service_account', 'cluster'],
]);
/** Names of up to this many letters are near to too many others: `zone` and `role` are two edits from `node`. */
const SHORT = 4;

/**
 * Warnings about labels that are nearly identity labels, and, unless the pages tell whose they are themselves, about
 * groups with labels none of which names a workload.
 */
export function checkStaticLabels(groups: readonly TargetGroup[], pagesTell = false): ConfigIssue[] {
  return groups.flatMap(({ targets, labels }, index) => {
    const slips = [...labels.keys()].flatMap((label) => slipOf(label, labels, index) ?? []);
    // One cause, one warning: the misspelt label may be the owner that is missed. Without labels nothing was meant.
    const meant = slips.length === 0 && labels.size > 0 && targets.length > 0 && !pagesTell;
    return meant && !namesWorkload(labels) ? [withoutOwner(index)] : slips;
  });
}

function slipOf(label: string, labels: ReadonlyMap<string, string>, index: number): ConfigIssue | null {
  const meant = IDENTITY.has(label) ? null : meantBy(label);
  if (meant === null || labels.has(meant)) return null;
  return {
    path: ['static_configs', index, 'labels', label],
    message: `label "${label}" says nothing about whose the target is: did you mean "${meant}"?`,
    mend: `write ${meant}, or choose a name that is less like it`,
    severity: 'warning',
    code: 'WEIR1028',
    onKey: true,
  };
}

/** The identity label that is nearest, within two edits, or one where either name is short; null for none. */
function meantBy(label: string): string | null {
  let best: string | null = null;
  let bestDistance = 3;
  for (const known of IDENTITY) {
    const limit = Math.min(label.length, known.length) <= SHORT ? Math.min(2, bestDistance) : bestDistance;
    const distance = editDistance(label.toLowerCase(), known, limit);
    if (distance >= limit) continue;
    best = known;
    bestDistance = distance;
  }
  return best;
}

function namesWorkload(labels: ReadonlyMap<string, string>): boolean {
  return [...labels.keys()].some((label) => label === 'pod' || OWNERS.has(label));
}

function withoutOwner(index: number): ConfigIssue {
  return {
    path: ['static_configs', index, 'labels'],
    message: 'no label names the workload of these targets, so that each address stands for one',
    mend: `add one of ${[...OWNERS].join(', ')}, or pod`,
    severity: 'warning',
    code: 'WEIR1028',
  };
}
