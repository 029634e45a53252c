/** @module Memory of bytes that nobody reads any more, given back at once instead of when garbage is collected. */

/**
 * Frees the buffer behind `bytes` if they are all of it: they are empty from then on. Nobody else may read that buffer
 * then or later, the caller knows. What is a part of a buffer stays, since others may have the rest. O(1).
 */
export function freeWhole({ buffer, length }: Uint8Array): void {
  if (length > 0 && length === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
