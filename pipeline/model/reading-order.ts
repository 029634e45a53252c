/** @module The order of every list of resources: cluster, namespace, name, by code units. */

export interface Named {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** Negative when `a` comes first. */
export function compareNamed(a: Named, b: Named): number {
  return compareText(a.cluster, b.cluster) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
