/** @module A short name of a point among the points of one request, of 53 bits: equal points have equal ones. */
import type { Buffer } from 'node:buffer';

/** FNV-1a (draft-eastlake-fnv), and the same with another prime, which together are 64 bits; 53 of them are used. */
const OFFSET = 0x811c9dc5;
const PRIMES = [0x01000193, 0x5bd1e995] as const;
const HIGH_BITS = 0x1f_ffff;
const WORD = 0x1_0000_0000;

export class PointDigest {
  #low = OFFSET;
  #high = OFFSET;

  /** Begins anew with the name of a metric. */
  begin(name: string): void {
    this.#low = OFFSET;
    this.#high = OFFSET;
    for (let i = 0; i < name.length; i++) this.#add(name.charCodeAt(i));
    this.#add(-1);
  }

  number(value: number): void {
    this.#add(value % WORD);
    this.#add(value / WORD);
    this.#add((value % 1) * WORD);
  }

  bytes(bytes: Buffer, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#add(bytes[i]!);
  }

  /** A safe integer. */
  get value(): number {
    return (this.#high & HIGH_BITS) * WORD + (this.#low >>> 0);
  }

  #add(word: number): void {
    this.#low = Math.imul(this.#low ^ word, PRIMES[0]);
    this.#high = Math.imul(this.#high ^ word ^ (this.#high >>> 15), PRIMES[1]);
  }
}
