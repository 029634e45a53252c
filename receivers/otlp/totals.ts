/** @module What counts come to together. */

/** Their sum, 0 for none. */
export function total(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
