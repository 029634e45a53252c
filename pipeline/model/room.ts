/** @module How much room arrays keep for what may still come: little, because most pages show what the last one did. */

/** Length to which an array of `length` grows when it is full. A quarter of room keeps growing linear all the same. */
export function grown(length: number): number {
  return length < 1024 ? length * 2 : Math.ceil(length * 1.25);
}

/** Once a page with something new is over: what is left unused is not worth a copy up to an eighth. */
export function isRoomy(length: number, used: number): boolean {
  return length > used * 1.125 + 256;
}

/** Slots of a hash table for `count` entries, with room for some more: its fullest is `isCrowded`. */
export function slotsFor(count: number): number {
  return Math.ceil(count * 1.4) + 32;
}

/** True when a hash table of so many slots has more than 3 of 4 in use. */
export function isCrowded(slots: number, count: number): boolean {
  return count * 4 > slots * 3;
}

/** The slot, of any number of them, that a 32-bit hash goes to: by its upper bits, which must be well mixed. */
export function slotOf(hash: number, slots: number): number {
  return Math.floor(((hash >>> 0) * slots) / 0x1_0000_0000);
}

/** Length to which a roomy array is cut: a few new series find place without a copy of it all. */
export function trimmed(used: number): number {
  return Math.ceil(used * 1.03) + 64;
}

/** The first of `array` in a new one of `length`, what is new in it being 0. */
export function resized<A extends Float64Array | Uint8Array | Uint16Array | Uint32Array | Int32Array>(
  array: A,
  length: number,
): A {
  const other = new (array.constructor as new (length: number) => A)(length);
  other.set((array.length > length ? array.subarray(0, length) : array) as never);
  return other;
}
