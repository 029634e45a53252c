/**
 * @module Which partition a key belongs to, equal to the Java client's default partitioner.
 *
 * Source: `apache/kafka: clients/src/main/java/org/apache/kafka/common/utils/Utils.java`, `murmur2` and `toPositive`.
 */
const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/** The hash as a signed 32-bit integer. O(length). */
export function murmur2(bytes: Uint8Array): number {
  const whole = bytes.length & ~3;
  let hash = SEED ^ bytes.length;
  for (let i = 0; i < whole; i += 4) {
    let word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = bytes.length - whole;
  if (rest > 2) hash ^= bytes[whole + 2]! << 16;
  if (rest > 1) hash ^= bytes[whole + 1]! << 8;
  if (rest > 0) hash = Math.imul(hash ^ bytes[whole]!, MULTIPLIER);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** Partition of a key, 0 to `partitions` − 1; `partitions` is at least 1. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
