/** @module Labels as one text that is equal when the labels are, in whatever order they were written. */
import type { Labels } from '../../pipeline/model/resource.ts';

/**
 * Unambiguous key of `labels` without the label `except`. Lengths stand before the texts, so that no value can forge
 * another key; a third of the cost of JSON. O(labels log labels).
 */
export function labelKey(labels: Labels, except = ''): string {
  let key = '';
  for (const name of [...labels.keys()].sort()) {
    if (name === except) continue;
    const value = labels.get(name)!;
    key += `${name.length}:${name}${value.length}:${value}`;
  }
  return key;
}

/** The labels that `labelKey` made `key` of. */
export function labelsOfKey(key: string): Labels {
  const labels = new Map<string, string>();
  let at = 0;
  const next = (): string => {
    const colon = key.indexOf(':', at);
    const start = colon + 1;
    at = start + Number(key.slice(at, colon));
    return key.slice(start, at);
  };
  while (at < key.length) labels.set(next(), next());
  return labels;
}
