/** @module How much room arrays keep for what may still come, once a page with something new is over. */

/** What is left unused is not worth a copy up to an eighth. */
export function isRoomy(length: number, used: number): boolean {
  return length > used * 1.125 + 256;
}

/** Length to which a roomy array is cut: a few new series find place without a copy of it all. */
export function trimmed(used: number): number {
  return Math.ceil(used * 1.03) + 64;
}
