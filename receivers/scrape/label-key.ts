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
